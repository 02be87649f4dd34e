"""Retry: a person's act, the only way in which a message whose attempt may have arrived is sent again."""

from dataclasses import replace

from models.actors import Actor
from models.database import transaction
from models.errors import WrongStateError
from models.hints import SENDING, hint
from models.operations import audit
from models.operations.leaving import open_move
from models.operations.running import Moved, permitted, take_channel
from models.operations.unscheduling import drop_start
from models.queries.messages import count
from models.rules.criteria import Criteria
from models.words import RETRYABLE, Action, MessageStatus, MoveKind, Phase


def retry_messages(
    campaign_id: int, *, actor: Actor, criteria: Criteria, include_unconfirmed: bool = False, now: int
) -> Moved:
    """Queue again what matches `criteria` and is Failed (and Unconfirmed, if that was ticked) by its cutoff.

    The campaign becomes In Progress. What opted out meanwhile, or is no longer eligible when its turn
    comes, is left out and counted. Raises NotFoundError, NotAllowedError, WrongStateError,
    ChannelTakenError.
    """
    wanted = _retryable(criteria, include_unconfirmed=include_unconfirmed, now=now)
    messages = sum(count(campaign_id, wanted.for_status(status)) for status in wanted.statuses)
    with transaction():
        campaign = permitted(Action.RETRY, campaign_id, actor)
        if not messages:
            raise WrongStateError(
                f"{campaign.name} has no messages that can be retried among these.", campaign_id=campaign_id
            )
        drop_start(campaign_id, by="retry", actor=actor, now=now)
        if campaign.phase is not Phase.RUNNING:
            take_channel(campaign_id, campaign, {Phase.ENDED, Phase.FAILED}, now=now)
        move_id = open_move(
            campaign_id, kind=MoveKind.RETRY, actor=actor, now=now, total=messages, criteria=wanted.to_json()
        )
        audit.record(
            actor,
            "retry",
            now=now,
            kind="campaign",
            object_id=campaign_id,
            name=campaign.name,
            messages=messages,
            unconfirmed=MessageStatus.UNCONFIRMED in wanted.statuses,
        )
        hint(SENDING[campaign.channel], campaign_id)
    return Moved(move_id, messages)


def _retryable(criteria: Criteria, *, include_unconfirmed: bool, now: int) -> Criteria:
    allowed = RETRYABLE if include_unconfirmed else RETRYABLE - {MessageStatus.UNCONFIRMED}
    asked = set(criteria.statuses or RETRYABLE)
    statuses = tuple(sorted(status.value for status in allowed & {MessageStatus(status) for status in asked}))
    return replace(criteria, statuses=statuses, cutoff_at=criteria.cutoff_at or now)

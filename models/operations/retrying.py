"""Retry: a person's act, the only way in which a message whose attempt may have arrived is sent again.

A dialog opens a plan, which fixes the set; confirming it retries those of the set that are ticked and still
eligible.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from models.actors import Actor
from models.database import execute, for_update, select, transaction
from models.errors import InvalidInputError, NotFoundError, WrongStateError
from models.hints import SENDING, hint
from models.operations import audit
from models.operations.leaving import open_move
from models.operations.running import Moved, permitted, refusal, take_channel
from models.operations.unscheduling import drop_start
from models.queries.campaigns import get_campaign, seen_campaign, standing_of
from models.queries.messages import count
from models.queries.retries import being_retried, groups_of, recoveries_on, refusing_among
from models.queries.settings import setting
from models.rules.actions import Answer, answer_for, right_for
from models.rules.criteria import Criteria
from models.rules.retry_plan import (
    OFFERED,
    UNCONFIRMED,
    RetryPlan,
    looked_at,
    never,
    plan_entries,
    shown_by,
    ticked_criteria,
)
from models.tables import BulkMove, Campaign
from models.tables import RetryPlan as StoredPlan
from models.words import RETRYABLE, Action, Channel, MessageStatus, MoveKind, Phase


@dataclass(frozen=True)
class Retried:
    """What a confirmed plan came to: its bulk move, its messages, and how many of the set were no longer eligible.

    `other_ticks`: it had been confirmed before with other ticks than these, which therefore did nothing.
    """

    move_id: int
    messages: int
    no_longer: int
    other_ticks: bool = False

    @property
    def told(self) -> str:
        """What is said to the one who confirmed it."""
        queued = "1 message is" if self.messages == 1 else f"{self.messages:,} messages are"
        left = f" {self.no_longer:,} of the set could no longer be retried." if self.no_longer else ""
        if self.other_ticks:
            return (
                f"This plan was confirmed before with other ticks: by those, {queued} queued again.{left} "
                "Your ticks did nothing; open Retry again for the rest."
            )
        return f"{queued} queued again.{left}"


def open_plan(campaign_id: int, *, criteria: Criteria, actor: Actor, now: int) -> RetryPlan:
    """Fix the set of a retry, all of `criteria` that may be retried by now, and say what is in it.

    It opens on a taken channel too: `answer` then says what is in the way, and it may start later. Raises
    NotFoundError, NotAllowedError, and WrongStateError when nothing can be retried.
    """
    actor.require(right_for(Action.RETRY))
    campaign = seen_campaign(campaign_id, actor)
    answer = _may_plan(campaign_id, actor, now=now)
    wanted = replace(criteria, statuses=looked_at(criteria), cutoff_at=_cutoff(campaign, now))
    plan = _planned(campaign, wanted, answer, opens=True)
    if not plan.messages(plan.shown, include_unconfirmed=True):
        raise _nothing(campaign.name, campaign_id)
    with transaction():
        plan_id = StoredPlan.insert(
            campaign_id=campaign_id,
            criteria=wanted.to_json(),
            cutoff_at=plan.cutoff_at,
            actor_id=actor.person_id,
            created_at=now,
            shown=plan.shown,
        ).execute()
        _fix(campaign_id, plan.cutoff_at)
    return replace(plan, id=int(plan_id))


def confirm_plan(
    plan_id: int, *, ticked: Collection[str], include_unconfirmed: bool, actor: Actor, now: int
) -> Retried:
    """Queue again what is ticked of a plan's set and still eligible.

    Whoever confirms it once more, in whatever way, gets the answer of the first and queues nothing; other ticks
    than the first's are told to have done nothing. Raises NotFoundError, NotAllowedError, WrongStateError,
    ChannelTakenError, and InvalidInputError when nothing is ticked.
    """
    actor.require(right_for(Action.RETRY))
    wanted = plan_criteria(plan_id, ticked=ticked, include_unconfirmed=include_unconfirmed)
    plan = _stored(plan_id)
    messages = None if plan.move_id else _count(plan.campaign_id, wanted)
    with transaction():
        plan = _stored(plan_id, lock=True)
        if plan.move_id is None:
            moved = _begin(plan.campaign_id, wanted, messages, actor=actor, now=now)
            execute("UPDATE retry_plans SET move_id = ? WHERE id = ?", moved.move_id, plan_id)
            plan.move_id = moved.move_id
    return _outcome(plan, wanted)


def read_plan(plan_id: int, *, actor: Actor, now: int) -> RetryPlan:
    """The plan as it stands now: the same set, less what has left it. Raises NotFoundError, NotAllowedError."""
    actor.require(right_for(Action.RETRY))
    stored = _stored(plan_id)
    answer = _may_plan(stored.campaign_id, actor, now=now)
    wanted = Criteria.from_json(stored.criteria)
    return replace(_planned(get_campaign(stored.campaign_id), wanted, answer, opens=False), id=plan_id)


def plan_criteria(plan_id: int, *, ticked: Collection[str], include_unconfirmed: bool) -> Criteria:
    """What the ticks of a plan mean, for a retry that starts later.

    Raises NotFoundError, and InvalidInputError when nothing is ticked.
    """
    plan = _stored(plan_id)
    offered = [key for key in ticked if key in plan.shown and key != UNCONFIRMED]
    criteria = ticked_criteria(Criteria.from_json(plan.criteria), offered, include_unconfirmed=include_unconfirmed)
    if criteria is None:
        raise InvalidInputError(
            "Nothing is ticked, so nothing would be sent again: tick a reason.",
            field="ticked",
            campaign_id=plan.campaign_id,
        )
    return criteria


def retry_messages(
    campaign_id: int, *, actor: Actor, criteria: Criteria, include_unconfirmed: bool = False, now: int
) -> Moved:
    """Queue again what matches `criteria` and is Failed (and Unconfirmed, if that was ticked) by its cutoff.

    The campaign becomes In Progress. What opted out meanwhile, or is no longer eligible when its turn
    comes, is left out and counted. Raises NotFoundError, NotAllowedError, WrongStateError,
    ChannelTakenError.
    """
    actor.require(right_for(Action.RETRY))
    wanted = _retryable(criteria, include_unconfirmed=include_unconfirmed)
    wanted = replace(wanted, cutoff_at=criteria.cutoff_at or _cutoff(get_campaign(campaign_id), now))
    messages = _count(campaign_id, wanted)
    with transaction():
        return _begin(campaign_id, wanted, messages, actor=actor, now=now)


def fix_set(campaign_id: int, criteria: Criteria, *, now: int) -> Criteria:
    """The set of this moment for a retry that begins later, within the open transaction: what has no cutoff gets one.

    Call it with the campaign's row locked.
    """
    cutoff_at = criteria.cutoff_at or _cutoff(get_campaign(campaign_id), now)
    _fix(campaign_id, cutoff_at)
    return replace(criteria, cutoff_at=cutoff_at)


def _begin(campaign_id: int, wanted: Criteria, messages: int | None, *, actor: Actor, now: int) -> Moved:
    """Open the move that queues what is wanted, within the open transaction."""
    campaign = permitted(Action.RETRY, campaign_id, actor, now=now)
    if messages is None:
        raise _nothing(campaign.name, campaign_id)
    drop_start(campaign_id, by="retry", actor=actor, now=now)
    if campaign.phase is not Phase.RUNNING:
        take_channel(Action.RETRY, campaign_id, campaign, now=now)
    move_id = open_move(
        campaign_id, kind=MoveKind.RETRY, actor=actor, now=now, total=messages, criteria=wanted.to_json()
    )
    _fix(campaign_id, wanted.cutoff_at or now)
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


def _may_plan(campaign_id: int, actor: Actor, *, now: int) -> Answer:
    answer = answer_for(Action.RETRY, standing_of(campaign_id, now=now), actor)
    if not answer.allowed and answer.blocker_id is None:
        raise refusal(answer, campaign_id)
    return answer


def _planned(campaign: Campaign, wanted: Criteria, answer: Answer, *, opens: bool) -> RetryPlan:
    channel = Channel(campaign.channel)
    groups = groups_of(campaign, wanted, as_of_now=opens) if wanted.statuses else []
    doubtful = [group for group in groups if group.status == MessageStatus.UNCONFIRMED]
    price = setting("price.sms") if channel is Channel.SMS else None
    return RetryPlan(
        id=0,
        campaign_id=campaign.id,
        channel=channel,
        cutoff_at=wanted.cutoff_at or 0,
        entries=plan_entries(groups, recoveries_on(channel), by_hand=bool(wanted.message_ids)),
        unconfirmed=sum(group.n for group in doubtful),
        unconfirmed_segments=sum(group.segments or 0 for group in doubtful) if channel is Channel.SMS else None,
        opted_out=never(groups),
        price=Decimal(str(price)) if price else None,
        currency=str(setting("currency")),
        answer=answer,
    )


def _cutoff(campaign: Campaign, now: int) -> int:
    """The moment that fixes a set. Each is later than the one before, even where clocks disagree or are set back."""
    return max(now, (campaign.retry_cutoff_at or 0) + 1)


def _fix(campaign_id: int, cutoff_at: int) -> None:
    """From here on, what is settled is dated after the cutoff (see `models.operations.settling`)."""
    execute(
        "UPDATE campaigns SET retry_cutoff_at = ? WHERE id = ? AND COALESCE(retry_cutoff_at, 0) < ?",
        cutoff_at,
        campaign_id,
        cutoff_at,
    )


def _stored(plan_id: int, *, lock: bool = False) -> StoredPlan:
    if lock and (clause := for_update()):
        select(f"SELECT id FROM retry_plans WHERE id = ?{clause}", plan_id)
    plan: StoredPlan | None = StoredPlan.get_or_none(StoredPlan.id == plan_id)
    if plan is None:
        raise NotFoundError("This retry plan is gone; open the dialog again.")
    return plan


def _outcome(plan: StoredPlan, wanted: Criteria) -> Retried:
    """What was answered to the one who confirmed first; `wanted` is what is ticked this time."""
    move = BulkMove.get_by_id(plan.move_id)
    asked: dict[str, Any] = move.criteria
    shown = shown_by(
        plan.shown,
        asked.get("failures", ()),
        include_unconfirmed=MessageStatus.UNCONFIRMED in asked["statuses"],
    )
    other = (set(asked["statuses"]), set(asked.get("failures", ()))) != (set(wanted.statuses), set(wanted.failures))
    return Retried(move.id, move.total, max(0, shown - move.total), other_ticks=other)


def _count(campaign_id: int, wanted: Criteria) -> int | None:
    """How many of them will be sent again, as far as is known now; None if none of them can be retried.

    What another retry is about to queue is no longer this one's.
    """
    eligible, others = _eligible(campaign_id, wanted, ()), being_retried(campaign_id)
    if not eligible:
        return None
    return _eligible(campaign_id, wanted, others) if others else eligible


def _eligible(campaign_id: int, wanted: Criteria, but_not: Sequence[Criteria]) -> int:
    channel = Channel(get_campaign(campaign_id).channel)
    parts = [wanted.for_status(status) for status in wanted.statuses]
    refusing = sum(group.n for part in parts for group in refusing_among(campaign_id, channel, part, but_not=but_not))
    return sum(count(campaign_id, part, but_not=but_not) for part in parts) - refusing


def _nothing(name: str, campaign_id: int) -> WrongStateError:
    return WrongStateError(
        f"{name} has no messages that can be retried among these. Look at its messages again.", campaign_id=campaign_id
    )


def _retryable(criteria: Criteria, *, include_unconfirmed: bool) -> Criteria:
    allowed = RETRYABLE if include_unconfirmed else RETRYABLE - {MessageStatus.UNCONFIRMED}
    asked = set(criteria.statuses or RETRYABLE)
    statuses = tuple(sorted(status.value for status in allowed & {MessageStatus(status) for status in asked}))
    worth = criteria.retry_classes or tuple(kind.value for kind in OFFERED if not criteria.failures)
    return replace(criteria, statuses=statuses, retry_classes=worth)

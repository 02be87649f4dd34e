"""Asking a provider, when somebody wants it, about messages that are Unconfirmed (SPEC 2).

As with the look-ups that go by themselves, what the provider has may only bind a message; else the doubt stays.
"""

from collections.abc import Sequence

from models.actors import SYSTEM, Actor, Right
from models.config import current
from models.database import select, transaction
from models.errors import NotConfiguredError, WrongStateError
from models.hints import Work, hint
from models.operations import audit
from models.operations.doubts import Looked, note_listed, without_rivals
from models.operations.resumable import take
from models.queries.campaigns import counts_of, seen_campaign
from models.queries.look_ups import latest_look_up
from models.queries.stories import handed_to
from models.rules.in_doubt import told_result, why_not_asked
from models.rules.timeouts import LOOKUP_GAP
from models.tables import Campaign, LookUp
from models.words import OPEN_WORK, Channel, Listed, MessageStatus, WorkState

_COUNTED = {Listed.IT: "found", Listed.NOTHING: "unlisted", Listed.UNCLEAR: "unclear"}


def ask_provider(campaign_id: int, *, message_id: int = 0, actor: Actor, now: int) -> LookUp:
    """Have the provider asked about all Unconfirmed messages of a campaign, or about one of them.

    Who asks for what is being asked, or was within the last minute, gets that one. Raises NotAllowedError,
    NotFoundError, NotConfiguredError, and WrongStateError when there is nobody to ask or nothing to ask about.
    """
    actor.require(Right.CHANGE_CAMPAIGNS)
    with transaction():
        campaign = seen_campaign(campaign_id, actor, lock=True)  # of two at once the second finds the first
        asked = latest_look_up(campaign_id, message_id)
        if asked is not None and (asked.state in OPEN_WORK or _just_now(asked, now)):
            return asked
        total = _askable(campaign, message_id)
        made: LookUp = LookUp.create(
            campaign_id=campaign_id,
            message_id=message_id,
            state=WorkState.QUEUED.value,
            total=total,
            **actor.as_columns(),
            created_at=now,
        )
        audit.record(actor, "look_up", now=now, kind="campaign", object_id=campaign_id, name=campaign.name, n=total)
        hint(Work.ASK, made.id)
    return made


def take_look_up(look_up_id: int, *, now: int) -> LookUp | None:
    """Take one on; None if it has ended, or somebody is at it."""
    taken = take("look_ups", look_up_id, now=now)
    found: LookUp | None = LookUp.get_or_none(LookUp.id == look_up_id) if taken else None
    return found


def next_to_ask(look_up: LookUp, *, limit: int) -> list[int]:
    """The messages that come next, by id."""
    if look_up.message_id:
        return [look_up.message_id] if look_up.after_id < look_up.message_id else []
    found = select(
        "SELECT id FROM messages WHERE campaign_id = ? AND status = 'unconfirmed' AND id > ? ORDER BY id LIMIT ?",
        look_up.campaign_id,
        look_up.after_id,
        limit,
    )
    return [message_id for (message_id,) in found]


def note_asked(
    look_up: LookUp, message_ids: Sequence[int], looked: Sequence[Looked], *, now: int, scale: float
) -> None:
    """Bind what was found of these messages, and go on behind them; all of it or nothing."""
    with transaction():
        sure = without_rivals(looked)
        note_listed(sure, now=now, scale=scale)
        for one in sure:
            column = _COUNTED[one.listed]
            setattr(look_up, column, getattr(look_up, column) + 1)
        look_up.unasked += len(message_ids) - len(sure)
        look_up.after_id, look_up.beat_at = message_ids[-1], now
        look_up.save()


def end_look_up(look_up: LookUp, *, provider: str, now: int, problem: str = "") -> None:
    """Say what it came to; `problem` is why it could not go on. Without its campaign there is nothing to be said of."""
    figures = {column: getattr(look_up, column) for column in ("found", "unlisted", "unclear", "unasked")}
    told = told_result(provider, **figures) if any(figures.values()) or not problem else ""
    with transaction():
        look_up.state = (WorkState.FAILED if problem else WorkState.DONE).value
        look_up.result, look_up.ended_at = " ".join(filter(None, (told, problem))), now
        look_up.save()
        for campaign in Campaign.select().where(Campaign.id == look_up.campaign_id):
            about = {"kind": "campaign", "object_id": campaign.id, "name": campaign.name}
            audit.record(SYSTEM, "looked_up", now=now, **about, **figures)


def _just_now(asked: LookUp, now: int) -> bool:
    """Whether it ended so lately that the answer would be the same; one that failed may be repeated at once."""
    within = int(LOOKUP_GAP / current().time_scale)
    return asked.state == WorkState.DONE and now - asked.ended_at < within


def _askable(campaign: Campaign, message_id: int) -> int:
    """How many messages there are to ask about; raises unless there is one, and somebody to ask."""
    channel = Channel(campaign.channel)
    if lacks := current().lacks(channel):
        raise NotConfiguredError(lacks, campaign_id=campaign.id)
    provider = configured = current().providers[channel]
    total = counts_of(campaign.id)[MessageStatus.UNCONFIRMED]
    nothing = f"{campaign.name} has no Unconfirmed messages."
    if message_id:
        provider, status = handed_to(campaign.id, message_id)
        total = int(status is MessageStatus.UNCONFIRMED)
        nothing = "That message is not Unconfirmed any more."
    if not total:
        raise WrongStateError(nothing, campaign_id=campaign.id)
    if refusal := why_not_asked(provider, configured):
        raise WrongStateError(refusal, campaign_id=campaign.id)
    return total

"""Finding by what somebody typed: a campaign, or every message to a person."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.actors import Actor, Right
from models.addresses import REFUSAL_LABELS, judge, mask, opt_out_key
from models.database import select
from models.errors import InvalidInputError, NotFoundError
from models.queries.campaigns import CampaignSummary, list_campaigns
from models.queries.refusing import opted_out
from models.queries.stories import explanations
from models.rules.in_doubt import Explained
from models.rules.seeing import knows_of
from models.rules.typed import plain
from models.words import RETRYABLE, Channel, MessageStatus

FOUND_SHOWN = 20
_COLUMNS = (
    "m.id, c.id, c.name, c.channel, m.status, m.failure_reason, m.provider_code, m.provider_text, m.attempt, "
    "m.updated_at"
)
# What people set between the digits of a number, and what copying one brings along unseen.
_BETWEEN_DIGITS = re.compile(r"[\s().\-\u2010-\u2015\u2212/]")
_UNSEEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


@dataclass(frozen=True)
class FoundMessage:
    """A message to the person sought; `attempts` is how often it was handed over, `doubt` explains an Unconfirmed."""

    message_id: int
    campaign_id: int
    campaign_name: str
    channel: Channel
    status: MessageStatus
    failure_reason: str | None
    provider_code: str | None
    provider_text: str | None
    attempts: int
    updated_at: int
    retryable: bool
    doubt: Explained | None = None


@dataclass(frozen=True)
class FoundRecipient:
    """A person's messages, the newest first, and how many `more` there are.

    `shown` is the recipient as this actor may see it; `opted_out` is None for who may not see opt-outs.
    """

    shown: str
    channel: Channel
    messages: tuple[FoundMessage, ...]
    opted_out: bool | None
    more: int


def find_campaigns(typed: str, number: int | None, actor: Actor) -> list[CampaignSummary]:
    """The campaigns that may be meant, best first: by number, by name, by the beginning of it, by a part of it.

    One when it is clear, several when it is not. Raises NotFoundError when nothing fits.
    """
    campaigns = list_campaigns(actor)
    if number is not None and (exact := [found for found in campaigns if found.campaign.id == number]):
        return exact
    key = _key_of(typed)
    for fits in (str.__eq__, str.startswith, str.__contains__):
        if key and (found := [campaign for campaign in campaigns if fits(plain(campaign.campaign.name_key), key)]):
            return found
    raise NotFoundError(f"There is no campaign “{typed}”.{_meant(key, campaigns)} /campaign list shows them all.")


def is_name(typed: str, actor: Actor) -> bool:
    """Whether a campaign that this actor may know of is called just so, in any letter case."""
    key = _key_of(typed)
    return any(plain(found.campaign.name_key) == key for found in list_campaigns(actor))


def _key_of(typed: str) -> str:
    return plain(" ".join(typed.split())).casefold()


def _meant(key: str, campaigns: Sequence[CampaignSummary]) -> str:
    names = {found.campaign.name_key: found.campaign.name for found in campaigns}
    near = difflib.get_close_matches(key, names, n=1)
    return f" Did you mean “{names[near[0]]}”?" if near else ""


def recipient_by_key(channel: Channel, key: str, actor: Actor) -> FoundRecipient:
    """Every message to one person, by their opt-out key, in the campaigns that this actor sees.

    People come here by `models.operations.seeking`, which bounds how many somebody looks for.
    """
    refuses = bool(opted_out(channel, [key])) if actor.may(Right.ADD_OPT_OUTS) else None
    rows = _messages_to(key, channel, actor)
    in_doubt = [row[0] for row in rows[:FOUND_SHOWN] if row[4] == MessageStatus.UNCONFIRMED]
    known = explanations(in_doubt, actor)
    return FoundRecipient(
        shown=key if actor.may(Right.SEE_RECIPIENTS) else mask(key),
        channel=channel,
        messages=tuple(_found(row, actor, known.get(row[0]), refuses=bool(refuses)) for row in rows[:FOUND_SHOWN]),
        opted_out=refuses,
        more=max(0, len(rows) - FOUND_SHOWN),
    )


def recipient_typed(typed: str) -> tuple[Channel, str]:
    """The channel and the opt-out key that somebody means by a number, however it is spaced, or an address.

    Raises InvalidInputError with what is wrong with it.
    """
    text = _UNSEEN.sub("", typed).strip()
    channel = Channel.EMAIL if "@" in text else Channel.SMS
    recipient = text if channel is Channel.EMAIL else _BETWEEN_DIGITS.sub("", text)
    if refusal := judge(channel, recipient).refusal:
        raise InvalidInputError(
            f"That is no recipient ({REFUSAL_LABELS[refusal]}). "
            "Type the whole of it, like +14155550123 or ann@example.com.",
            field="recipient",
        )
    return channel, opt_out_key(channel, recipient)


def _messages_to(key: str, channel: Channel, actor: Actor) -> list[tuple[Any, ...]]:
    """At most one message of each campaign that this actor may know of, as in the list of campaigns.

    The index that keeps a campaign free of repeats has each in one step; CROSS JOIN is what makes SQLite go that way.
    An index on the key alone would save those steps, microseconds each, and double the time of an import's inserts.
    """
    rows = select(
        f"SELECT c.phase, c.owner_id, {_COLUMNS} FROM campaigns c CROSS JOIN messages m "
        "WHERE m.campaign_id = c.id AND m.recipient_key = ? AND c.channel = ? ORDER BY m.id DESC",
        key,
        channel.value,
    )
    return [tuple(row) for phase, owner_id, *row in rows if knows_of(actor, phase, owner_id)]


def _found(row: tuple[Any, ...], actor: Actor, doubt: Explained | None, *, refuses: bool) -> FoundMessage:
    message_id, campaign_id, name, channel, status, reason, code, text, attempts, updated_at = row
    return FoundMessage(
        message_id,
        campaign_id,
        name,
        Channel(channel),
        MessageStatus(status),
        reason,
        code,
        text if actor.may(Right.SEE_RECIPIENTS) else None,
        attempts,
        updated_at,
        retryable=status in RETRYABLE and not refuses and actor.may(Right.CHANGE_CAMPAIGNS),
        doubt=doubt,
    )

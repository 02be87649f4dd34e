"""Samples of a campaign's failures and doubts, for who asks what went wrong."""

from dataclasses import dataclass

from models.actors import Actor, Right
from models.addresses import mask
from models.database import select
from models.queries.stories import explanations
from models.rules.in_doubt import Explained
from models.words import FailureReason

SAMPLES = 5


@dataclass(frozen=True)
class FailureSample:
    """One failed message as this actor may see it; code and text are the provider's own, '' where there is none."""

    recipient: str
    reason: FailureReason
    code: str
    text: str
    at: int


@dataclass(frozen=True)
class DoubtSample:
    """One Unconfirmed message as this actor may see it, and what is known of it."""

    recipient: str
    doubt: Explained


def latest_doubts(campaign_id: int, actor: Actor, *, limit: int = SAMPLES) -> tuple[DoubtSample, ...]:
    """The Unconfirmed messages that were imported last."""
    rows = select(
        "SELECT id, recipient FROM messages WHERE campaign_id = ? AND status = 'unconfirmed' ORDER BY id DESC LIMIT ?",
        campaign_id,
        limit,
    )
    known = explanations([message_id for message_id, _ in rows], actor)
    hidden = not actor.may(Right.SEE_RECIPIENTS)
    return tuple(
        DoubtSample(mask(recipient) if hidden else recipient, known[message_id])
        for message_id, recipient in rows
        if message_id in known
    )


def latest_failures(campaign_id: int, actor: Actor, *, limit: int = SAMPLES) -> tuple[FailureSample, ...]:
    """The Failed messages that were imported last: an index has them in that order, however many there are."""
    rows = select(
        "SELECT recipient, failure_reason, provider_code, provider_text, updated_at FROM messages "
        "WHERE campaign_id = ? AND status = 'failed' ORDER BY id DESC LIMIT ?",
        campaign_id,
        limit,
    )
    hidden = not actor.may(Right.SEE_RECIPIENTS)
    return tuple(
        FailureSample(
            mask(recipient) if hidden else recipient,
            FailureReason(reason or FailureReason.UNKNOWN),
            code or "",
            "" if hidden else text or "",
            at,
        )
        for recipient, reason, code, text, at in rows
    )

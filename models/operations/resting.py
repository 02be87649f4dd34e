"""Where a message comes to rest when it leaves the queue: Cancelled, or the verdict before a person's retry."""

from typing import NamedTuple

from models.config import current
from models.database import select
from models.rules.timeouts import DEFERRED
from models.words import MessageStatus


class MessageStanding(NamedTuple):
    """Where a message stands and why: what the messages table shows of its latest word."""

    status: str
    failure_reason: str | None = None
    retry_class: str | None = None
    provider_code: str | None = None
    provider_text: str | None = None


class Rest(NamedTuple):
    """A resting place, and when to look at it again (epoch ms) if the provider still tries."""

    standing: MessageStanding
    due_at: int | None = None


CANCELLED = Rest(MessageStanding(MessageStatus.CANCELLED))


def resting_place(message_id: int, *, retries: int, before: int, latest: int) -> Rest:
    """Where a message rests whose attempts below number `before` count; `latest` is its latest attempt by then.

    Without a person's retry its story has no verdict: Cancelled. An earlier attempt on which the provider
    still tries is in doubt once a later one was claimed, for its receipts count no more.
    """
    if not retries:
        return CANCELLED
    found = select(
        "SELECT number, COALESCE(handed_over_at, claimed_at), status, failure_reason, retry_class, provider_code, "
        "provider_text FROM attempts WHERE message_id = ? AND number < ? AND status NOT IN ('sending', 'not_sent') "
        "ORDER BY number DESC LIMIT 1",
        message_id,
        before,
    )
    if not found:
        return CANCELLED
    number, handed_over_at, *standing = found[0]
    if standing[0] != MessageStatus.RETRYING:
        return Rest(MessageStanding(*standing))
    if number != latest:
        return Rest(MessageStanding(MessageStatus.UNCONFIRMED))
    return Rest(MessageStanding(*standing), handed_over_at + int(DEFERRED / current().time_scale))

"""A message as a line of the table, and at the head of its story."""

from collections.abc import Sequence
from dataclasses import dataclass

from admin.presenting import words
from models.queries.pages import Row
from models.words import RETRYABLE, MessageStatus

PAIRS_SHOWN = 3
# What stands above the reason of what did not fail.
_HEADINGS = {MessageStatus.UNCONFIRMED: "What is not known", MessageStatus.CANCELLED: "Why it was left out"}


@dataclass(frozen=True)
class MessageLine:
    """A message as its reader may see it; a value of None is hidden. `said` is the provider's own word.

    `why` stands above its reason, which is `soft` where nothing failed. `provider_id` is by what the provider knows
    it, '' before it took it.
    """

    id: int
    recipient: str
    badge: words.Badge
    pairs: tuple[tuple[str, str | None], ...]
    rest: tuple[tuple[str, str | None], ...]
    reason: str
    meaning: str
    said: str
    why: str
    soft: bool
    attempts: int
    updated_at: int
    retryable: bool
    provider_id: str = ""


def line_of(row: Row, names: Sequence[str], provider_id: str = "") -> MessageLine:
    """The line of a message; `names` are those of its campaign's fields. Without values these are hidden."""
    values = row.values or [None] * len(names)
    pairs = tuple(zip(names, values, strict=False))
    reason, meaning = _why(row)
    return MessageLine(
        row.id,
        row.recipient,
        words.message_badge(row.status),
        pairs[:PAIRS_SHOWN],
        pairs[PAIRS_SHOWN:],
        reason,
        meaning,
        ": ".join(filter(None, (row.provider_code, row.provider_text))),
        why=_HEADINGS.get(row.status, "Why it failed"),
        soft=row.status in _HEADINGS,
        attempts=row.attempts,
        updated_at=row.updated_at,
        retryable=row.status in RETRYABLE,
        provider_id=provider_id,
    )


def _why(row: Row) -> tuple[str, str]:
    if row.status is MessageStatus.UNCONFIRMED:
        return words.NO_FINAL_WORD, words.NO_FINAL_WORD_MEANING
    reason = words.reason_of(row.status, row.failure_reason)
    if not reason:
        return "", ""
    return words.reason_name(reason), words.reason_meaning(reason, row.retry_class)

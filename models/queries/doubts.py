"""Reads of hand-overs whose answer was lost, and of what is known by its provider's id."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.database import marks, select
from models.providers import LOOKS_UP
from models.rules.timeouts import LOOKUP_GAP, LOOKUPS
from models.tables import Message, SentTest

_COLUMNS = (
    "a.campaign_id, a.message_id, a.number, m.recipient, m.field_values, a.claimed_at, COALESCE(a.provider_id, '')"
)


@dataclass(frozen=True, slots=True)
class InDoubt:
    """One hand-over in doubt; `claimed_at` is epoch milliseconds, `provider_id` '' where none is known."""

    campaign_id: int
    message_id: int
    attempt: int
    recipient: str
    field_values: tuple[str, ...]
    claimed_at: int
    provider_id: str


def doubts_due(
    *, now: int, scale: float, limit: int, providers: Sequence[str] = tuple(sorted(LOOKS_UP))
) -> list[InDoubt]:
    """Up to `limit` hand-overs to look up by now at some providers, the longest in doubt first."""
    found = select(
        f"SELECT {_COLUMNS} FROM attempts a "
        "JOIN messages m ON m.id = a.message_id AND m.attempt = a.number AND m.status = 'sending' "
        "WHERE a.status = 'sending' AND a.answer = 'unknown' AND a.progress IS NULL "
        f"AND a.provider IN ({marks(providers)}) AND a.lookups < ? AND a.claimed_at + (a.lookups + 1) * ? <= ? "
        "ORDER BY a.claimed_at LIMIT ?",
        *providers,
        LOOKUPS,
        int(LOOKUP_GAP / scale),
        now,
        limit,
    )
    return [_in_doubt(row) for row in found]


def still_unconfirmed(message_ids: Sequence[int], provider: str) -> list[InDoubt]:
    """Those of the messages that are Unconfirmed after a hand-over to this provider."""
    found = select(
        f"SELECT {_COLUMNS} FROM messages m JOIN attempts a ON a.message_id = m.id AND a.number = m.attempt "
        f"WHERE m.id IN ({marks(message_ids)}) AND m.status = 'unconfirmed' AND m.erase_at_verdict = 0 "
        "AND a.provider = ? ORDER BY m.id",
        *message_ids,
        provider,
    )
    return [_in_doubt(row) for row in found]


def bound_provider_ids(provider_ids: Sequence[str]) -> set[str]:
    """Those of the provider's ids that belong to a hand-over of ours already, or to a test."""
    found = select(f"SELECT provider_id FROM attempts WHERE provider_id IN ({marks(provider_ids)})", *provider_ids)
    return {provider_id for (provider_id,) in found} | (_tested_provider_ids() & set(provider_ids))


def _tested_provider_ids() -> set[str]:
    """The provider's ids of all tests that are kept."""
    rows = SentTest.select(SentTest.results)
    return {result["provider_id"] for row in rows for result in row.results if result["provider_id"]}


def _in_doubt(row: tuple[Any, ...]) -> InDoubt:
    campaign_id, message_id, attempt, recipient, values, claimed_at, provider_id = row
    field_values = tuple(Message.field_values.python_value(values))
    return InDoubt(campaign_id, message_id, attempt, recipient, field_values, claimed_at, provider_id)

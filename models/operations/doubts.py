"""Hand-overs whose answer was lost, and what the provider says it has of them (SPEC 2).

A look-up may only bind a message to what the provider has. Where it has nothing, or several things that fit,
the doubt stays; after the last look-up the sweep shows it as Unconfirmed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.database import execute_many, marks, select, transaction
from models.operations.settling import settle
from models.operations.testing import tested_provider_ids
from models.rules.timeouts import LOOKS_UP, LOOKUP_GAP, LOOKUPS
from models.rules.verdicts import Event
from models.tables import Message


@dataclass(frozen=True, slots=True)
class InDoubt:
    """One hand-over in doubt; `claimed_at` is epoch milliseconds."""

    campaign_id: int
    message_id: int
    attempt: int
    recipient: str
    field_values: tuple[str, ...]
    claimed_at: int


def doubts_due(*, now: int, scale: float, limit: int) -> list[InDoubt]:
    """Up to `limit` hand-overs to look up by now, the longest in doubt first."""
    providers = sorted(LOOKS_UP)
    found = select(
        "SELECT a.campaign_id, a.message_id, a.number, m.recipient, m.field_values, a.claimed_at FROM attempts a "
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
    return [
        InDoubt(
            campaign_id, message_id, attempt, recipient, tuple(Message.field_values.python_value(values)), claimed_at
        )
        for campaign_id, message_id, attempt, recipient, values, claimed_at in found
    ]


def bound_provider_ids(provider_ids: Sequence[str]) -> set[str]:
    """Those of the provider's ids that belong to a hand-over of ours already, or to a test."""
    found = select(f"SELECT provider_id FROM attempts WHERE provider_id IN ({marks(provider_ids)})", *provider_ids)
    return {provider_id for (provider_id,) in found} | (tested_provider_ids() & set(provider_ids))


def note_lookups(found: Sequence[Event], in_vain: Sequence[tuple[int, int]], *, now: int, scale: float) -> None:
    """Bind what was found; count the look-ups (message id, attempt) that found nothing, or several that fit."""
    with transaction():
        settle(found, now=now, scale=scale)
        execute_many(
            "UPDATE attempts SET lookups = lookups + 1 "
            "WHERE message_id = ? AND number = ? AND status = 'sending' AND answer = 'unknown' AND progress IS NULL",
            sorted(in_vain),
        )
        execute_many(
            "UPDATE messages SET due_at = ? WHERE id = ? AND attempt = ? AND status = 'sending' AND EXISTS (SELECT 1 "
            "FROM attempts a WHERE a.message_id = messages.id AND a.number = messages.attempt "
            "AND a.answer = 'unknown' AND a.progress IS NULL AND a.lookups >= ?)",
            [(now, message_id, attempt, LOOKUPS) for message_id, attempt in sorted(in_vain)],
        )

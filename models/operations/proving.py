"""Proving the counts: what pages and cards show is held against the rows themselves, by itself (SPEC 11).

Counters change in the transactions of their rows, so a difference is a fault of ours. It is mended, told to
Admins and kept in the audit, never passed over.
"""

from collections.abc import Iterator
from typing import Any

from models.actors import SYSTEM, Actor, Right
from models.database import execute, on_sqlite, select, snapshot, transaction
from models.operations import audit
from models.operations.counters import recount
from models.queries.campaigns import get_campaign
from models.rules.timeouts import DAY

Differences = dict[tuple[str, str, str], tuple[int, int]]


def prove_counts(campaign_id: int, *, now: int) -> Differences:
    """Hold a campaign's counters against its rows, and mend what differs.

    Returns what differed: {(status, reason, class): (counted, rows)}. Raises NotFoundError.
    """
    with snapshot():
        differences = recount(campaign_id)
    if differences:
        differences = _mend(campaign_id, now=now)
    with transaction():
        execute("UPDATE campaigns SET proven_at = ? WHERE id = ?", now, campaign_id)
    return differences


def all_differences() -> Iterator[tuple[int, Differences]]:
    """By campaign, where its counters differ from its rows; changes nothing.

    One that is being deleted has none: its rows go in the background, its counters all at once in the end.
    """
    for (campaign_id,) in select("SELECT id FROM campaigns ORDER BY id"):
        with snapshot():
            is_there = select("SELECT 1 FROM campaigns WHERE id = ? AND phase <> 'deleting'", campaign_id)
            found = recount(campaign_id) if is_there else {}
        yield campaign_id, found


def prove_all_again(*, actor: Actor, now: int) -> None:
    """Let the counts of all campaigns be proven anew, by the clock, one after the other. Raises NotAllowedError."""
    actor.require(Right.SEE_OPERATIONS)
    with transaction():
        campaigns = execute("UPDATE campaigns SET proven_at = NULL WHERE proven_at IS NOT NULL")
        audit.record(actor, "prove_counts", now=now, kind="counters", object_id=None, campaigns=campaigns)


def campaigns_to_prove(*, now: int, limit: int) -> list[int]:
    """Those that ended since they were last proven, then those whose proof is a day old, the oldest first."""
    found = select(
        "SELECT id FROM campaigns WHERE phase NOT IN ('draft', 'deleting') AND (COALESCE(proven_at, 0) <= "
        "COALESCE(ended_at, 0) OR proven_at IS NULL OR proven_at <= ?) "
        "ORDER BY CASE WHEN ended_at IS NOT NULL AND COALESCE(proven_at, 0) <= ended_at THEN 0 ELSE 1 END, "
        "COALESCE(proven_at, 0), id LIMIT ?",
        now - DAY,
        limit,
    )
    return [campaign_id for (campaign_id,) in found]


def _mend(campaign_id: int, *, now: int) -> Differences:
    """Set the counters right while nobody changes them; empty if they were right after all."""
    with transaction():
        if not on_sqlite():
            # Who changes rows writes their counters last, so whoever waits here has shown us none of either.
            execute("LOCK TABLE message_counts IN SHARE ROW EXCLUSIVE MODE")
        campaign = get_campaign(campaign_id)
        differences = recount(campaign_id)
        for (status, reason, retry_class), (_, rows) in sorted(differences.items()):
            execute(
                "INSERT INTO message_counts (campaign_id, status, failure_reason, retry_class, n) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT (campaign_id, status, failure_reason, retry_class) "
                "DO UPDATE SET n = excluded.n",
                campaign_id,
                status,
                reason,
                retry_class,
                rows,
            )
        if differences:
            audit.record(
                SYSTEM,
                "mend_counts",
                now=now,
                kind="campaign",
                object_id=campaign_id,
                name=campaign.name,
                **_figures(differences),
            )
    return differences


def _figures(differences: Differences) -> dict[str, Any]:
    return {
        "differed": {"/".join(filter(None, key)): list(pair) for key, pair in sorted(differences.items())},
        "messages": sum(abs(rows - counted) for counted, rows in differences.values()),
    }

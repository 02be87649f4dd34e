"""Reads of what is to start later."""

from models.database import select
from models.tables import ScheduledStart
from models.words import WorkState

# The literal state is what lets the partial index carry these queries.
_PENDING = "SELECT * FROM scheduled_starts WHERE state = 'queued' ORDER BY COALESCE(starts_at, created_at), id"


def pending_starts() -> list[ScheduledStart]:
    """All that wait, the first to fire first: by its time, or without one by when it was asked for."""
    return list(ScheduledStart.raw(_PENDING))


def due_starts(*, now: int) -> list[ScheduledStart]:
    """Those whose moment has come, in the same order."""
    return [start for start in pending_starts() if (start.starts_at or start.created_at) <= now]


def missed_start_of(campaign_id: int) -> str:
    """Why the campaign's last planned start did not take place, until it is started or planned anew; else ''."""
    found = select(
        "SELECT s.state, s.result, s.ended_at, COALESCE(c.started_at, 0) FROM scheduled_starts s "
        "JOIN campaigns c ON c.id = s.campaign_id WHERE s.campaign_id = ? ORDER BY s.id DESC LIMIT 1",
        campaign_id,
    )
    missed = found and found[0][0] == WorkState.REFUSED and found[0][3] <= found[0][2]
    return str(found[0][1]) if missed else ""


def pending_start_of(campaign_id: int) -> ScheduledStart | None:
    """What waits to start a campaign; there is one at most."""
    return next((start for start in pending_starts() if start.campaign_id == campaign_id), None)

"""Reads of what is to start later."""

from models.tables import ScheduledStart

# The literal state is what lets the partial index carry these queries.
_PENDING = "SELECT * FROM scheduled_starts WHERE state = 'queued' ORDER BY COALESCE(starts_at, created_at), id"


def pending_starts() -> list[ScheduledStart]:
    """All that wait, the first to fire first: by its time, or without one by when it was asked for."""
    return list(ScheduledStart.raw(_PENDING))


def due_starts(*, now: int) -> list[ScheduledStart]:
    """Those whose moment has come, in the same order."""
    return [start for start in pending_starts() if (start.starts_at or start.created_at) <= now]


def pending_start_of(campaign_id: int) -> ScheduledStart | None:
    """What waits to start a campaign; there is one at most."""
    return next((start for start in pending_starts() if start.campaign_id == campaign_id), None)

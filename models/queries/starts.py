"""Reads of what is to start later."""

from dataclasses import dataclass

from models.tables import Campaign, ScheduledStart
from models.words import WorkState

# The literal state is what lets the partial index carry these queries.
_PENDING = "SELECT * FROM scheduled_starts WHERE state = 'queued' ORDER BY COALESCE(starts_at, created_at), id"


def pending_starts() -> list[ScheduledStart]:
    """All that wait, the first to fire first: by its time, or without one by when it was asked for."""
    return list(ScheduledStart.raw(_PENDING))


def due_starts(*, now: int) -> list[ScheduledStart]:
    """Those whose moment has come, in the same order."""
    return [start for start in pending_starts() if (start.starts_at or start.created_at) <= now]


@dataclass(frozen=True)
class Planned:
    """What was last planned for a campaign: the start that waits, or why it did not take place. Mostly neither."""

    pending: ScheduledStart | None = None
    missed: str = ""


def planned_of(campaign: Campaign) -> Planned:
    """The campaign's last planned start; a missed one counts until the campaign is started or planned anew."""
    last = _last_start_of(campaign.id)
    if last is None:
        return Planned()
    if last.state == WorkState.QUEUED:
        return Planned(pending=last)
    missed = last.state == WorkState.REFUSED and (campaign.started_at or 0) <= last.ended_at
    return Planned(missed=last.result or "") if missed else Planned()


def pending_start_of(campaign_id: int) -> ScheduledStart | None:
    """What waits to start a campaign; there is one at most, and nothing is planned after it."""
    last = _last_start_of(campaign_id)
    return last if last is not None and last.state == WorkState.QUEUED else None


def _last_start_of(campaign_id: int) -> ScheduledStart | None:
    of_campaign = ScheduledStart.select().where(ScheduledStart.campaign_id == campaign_id)
    last: ScheduledStart | None = of_campaign.order_by(-ScheduledStart.id).first()
    return last

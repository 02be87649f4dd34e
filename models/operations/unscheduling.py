"""The end of a later start: it was done, taken back, or overtaken by another act on its campaign."""

from models.actors import Actor
from models.database import execute, select
from models.operations import audit
from models.queries.starts import pending_start_of
from models.words import WorkState


def end_start(start_id: int, state: WorkState, *, now: int, result: str = "") -> bool:
    """End a start that still waits, within the open transaction; False when it no longer does: nothing ends twice."""
    return bool(
        execute(
            "UPDATE scheduled_starts SET state = ?, result = ?, ended_at = ? WHERE id = ? AND state = 'queued'",
            state.value,
            result,
            now,
            start_id,
        )
    )


def drop_start(campaign_id: int, *, by: str, actor: Actor, now: int) -> bool:
    """Take back what was to start later, because of the act `by`; False when nothing was.

    Call it inside that act's transaction with the campaign's row locked: who locks both locks the campaign first.
    """
    start = pending_start_of(campaign_id)
    if start is None or not end_start(start.id, WorkState.CANCELLED, now=now, result=f"taken back by {by}"):
        return False
    audit.record(
        actor,
        "cancel_start",
        now=now,
        kind="campaign",
        object_id=campaign_id,
        name=select("SELECT name FROM campaigns WHERE id = ?", campaign_id)[0][0],
        start=start.kind,
        by=by,
        asked_by=start.actor_id,
    )
    return True

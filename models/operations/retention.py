"""Retention: ended campaigns are deleted after as many days as the setting says, drafts after 14."""

from models.actors import SYSTEM
from models.database import for_update, select, transaction
from models.errors import WrongStateError
from models.operations.campaigns import DRAFT_KEPT
from models.operations.running import delete_campaign
from models.queries.settings import setting
from models.rules.timeouts import DAY

AT_ONCE = 20


def delete_what_is_over(*, now: int) -> int:
    """Delete some of the ended campaigns whose time is over, the oldest first; returns how many.

    What still waits for a word of the provider is left for another time.
    """
    days = setting("retention_days")
    if days is None:
        return 0
    over = select(
        "SELECT id, name FROM campaigns WHERE phase = 'ended' AND ended_at < ? ORDER BY ended_at LIMIT ?",
        now - int(days) * DAY,
        AT_ONCE,
    )
    return sum(_delete(campaign_id, name, now=now) for campaign_id, name in over)


def _delete(campaign_id: int, name: str, *, now: int) -> bool:
    try:
        delete_campaign(campaign_id, actor=SYSTEM, typed_name=name, now=now)
    except WrongStateError:  # a deferred email, or somebody retries it in this very moment
        return False
    return True


def delete_old_drafts(*, now: int) -> None:
    """Have drafts deleted that nobody has changed for 14 days."""
    is_old = "phase = 'draft' AND updated_at < ?"
    for campaign_id, name in select(f"SELECT id, name FROM campaigns WHERE {is_old}", now - DRAFT_KEPT):
        with transaction():
            # Somebody may have changed or finished it since.
            if select(
                f"SELECT 1 FROM campaigns WHERE id = ? AND {is_old}{for_update()}", campaign_id, now - DRAFT_KEPT
            ):
                delete_campaign(campaign_id, actor=SYSTEM, typed_name=name, now=now)

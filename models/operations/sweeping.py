"""The sweep of what is due: leases that ran out and time-outs (SPEC 2)."""

from models.config import current
from models.database import select
from models.hints import SENDING, Work, hint
from models.operations import leaving, watching
from models.operations.resumable import LEFT_ALONE
from models.operations.settling import settle_overdue
from models.operations.testing import find_tests
from models.queries.doubts import doubts_due
from models.rules.timeouts import BEAT_LOST
from models.tables.work import IS_OPEN
from models.words import Channel


def sweep_due(*, now: int, scale: float, limit: int = 200) -> int:
    """Settle up to `limit` messages whose moment has come; returns how many were due."""
    due = select("SELECT id FROM messages WHERE due_at IS NOT NULL AND due_at <= ? ORDER BY due_at LIMIT ?", now, limit)
    if due:
        settle_overdue([message_id for (message_id,) in due], now=now, scale=scale)
    return len(due)


def find_work(*, now: int) -> None:
    """Hint again at all work that waits in the database, and end campaigns that are done.

    This is what makes a lost hint, a wiped Redis or a dead worker cost time and nothing else.
    """
    for campaign_id, channel, phase in select(
        "SELECT id, channel, phase FROM campaigns WHERE phase IN ('running', 'held', 'stopping', 'failed', 'deleting')"
    ):
        if phase in leaving.LEFT:
            leaving.sweep_up(campaign_id, now=now)
        elif watching.queued(campaign_id):
            hint(SENDING[Channel(channel)], campaign_id)
        watching.finish_if_done(campaign_id, now=now)
    for (campaign_id,) in select(f"SELECT DISTINCT campaign_id FROM bulk_moves WHERE {IS_OPEN}"):
        hint(Work.MOVES, campaign_id)
    _find_jobs(now=now)


def _find_jobs(*, now: int) -> None:
    """Hint at what belongs to no campaign's sending."""
    if select("SELECT 1 FROM receipt_inbox WHERE applied_at IS NULL AND due_at <= ? LIMIT 1", now):
        hint(Work.RECEIPTS)
    if doubts_due(now=now, scale=current().time_scale, limit=1):
        hint(Work.LOOK_UPS)
    for work, table in ((Work.IMPORT, "imports"), (Work.EXPORT, "exports"), (Work.ASK, "look_ups")):
        for (subject_id,) in select(f"SELECT id FROM {table} WHERE {LEFT_ALONE}", now - BEAT_LOST):
            hint(work, subject_id)
    find_tests(now=now)

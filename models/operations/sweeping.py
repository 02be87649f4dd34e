"""The sweep of what is due: leases that ran out and time-outs (SPEC 2)."""

from models.database import execute, select
from models.hints import SENDING, Work, hint
from models.operations import watching
from models.operations.settling import STATE_COLUMNS, attempt_state, settle
from models.rules.timeouts import deadline, is_answer_overdue
from models.rules.verdicts import Event, Word
from models.words import Channel

BEAT_LOST = 60_000  # ms without a sign of life after which somebody else takes over


def sweep_due(*, now: int, scale: float, limit: int = 200) -> int:
    """Settle up to `limit` messages whose moment has come; returns how many were due."""
    columns = ", ".join(f"a.{column}" for column in STATE_COLUMNS)
    due = select(
        f"SELECT m.id, m.attempt, c.channel, a.provider, {columns} FROM messages m "
        "JOIN attempts a ON a.message_id = m.id AND a.number = m.attempt JOIN campaigns c ON c.id = m.campaign_id "
        "WHERE m.due_at IS NOT NULL AND m.due_at <= ? ORDER BY m.due_at LIMIT ?",
        now,
        limit,
    )
    events = []
    for message_id, number, channel, provider, *known in due:
        state = attempt_state(known)
        if is_answer_overdue(state):
            events.append(Event(message_id, number, Word.UNKNOWN, now, answers=True))
            continue
        limit_of = deadline(Channel(channel), provider, state, scale)
        if limit_of is None or limit_of.at > now:
            _put_off(message_id, number, limit_of.at if limit_of else None)
        else:
            events.append(Event(message_id, number, limit_of.word, now))
    if events:
        settle(events, now=now, scale=scale)
    return len(due)


def _put_off(message_id: int, number: int, due_at: int | None) -> None:
    execute("UPDATE messages SET due_at = ? WHERE id = ? AND attempt = ?", due_at, message_id, number)


def find_work(*, now: int) -> None:
    """Hint again at all work that waits in the database, and end campaigns that are done.

    This is what makes a lost hint, a wiped Redis or a dead worker cost time and nothing else.
    """
    for campaign_id, channel in select(
        "SELECT id, channel FROM campaigns WHERE phase IN ('running', 'held', 'stopping')"
    ):
        if not watching.finish_if_done(campaign_id, now=now) and watching.queued(campaign_id):
            hint(SENDING[Channel(channel)], campaign_id)
    for (campaign_id,) in select("SELECT DISTINCT campaign_id FROM bulk_moves WHERE state IN ('queued', 'running')"):
        hint(Work.MOVES, campaign_id)
    if select("SELECT 1 FROM receipt_inbox WHERE applied_at IS NULL AND due_at <= ? LIMIT 1", now):
        hint(Work.RECEIPTS)
    for work, table in ((Work.IMPORT, "imports"), (Work.EXPORT, "exports")):
        for (subject_id,) in select(
            f"SELECT id FROM {table} WHERE state = 'queued' OR (state = 'running' AND COALESCE(beat_at, 0) < ?)",
            now - BEAT_LOST,
        ):
            hint(work, subject_id)

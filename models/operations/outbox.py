"""The Slack outbox from the poster's side: what is due, and what became of it."""

from models.database import execute, select, transaction
from models.rules.timeouts import DAY
from models.tables import SlackOutbox

FIRST_PAUSE, LONGEST_PAUSE = 2_000, 60_000  # ms; doubles with each try
LINES_KEPT = 20
KEPT = 7 * DAY  # longer than anything said is merged with


def due_sayings(*, now: int, limit: int = 200) -> list[SlackOutbox]:
    """What is to be said by now, in the order in which it was put; what has become old news is dropped."""
    if select("SELECT 1 FROM slack_outbox WHERE state = 'queued' AND expires_at < ? LIMIT 1", now):
        with transaction():
            execute(
                "UPDATE slack_outbox SET state = 'dropped', ended_at = ?, problem = 'too late' "
                "WHERE state = 'queued' AND expires_at < ?",
                now,
                now,
            )
    query = SlackOutbox.select().where(SlackOutbox.state == "queued", SlackOutbox.due_at <= now)
    return list(query.order_by(SlackOutbox.id).limit(limit))


def begin(saying: SlackOutbox, *, now: int) -> None:
    """Note that Slack is about to be asked to post it. Who finds the note later must look before asking again."""
    _note(saying.id, "posting_at = ?", now)


def not_taken(saying: SlackOutbox) -> None:
    """Slack surely did not post it, or what it posted is known."""
    _note(saying.id, "posting_at = NULL")


def said(saying: SlackOutbox, *, now: int) -> None:
    """It was said; if there is more to say under its topic by now, that still waits."""
    with transaction():
        not_taken(saying)
        execute(
            "UPDATE slack_outbox SET state = 'done', ended_at = ? WHERE id = ? AND content = ? AND state = 'queued'",
            now,
            saying.id,
            SlackOutbox.content.db_value(saying.content),
        )


def put_off(saying: SlackOutbox, *, problem: str, now: int) -> None:
    """It can't be said for now: others first, and then again after a pause that grows."""
    pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(saying.tries, 10))
    _note(saying.id, "tries = tries + 1, problem = ?, due_at = ?", problem, now + pause)


def drop(saying: SlackOutbox, *, problem: str, now: int) -> None:
    """It will not be said: the place is gone, nobody is there, or it is no news any more."""
    _note(saying.id, "state = 'dropped', problem = ?, ended_at = ?", problem, now)


def shed_lines(*, now: int) -> None:
    """After trouble: of each thread only the newest twenty lines are still said.

    A thread is a campaign's story, so its lines don't expire like messages to people; but a day's worth of
    them at once, at one a second, would keep the cards' other news waiting.
    """
    with transaction():
        execute(
            "UPDATE slack_outbox SET state = 'dropped', problem = 'too many', ended_at = ? "
            "WHERE state = 'queued' AND kind = 'thread' AND ? <= (SELECT COUNT(*) FROM slack_outbox newer "
            "WHERE newer.state = 'queued' AND newer.kind = 'thread' AND newer.subject_id = slack_outbox.subject_id "
            "AND newer.id > slack_outbox.id)",
            now,
            LINES_KEPT,
        )


def purge(*, now: int) -> None:
    """Forget what was said or dropped a week ago, and which messages to people that made."""
    with transaction():
        execute("DELETE FROM slack_posts WHERE kind LIKE ? AND created_at < ?", "dm:%", now - KEPT)
        execute("DELETE FROM slack_outbox WHERE ended_at < ? AND state <> 'queued'", now - KEPT)


def _note(saying_id: int, changes: str, *values: object) -> None:
    with transaction():
        execute(f"UPDATE slack_outbox SET {changes} WHERE id = ? AND state = 'queued'", *values, saying_id)

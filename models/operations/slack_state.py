"""Whether Slack and we reach each other: kept in the database, since the panel and doctor tell of it too."""

from models.database import execute, transaction
from models.words import SlackWay


def note_trouble(error: str, *, now: int, way: SlackWay = SlackWay.SAYS) -> None:
    """That way fails with `error`; the moment of the first such note stays."""
    with transaction():
        execute(
            "INSERT INTO slack_faults (way, error, since) VALUES (?, ?, ?) ON CONFLICT (way) DO UPDATE SET "
            "since = CASE WHEN slack_faults.error = excluded.error THEN slack_faults.since ELSE excluded.since END, "
            "error = excluded.error",
            way.value,
            error,
            now,
        )


def clear_trouble(way: SlackWay = SlackWay.SAYS) -> None:
    """That way works again."""
    with transaction():
        execute("DELETE FROM slack_faults WHERE way = ?", way.value)

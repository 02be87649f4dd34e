"""Whether Slack takes what we say: kept in the database, since the panel and doctor tell of it too."""

from models.database import execute, transaction


def note_trouble(error: str, *, now: int) -> None:
    """Slack refuses us with `error`, or can't be reached; the moment of the first such note stays."""
    with transaction():
        execute("DELETE FROM slack_faults WHERE error <> ?", error)
        execute("INSERT INTO slack_faults (error, since) VALUES (?, ?) ON CONFLICT (error) DO NOTHING", error, now)


def clear_trouble() -> None:
    """Slack takes what we say again."""
    with transaction():
        execute("DELETE FROM slack_faults")

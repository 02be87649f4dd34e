"""The Slack outbox from the poster's side: what is due, what became of it, and what was posted where."""

from models.database import execute, select, transaction
from models.tables import SlackOutbox, SlackPost

TRIES = 8
FIRST_PAUSE = 2_000  # ms; doubles with each try


def due_sayings(*, now: int, limit: int = 20) -> list[SlackOutbox]:
    """What is to be said by now, oldest first; what has become old news is dropped."""
    with transaction():
        execute(
            "UPDATE slack_outbox SET state = 'dropped', ended_at = ?, problem = 'too late' "
            "WHERE state = 'queued' AND expires_at < ?",
            now,
            now,
        )
    query = SlackOutbox.select().where(SlackOutbox.state == "queued", SlackOutbox.due_at <= now)
    return list(query.order_by(SlackOutbox.due_at, SlackOutbox.id).limit(limit))


def said(saying_id: int, *, now: int) -> None:
    """It was said."""
    with transaction():
        execute("UPDATE slack_outbox SET state = 'done', ended_at = ? WHERE id = ?", now, saying_id)


def not_said(saying_id: int, *, problem: str, now: int, retry_after_ms: int | None = None) -> None:
    """Slack did not take it: try again after a pause that grows, or as Slack asks; give up after eight tries."""
    tries = select("SELECT tries FROM slack_outbox WHERE id = ?", saying_id)[0][0]
    pause = FIRST_PAUSE * 2**tries
    with transaction():
        execute(
            "UPDATE slack_outbox SET tries = tries + ?, problem = ?, due_at = ? WHERE id = ?",
            0 if retry_after_ms else 1,
            problem,
            now + (retry_after_ms or pause),
            saying_id,
        )
        execute(
            "UPDATE slack_outbox SET state = 'dropped', ended_at = ? WHERE id = ? AND tries >= ?", now, saying_id, TRIES
        )


def drop(saying_id: int, *, problem: str, now: int) -> None:
    """It can't be said: the place is gone, or nobody is there."""
    with transaction():
        execute(
            "UPDATE slack_outbox SET state = 'dropped', problem = ?, ended_at = ? WHERE id = ?", problem, now, saying_id
        )


def live_card(campaign_id: int) -> SlackPost | None:
    """The campaign's card, if it was posted and is still there."""
    post: SlackPost | None = (
        SlackPost.select()
        .where(SlackPost.kind == "card", SlackPost.subject_id == campaign_id, SlackPost.state == "live")
        .order_by(SlackPost.id.desc())
        .first()
    )
    return post


def moving_cards() -> list[SlackPost]:
    """Live cards of campaigns whose figures change by themselves."""
    return list(
        SlackPost.raw(
            "SELECT p.* FROM slack_posts p JOIN campaigns c ON c.id = p.subject_id "
            "WHERE p.kind = 'card' AND p.state = 'live' "
            "AND c.phase IN ('running', 'held', 'stopping') ORDER BY p.updated_at"
        )
    )


def keep_post(kind: str, subject_id: int, *, channel_id: str, ts: str, rendered_hash: str, now: int) -> None:
    """Remember a message that may be updated later; of a campaign's cards only the newest lives."""
    with transaction():
        execute("UPDATE slack_posts SET state = 'replaced' WHERE kind = ? AND subject_id = ?", kind, subject_id)
        SlackPost.insert(
            kind=kind,
            subject_id=subject_id,
            slack_channel_id=channel_id,
            ts=ts,
            rendered_hash=rendered_hash,
            created_at=now,
            updated_at=now,
        ).execute()


def note_update(post_id: int, *, rendered_hash: str, now: int) -> None:
    """A message was brought up to date."""
    with transaction():
        execute("UPDATE slack_posts SET rendered_hash = ?, updated_at = ? WHERE id = ?", rendered_hash, now, post_id)


def lose_post(post_id: int) -> None:
    """A message is gone from Slack."""
    with transaction():
        execute("UPDATE slack_posts SET state = 'gone' WHERE id = ?", post_id)

"""What was posted in Slack and may still change: cards, messages to people, exports and their files."""

from models.database import execute, transaction
from models.tables import SlackPost


def keep(kind: str, subject_id: int, *, channel_id: str, ts: str, now: int, rendered_hash: str = "") -> SlackPost:
    """Remember a post; of a kind about a subject only the newest lives. Without a hash it is held against our figures
    at once.
    """
    with transaction():
        execute("UPDATE slack_posts SET state = 'replaced' WHERE kind = ? AND subject_id = ?", kind, subject_id)
        post: SlackPost = SlackPost.create(
            kind=kind,
            subject_id=subject_id,
            slack_channel_id=channel_id,
            ts=ts,
            rendered_hash=rendered_hash,
            created_at=now,
            updated_at=now if rendered_hash else 0,
        )
    return post


def note_look(post: SlackPost, *, rendered_hash: str, now: int) -> None:
    """The post was held against our figures of `now`, and brought up to date if they differed."""
    with transaction():
        execute("UPDATE slack_posts SET rendered_hash = ?, updated_at = ? WHERE id = ?", rendered_hash, now, post.id)


def settle_post(post: SlackPost) -> None:
    """The post has said its last word."""
    _set_state(post, "settled")


def lose_post(post: SlackPost) -> None:
    """The post is gone from Slack, or can't be reached any more; it is not posted again by itself."""
    _set_state(post, "gone")


def take_back(post: SlackPost) -> None:
    """Have a file deleted from Slack at the next look, as if its days there were over."""
    with transaction():
        execute("UPDATE slack_posts SET created_at = 0 WHERE id = ?", post.id)


def _set_state(post: SlackPost, state: str) -> None:
    with transaction():
        execute("UPDATE slack_posts SET state = ? WHERE id = ?", state, post.id)

"""Reads of what was posted in Slack and may still change: cards, messages to people, exports and their files."""

from dataclasses import dataclass

from models.database import select
from models.tables import SlackPost
from models.tables.campaigns import IS_HOLDING
from models.words import OPEN_WORK, Phase, WorkState

# ms after a card was held against our figures in which a change of them may have been missed: figures are
# dated by the ten seconds they fall into, by the clocks of several machines.
BLIND = 15_000


@dataclass(frozen=True)
class LivingCard:
    """A card whose figures may differ from ours: what its pace depends on, in epoch ms."""

    post: SlackPost
    phase: Phase
    started_at: int
    accepted_at: int


def card_of(campaign_id: int) -> SlackPost | None:
    """The campaign's card as it was posted last; its state tells whether it is still there."""
    return latest_post("card", campaign_id)


def campaign_of(slack_channel_id: str, ts: str) -> int | None:
    """The campaign whose card, of now or before, stands there."""
    post = SlackPost.get_or_none(
        SlackPost.kind == "card", SlackPost.slack_channel_id == slack_channel_id, SlackPost.ts == ts
    )
    return None if post is None else int(post.subject_id)


def latest_post(kind: str, subject_id: int, *, since: int = 0) -> SlackPost | None:
    """The newest post of a kind about a subject, if it was posted after `since` (epoch ms)."""
    post: SlackPost | None = (
        SlackPost.select()
        .where(SlackPost.kind == kind, SlackPost.subject_id == subject_id, SlackPost.created_at >= since)
        .order_by(SlackPost.id.desc())
        .first()
    )
    return post


def living_cards() -> list[LivingCard]:
    """Cards of campaigns at work, and those that lag behind: after a campaign's end receipts may still come.

    Reads one row of each campaign with a card, and the end of an index; no counters.
    """
    found = select(
        "SELECT p.id, c.phase, COALESCE(c.started_at, 0), COALESCE(c.accepted_at, 0) "
        "FROM slack_posts p JOIN campaigns c ON c.id = p.subject_id WHERE p.kind = 'card' AND p.state = 'live' "
        f"AND c.phase <> 'deleting' AND (c.{IS_HOLDING} OR p.updated_at <= c.updated_at "
        "OR p.updated_at <= COALESCE(c.receipt_at, 0) OR p.updated_at <= ? + "
        "COALESCE((SELECT MAX(bucket_at) FROM message_flow f WHERE f.campaign_id = c.id), 0)) ORDER BY p.updated_at",
        BLIND,
    )
    posts = {post.id: post for post in SlackPost.select().where(SlackPost.id.in_([row[0] for row in found]))}
    return [LivingCard(posts[row[0]], Phase(row[1]), row[2], row[3]) for row in found]


def living_exports() -> list[tuple[SlackPost, bool]]:
    """Messages about exports that are not settled, and whether the export is still being made."""
    posts = SlackPost.select().where(SlackPost.kind == "export", SlackPost.state == "live")
    found = {post.id: post for post in posts.order_by(SlackPost.updated_at)}
    states = dict(
        select(
            "SELECT p.id, e.state FROM slack_posts p JOIN exports e ON e.id = p.subject_id "
            "WHERE p.kind = 'export' AND p.state = 'live'"
        )
    )
    return [(post, WorkState(states[post.id]) in OPEN_WORK) for post in found.values() if post.id in states]


def files_from_before(moment: int) -> list[SlackPost]:
    """Files that were posted before then and are still in Slack."""
    query = SlackPost.select().where(SlackPost.kind == "file", SlackPost.state == "live")
    return list(query.where(SlackPost.created_at < moment))


def waits(topic: str) -> bool:
    """Whether something is still to be said under the topic."""
    return bool(select("SELECT 1 FROM slack_outbox WHERE topic = ? AND state = 'queued'", topic))

"""How fast a campaign moves: from the figures kept while it sends, never from its messages."""

from models.database import marks, select
from models.tables.campaigns import FLOW_BUCKET
from models.words import MessageStatus

RATE_WINDOW = 30_000  # ms; three of the stretches in which arrivals are counted
SHORTEST_WINDOW = 3_000  # ms; less says nothing about a rate
_ARRIVED = (
    MessageStatus.DELIVERED,
    MessageStatus.ASSUMED_DELIVERED,
    MessageStatus.FAILED,
    MessageStatus.OPTED_OUT,
    MessageStatus.UNCONFIRMED,
)


def rate_of(campaign_id: int, *, now: int) -> float | None:
    """Messages per second that came to an end within the last half minute; None when nothing can be said."""
    (run_at, started), *_ = select("SELECT run_at, COALESCE(started_at, 0) FROM campaigns WHERE id = ?", campaign_id)
    # The stretch in which a resume or a retry falls holds what came before it too; that of the first run doesn't.
    own = started - FLOW_BUCKET + 1 if started == run_at else started
    found = select(
        "SELECT MIN(bucket_at), SUM(n) FROM message_flow "
        f"WHERE campaign_id = ? AND bucket_at >= ? AND status IN ({marks(_ARRIVED)})",
        campaign_id,
        max(now - RATE_WINDOW, own),
        *_ARRIVED,
    )
    first, arrived = found[0]
    window = now - max(first, started) if first is not None else 0
    return float(arrived) * 1000 / window if window >= SHORTEST_WINDOW else None

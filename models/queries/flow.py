"""Delivery over time: from the figures kept while a campaign sends, never from its messages."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.database import marks, select
from models.words import MessageStatus

MOST_COLUMNS = 40
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
# What one column may stand for, in ms; the shortest is how finely arrivals are counted.
STEPS = (
    *(10_000, 30_000, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY),
)
DRAWN = (MessageStatus.DELIVERED, MessageStatus.ASSUMED_DELIVERED, MessageStatus.FAILED)


@dataclass(frozen=True)
class Flow:
    """How many messages came to each drawn status in each stretch of `step` ms from `since` (epoch ms) on.

    A message that is retried, or whose verdict changes, arrives more than once.
    """

    since: int
    step: int
    columns: tuple[Mapping[MessageStatus, int], ...]


def flow_of(campaign_id: int) -> Flow | None:
    """A campaign's arrivals since its run, None before the first.

    It reads a row per status for each ten seconds in which something arrived, however many messages there are:
    for 300,000 at 40 a second some 2,000 rows.
    """
    span = _span(campaign_id)
    if span is None:
        return None
    first, last = span
    step = next(step for step in STEPS if last // step - first // step < MOST_COLUMNS)
    since = first - first % step
    columns: list[dict[MessageStatus, int]] = [{} for _ in range(since, last + 1, step)]
    for place, status, n in select(
        "SELECT (bucket_at - ?) / ?, status, SUM(n) FROM message_flow "
        f"WHERE campaign_id = ? AND bucket_at >= ? AND status IN ({marks(DRAWN)}) GROUP BY 1, 2",
        since,
        step,
        campaign_id,
        first,
        *DRAWN,
    ):
        columns[int(place)][MessageStatus(status)] = int(n)
    return Flow(since, step, tuple(columns))


def _span(campaign_id: int) -> tuple[int, int] | None:
    """The first and last stretch in which something drawn arrived since the run; None when nothing did."""
    drawn = f"FROM message_flow WHERE campaign_id = ? AND status IN ({marks(DRAWN)}) AND bucket_at > c.run_at - ?"
    values = (campaign_id, *DRAWN, STEPS[0])
    found = select(
        f"SELECT (SELECT bucket_at {drawn} ORDER BY bucket_at LIMIT 1), "
        f"(SELECT bucket_at {drawn} ORDER BY bucket_at DESC LIMIT 1) FROM campaigns c WHERE c.id = ?",
        *values,
        *values,
        campaign_id,
    )
    if not found or found[0][0] is None:
        return None
    first, last = found[0]
    return int(first), int(last)

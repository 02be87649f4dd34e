"""Counters by deltas: changed in the same transaction as the rows they count, so they are always true."""

from collections import Counter

from models.database import execute_many, select
from models.tables.campaigns import FLOW_BUCKET
from models.words import FINAL, HAS_REASON, MessageStatus


class Deltas:
    """What a transaction changes about where messages stand; collect first, `write` last."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, str, str, str]] = Counter()
        self._flow: Counter[tuple[int, str]] = Counter()

    def add(self, campaign_id: int, status: str, reason: str | None, retry_class: str | None, n: int) -> None:
        """`n` more messages (fewer, if negative) stand there."""
        counted_reason = (reason or "") if status in HAS_REASON else ""
        counted_class = (retry_class or "") if status == MessageStatus.FAILED else ""
        self._counts[campaign_id, status, counted_reason, counted_class] += n
        if n > 0 and status in FINAL:
            self._flow[campaign_id, status] += n

    def write(self, now: int) -> None:
        """Apply the deltas, in one order everywhere so that two transactions can't wait for each other."""
        rows = sorted((*key, n) for key, n in self._counts.items() if n)
        execute_many(
            "INSERT INTO message_counts (campaign_id, status, failure_reason, retry_class, n) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (campaign_id, status, failure_reason, retry_class) "
            "DO UPDATE SET n = message_counts.n + excluded.n",
            rows,
        )
        bucket = now - now % FLOW_BUCKET
        execute_many(
            "INSERT INTO message_flow (campaign_id, bucket_at, status, n) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (campaign_id, bucket_at, status) DO UPDATE SET n = message_flow.n + excluded.n",
            sorted((campaign_id, bucket, status, n) for (campaign_id, status), n in self._flow.items()),
        )


def recount(campaign_id: int) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Where the counters of a campaign differ from its rows: {key: (counted, rows)}; empty when they agree.

    Call it inside a transaction or snapshot: both sides must be of one moment.
    """
    counted = {
        tuple(key): n
        for *key, n in select(
            "SELECT status, failure_reason, retry_class, n FROM message_counts WHERE campaign_id = ? AND n <> 0",
            campaign_id,
        )
    }
    rows = {
        tuple(key): n
        for *key, n in select(
            "SELECT status, CASE WHEN status IN ('failed', 'cancelled') THEN COALESCE(failure_reason, '') ELSE '' END, "
            "CASE WHEN status = 'failed' THEN COALESCE(retry_class, '') ELSE '' END, COUNT(*) "
            "FROM messages WHERE campaign_id = ? GROUP BY 1, 2, 3",
            campaign_id,
        )
    }
    return {
        (key[0], key[1], key[2]): (counted.get(key, 0), rows.get(key, 0))
        for key in counted.keys() | rows.keys()
        if counted.get(key, 0) != rows.get(key, 0)
    }

"""Figures of the whole installation, for `/metrics`: read from counters, so they cost the same at any size."""

from collections import defaultdict
from collections.abc import Mapping

from models.database import select
from models.words import Tally

Labels = tuple[str, ...]


def messages_by_status() -> dict[Labels, float]:
    """How many messages stand where: by channel, status, and the reason if they have one."""
    found = select(
        "SELECT c.channel, n.status, n.failure_reason, SUM(n.n) FROM message_counts n "
        "JOIN campaigns c ON c.id = n.campaign_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    return {(channel, status, reason): float(n) for channel, status, reason, n in found}


def oldest_queued(*, now: int) -> dict[Labels, float]:
    """By channel, for how many seconds the first in the line has been Queued; only where somebody is."""
    waits: dict[Labels, float] = {}
    for campaign_id, channel in select("SELECT id, channel FROM campaigns WHERE phase IN ('running', 'held')"):
        first = select(
            "SELECT COALESCE(queued_at, updated_at) FROM messages WHERE campaign_id = ? AND status = 'queued' "
            "ORDER BY id LIMIT 1",
            campaign_id,
        )
        for (since,) in first:
            waits[(channel,)] = max((now - since) / 1000, waits.get((channel,), 0.0))
    return waits


def tallies() -> Mapping[Tally, Mapping[Labels, int]]:
    """What was counted over the installation's whole life, by its labels."""
    found: dict[Tally, dict[Labels, int]] = defaultdict(dict)
    known = {tally.value for tally in Tally}
    for name, labels, n in select("SELECT name, labels, n FROM tallies ORDER BY name, labels"):
        if name in known:
            found[Tally(name)][tuple(labels.split(" "))] = n
    return found

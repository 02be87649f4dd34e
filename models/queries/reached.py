"""Who has had a message lately: recipients that another campaign of the channel reached within a day (SPEC 1)."""

from collections.abc import Sequence
from typing import Any

from models.addresses import FORGOTTEN
from models.database import marks, select
from models.queries.refusing import listed_key
from models.rules.timeouts import DAY
from models.tables.campaigns import IS_HOLDING
from models.words import REACHED, Channel, LeftOut

LATELY = DAY  # a promise to people, so TIME_SCALE does not shorten it
# Each campaign has its own arm: for several at once PostgreSQL rather reads the whole table. SQLite takes 500.
MOST_ARMS = 100


def count_reached(campaign_id: int, channel: Channel, *, since: int) -> int:
    """How many Waiting messages of the campaign go to somebody who was handed another one since then (epoch ms).

    Who opted out since the import is not among them: nothing goes to them.

    It reads the campaign's own rows and those of campaigns that ran since, each once, however many others there are:
    two lists are held against each other, where a look-up for each recipient would read the index anew 300,000 times.
    """
    others = _ran_since(campaign_id, since)
    if not others:
        return 0
    arms = [_reached(others[first::MOST_ARMS], since) for first in range(min(len(others), MOST_ARMS))]
    lists = " UNION ALL ".join(f"SELECT recipient_key FROM messages WHERE {condition}" for condition, _ in arms)
    found = select(
        "SELECT COUNT(*) FROM (SELECT recipient_key FROM messages WHERE campaign_id = ? AND status = 'waiting' "
        f"INTERSECT SELECT recipient_key FROM ({lists}) AS others "
        f"EXCEPT SELECT {listed_key()} FROM opt_outs WHERE channel = ? AND removed_at IS NULL) AS reached",
        campaign_id,
        *(value for _, values in arms for value in values),
        channel.value,
    )
    return int(found[0][0])


def reached_among(campaign_id: int, recipient_keys: Sequence[str], *, since: int) -> set[str]:
    """Those of `recipient_keys` that another campaign of the same channel handed a message since then (epoch ms)."""
    others = _ran_since(campaign_id, since)
    if not others or not recipient_keys:
        return set()
    condition, values = _reached(others, since)
    found = select(
        f"SELECT DISTINCT recipient_key FROM messages WHERE {condition} AND recipient_key IN ({marks(recipient_keys)})",
        *values,
        *recipient_keys,
    )
    return {key for (key,) in found}


def has_left_out(campaign_id: int) -> bool:
    """Whether a Resume sends to people who were left out at the run; who was forgotten is nobody to send to."""
    return bool(
        select(
            "SELECT 1 FROM messages WHERE campaign_id = ? AND failure_reason = ? AND recipient <> ? LIMIT 1",
            campaign_id,
            LeftOut.REACHED_LATELY.value,
            FORGOTTEN,
        )
    )


def _ran_since(campaign_id: int, since: int) -> list[int]:
    """The other campaigns of the channel that may have handed something over: a run's end is noted in `updated_at`."""
    found = select(
        "SELECT other.id FROM campaigns other JOIN campaigns mine ON mine.channel = other.channel "
        "WHERE mine.id = ? AND other.id <> mine.id AND other.started_at IS NOT NULL "
        f"AND (other.updated_at >= ? OR other.{IS_HOLDING})",
        campaign_id,
        since,
    )
    return [other_id for (other_id,) in found]


def _reached(campaign_ids: Sequence[int], since: int) -> tuple[str, list[Any]]:
    """What was just claimed has no `sent_at` yet; its status came with the claim."""
    condition = (
        f"campaign_id IN ({marks(campaign_ids)}) AND status IN ({marks(list(REACHED))}) "
        "AND COALESCE(sent_at, updated_at) >= ?"
    )
    return condition, [*campaign_ids, *sorted(REACHED), since]

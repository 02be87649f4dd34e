"""Reads for the retry plan: where the messages stand that it is about, what they take, and what retries were worth."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from models.database import marks, select
from models.errors import NotFoundError
from models.measuring import Measure
from models.queries.campaigns import counts_of
from models.queries.messages import where
from models.queries.refusing import forgotten_among, listed_among
from models.rules.criteria import Criteria
from models.rules.retry_plan import Group, Recovered, without
from models.tables import BulkMove, Campaign, Message
from models.tables.work import IS_OPEN
from models.words import RETRYABLE, Channel, MessageStatus, MoveKind

_PLACE = "status, COALESCE(failure_reason, ''), COALESCE(retry_class, '')"
_Place = tuple[str, str, str]


def groups_of(campaign: Campaign, criteria: Criteria, *, as_of_now: bool) -> list[Group]:
    """The messages that match by status, reason and class; those who refuse by now stand with the Opted Out.

    An email's whole campaign as of now costs its counters. Everything else costs the rows that match: counters know
    neither segments nor what came after an earlier cutoff.
    """
    whole = Criteria(criteria.statuses, cutoff_at=criteria.cutoff_at)
    if as_of_now and campaign.channel == Channel.EMAIL and criteria == whole:
        found = _counted(campaign.id, criteria)
    else:
        found = _matching(campaign, criteria)
    return without(found, refusing_among(campaign.id, Channel(campaign.channel), criteria))


def refusing_among(
    campaign_id: int, channel: Channel, criteria: Criteria, *, but_not: Sequence[Criteria] = ()
) -> list[Group]:
    """Of the messages that match and could be retried, those to whom nothing may be sent by now: their recipients
    opted out since, or were forgotten. It costs a look-up for each opt-out of the channel, whatever matches.
    """
    # Those picked by hand are found among the rows: SQLite would seek each of them for each opt-out.
    condition, values = where(campaign_id, replace(criteria, message_ids=()), but_not=but_not)
    row = f"id, {_PLACE}, segments"
    retryable = f"{condition} AND status IN ({marks(list(RETRYABLE))})"
    listed = listed_among(channel, row, retryable, [*values, *RETRYABLE])
    forgotten = forgotten_among(row, retryable, [*values, *RETRYABLE])
    picked = set(criteria.message_ids)
    segments: dict[_Place, list[int]] = defaultdict(list)
    for message_id, status, reason, retry_class, taken in (*listed, *forgotten):
        if not picked or message_id in picked:
            segments[status, reason, retry_class].append(taken or 0)
    return [Group(*place, len(taken), sum(taken)) for place, taken in segments.items()]


def _matching(campaign: Campaign, criteria: Criteria) -> list[Group]:
    query, values = groups_query(campaign.id, criteria)
    rows = select(query, *values)
    if campaign.channel == Channel.EMAIL:
        return [Group(*row[:4]) for row in rows]
    missing = _segments_missing(campaign, criteria) if any(n > known for *_, n, _, known in rows) else Counter()
    return [Group._make((*place, n, int(found or 0) + missing[tuple(place)])) for *place, n, found, _ in rows]


def groups_query(campaign_id: int, criteria: Criteria) -> tuple[str, list[object]]:
    """The query behind it, and its values: place, messages, their segments, how many segments are known."""
    condition, values = where(campaign_id, criteria)
    return (
        f"SELECT {_PLACE}, COUNT(*), SUM(segments), COUNT(segments) FROM messages WHERE {condition} GROUP BY 1, 2, 3",
        values,
    )


def recoveries_on(channel: Channel) -> dict[tuple[str, str], Recovered]:
    """What earlier retries on a channel were worth, by the reason and class of the failure."""
    rows = select("SELECT failure_reason, retry_class, retried, recovered FROM recoveries WHERE channel = ?", channel)
    return {(reason, retry_class): Recovered(*numbers) for reason, retry_class, *numbers in rows}


def set_of(stored: Mapping[str, Any]) -> Criteria:
    """What a retry's move is about; beside that it keeps which statuses it still has before it."""
    return Criteria.from_json({name: value for name, value in stored.items() if name != "left"})


def being_retried(campaign_id: int) -> list[Criteria]:
    """What retries that were confirmed are still about to queue, a set for each status."""
    open_retries = select(
        f"SELECT criteria FROM bulk_moves WHERE campaign_id = ? AND kind = ? AND {IS_OPEN}",
        campaign_id,
        MoveKind.RETRY.value,
    )
    sets = [set_of(BulkMove.criteria.python_value(stored)) for (stored,) in open_retries]
    return [one.for_status(status) for one in sets for status in one.statuses]


def require_plan(campaign_id: int, plan_id: int) -> None:
    """Raise NotFoundError unless the plan is one of the campaign's."""
    if not select("SELECT 1 FROM retry_plans WHERE id = ? AND campaign_id = ?", plan_id, campaign_id):
        raise NotFoundError("This retry plan is gone; open the dialog again.", campaign_id=campaign_id)


def _counted(campaign_id: int, criteria: Criteria) -> list[Group]:
    counts = counts_of(campaign_id)
    failed = [Group("failed", *failure, n) for failure, n in counts.failures.items()]
    others = [Group(status, "", "", counts[status]) for status in MessageStatus if status is not MessageStatus.FAILED]
    return [group for group in (*failed, *others) if group.n and group.status in criteria.statuses]


def _segments_missing(campaign: Campaign, criteria: Criteria) -> Counter[_Place]:
    """The segments of those whose answer was lost, and with it what it said of them: a few after a crash."""
    names = [field["name"] for field in campaign.fields]
    condition, values = where(campaign.id, criteria)
    measures: dict[Any, Measure] = defaultdict(lambda: Measure(campaign.body, names))
    for *place, stored in select(
        f"SELECT {_PLACE}, field_values FROM messages WHERE {condition} AND segments IS NULL", *values
    ):
        measures[tuple(place)].add([Message.field_values.python_value(stored)])
    return Counter({place: measure.segments for place, measure in measures.items()})

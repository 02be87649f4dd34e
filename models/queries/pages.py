"""Pages of messages: keyset paging both ways, so that any depth costs the same; and how many match."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from models.actors import Actor, Right
from models.addresses import mask
from models.database import indexed_by, select
from models.errors import NotFoundError
from models.queries.messages import where
from models.queries.walks import Walk, step, walk_of
from models.rules.counts import Counts
from models.rules.criteria import Criteria
from models.tables import Person
from models.words import MessageStatus

PAGE = 50  # rows of any list
COUNTED = 10_000  # beyond this many a figure says "10,000+"
LOOKED_AT = 2 * COUNTED  # rows of a search that are looked at for those within a filter
ANY = Walk()
_COLUMNS = (
    "id, recipient, status, failure_reason, retry_class, provider_code, provider_text, attempt, "
    "field_values, updated_at, move_ids"
)


@dataclass(frozen=True)
class Row:
    """A message as tables show it; `values` stand in the order of its campaign's fields, `move_ids` as stored."""

    id: int
    recipient: str
    status: MessageStatus
    failure_reason: str | None
    retry_class: str | None
    provider_code: str | None
    provider_text: str | None
    attempts: int
    values: tuple[str, ...]
    updated_at: int
    move_ids: str


@dataclass(frozen=True)
class Page:
    """Some rows in the order of their ids, and whether there are others before and after them."""

    rows: tuple[Row, ...]
    before: bool
    after: bool


@dataclass(frozen=True)
class Total:
    """How many match; at least so many if not `exact`."""

    n: int
    exact: bool = True


def page_of_messages(
    campaign_id: int,
    criteria: Criteria,
    *,
    walk: Walk = ANY,
    after: int | None = None,
    before: int | None = None,
    size: int = PAGE,
) -> Page:
    """The page that begins after the message `after`, or ends before the message `before`, or the first one."""
    if before is not None:
        rows, more = _rows(campaign_id, criteria, walk, before, backwards=True, size=size)
        return Page(tuple(reversed(rows)), before=more, after=True)
    rows, more = _rows(campaign_id, criteria, walk, after, size=size)
    return Page(tuple(rows), before=after is not None, after=more)


def seen_by(row: Row, actor: Actor) -> Row:
    """The message as this actor may see it."""
    if actor.may(Right.SEE_RECIPIENTS):
        return row
    return replace(row, recipient=mask(row.recipient), values=(), provider_text=None)


def message_of(campaign_id: int, message_id: int) -> Row:
    """One message; raises NotFoundError when it is not one of the campaign's."""
    found = page_of_messages(campaign_id, Criteria(message_ids=(message_id,)), size=1).rows
    if not found:
        raise NotFoundError(f"There is no message {message_id} in this campaign.", campaign_id=campaign_id)
    return found[0]


def contact_at(campaign_id: int, place: int) -> Row | None:
    """The contact at a place, from 0, in the order of the file; None beyond the end."""
    found = select(
        f"SELECT {_COLUMNS} FROM messages WHERE id = "
        "(SELECT id FROM messages WHERE campaign_id = ? ORDER BY id LIMIT 1 OFFSET ?)",
        campaign_id,
        place,
    )
    return _row(found[0]) if found else None


def exactly(campaign_id: int, recipient_key: str) -> Criteria:
    """What matches this recipient and nothing else.

    People come here by `models.operations.seeking`, which bounds how many somebody looks for.
    """
    found = select(
        "SELECT id FROM messages WHERE campaign_id = ? AND recipient_key = ?",
        campaign_id,
        recipient_key,
    )
    return Criteria(message_ids=tuple(row[0] for row in found) or (0,))


def total_of(campaign_id: int, criteria: Criteria, counts: Counts) -> Total:
    """How many match: from the counters where these know it, else counted up to a limit."""
    if criteria.search or criteria.message_ids or criteria.retry_classes or criteria.cutoff_at is not None:
        walk = walk_of(criteria, counts)
        counted = _counted_within if walk.searches and (criteria.statuses or criteria.reasons) else _counted
        return counted(campaign_id, criteria, walk)
    if criteria.reasons:
        return Total(counts.with_reasons(criteria.reasons, criteria.statuses))
    return Total(sum(counts[status] for status in criteria.statuses) if criteria.statuses else counts.total)


def names_of(person_ids: Sequence[int | None]) -> Mapping[int, str]:
    """The names of people, removed ones included."""
    wanted = sorted({person_id for person_id in person_ids if person_id is not None})
    if not wanted:
        return {}
    return {person.id: person.name for person in Person.select(Person.id, Person.name).where(Person.id.in_(wanted))}


def _counted(campaign_id: int, criteria: Criteria, walk: Walk) -> Total:
    condition, values = where(campaign_id, criteria)
    found = select(
        f"SELECT COUNT(*) FROM (SELECT 1 FROM messages{indexed_by(walk.index)} WHERE {condition} "
        f"LIMIT {COUNTED + 1}) AS matching",
        *values,
    )
    n = int(found[0][0])
    return Total(min(n, COUNTED), exact=n <= COUNTED)


def _counted_within(campaign_id: int, criteria: Criteria, walk: Walk) -> Total:
    """A search within a large filter, counted among the first so many that the search alone finds."""
    searched, values = where(campaign_id, replace(criteria, statuses=(), reasons=()))
    within, wanted = where(campaign_id, replace(criteria, search=""))
    looked_at, n = select(
        f"SELECT COUNT(*), COUNT(CASE WHEN {within} THEN 1 END) FROM (SELECT campaign_id, status, failure_reason "
        f"FROM messages{indexed_by(walk.index)} WHERE {searched} LIMIT {LOOKED_AT + 1}) AS looked_at",
        *wanted,
        *values,
    )[0]
    return Total(min(n, COUNTED), exact=looked_at <= LOOKED_AT and n <= COUNTED)


def _rows(
    campaign_id: int, criteria: Criteria, walk: Walk, beyond: int | None, *, size: int, backwards: bool = False
) -> tuple[list[Row], bool]:
    """Up to `size` rows beyond a message, and whether there are more."""
    part = step(walk, campaign_id, criteria, beyond=beyond, backwards=backwards)
    found = select(
        f"SELECT {_COLUMNS} FROM messages{indexed_by(walk.index)} WHERE {part.condition} ORDER BY {part.order} "
        f"LIMIT {size + 1}",
        *part.values,
    )
    return [_row(row) for row in found[:size]], len(found) > size


def _row(found: tuple[Any, ...]) -> Row:
    message_id, recipient, status, reason, retry_class, code, text, attempts, values, *rest = found
    return Row(
        message_id,
        recipient,
        MessageStatus(status),
        reason,
        retry_class,
        code,
        text,
        attempts,
        tuple(json.loads(values)),
        *rest,
    )

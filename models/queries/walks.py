"""How a page of messages is found: by a walk along one index from where the last page ended.

A walk costs the rows that it passes, so any depth costs the same, and a search none but those that match. Only a
search within a filter passes others; the shorter of both walks is taken, and `models.queries.pages` counts no
further than a limit.
"""

from dataclasses import dataclass, replace

from models.database import pinned, select
from models.queries.messages import LAST_CHARACTER, RECIPIENT, as_stored, where
from models.rules.counts import Counts
from models.rules.criteria import Criteria
from models.words import MessageStatus

FEW = 10_000  # so many rows of a filter are looked through rather than all that a search finds
BY_ID = "id"
_INDEXES = {
    RECIPIENT: "messages_recipient",
    "search_1": "messages_search_1",
    "search_2": "messages_search_2",
    "search_3": "messages_search_3",
}


@dataclass(frozen=True)
class Walk:
    """An index ('' leaves the choice to the engine), and the column that its rows are in the order of."""

    index: str = ""
    column: str = BY_ID
    descending: bool = False

    @property
    def searches(self) -> bool:
        """Whether it passes what a search finds, rather than what a filter leaves."""
        return self.index in _INDEXES.values()


@dataclass(frozen=True)
class Step:
    """One page's part of a walk: its condition with the values, and the order of its rows."""

    condition: str
    values: list[object]
    order: str


def walk_of(criteria: Criteria, counts: Counts, *, sort: str = "") -> Walk:
    """The walk along the index that carries these criteria.

    `sort`, `recipient` or `-recipient`, is heeded where an index has that order: without a filter or exact search.
    """
    if criteria.message_ids or (criteria.search and not criteria.search_in):
        return Walk()
    filtered = _filtered(criteria, counts)
    if criteria.search and (filtered is None or filtered > FEW):
        exact = criteria.search.startswith("=")
        return Walk(_INDEXES[criteria.search_in], BY_ID if exact else criteria.search_in, sort.startswith("-"))
    if criteria.reasons:
        return Walk("messages_failure")
    if criteria.statuses:
        return Walk("messages_status")
    return Walk(_INDEXES[RECIPIENT], RECIPIENT, sort.startswith("-")) if sort else Walk("messages_page")


def step(
    walk: Walk, campaign_id: int, criteria: Criteria, *, beyond: int | None = None, backwards: bool = False
) -> Step:
    """The part of a walk that begins beyond a message, or with `backwards` the one that ends before it."""
    start = _start(walk, criteria)
    besides = criteria if start is None else replace(criteria, search="")
    condition, values = where(campaign_id, besides, campaign=pinned("campaign_id"))
    down = walk.descending is not backwards
    bounds = _bounds(walk, start, _edge(walk, campaign_id, beyond, start or ""), down=down)
    way = " DESC" if down else ""
    return Step(
        " AND ".join([condition, *(bound for bound, _ in bounds)]),
        [*values, *(value for _, found in bounds for value in found)],
        ", ".join(f"{column}{way}" for column in dict.fromkeys(("campaign_id", walk.column, BY_ID))),
    )


def _filtered(criteria: Criteria, counts: Counts) -> int | None:
    """How many messages the filter leaves, None without one."""
    if criteria.reasons:
        return counts.with_reasons(criteria.reasons)
    return sum(counts[MessageStatus(status)] for status in criteria.statuses) if criteria.statuses else None


def _start(walk: Walk, criteria: Criteria) -> str | None:
    """Where a search by beginning starts, when the walk is in its column's order; else None."""
    if walk.column == BY_ID or not criteria.search or criteria.search.startswith("*"):
        return None
    return as_stored(walk.column, criteria.search)


def _edge(walk: Walk, campaign_id: int, message_id: int | None, start: str) -> tuple[object, ...]:
    """Where the walk goes on: the message's place in the order; empty without one that is part of the walk."""
    if message_id is None or walk.column == BY_ID:
        return () if message_id is None else (message_id,)
    found = select(
        f"SELECT {walk.column}, id FROM messages WHERE id = ? AND campaign_id = ?",
        message_id,
        campaign_id,
    )
    return found[0] if found and (found[0][0] or "").startswith(start) else ()


def _bounds(walk: Walk, start: str | None, edge: tuple[object, ...], *, down: bool) -> list[tuple[str, list[object]]]:
    """Both ends of the walk. There is one condition to each: of two an engine may take the one that skips less."""
    beyond = "<" if down else ">"
    place = walk.column if len(edge) == 1 else f"({walk.column}, id)"
    bounds: list[tuple[str, list[object]]] = []
    if edge:
        bounds.append((f"{place} {beyond} ({', '.join('?' * len(edge))})", [*edge]))
    if start is not None and (down or not edge):
        bounds.append((f"{walk.column} >= ?", [start]))
    if start is not None and not (down and edge):
        bounds.append((f"{walk.column} < ?", [start + LAST_CHARACTER]))
    return bounds

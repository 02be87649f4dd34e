"""Pages along indexes: every match once, in order, both ways, from any edge; and totals that say what they know."""

from typing import Any

import pytest

from models.database import insert_many, select, transaction
from models.operations.counters import Deltas
from models.queries import pages
from models.queries.campaigns import counts_of
from models.queries.messages import count
from models.queries.pages import page_of_messages, total_of
from models.queries.walks import FEW, Walk, walk_of
from models.rules.criteria import Criteria
from models.tables import Campaign
from tests.factories import NOW, make_campaign, make_draft

pytestmark = [pytest.mark.usefixtures("installation"), pytest.mark.both_engines]
TOWNS = ("Northbank", "Old Harbour", "NORTHBANK", "Éire")
RECIPIENT, TOWN = "recipient_key", "search_1"


@pytest.fixture
def campaign_id() -> int:
    """A campaign of 60 whose numbers are in no order, every third failed, with a searchable town."""
    made = make_draft(name="Towns")
    Campaign.update(fields=[{"name": "town", "searchable": True}]).where(Campaign.id == made).execute()
    with transaction():
        deltas = Deltas()
        insert_many(
            "messages",
            ("campaign_id", "recipient", "recipient_key", "search_1", "status", "failure_reason", "updated_at"),
            [row_of(made, n) for n in range(60)],
        )
        deltas.add(made, "failed", "blocked", None, 10)
        deltas.add(made, "failed", "expired", None, 10)
        deltas.add(made, "waiting", None, None, 40)
        deltas.write(NOW)
    make_campaign(messages=[f"+1415556{n:04}" for n in range(60)])  # the same people elsewhere
    return made


def row_of(campaign_id: int, n: int) -> tuple[object, ...]:
    recipient = f"+1415556{n * 37 % 60:04}"
    failed = n % 3 == 0
    reason = ("blocked" if n % 2 else "expired") if failed else None
    status = "failed" if failed else "waiting"
    return (campaign_id, recipient, recipient, TOWNS[n % 4].casefold(), status, reason, NOW)


FILTERS: list[dict[str, Any]] = [{}, {"statuses": ("failed",)}, {"statuses": ("failed",), "reasons": ("blocked",)}]
SEARCHES: list[dict[str, Any]] = [
    {},
    {"search": "+1415556000", "search_in": RECIPIENT},
    {"search": "=+14155560007", "search_in": RECIPIENT},
    {"search": "*5560", "search_in": RECIPIENT},
    {"search": "north", "search_in": TOWN},
    {"search": "=NorthBank", "search_in": TOWN},
    {"search": "*bank", "search_in": TOWN},
    {"search": "é", "search_in": TOWN},
]
CHOICES = [{**one, **other} for one in FILTERS for other in SEARCHES]


@pytest.fixture(params=[0, FEW], ids=["every filter large", "every filter small"])
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """From how many on a filter is large, so that both ways through a search within a filter are gone."""
    monkeypatch.setattr("models.queries.walks.FEW", request.param)
    return int(request.param)


@pytest.mark.parametrize("sort", ["", "recipient", "-recipient"])
def test_pages_both_ways_show_every_match_once_in_order(few: int, campaign_id: int, sort: str) -> None:
    for choice in CHOICES:
        criteria = Criteria(**choice)
        walk = walk_of(criteria, counts_of(campaign_id), sort=sort)
        forwards, backwards = turned(campaign_id, criteria, walk, size=7)
        assert forwards == backwards, choice
        assert forwards == in_order(forwards, walk), choice
        assert sorted(forwards) == matching(campaign_id, criteria), choice


def turned(campaign_id: int, criteria: Criteria, walk: Walk, *, size: int) -> tuple[list[int], list[int]]:
    """The ids of all pages turned to the end, and back."""
    page = page_of_messages(campaign_id, criteria, walk=walk, size=size)
    forwards = [page]
    while page.after:
        page = page_of_messages(campaign_id, criteria, walk=walk, after=page.rows[-1].id, size=size)
        forwards.append(page)
    backwards = [page]
    while page.before:
        page = page_of_messages(campaign_id, criteria, walk=walk, before=page.rows[0].id, size=size)
        backwards.append(page)
    return (
        [row.id for page in forwards for row in page.rows],
        [row.id for page in reversed(backwards) for row in page.rows],
    )


def in_order(ids: list[int], walk: Walk) -> list[int]:
    """The ids in the order of the walk's column, ids among equals."""
    keys = {row[0]: row[1] for row in select(f"SELECT id, {walk.column} FROM messages")}
    return sorted(ids, key=lambda id_: (keys[id_], id_), reverse=walk.descending)


def matching(campaign_id: int, criteria: Criteria) -> list[int]:
    """What matches, found by looking at every row."""

    def fits(row: tuple[Any, ...]) -> bool:
        _, status, reason, recipient, town = row
        value = recipient if criteria.search_in == RECIPIENT else town
        text = criteria.search.lstrip("=*").casefold()
        found = {"=": value == text, "*": text in value}.get(criteria.search[:1], value.startswith(text))
        filtered = status in (criteria.statuses or (status,)) and reason in (criteria.reasons or (reason,))
        return filtered and (found or not criteria.search)

    rows = select(
        "SELECT id, status, failure_reason, recipient_key, search_1 FROM messages WHERE campaign_id = ? ORDER BY id",
        campaign_id,
    )
    return [row[0] for row in rows if fits(row)]


def test_total_is_what_matches(few: int, campaign_id: int) -> None:
    for choice in CHOICES:
        criteria = Criteria(**choice)
        total = total_of(campaign_id, criteria, counts_of(campaign_id))
        assert total.exact
        assert total.n == len(matching(campaign_id, criteria)) == count(campaign_id, criteria), choice


def test_total_says_at_least_what_was_seen_within_its_limits(campaign_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.queries.walks.FEW", 0)
    monkeypatch.setattr(pages, "LOOKED_AT", 9)
    monkeypatch.setattr(pages, "COUNTED", 5)
    counts = counts_of(campaign_id)
    found = total_of(campaign_id, Criteria(search="+1", search_in=RECIPIENT), counts)
    assert (found.n, found.exact) == (5, False)
    within = total_of(campaign_id, Criteria(("failed",), search="+1", search_in=RECIPIENT), counts)
    assert within.n <= 5
    assert not within.exact


@pytest.mark.parametrize("typed", ["+1 415 556-0007", "+1 (415) 556 0007", "+1.415.556.0007"])
@pytest.mark.parametrize("mark", ["", "=", "*"])
def test_number_is_found_however_it_is_spaced(campaign_id: int, typed: str, mark: str) -> None:
    criteria = Criteria(search=mark + typed, search_in=RECIPIENT)
    assert [row.recipient for row in page_of_messages(campaign_id, criteria).rows] == ["+14155560007"]


@pytest.mark.parametrize("edge", ["after", "before"])
def test_edge_that_is_no_part_of_the_walk_is_as_none(campaign_id: int, edge: str) -> None:
    criteria = Criteria(search="+1415556000", search_in=RECIPIENT)
    walk = walk_of(criteria, counts_of(campaign_id))
    (foreign,) = select("SELECT MAX(id) FROM messages")[0]
    outside = select("SELECT id FROM messages WHERE campaign_id = ? AND recipient_key = '+14155560011'", campaign_id)[
        0
    ][0]
    for message_id in (foreign, outside, 2**63 - 1):
        page = page_of_messages(campaign_id, criteria, walk=walk, **{edge: message_id})
        assert len(page.rows) == 10

"""Large campaigns, written at once: for plans, for rows read, and for measuring. And what is asked of their table."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models.database import execute, insert_many, on_sqlite, select, transaction
from models.operations.counters import Deltas
from models.tables import Campaign
from tests.factories import NOW, make_draft

FIELDS = ("first_name", "town", "case_id", "street", "note")
TOWNS = 200  # as many different ones, so that each is common
Shares = Sequence[tuple[str, str | None, str | None, int]]
# What of ten thousand stands where; the rest is delivered.
SHARES: Shares = (
    ("failed", "unreachable", "likely", 600),
    ("failed", "invalid_recipient", "pointless", 300),
    ("failed", "mailbox_full", "likely", 2),
    ("opted_out", None, None, 200),
    ("assumed_delivered", None, None, 1500),
    ("cancelled", None, None, 900),
    ("unconfirmed", None, None, 3),
)
# In a small campaign it takes more of each to fill a page, and fewer towns.
SMALL_SHARES: Shares = (
    ("failed", "unreachable", "likely", 2500),
    ("failed", "invalid_recipient", "pointless", 1500),
    ("failed", "mailbox_full", "likely", 800),
    ("opted_out", None, None, 500),
    ("assumed_delivered", None, None, 800),
    ("cancelled", None, None, 800),
    ("unconfirmed", None, None, 800),
)
SMALL, SMALL_TOWNS, SMALL_DEPTH = 10_000, 8, 50
BY_FILE = "id"
# What a page of fifty may pass: its rows, or SQLite's own steps, some twenty to each of them.
PAGE_ROWS, PAGE_STEPS = 60, 2_500
COLUMNS = (
    "campaign_id",
    "recipient",
    "recipient_key",
    "field_values",
    "search_1",
    "search_2",
    "status",
    "failure_reason",
    "retry_class",
    "updated_at",
)


@dataclass(frozen=True)
class Look:
    """What somebody asks of the table: the address' query, and how deep in its pages, of 100."""

    name: str
    query: str
    depth: int = 0


# Each is asked of the large campaign and of the small one; `{number}` is a recipient that both have.
LOOKS = (
    Look("all, first page", ""),
    Look("all, 90 % deep", "", 90),
    Look("failed", "status=failed"),
    Look("failed, deep", "status=failed", 90),
    Look("few unconfirmed", "status=unconfirmed"),
    Look("reason", "reason=unreachable"),
    Look("reason, deep", "reason=unreachable", 90),
    Look("rare reason", "reason=mailbox_full"),
    Look("by recipient", "sort=recipient"),
    Look("by recipient, backwards, deep", "sort=-recipient", 90),
    Look("recipient is", "q={number}&match=exact"),
    Look("recipient is nobody", "q=%2B19998887777&match=exact"),
    Look("recipient starts with, all do", "q=%2B1"),
    Look("recipient starts with, all do, deep", "q=%2B1", 90),
    Look("recipient starts with, few do", "q={start}"),
    Look("town is", "in=1&q=town+7&match=exact"),
    Look("town is, deep", "in=1&q=town+7&match=exact", 60),
    Look("town starts with", "in=1&q=town+1"),
    Look("town starts with, deep", "in=1&q=town+1", 90),
    Look("case starts with", "in=2&q=st-0000"),
)
# A search within a filter passes what only one of both finds; a part of a recipient can be anywhere.
WITHIN = (
    Look("failed, recipient starts with, all do", "status=failed&q=%2B1"),
    Look("delivered, recipient starts with, few do", "status=delivered&q={start}"),
    Look("failed, town is", "status=failed&in=1&q=town+7&match=exact"),
)
CONTAINS = (
    Look("recipient contains, many do", "q=415&match=contains"),
    Look("recipient contains, one does", "q={end}&match=contains"),
    Look("recipient contains, nobody's does", "q=987987987&match=contains"),
    Look("failed, recipient contains", "status=failed&q={end}&match=contains"),
)


def make_large(messages: int, shares: Shares | None = None) -> int:
    """A campaign that was run to its end, its numbers in no order; returns its id."""
    campaign_id = make_draft()
    fields = [{"name": name, "searchable": name in {"town", "case_id"}} for name in FIELDS]
    Campaign.update(fields=fields, phase="ended", started_at=NOW, run_at=NOW, ended_at=NOW).where(
        Campaign.id == campaign_id
    ).execute()
    counted: Counter[tuple[Any, ...]] = Counter()
    with transaction():
        insert_many("messages", COLUMNS, _rows(campaign_id, messages, shares or _shares(messages), counted))
        deltas = Deltas()
        for place, n in counted.items():
            status, reason, retry_class = place
            deltas.add(campaign_id, status, reason, retry_class, n)
        deltas.write(NOW)
    return campaign_id


def page_limit() -> int:
    """What `rows_passed` may be for a page that passes no more than it shows."""
    return PAGE_STEPS if on_sqlite() else PAGE_ROWS


def analyse() -> None:
    """Statistics, as PostgreSQL's own housekeeping makes them after an import; SQLite keeps none."""
    if not on_sqlite():
        execute("ANALYZE")


def address_of(look: Look, campaign_id: int) -> str:
    """The page's address, with a recipient of the campaign where the look asks for one, and at its depth."""
    (number,) = select("SELECT recipient FROM messages WHERE campaign_id = ? ORDER BY id LIMIT 1", campaign_id)[0]
    quoted = number.replace("+", "%2B")
    query = look.query.format(number=quoted, start=quoted[:-2], end=number[-7:])
    return f"/campaigns/{campaign_id}/?{query}{_edge(look, campaign_id) if look.depth else ''}"


def _edge(look: Look, campaign_id: int) -> str:
    """Where the page begins that is as deep as the look says."""
    order = "recipient_key DESC" if "sort=-" in look.query else "recipient_key" if "q=%2B" in look.query else BY_FILE
    (messages,) = select("SELECT COUNT(*) FROM messages WHERE campaign_id = ?", campaign_id)[0]
    found = select(
        f"SELECT id FROM messages WHERE campaign_id = ? ORDER BY {order} LIMIT 1 OFFSET ?",
        campaign_id,
        messages * (min(look.depth, SMALL_DEPTH) if messages < SMALL else look.depth) // 100,
    )
    return f"&after={found[0][0]}"


def _shares(messages: int) -> Shares:
    return SMALL_SHARES if messages < SMALL else SHARES


def _rows(
    campaign_id: int, messages: int, shares: Shares, counted: Counter[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    towns = SMALL_TOWNS if messages < SMALL else TOWNS
    places = [place[:3] for place in shares for _ in range(place[3])]
    for n in range(messages):
        recipient = f"+1415{n * 7_919 % 10_000_000:07}"  # a prime: no two are the same, and none follow each other
        at = n * 3_571 % 10_000
        place = places[at] if at < len(places) else ("delivered", None, None)
        counted[place] += 1
        town, case = f"Town {n * 31 % towns}", f"ST-{n:07}"
        values = f'["Vera {n}", "{town}", "{case}", "{n} High Street", ""]'
        yield (campaign_id, recipient, recipient, values, town.lower(), case.lower(), *place, NOW)

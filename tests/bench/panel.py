"""The messages table: pages of a campaign of 300,000 among a million messages, against the same at 1,000."""

import html
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from admin.wsgi import create_app
from models.actors import COMMAND_LINE, Actor
from models.clock import now_ms
from models.config import current
from models.database import checkpoint
from models.operations import people
from models.words import Role, Surface
from tests import engines
from tests.bench.campaign import ENGINES, installation
from tests.bench.tables import Table
from tests.integration.panel import Visitor
from tests.integration.plans import noted_statements, rows_passed
from tests.large import CONTAINS, LOOKS, WITHIN, Look, address_of, analyse, make_large, page_limit

SMALL, LARGE, OTHERS = 1_000, 300_000, 7 * (100_000,)
ROUNDS = 20
ANSWERED = {200, 286}  # the second tells a page to ask no more


def measure(*, quick: bool) -> Table:
    """The table of DESIGN 6 for the messages page and the progress panel."""
    scale = 10 if quick else 1
    table = Table(
        f"Panel: answers of the web process at {LARGE // scale:,} messages of {(LARGE + sum(OTHERS)) // scale:,}",
        ("engine", "look", f"at {SMALL:,}", f"at {LARGE // scale:,}", "ratio", "rows or steps of the page", "goal"),
    )
    for engine in ENGINES:
        with _panel(engine, scale) as (panel, small, large):
            for look in (*LOOKS, *WITHIN, *CONTAINS):
                goal = "0.3 s" if look in CONTAINS else "50 ms, 2 ×"
                table.add(
                    engine,
                    look.name,
                    *_waits(panel, [address_of(look, one) for one in (small, large)]),
                    _passed(panel, look, large),
                    goal,
                )
            progress = [_polled(panel, campaign_id) for campaign_id in (small, large)]
            table.add(engine, "progress panel", *_waits(panel, progress), "–", "5 ms")
    table.notes.append(
        f"The fastest of {ROUNDS}, rendering included. Steps are SQLite's own, some twenty to a row of the page."
    )
    return table


@contextmanager
def _panel(engine: str, scale: int) -> Iterator[tuple[Visitor, int, int]]:
    """The panel as Ben has it, and the ids of the small and of the large campaign."""
    with installation(engine, {"LOG_LEVEL": "WARNING"}):
        small = make_large(SMALL)
        for messages in OTHERS:
            make_large(messages // scale)
        large = make_large(LARGE // scale)
        checkpoint()
        analyse()
        engines.let_go()  # the application connects anew
        yield panel_of(), small, large


def panel_of() -> Visitor:
    """The open installation's panel as Ben has it."""
    person_id = people.create_person(
        email="ben@example.com", name="Ben", role=Role.CAMPAIGNER, actor=COMMAND_LINE, now=now_ms()
    )
    return Visitor(create_app(current())).sign_in(Actor(person_id, "Ben", Role.CAMPAIGNER, Surface.PANEL))


def _waits(panel: Visitor, paths: list[str]) -> list[str]:
    """How long either answer takes, asked for in turns so that noise meets both; and the ratio."""
    seconds: list[list[float]] = [[] for _ in paths]
    for _ in range(ROUNDS):
        for path, waited in zip(paths, seconds, strict=True):
            since = time.perf_counter()
            assert panel.get(path).status_code in ANSWERED
            waited.append(time.perf_counter() - since)
    waits = [min(waited) for waited in seconds]  # what it costs without what the machine does besides
    return [*(f"{wait * 1000:.1f} ms" for wait in waits), f"{waits[1] / waits[0]:.2f}"]


def _polled(panel: Visitor, campaign_id: int) -> str:
    """The address by which an open page asks how far the campaign is."""
    found = re.search(r'hx-get="(/campaigns/[0-9]+/progress[^"]*)"', panel.get(f"/campaigns/{campaign_id}/").text)
    assert found
    return html.unescape(found[1])


def _passed(panel: Visitor, look: Look, campaign_id: int) -> int:
    """What the page's own query passes; a walk along an index passes what it shows, whatever the size."""
    address = address_of(look, campaign_id)
    with noted_statements() as noted:
        panel.get(address)
    page = next(statement for statement in noted if "FROM messages" in statement[0] and "LIMIT" in statement[0])
    passed = rows_passed(page)
    assert look not in LOOKS or passed <= page_limit(), (look, passed)
    return passed

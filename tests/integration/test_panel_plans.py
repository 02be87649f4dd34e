"""What the messages table reads: as much in a large campaign as in a small one, at any depth, on both engines."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from admin.wsgi import create_app
from models import hints
from models.actors import Actor
from models.config import Config
from models.database import execute, on_sqlite, select, transaction
from models.queries.campaigns import summary_of
from models.queries.progress import LOOKED_AT, progress_of
from models.queries.walks import FEW
from models.rules.counts import Counts
from tests import engines
from tests.factories import NOW
from tests.integration.panel import Visitor
from tests.integration.plans import Statement, noted_statements, plan_of, rows_passed
from tests.large import CONTAINS, LOOKS, WITHIN, Look, address_of, analyse, make_large, page_limit

pytestmark = pytest.mark.both_engines
SMALL, LARGE, OTHERS = 1_000, 24_000, (12_000, 12_000)


@pytest.fixture
def app(installation: Config) -> Iterator[Flask]:
    engines.let_go()  # the application connects anew
    yield create_app(installation)
    hints.send_to(lambda _work, _subject_id: None)


@pytest.fixture
def large() -> int:
    """A large campaign among others; there is a small one too."""
    make_large(SMALL)
    for messages in OTHERS:
        make_large(messages)
    made = make_large(LARGE)
    analyse()
    return made


def asked(panel: Visitor, campaign_id: int, look: Look) -> list[Statement]:
    """What a look at the table asks of the messages: their page, and how many there are."""
    address = address_of(look, campaign_id)
    with noted_statements() as noted:
        answer = panel.get(address)
    assert answer.status_code == 200
    return [statement for statement in noted if "FROM messages" in statement[0] and "LIMIT" in statement[0]]


def test_every_page_passes_no_more_than_it_shows(app: Flask, ben: Actor, large: int) -> None:
    panel, wrong = Visitor(app).sign_in(ben), []
    for look in LOOKS:
        page = asked(panel, large, look)[0]
        if (passed := rows_passed(page)) > page_limit():
            wrong.append((look.name, passed, plan_of(page)))
    assert wrong == []


def test_search_within_a_filter_passes_the_fewer(app: Flask, ben: Actor, large: int) -> None:
    panel = Visitor(app).sign_in(ben)
    for look in WITHIN:
        page = asked(panel, large, look)[0]
        assert rows_passed(page) < FEW * (20 if on_sqlite() else 1), look.name


def test_search_for_a_part_of_a_recipient_passes_an_index_once(app: Flask, ben: Actor, large: int) -> None:
    panel = Visitor(app).sign_in(ben)
    for look in CONTAINS[:3]:
        page, *counting = asked(panel, large, look)
        assert "messages_recipient" in plan_of(page) or not on_sqlite(), look.name
        assert len(counting) == (look is CONTAINS[0]), "what a page shows whole is not counted again"


def test_latest_end_of_what_is_waited_for_is_found_among_few(app: Flask, large: int) -> None:
    with transaction():
        last = select("SELECT MAX(id) FROM messages WHERE campaign_id = ?", large)[0][0]
        execute("UPDATE messages SET status = 'sending' WHERE id > ?", last - LOOKED_AT)
    analyse()
    read: list[Statement] = []
    for sending in (LOOKED_AT, LOOKED_AT + 1):
        with noted_statements() as noted:
            progress_of(replace(summary_of(large), counts=Counts({"sending": sending})), now=NOW)
        read += [statement for statement in noted if "FROM messages" in statement[0]]
    (statement,) = read  # more are not looked at
    assert rows_passed(statement) <= LOOKED_AT * (20 if on_sqlite() else 1)

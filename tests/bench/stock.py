"""What Flask-Admin gives without a line of one's own, over the same table: its pages, its search and its export."""

import time
from collections.abc import Callable
from functools import partial
from io import BytesIO

from flask import Flask
from flask.testing import FlaskClient
from flask_admin import Admin
from flask_admin.contrib.peewee import ModelView

from models.clock import now_ms
from models.operations.snapshots import write_export
from models.rules.criteria import Criteria
from models.tables import Message
from tests import engines
from tests.bench.campaign import installation
from tests.bench.panel import SMALL, panel_of
from tests.bench.tables import Table
from tests.large import CONTAINS, LOOKS, address_of, make_large

MESSAGES = 300_000
ROUNDS = 5
PAGE = 50
LOOKED_AT = ("all, first page", "all, 90 % deep", "recipient contains, one does")


class StockView(ModelView):  # type: ignore[misc]  # Flask-Admin's peewee part has no types
    """The messages table as Flask-Admin makes it of a model."""

    can_export = True
    export_max_rows = 0  # no limit
    page_size = PAGE
    column_list = ("id", "recipient", "status", "failure_reason", "attempt", "updated_at", "field_values")
    column_searchable_list = ("recipient",)
    form_columns = ("recipient", "status")


def measure(*, quick: bool) -> Table:
    """Pages and export of the stock view and of ours, side by side."""
    messages = MESSAGES // (10 if quick else 1)
    table = Table(
        f"Stock Flask-Admin and Signalbox's panel, {messages:,} messages, SQLite",
        ("work", "stock", "Signalbox", "times as fast"),
    )
    with installation(engines.SQLITE, {"LOG_LEVEL": "WARNING"}):
        make_large(SMALL)
        campaign_id = make_large(messages)
        engines.let_go()
        theirs, ours = _stock(), panel_of()
        deep, (number,) = messages * 90 // 100 // PAGE, Message.select(Message.recipient).tuples().first()
        asked = ("", f"?page={deep}", f"?search={number[-7:]}")
        looks = {look.name: look for look in (*LOOKS, *CONTAINS)}
        for name, query in zip(LOOKED_AT, asked, strict=True):
            address = address_of(looks[name], campaign_id)
            _add(table, name, partial(_got, theirs, query), partial(ours.get, address))
        _add(table, "export", partial(_got, theirs, "export/csv/"), partial(_export, campaign_id), rounds=1)
    table.notes.append(
        f"The fastest of {ROUNDS}, without a network; the export once, whole. The stock page has no counts by status."
    )
    return table


def _stock() -> FlaskClient:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = engines.SECRET
    Admin(app).add_view(StockView(Message, endpoint="messages"))
    return app.test_client()


def _got(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/admin/messages/{query}")
    assert answer.status_code == 200, answer.status_code
    assert answer.data


def _export(campaign_id: int) -> None:
    write_export(campaign_id, Criteria(), BytesIO(), clock=now_ms)


def _add(
    table: Table, name: str, theirs: Callable[[], object], ours: Callable[[], object], *, rounds: int = ROUNDS
) -> None:
    waits = [min(_seconds(work) for _ in range(rounds)) for work in (theirs, ours)]
    table.add(name, *(f"{wait * 1000:,.0f} ms" for wait in waits), f"{waits[0] / waits[1]:.1f}")


def _seconds(work: Callable[[], object]) -> float:
    since = time.perf_counter()
    work()
    return time.perf_counter() - since

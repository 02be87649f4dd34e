"""What holds for every page of recipients and administration: its own template, nothing inline, nothing run."""

import re

import flask
import pytest
from flask import Flask

from models.actors import Actor
from models.database import execute
from models.operations.optouts import opt_out
from models.words import Channel
from tests.factories import NOW, make_campaign, rows_of, run
from tests.integration.house import NAUGHTY
from tests.integration.panel import Visitor

ANN = "+14155550000"
PAGES = (
    "/find",
    "/find?q=%2B14155550000",
    "/forget",
    "/opt-outs/",
    "/opt-outs/new",
    "/moves/",
    "/audit/",
    "/people/",
    "/people/new",
    "/people/1",
    "/people/1/remove",
    "/settings",
    "/health",
    "/account",
)


@pytest.fixture
def used(panel: Visitor, alice: Actor) -> None:
    """Something on every page, named as badly as can be."""
    campaign_id = make_campaign(messages=1)
    run(campaign_id, actor=alice)
    opt_out(Channel.SMS, ANN, actor=alice, now=NOW)
    for table in ("campaigns", "people"):
        execute(f"UPDATE {table} SET name = ?", NAUGHTY)
    execute("UPDATE bulk_moves SET actor_name = ?, result = ?", NAUGHTY, NAUGHTY)
    execute("UPDATE opt_outs SET actor_name = ?", NAUGHTY)
    panel.post("/settings/rate.sms", value="40")
    execute("UPDATE settings SET updated_by = ?", NAUGHTY)


@pytest.mark.usefixtures("used")
class TestEveryPage:
    @pytest.mark.parametrize("path", PAGES)
    def test_is_our_own_with_nothing_inline_and_shows_names_as_themselves(
        self, app: Flask, panel: Visitor, path: str
    ) -> None:
        rendered: list[str] = []
        with flask.template_rendered.connected_to(lambda _app, template, **_: rendered.append(template.filename), app):
            answer = panel.get(path)
        assert answer.status_code == 200
        assert [name for name in rendered if "/admin/templates/" not in name or "flask_admin" in name] == []
        assert not re.search(r'<[^>]+\s(style|on[a-z]+)="|<style|<script>|javascript:', answer.text)
        assert "&lt;script&gt;alert" in answer.text  # at least in the account's own name
        assert "no message leaves Signalbox" in answer.text
        assert "no-store" in answer.headers["Cache-Control"]

    def test_form_without_the_sessions_token_changes_nothing(self, panel: Visitor) -> None:
        forms = {
            "/opt-outs/new": {"recipient": "+14155550001"},
            "/forget": {"recipient": ANN, "typed_again": ANN},
            "/people/new": {"email": "x@example.com", "role": "org_admin"},
            "/settings/guard": {"value": "off"},
            "/account/password": {"new": "x" * 20, "again": "x" * 20},
        }
        before = [rows_of(table) for table in ("opt_outs", "messages", "people", "settings", "audit")]
        for path, form in forms.items():
            assert panel.client.post(path, data=form).status_code == 400
        assert [rows_of(table) for table in ("opt_outs", "messages", "people", "settings", "audit")] == before

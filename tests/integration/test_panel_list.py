"""The list of campaigns in the panel."""

import re
from collections.abc import Callable

import pytest
from flask import Flask

from models.actors import Actor
from models.words import Channel, Role
from tests.factories import make_campaign, make_ended, run
from tests.integration.panel import Visitor
from tests.integration.plans import noted_statements
from tests.integration.test_panel_acts import read


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


def test_campaigns_are_found_filtered_and_sorted(panel: Visitor) -> None:
    make_campaign(name="Apple")
    make_ended(Channel.EMAIL)
    run(make_campaign(name="Cherry"))

    def names(query: str) -> list[str]:
        return re.findall(r'class="cell-main"[^>]*>([^<]+)<', panel.get(f"/campaigns/?{query}").text)

    assert names("status=ready") == ["Apple"]
    assert names("status=running") == ["Cherry"]
    assert len(names("channel=email")) == 1
    assert names("q=cher") == ["Cherry"]
    assert names("q=nothing") == []
    assert names("channel=sms&sort=name") == ["Apple", "Cherry"]


def test_list_reads_no_template(panel: Visitor) -> None:
    make_campaign(name="With a long text")
    with noted_statements() as noted:
        assert "With a long text" in panel.get("/campaigns/").text
    asked = [sql for sql, _ in noted if '"campaigns"' in sql]
    assert asked
    assert [sql for sql in asked if '"body"' in sql or '"subject"' in sql] == []


def test_empty_list_says_how_to_begin(app: Flask, panel: Visitor, cast: Callable[[str, Role], Actor]) -> None:
    told = read(panel.get("/campaigns/").text)
    assert "Sign in , done You are Ben, Campaigner." in told
    assert "New campaign" in told
    assert "/campaign" in told
    viewer = Visitor(app).sign_in(cast("Violet", Role.VIEWER))
    assert "New campaign" not in read(viewer.get("/campaigns/").text)

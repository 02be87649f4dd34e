"""Delivery over time on a campaign's page: a chart, its table, and when it looks again."""

import re

import pytest
from flask import Flask

from models.actors import Actor
from models.clock import now_ms
from models.database import execute
from models.rules.verdicts import Word
from models.words import Phase
from tests.factories import answer, claim, make_campaign, make_draft, make_messages, put_into_phase, receive, run
from tests.integration.panel import Visitor


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


def test_chart_and_table_say_the_same(panel: Visitor) -> None:
    campaign_id = make_campaign(messages=6)
    run(campaign_id, now=now_ms())
    begun = now_ms()
    for place, word in enumerate([Word.DELIVERED, Word.FAILED, Word.DELIVERED]):
        claimed = claim(campaign_id, limit=2, now=begun)
        answer(claimed, at=begun)
        receive(claimed, word, at=begun + 10_000 * place)
    shown = panel.get(f"/campaigns/{campaign_id}/flow").text
    assert len(re.findall(r'<rect class="is-delivered"', shown)) == 2
    assert len(re.findall(r'<rect class="is-failed"', shown)) == 1
    rows = re.findall(r'<td class="num">([\d,]+)</td><td class="num">([\d,]+)</td>', shown)
    assert rows == [("2", "0"), ("0", "2"), ("2", "0")]
    assert "per 10 s" in shown


def test_nothing_is_drawn_before_anything_arrived(panel: Visitor) -> None:
    campaign_id = make_campaign()
    assert 'id="flow"' not in panel.get(f"/campaigns/{campaign_id}/").text
    run(campaign_id)
    assert "Nothing has arrived yet" in panel.get(f"/campaigns/{campaign_id}/").text


def test_first_columns_are_waited_for_as_long_as_it_runs(panel: Visitor) -> None:
    campaign_id = make_campaign()
    run(campaign_id)
    assert 'hx-trigger="every 2s"' in panel.get(f"/campaigns/{campaign_id}/flow").text
    claimed = claim(campaign_id)
    answer(claimed)
    receive(claimed, Word.DELIVERED)
    assert "every 2s" not in panel.get(f"/campaigns/{campaign_id}/flow").text
    put_into_phase(campaign_id, Phase.ENDED)
    execute("DELETE FROM message_flow")
    assert "every 2s" not in panel.get(f"/campaigns/{campaign_id}/flow").text


def test_what_an_import_counted_is_no_delivery(panel: Visitor) -> None:
    campaign_id = make_draft()
    make_messages(campaign_id, ["+14155550001"])
    put_into_phase(campaign_id, Phase.READY)
    assert "Nothing has arrived yet" in panel.get(f"/campaigns/{campaign_id}/flow").text

"""Unconfirmed in the panel: what is known of a message, and the provider asked about one or all."""

import html
import re
from collections.abc import Iterator

import pytest
from flask import Flask

from jobs import context, lookups
from jobs.runtime.stopping import Stop
from models.actors import Actor
from models.config import Config
from models.rules.verdicts import Word
from models.tables import LookUp
from models.words import Channel
from tests.factories import answer, claim, make_campaign, message_ids, receive, rows_of, run, statuses
from tests.integration.panel import Visitor

LOST, NEVER = "+12025559050", "+12025559051"


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


@pytest.fixture(autouse=True)
def works(app: Flask, installation: Config) -> Iterator[None]:
    """A work process with the panel's configuration."""
    stop = Stop()
    context.enter(context.Context(installation, stop))
    yield
    stop.close()


@pytest.fixture
def doubtful(app: Flask) -> int:
    """A campaign with two Unconfirmed messages, of which the simulated provider has the first."""
    campaign_id = make_campaign(messages=[LOST, NEVER], name="Spring")
    run(campaign_id)
    claimed = claim(campaign_id, provider="simulated")
    answer(claimed[:1], Word.UNKNOWN, text="the <line> broke")
    receive(claimed, Word.UNCONFIRMED)
    return campaign_id


def read(page: str) -> str:
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", page).split()))


def test_drawer_tells_step_by_step_what_is_known(panel: Visitor, doubtful: int) -> None:
    lost, never = message_ids(doubtful)
    said = read(panel.get(f"/campaigns/{doubtful}/messages/{lost}", **{"HX-Request": "true"}).text)
    assert "Taken from the queue for the simulated provider. The answer was lost: the <line> broke No receipt" in said
    assert "became Unconfirmed." in said
    assert "the person may get it twice" in said
    assert "Ask the simulated provider" in said
    other = read(panel.get(f"/campaigns/{doubtful}/messages/{never}", **{"HX-Request": "true"}).text)
    assert "The process that handed it over ended before it noted an answer." in other


def test_one_is_asked_about_from_its_drawer(panel: Visitor, doubtful: int) -> None:
    lost, _ = message_ids(doubtful)
    asked = panel.post(f"/campaigns/{doubtful}/messages/{lost}/look-up", part=True)
    assert "0 of 1 looked up…" in read(asked.text)
    assert 'hx-trigger="every 1s"' in asked.text
    lookups.ask(LookUp.get().id)
    told = panel.get(f"/campaigns/{doubtful}/messages/{lost}/look-up", **{"HX-Request": "true"})
    assert "1 bound to what the simulated provider has." in read(told.text)
    assert told.headers["HX-Trigger"] == "moved"
    assert "every 1s" not in told.text
    assert statuses(doubtful) == {"delivered": 1, "unconfirmed": 1}


def test_all_are_asked_about_from_their_filter(panel: Visitor, doubtful: int) -> None:
    page = f"/campaigns/{doubtful}/?status=unconfirmed"
    assert "Look up 2 unconfirmed" in read(panel.get(page).text)
    assert "look-up" not in panel.get(f"/campaigns/{doubtful}/").text
    for _ in range(2):  # a double click
        assert panel.post(f"/campaigns/{doubtful}/look-up").status_code == 303
    assert len(rows_of("look_ups")) == 1
    lookups.ask(LookUp.get().id)
    said = read(panel.get(page).text)
    assert "1 bound to what the simulated provider has; 1 still Unconfirmed: the simulated provider lists none" in said
    assert "Look up 1 unconfirmed" in said
    assert [row["actor_name"] for row in rows_of("audit", "WHERE act = 'look_up'")] == ["Ben"]


def test_who_can_not_be_asked_is_named_with_the_reason(panel: Visitor) -> None:
    campaign_id = make_campaign(Channel.EMAIL, 1)
    run(campaign_id)
    receive(claim(campaign_id, provider="smtp"), Word.UNCONFIRMED)
    (message_id,) = message_ids(campaign_id)
    said = read(panel.get(f"/campaigns/{campaign_id}/messages/{message_id}", **{"HX-Request": "true"}).text)
    assert "A mail server keeps no list of what it took, so it can't be asked." in said
    assert "Ask the mail server" not in said
    refused = panel.post(f"/campaigns/{campaign_id}/messages/{message_id}/look-up")
    assert refused.status_code == 409
    assert "so it can't be asked" in html.unescape(refused.text)


def test_viewer_reads_what_is_known_without_the_providers_words(app: Flask, vera: Actor, doubtful: int) -> None:
    viewer = Visitor(app).sign_in(vera)
    lost, _ = message_ids(doubtful)
    said = read(viewer.get(f"/campaigns/{doubtful}/messages/{lost}", **{"HX-Request": "true"}).text)
    assert "The answer was lost." in said
    assert "broke" not in said
    assert "Ask the simulated provider" not in said
    assert viewer.post(f"/campaigns/{doubtful}/look-up").status_code == 403

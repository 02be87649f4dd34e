"""The panel's forms, sent by somebody whose process dies at any step of it, and sent again: as if nobody had died."""

import re
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask

from models.operations import exporting, running
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.words import Channel
from tests import factories
from tests.factories import MINUTE, make_draft
from tests.integration.panel import Visitor
from tests.integration.steps import Story, World, ends_as_if_nobody_had_died

CONFIRMED = [str(number) for number in range(1, 1 + len(running.DISCLAIMER))]


class Form:
    """A form of the panel as Alice sends it; the answer is a page or a file, never a fault."""

    def __init__(self, visitor: Visitor, path: str, **fields: object) -> None:
        self._send = partial(visitor.post, path, **fields)

    def __call__(self) -> None:
        """Send it."""
        answer = self._send()
        assert answer.status_code in (200, 303, 409), answer.text


@pytest.fixture
def alices(app: Flask, world: World) -> Visitor:
    """The panel as Alice has it."""
    return Visitor(app).sign_in(world.alice)


def is_retried(world: World, panel: Visitor) -> Story:
    """Confirm the dialog of a retry."""
    campaign_id = world.ended()
    world.now += 1
    page = panel.get(f"/campaigns/{campaign_id}/retry").text
    path = re.search(r'action="(/campaigns/\d+/retry/\d+)"', page)
    assert path
    ticked = re.findall(r'name="tick" value="([^"]+)"', page)
    return Story(campaign_id, Form(panel, path[1], tick=ticked))


def is_run_later(world: World, panel: Visitor) -> Story:
    """Start later, which then fires."""
    campaign_id = world.ready()
    typed = f"{world.moment(2 * MINUTE):%Y-%m-%dT%H:%M}"
    asked = {"when": "at", "start_at": typed, "time_zone": "UTC", "confirm": CONFIRMED}
    return Story(campaign_id, Form(panel, f"/campaigns/{campaign_id}/run", **asked))


def is_stopped(world: World, panel: Visitor) -> Story:
    """Stop."""
    campaign_id = world.running()
    return Story(campaign_id, Form(panel, f"/campaigns/{campaign_id}/stop"))


def is_exported(world: World, panel: Visitor) -> Story:
    """Download an export."""
    campaign_id = world.ended()
    return Story(campaign_id, Form(panel, f"/campaigns/{campaign_id}/export"))


def is_compared(world: World, panel: Visitor) -> Story:
    """Download what changed since the last export."""
    campaign_id = world.ended()
    since = exporting.export_now(campaign_id, criteria=Criteria(), actor=world.alice, clock=lambda: world.now).id
    factories.receive(factories.latest(campaign_id)[:1], Word.DELIVERED, at=world.now + MINUTE)
    return Story(campaign_id, Form(panel, f"/campaigns/{campaign_id}/export?since={since}"))


def is_looked_up(world: World, panel: Visitor) -> Story:
    """Ask the provider about one message."""
    campaign_id = world.doubtful()
    message_id = factories.message_ids(campaign_id)[0]
    return Story(campaign_id, Form(panel, f"/campaigns/{campaign_id}/messages/{message_id}/look-up"))


def is_forgotten(world: World, panel: Visitor) -> Story:
    """Forget a person whose contacts file is kept."""
    campaign_id, (ann, bob) = make_draft(Channel.SMS, actor=world.alice, now=world.now), world.recipients(2)
    factories.start_import(campaign_id, f"phone\n{ann}\n{bob}\n", now=world.now)
    world.go_on()
    return Story(campaign_id, Form(panel, "/forget", recipient=ann, typed_again=ann), secret=ann[1:])


@pytest.mark.parametrize(
    "begin",
    [is_retried, is_run_later, is_stopped, is_exported, is_compared, is_looked_up, is_forgotten],
    ids=lambda begin: begin.__name__,
)
def test_form_that_was_cut_off_is_sent_again(
    world: World, alices: Visitor, begin: Callable[[World, Visitor], Story]
) -> None:
    ends_as_if_nobody_had_died(world, lambda going: begin(going, alices), with_its_work=False)

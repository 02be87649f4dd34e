"""Slack's dialogs and buttons, pressed before a process that dies at any step, and again: as if nobody had died."""

from collections.abc import Callable
from typing import Any

import pytest

from bot.local_slack.errors import Document
from models.queries.campaigns import get_campaign
from tests import factories
from tests.factories import MINUTE
from tests.integration.slack.asking import ALL_FOUR, text_of
from tests.integration.steps import Story, World, ends_as_if_nobody_had_died
from tests.slack_person import Person, eventually

# The thread of the web process that answers Slack has died.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")

LIKELY_OR_NOT = ["may_have_arrived:unknown"]


class Dialog:
    """A dialog that Ben has open; clicked again, it is opened anew. What it says in the end is a sentence."""

    def __init__(self, person: Person, verb: str, campaign_id: int, **answers: Any) -> None:
        self._person, self._verb, self._answers = person, verb, answers
        self._line = f"/campaign {verb} {campaign_id}"
        self._open()

    def __call__(self) -> None:
        """Submit it, if it can still be done."""
        if not self._person.modals():
            self._open()
        if self._person.modal()["callback_id"] == self._verb:
            outcome = self._person.submits(**self._answers)
            assert (outcome.error, outcome.errors) == (None, {})
            self._until("ended")
        assert "." in text_of(self._person.modal()["blocks"])
        self._person.closes()

    def _open(self) -> None:
        assert self._person.types(self._line).error is None
        self._until(self._verb, "ended")

    def _until(self, *states: str) -> None:
        def is_there() -> bool:
            shown = self._person.modals()[-1:]
            return bool(shown) and shown[0]["callback_id"] in states and "Working…" not in text_of(shown)

        eventually(is_there)


class Button:
    """A campaign's button, as soon as it stands in a message to Ben; pressed, it is answered with a sentence."""

    def __init__(self, person: Person, action_id: str, campaign_id: int) -> None:
        self._person, self._action_id, self._value = person, action_id, str(campaign_id)
        self._message = eventually(lambda: [one for one in person.messages() if self._stands_in(one)])[-1]

    def __call__(self) -> None:
        """Press it, unless what it was answered with has taken its place."""
        before = self._person.messages()
        now = next(one for one in before if one["ts"] == self._message["ts"])
        if self._stands_in(now):
            assert self._person.clicks(now, self._action_id, self._value).error is None
            now = eventually(lambda: [one for one in self._person.messages() if one not in before])[-1]
        assert "." in text_of(now)

    def _stands_in(self, message: Document) -> bool:
        elements = [element for block in message.get("blocks", ()) for element in block.get("elements", ())]
        mine = (self._action_id, self._value)
        return mine in [(element.get("action_id"), element.get("value")) for element in elements]


def is_run(world: World, ben: Person) -> Story:
    """Run."""
    campaign_id = world.ready()
    return Story(campaign_id, Dialog(ben, "run", campaign_id, disclaimer=ALL_FOUR))


def is_resumed(world: World, ben: Person) -> Story:
    """Resume what was stopped."""
    campaign_id = world.running()
    factories.stop(campaign_id, now=world.now)
    factories.move_all(campaign_id, now=world.now)
    return Story(campaign_id, Dialog(ben, "resume", campaign_id))


def is_retried(world: World, ben: Person) -> Story:
    """Retry what failed."""
    campaign_id = world.ended()
    world.now += 1
    return Story(campaign_id, Dialog(ben, "retry", campaign_id, tick=LIKELY_OR_NOT))


def is_deleted(world: World, ben: Person) -> Story:
    """Delete."""
    campaign_id = world.ended()
    return Story(campaign_id, Dialog(ben, "delete", campaign_id, name=get_campaign(campaign_id).name))


def is_exported(world: World, ben: Person) -> Story:
    """Export all messages."""
    campaign_id = world.ended()
    return Story(campaign_id, Dialog(ben, "export", campaign_id, status="all"))


def is_stopped(world: World, ben: Person) -> Story:
    """Stop."""
    campaign_id = world.running()
    ben.types(f"/campaign stop {campaign_id}")
    return Story(campaign_id, Button(ben, "stop", campaign_id))


def is_not_run_later(world: World, ben: Person) -> Story:
    """Cancel what would start later."""
    campaign_id = world.ready()
    factories.run_later(campaign_id, at=world.now + 10 * MINUTE, actor=world.ben, now=world.now)
    ben.types(f"/campaign status {campaign_id}")
    return Story(campaign_id, Button(ben, "cancel_start", campaign_id))


def is_looked_up(world: World, ben: Person) -> Story:
    """Ask the provider about what is Unconfirmed."""
    campaign_id = world.doubtful()
    ben.types(f"/campaign failures {campaign_id}")
    Button(ben, "doubts", campaign_id)()
    return Story(campaign_id, Button(ben, "look_up", campaign_id))


@pytest.mark.parametrize(
    "begin", [is_run, is_resumed, is_retried, is_deleted, is_exported], ids=lambda begin: begin.__name__
)
def test_dialog_that_was_cut_off_is_opened_again(
    world: World, as_ben: Person, begin: Callable[[World, Person], Story]
) -> None:
    ends_as_if_nobody_had_died(world, lambda going: begin(going, as_ben), with_its_work=False)


@pytest.mark.parametrize("begin", [is_stopped, is_not_run_later, is_looked_up], ids=lambda begin: begin.__name__)
def test_button_that_was_cut_off_is_pressed_again(
    world: World, as_ben: Person, begin: Callable[[World, Person], Story]
) -> None:
    ends_as_if_nobody_had_died(world, lambda going: begin(going, as_ben), with_its_work=False)

"""People act in the local Slack, and a bolt app answers unchanged, over HTTP and over Socket Mode."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.local_slack import LocalSlack
from tests.bolt_hosts import HOSTS
from tests.counter_app import PROFILE, make_counter
from tests.slack_person import Person, eventually


@pytest.fixture(params=HOSTS)
def slack(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[LocalSlack]:
    """A workspace with the counter app."""
    with LocalSlack(tmp_path, profile=PROFILE) as running, HOSTS[request.param](running, make_counter(running)):
        yield running


@pytest.fixture
def ben(slack: LocalSlack) -> Person:
    return Person(slack, "U0BEN")


def shown(ben: Person) -> str:
    """What the counter's section says."""
    return str(ben.latest("Counter")["blocks"][1]["text"]["text"])


class TestCommands:
    def test_command_is_answered_in_the_channel(self, ben: Person) -> None:
        assert ben.types("/count 3").error is None
        eventually(lambda: shown(ben) == "Clicked *3* times")

    def test_late_answer_is_told_by_slackbot(self, ben: Person, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.CRITICAL)
        assert ben.types("/late").error == "operation_timeout"
        told = ben.latest("/late failed with the error “operation_timeout”")
        assert (told["user"], told["ephemeral_to"]) == ("USLACKBOT", "U0BEN")

    def test_unknown_command_never_reaches_the_app(self, slack: LocalSlack, ben: Person) -> None:
        assert ben.types("/nothing").error == "unknown_command"
        assert not [one for one in slack.core.traffic if one["direction"] == "out"]

    def test_command_in_a_thread_never_reaches_the_app(self, slack: LocalSlack, ben: Person) -> None:
        ben.types("hello")
        assert ben.types("/count", thread_ts=ben.latest("hello")["ts"]).error == "not_in_thread"
        assert not [one for one in slack.core.traffic if one["direction"] == "out"]


class TestClicks:
    def test_buttons_and_selects_reach_the_app(self, ben: Person) -> None:
        ben.types("/count")
        ben.clicks(ben.latest("Counter"), "add")
        eventually(lambda: shown(ben) == "Clicked *1* times")
        ben.clicks(ben.latest("Counter"), "step", "10")
        eventually(lambda: shown(ben) == "Clicked *11* times")
        ben.clicks(ben.latest("Counter"), "reset")
        eventually(lambda: shown(ben) == "Clicked *0* times")

    def test_overflow_may_delete_the_original(self, ben: Person) -> None:
        ben.types("/count")
        ben.clicks(ben.latest("Counter"), "more", "remove")
        eventually(lambda: ben.messages() == [])


class TestModals:
    def opened(self, ben: Person) -> None:
        ben.types("/count")
        ben.clicks(ben.latest("Counter"), "more", "open")

    def test_submission_brings_every_answer(self, ben: Person) -> None:
        self.opened(ben)
        offered = ben.searches(ben.modal(), "colour", "gr").options["options"]
        assert [option["value"] for option in offered] == ["green", "grey"]
        answers: dict[str, Any] = {"name": "Bells", "from": "7", "colour": offered[1]}
        outcome = ben.submits(**answers)
        assert (outcome.error, outcome.errors) == (None, {})
        eventually(lambda: ben.latest("Bells, Grey")["blocks"][1]["text"]["text"] == "Clicked *7* times")
        assert ben.modals() == []

    def test_empty_required_input_is_refused_by_slack_itself(self, slack: LocalSlack, ben: Person) -> None:
        self.opened(ben)
        ben.modal()
        before = len(slack.core.traffic)
        assert ben.submits().errors == {"name": "Please complete this required field."}
        assert len(slack.core.traffic) == before

    def test_errors_of_the_app_stand_at_inputs(self, ben: Person) -> None:
        self.opened(ben)
        assert ben.submits(name="taken").errors == {"name": "That name is taken"}
        assert len(ben.modals()) == 1

    def test_closing_is_told_if_asked_for(self, ben: Person) -> None:
        self.opened(ben)
        ben.modal()
        ben.closes()
        assert ben.latest("Nothing was made")["ephemeral_to"] == "U0BEN"


class TestShortcuts:
    def test_message_shortcut_brings_its_message(self, ben: Person) -> None:
        ben.types("count me")
        assert ben.chooses_shortcut("count_this", ben.latest("count me")).error is None
        assert ben.modal()["private_metadata"] == "count me"

    def test_global_shortcut_opens_a_modal(self, ben: Person) -> None:
        assert ben.chooses_shortcut("new_counter").error is None
        assert ben.modal()["callback_id"] == "new"


class TestHome:
    def test_home_is_published_when_it_is_opened(self, ben: Person) -> None:
        assert ben.home() is None
        ben.opens_home()
        home = eventually(ben.home)
        assert home is not None
        assert home["blocks"][0]["text"]["text"] == "Opened at home"

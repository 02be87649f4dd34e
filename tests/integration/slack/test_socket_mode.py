"""Slack over Socket Mode: the bot answers, connects anew whenever it was cut off, and never ends for Slack's sake."""

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from werkzeug.test import Client

from admin.wsgi import create_app
from bot.connection import Connection
from bot.local_slack import Fault, LocalSlack
from bot.socket_mode import Ears
from models.actors import Actor
from models.config import Config
from models.database import execute, transaction
from models.operations import tallying
from models.queries import figures
from models.tables import Person as PersonRow
from models.words import Phase, Tally
from tests.counter_app import PROFILE, make_counter
from tests.factories import make_campaign, phase_of, run
from tests.integration.slack.asking import ALL_FOUR
from tests.integration.slack.workspace import IDS, Workspace, workspace
from tests.processes import House, Started, until
from tests.slack_person import Person, eventually


@pytest.fixture
def slack(installation: Config, tmp_path: Path, alice: Actor, ben: Actor) -> Iterator[Workspace]:
    """A workspace that the bot listens to over Socket Mode."""
    for actor in (alice, ben):
        PersonRow.update(slack_id=IDS[actor.name.lower()]).where(PersonRow.id == actor.person_id).execute()
    with workspace(installation.variables, tmp_path, by_socket=True) as running:
        yield running


def acked() -> bool:
    tallying.write()
    return Tally.SLACK_ACKS in figures.tallies()


def connected(slack: LocalSlack) -> bool:
    return any(not one.closed for one in slack.delivery.connections)


def test_campaign_is_run_by_command_button_and_dialog(slack: Workspace) -> None:
    campaign_id = make_campaign(name="Spring")
    as_ben = slack.person("ben")
    assert as_ben.types("/campaign run spring").error is None
    eventually(lambda: "confirm each" in str(as_ben.modals()))
    assert as_ben.submits(disclaimer=ALL_FOUR).error is None
    eventually(lambda: phase_of(campaign_id) == Phase.RUNNING)
    slack.say_what_is_due()
    assert as_ben.clicks(as_ben.latest("Spring: In Progress"), "failures").error is None
    eventually(lambda: "nothing failed" in str(as_ben.messages()))
    as_ben.opens_home()
    assert "Spring" in str(eventually(as_ben.home))


def test_error_of_a_dialog_stands_at_its_input(slack: Workspace) -> None:
    make_campaign(name="Spring")
    as_ben = slack.person("ben")
    as_ben.types("/campaign run spring")
    eventually(lambda: "confirm each" in str(as_ben.modals()))
    assert as_ben.submits(disclaimer=[]).errors


def test_over_http_slack_finds_nobody(slack: Workspace) -> None:
    web = Client(create_app(slack.config))
    answer = web.post("/slack/events", data={"command": "/campaign", "user_id": "U0BEN"})
    assert answer.status_code == 404


def test_envelope_that_comes_twice_is_acted_on_once(slack: Workspace) -> None:
    run(make_campaign(name="Spring"))
    slack.slack.core.faults.redeliver()
    as_ben = slack.person("ben")
    assert as_ben.types("/campaign status spring").error is None
    as_ben.latest("Spring")
    assert as_ben.types("/campaign help").error is None  # answered after both
    as_ben.latest("commands")
    assert len([one for one in as_ben.messages() if "Spring" in one["text"]]) == 1


class TestEars:
    """The connection itself, with a small app behind it."""

    @pytest.fixture
    def slack(self, tmp_path: Path) -> Iterator[LocalSlack]:
        with LocalSlack(tmp_path, profile=PROFILE) as running:
            yield running

    @pytest.fixture
    def ears(self, slack: LocalSlack) -> Iterator[Ears]:
        known = Connection(slack.bot_token, "", slack.app_token, slack.api_url)
        made = Ears(known, lambda _connection: make_counter(slack))
        yield made
        made.close()

    def test_suggestions_come_over_the_socket(self, slack: LocalSlack, ears: Ears) -> None:
        ears.follow(True)
        eventually(lambda: connected(slack))
        ben = Person(slack, "U0BEN")
        ben.chooses_shortcut("new_counter")
        offered = ben.searches(ben.modal(), "colour", "gr").options["options"]
        assert [option["value"] for option in offered] == ["green", "grey"]

    def test_who_does_not_lead_is_not_connected(self, slack: LocalSlack, ears: Ears) -> None:
        ears.follow(True)
        eventually(lambda: connected(slack))
        ears.follow(False)
        eventually(lambda: not connected(slack))
        assert Person(slack, "U0BEN").types("/count").error == "dispatch_failed"

    @pytest.mark.parametrize("lost", ["cut", "closed"])
    def test_lost_connection_is_made_anew(self, slack: LocalSlack, ears: Ears, lost: str) -> None:
        ears.follow(True)
        eventually(lambda: connected(slack))
        before = list(slack.delivery.connections)
        if lost == "cut":
            slack.do(slack.delivery.cut)
        else:
            slack.call(slack.delivery.disconnect())
        eventually(lambda: [one for one in slack.delivery.connections if one not in before and not one.closed])
        ben = Person(slack, "U0BEN")
        assert ben.types("/count 3").error is None
        assert ben.latest("Counter")

    def test_refused_token_is_logged_with_the_step_and_tried_again(self, slack: LocalSlack, ears: Ears) -> None:
        slack.core.faults.order(Fault("apps.connections.open", error="invalid_auth"))
        with capture_logs() as said:
            ears.follow(True)
            eventually(lambda: connected(slack))
        (told,) = [one for one in said if one["log_level"] == "error"]
        assert told["error"] == "invalid_auth"
        assert "connections:write" in told["step"]
        eventually(lambda: ears.trouble == "")

    def test_trouble_is_told_as_long_as_it_lasts(self, slack: LocalSlack, ears: Ears) -> None:
        slack.core.faults.order(Fault("apps.connections.open", error="invalid_auth", times=2))
        ears.follow(True)
        eventually(lambda: ears.trouble == "invalid_auth")
        eventually(lambda: connected(slack) and ears.trouble == "")

    def test_acks_and_429s_are_counted(self, installation: Config, slack: LocalSlack, ears: Ears) -> None:
        tallying.write()
        with transaction():
            execute("DELETE FROM tallies")
        slack.core.faults.order(Fault("apps.connections.open", status=429))
        ears.follow(True)
        eventually(lambda: connected(slack))
        assert Person(slack, "U0BEN").types("/count").error is None
        eventually(acked)
        assert figures.tallies()[Tally.SLACK_429] == {("apps.connections.open",): 1}
        acks = figures.tallies()[Tally.SLACK_ACKS]
        assert sum(n for (way, bound), n in acks.items() if way == "socket" and bound != tallying.SUM) == 1

    @pytest.mark.parametrize("fault", [{"status": 503}, {"cut": True}])
    def test_slack_that_is_away_is_tried_again(self, slack: LocalSlack, ears: Ears, fault: dict[str, object]) -> None:
        slack.core.faults.order(Fault("apps.connections.open", **fault))  # type: ignore[arg-type]
        with capture_logs() as said:
            ears.follow(True)
            eventually(lambda: connected(slack))
        assert "it is tried again" in next(one["step"] for one in said if "step" in one)

    def test_close_takes_no_longer_than_a_stop_may(self, slack: LocalSlack, ears: Ears) -> None:
        ears.follow(True)
        eventually(lambda: connected(slack))
        began = time.monotonic()
        ears.close()
        assert time.monotonic() - began < 2
        assert eventually(lambda: not connected(slack))

    def test_over_http_nothing_is_connected(self, slack: LocalSlack) -> None:
        deaf = Ears(Connection(slack.bot_token, slack.signing_secret, "", slack.api_url))
        deaf.follow(True)
        deaf.close()
        assert not slack.delivery.connections
        assert not [one for one in slack.core.traffic if one["name"] == "apps.connections.open"]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "a house")
    yield made
    made.clear()


def bot(house: House, slack: LocalSlack, valkey: str, **variables: str) -> Started:
    """The Procfile's process, for this workspace."""
    known = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url}
    return house.start("python", "-m", "bot", REDIS_URL=valkey, **{**known, **variables})


def test_process_outlives_a_refused_token_and_stops_cleanly(house: House, tmp_path: Path, valkey: str) -> None:
    with LocalSlack(tmp_path / "slack") as slack:
        slack.core.faults.order(Fault("apps.connections.open", times=2, error="invalid_auth"))
        started = bot(house, slack, valkey)
        until(lambda: connected(slack), seconds=20, what="a connection")
        assert Person(slack, "U0BEN").types("/campaign").error is None
        began = time.monotonic()
        started.popen.send_signal(signal.SIGTERM)
        assert started.ended() == 0
        assert time.monotonic() - began < 4
        assert "Slack opens no connection" in started.said()
        assert "Traceback" not in started.said()


def test_process_that_takes_the_lead_mends_what_the_one_before_has_noted(
    house: House, tmp_path: Path, valkey: str
) -> None:
    with LocalSlack(tmp_path / "slack") as slack:
        bot(house, slack, valkey)
        until(lambda: connected(slack), seconds=20, what="a connection")
        with closing(sqlite3.connect(house.var / "signalbox.db")) as kept:
            change(kept, "UPDATE leases SET holder = 'another', until_at = until_at + 600000")
            until(lambda: not connected(slack), seconds=20, what="the end of the lead")
            change(kept, "INSERT INTO slack_faults (way, error, since) VALUES ('says', 'token_revoked', 1)")
            change(kept, "DELETE FROM leases")
            until(lambda: not kept.execute("SELECT 1 FROM slack_faults").fetchall(), seconds=20, what="the mending")


def change(kept: sqlite3.Connection, statement: str) -> None:
    with kept:
        kept.execute(statement)

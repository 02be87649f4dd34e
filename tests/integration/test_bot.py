"""The bot by signed requests over HTTP: what people type and press in Slack, what comes of it, what is refused."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from models.actors import Actor
from models.clock import now_ms
from models.config import Config
from models.operations.exporting import do_export
from models.rules.verdicts import Word
from models.tables import Export
from models.tables import Person as PersonRow
from models.words import Channel, Phase
from tests import factories
from tests.factories import dump, make_campaign, make_ended, move_all, phase_of
from tests.integration.bot import IDS, Workspace, workspace
from tests.slack_person import Person, eventually

ALL_FOUR = ["1", "2", "3", "4"]


@pytest.fixture
def slack(installation: Config, tmp_path: Path, alice: Actor, ben: Actor, vera: Actor) -> Iterator[Workspace]:
    """A workspace in which the three are known already."""
    for actor in (alice, ben, vera):
        PersonRow.update(slack_id=IDS[actor.name.lower()]).where(PersonRow.id == actor.person_id).execute()
    with workspace(installation.variables, tmp_path) as running:
        yield running


@pytest.fixture
def as_ben(slack: Workspace) -> Person:
    return slack.person("ben")


def text_of(message: object) -> str:
    """All that stands in a message or view."""
    return str(message)


def told(person: Person, line: str, answer: str) -> str:
    """Type a command; the message with `answer` in it, once it is there."""
    assert person.types(line).error is None
    return eventually(lambda: [text for one in person.messages() if answer in (text := text_of(one))])[-1]


def shown(person: Person, line: str, answer: str) -> str:
    """Type a command that opens a dialog; the dialog once it says `answer`."""
    assert person.types(line).error is None
    return eventually(lambda: [text for one in person.modals() if answer in (text := text_of(one))])[-1]


class TestCommands:
    def test_help_has_the_commands_and_what_runs(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id)
        answer = told(as_ben, "/campaign", "/campaign run")
        assert "Spring" in answer
        assert "Simulated" in answer

    def test_list_shows_those_of_a_kind(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        factories.run(make_campaign(Channel.EMAIL, name="June"))
        assert "Spring" not in told(as_ben, "/campaign list RUNNING", "June")
        assert "June" not in told(as_ben, "/campaign list ready", "Spring")

    @pytest.mark.parametrize("subject", ["spring", "“SPR”", "#{id}", "c{id}", "{id}", "Spring  sale"])
    def test_status_knows_what_is_meant(self, as_ben: Person, subject: str) -> None:
        campaign_id = make_campaign(name="Spring sale")
        make_campaign(name="Autumn")
        answer = told(as_ben, f"/campaign status {subject.format(id=campaign_id)}", "Refresh")
        assert "Spring sale" in answer
        assert "Autumn" not in answer

    def test_status_without_a_name_is_about_what_runs(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        factories.run(make_campaign(Channel.EMAIL, name="June"))
        assert "June" in told(as_ben, "/campaign status", "Refresh")

    def test_several_that_may_be_meant_are_offered(self, as_ben: Person) -> None:
        make_campaign(name="Spring SMS")
        make_campaign(name="Spring again")
        answer = told(as_ben, "/campaign run spring", "Which campaign?")
        assert "Spring SMS" in answer
        assert "Spring again" in answer

    def test_a_word_that_is_none_is_met_with_the_nearest(self, as_ben: Person) -> None:
        assert "/campaign status" in told(as_ben, "/campaign statsu spring", "Did you mean")

    def test_unknown_campaign_is_said_to_be_none(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        before = dump()
        told(as_ben, "/campaign run Winter", "Winter")
        told(as_ben, "/campaign stop 99", "99")
        assert dump() == before


class TestRun:
    def test_confirmed_dialog_runs_it(self, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "3 messages")
        assert as_ben.submits(disclaimer=ALL_FOUR).error is None
        eventually(lambda: "It runs: 3 messages" in text_of(as_ben.messages()))
        assert phase_of(campaign_id) == Phase.RUNNING

    def test_missing_disclaimer_is_said_at_its_boxes(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "3 messages")
        before = dump()
        assert as_ben.submits(disclaimer=ALL_FOUR[:3]).errors == {"disclaimer": "Confirm all four to run it."}
        assert dump() == before

    def test_taken_channel_names_who_holds_it(self, as_ben: Person) -> None:
        factories.run(make_campaign(name="Water works"))
        make_campaign(name="Spring")
        before = dump()
        assert "Water works" in shown(as_ben, "/campaign run spring", "In Progress")
        assert dump() == before

    def test_channel_taken_meanwhile_is_refused_at_the_submission(self, as_ben: Person) -> None:
        make_campaign(name="Spring")
        other = make_campaign(name="Water works")
        shown(as_ben, "/campaign run spring", "3 messages")
        factories.run(other)
        before = dump()
        as_ben.submits(disclaimer=ALL_FOUR)
        assert "Water works" in text_of(eventually(as_ben.modals))
        assert dump() == before

    def test_wrong_state_is_said_instead_of_a_form(self, as_ben: Person) -> None:
        make_ended()
        shown(as_ben, "/campaign run 1", "Only a Ready campaign can be run")

    def test_two_submissions_run_it_once(self, slack: Workspace) -> None:
        campaign_id = make_campaign(name="Spring")
        ben, alice = slack.person("ben"), slack.person("alice")
        for person in (ben, alice):
            shown(person, "/campaign run spring", "3 messages")
        ben.submits(disclaimer=ALL_FOUR)
        alice.submits(disclaimer=ALL_FOUR)
        assert "Only a Ready campaign can be run" in text_of(alice.modals())
        assert len(factories.moves_of(campaign_id)) == 1


class TestCard:
    def test_it_is_posted_at_the_run_and_moves_to_its_end(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "3 messages")
        as_ben.submits(disclaimer=ALL_FOUR)
        eventually(lambda: phase_of(campaign_id) == Phase.RUNNING)
        slack.say_what_is_due()
        card = as_ben.latest("Spring: In Progress")
        assert "run by Ben" in text_of(card)
        move_all(campaign_id)
        factories.send_all(campaign_id)
        slack.say_what_is_due()
        ended = as_ben.latest("Spring: Complete, 100 % sent")
        assert ended["ts"] == card["ts"]
        thread = [text_of(one) for one in as_ben.messages() if one.get("thread_ts") == card["ts"] != one["ts"]]
        assert "disclaimer accepted" in thread[0]
        assert len(thread) == 2

    def test_nothing_on_it_is_anybodys(self, slack: Workspace, as_ben: Person) -> None:
        factories.run(make_campaign(Channel.SMS, ["+12025550147"], name="Spring"))
        slack.say_what_is_due()
        assert "2025550147" not in text_of(as_ben.messages())

    def test_its_buttons_act_on_the_state_of_now(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id)
        slack.say_what_is_due()
        card = as_ben.latest("Spring: In Progress")
        as_ben.clicks(card, "stop")
        as_ben.submits(eventually(lambda: filled(as_ben, "stop")))
        eventually(lambda: phase_of(campaign_id) == Phase.STOPPING)
        move_all(campaign_id)
        as_ben.clicks(card, "stop")  # the card of before
        eventually(lambda: "Only a campaign In Progress or Held can be stopped" in text_of(as_ben.modals()))

    def test_retry_button_queues_what_failed_by_then(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = make_ended(word=Word.FAILED, messages=3)
        told(as_ben, f"/campaign failures {campaign_id}", "Why 3 failed")
        failures = as_ben.latest("3 failed")
        as_ben.clicks(failures, "retry")
        view = eventually(lambda: filled(as_ben, "retry"))
        assert "In Progress" in text_of(view)
        as_ben.submits(view)
        eventually(lambda: "3 queued." in text_of(as_ben.messages()))
        assert phase_of(campaign_id) == Phase.RUNNING


def filled(person: Person, callback_id: str) -> dict[str, object] | None:
    """The topmost dialog once it is more than its loading view."""
    top = person.modals()[-1:]
    return top[0] if top and top[0]["callback_id"] == callback_id else None


class TestExport:
    def test_file_comes_to_the_person_alone(self, slack: Workspace, as_ben: Person) -> None:
        make_ended(messages=["+12025550147", "+12025550148"])
        told(as_ben, "/campaign export 1 status:delivered", "The file comes to you")
        export = Export.get()
        do_export(export.id, clock=now_ms)
        slack.say_what_is_due()
        assert "2 rows" in text_of(as_ben.direct_messages())
        assert [one["files"][0]["filetype"] for one in as_ben.direct_messages() if one.get("files")] == ["csv"]
        assert "2025550147" not in text_of(slack.person("vera").messages())

    def test_filter_that_is_none_is_named(self, as_ben: Person) -> None:
        make_ended()
        told(as_ben, "/campaign export 1 reason:because", "because is none; use one of")
        assert not Export.select().count()


ACTS = ("run", "stop", "resume", "retry", "delete")


class TestWhoMayNot:
    @pytest.mark.parametrize("act", ACTS)
    def test_viewer_gets_no_form(self, slack: Workspace, act: str) -> None:
        make_campaign(name="Spring")
        before = dump()
        shown(slack.person("vera"), f"/campaign {act} spring", "you are Viewer")
        told(slack.person("vera"), "/campaign export spring", "you are Viewer")
        assert dump() == before

    @pytest.mark.parametrize("act", [*ACTS, "help", "list", "status", "export", "create", "panel"])
    def test_stranger_is_told_whom_to_ask(self, slack: Workspace, act: str) -> None:
        make_campaign(name="Spring")
        before = dump()
        told(slack.person("mallory"), f"/campaign {act} spring", "Ask Alice to let you in")
        assert dump() == before

    def test_role_is_asked_at_the_submission_too(self, slack: Workspace, as_ben: Person) -> None:
        campaign_id = make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "3 messages")
        PersonRow.update(role="viewer").where(PersonRow.name == "Ben").execute()
        as_ben.submits(disclaimer=ALL_FOUR)
        assert "you are Viewer" in text_of(as_ben.modals())
        assert phase_of(campaign_id) == Phase.READY


class TestRequests:
    @pytest.mark.parametrize("forged", ["secret", "body", "age", "none"])
    def test_what_slack_did_not_sign_is_refused(self, slack: Workspace, forged: str) -> None:
        campaign_id = make_campaign(name="Spring")
        before = dump()
        body = urlencode({"command": "/campaign", "text": f"run {campaign_id}", "user_id": "U0BEN"})
        at = str(int(time.time()) - (3600 if forged == "age" else 0))
        secret = "x" if forged == "secret" else slack.slack.signing_secret
        signed = hmac.new(secret.encode(), f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={signed}"} if forged != "none" else {}
        url = slack.slack.delivery.request_url
        assert url is not None
        sent = (body + "&x=1" if forged == "body" else body).encode()
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(url, sent, {"Content-Type": "application/x-www-form-urlencoded", **headers}), timeout=5)
        refused.value.close()
        assert refused.value.code == 401
        assert dump() == before


class TestFirstContact:
    @pytest.fixture
    def newcomers(self, installation: Config, tmp_path: Path, alice: Actor, ben: Actor) -> Iterator[Workspace]:
        """A workspace that nobody has spoken in yet."""
        with workspace(installation.variables, tmp_path) as running:
            yield running

    def test_full_member_is_known_by_confirmed_email(self, newcomers: Workspace, ben: Actor) -> None:
        told(newcomers.person("ben"), "/campaign", "/campaign run")
        assert PersonRow.get_by_id(ben.person_id).slack_id == "U0BEN"

    def test_org_admin_is_never_known_by_email(self, newcomers: Workspace, alice: Actor) -> None:
        told(newcomers.person("alice"), "/campaign", "You are not known to Signalbox yet")
        assert PersonRow.get_by_id(alice.person_id).slack_id is None

"""What Slack did not sign, who Slack says they are, and a call of ours whose answer is lost."""

import hashlib
import hmac
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from bot.local_slack import Fault
from models.actors import Actor
from models.config import Config
from models.tables import Person as PersonRow
from tests.factories import dump, make_campaign
from tests.integration.slack.asking import ALL_FOUR, shown, text_of, told
from tests.integration.slack.workspace import Workspace, workspace
from tests.slack_person import Person, eventually


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

    @pytest.mark.parametrize(
        "mark",
        [
            {"is_restricted": True},
            {"is_ultra_restricted": True},
            {"is_bot": True},
            {"is_stranger": True},
            {"deleted": True},
            {"team_id": "T0ELSEWHERE"},  # of another organisation, in a channel that both share
            {"is_email_confirmed": False},
        ],
    )
    def test_who_is_no_full_member_is_not(self, newcomers: Workspace, ben: Actor, mark: dict[str, object]) -> None:
        newcomers.slack.do(lambda: newcomers.slack.core.workspace.put_person("U0BEN", **mark))
        told(newcomers.person("ben"), "/campaign", "You are not known to Signalbox yet")
        assert PersonRow.get_by_id(ben.person_id).slack_id is None

    def test_org_admin_is_never_known_by_email(self, newcomers: Workspace, alice: Actor) -> None:
        told(newcomers.person("alice"), "/campaign", "You are not known to Signalbox yet")
        assert PersonRow.get_by_id(alice.person_id).slack_id is None


def test_client_posts_once_when_only_the_answer_is_lost(slack: Workspace, as_ben: Person) -> None:
    slack.slack.core.faults.order(Fault("chat.postMessage", cut=True, after_effect=True))
    with pytest.raises((URLError, ConnectionError)):
        slack.client.chat_postMessage(channel="C0CAMPAIGNS", text="once")
    assert [one["text"] for one in as_ben.messages()] == ["once"]


class TestSlackDoesNotTakeTheAnswer:
    def test_it_comes_another_way(self, slack: Workspace, as_ben: Person) -> None:
        slack.slack.core.faults.order(Fault("response_url", status=500))
        told(as_ben, "/campaign help", "/campaign run")

    def test_nor_can_be_reached_for_it(self, slack: Workspace, as_ben: Person) -> None:
        """As where a firewall lets slack.com through, but not hooks.slack.com."""
        slack.slack.core.faults.order(Fault("response_url", cut=True))
        told(as_ben, "/campaign help", "/campaign run")

    def test_refusal_that_can_not_be_told_is_told_as_a_fault(self, slack: Workspace, as_ben: Person) -> None:
        make_campaign(name="Spring")
        slack.slack.core.faults.order(Fault("response_url", status=500))
        slack.slack.core.faults.order(Fault("chat.postEphemeral", error="internal_error"))
        told(as_ben, "/campaign status winter", "That went wrong on our side")

    def test_how_a_dialog_ended_comes_as_a_message(self, slack: Workspace, as_ben: Person, now_is: int) -> None:
        make_campaign(name="Spring")
        shown(as_ben, "/campaign run spring", "confirm each")
        slack.slack.core.faults.order(Fault("users.info", delay=0.5))  # the answer takes longer than a blink
        slack.slack.core.faults.order(Fault("views.update", error="internal_error"))
        as_ben.submits(disclaimer=ALL_FOUR, start_at=now_is // 1000 + 3600)
        eventually(lambda: "It starts at" in text_of([as_ben.modals(), as_ben.messages()]))

    def test_who_waits_for_it_keeps_nobody_else_waiting(self, slack: Workspace, as_ben: Person) -> None:
        make_campaign(name="Spring")
        slack.slack.core.faults.order(Fault("views.open", times=6, delay=3.5))
        assert [as_ben.types("/campaign summary spring").error for _ in range(6)] == [None] * 6
        eventually(lambda: text_of(as_ben.messages()).count("That went wrong on our side") == 2 * 6)

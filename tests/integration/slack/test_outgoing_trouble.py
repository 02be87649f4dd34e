"""Slack's trouble: it never touches sending, is told of once, and afterwards only what still matters is said."""

from collections import Counter
from http import HTTPStatus
from typing import Any

import pytest
import structlog

from admin.checkup import doctor
from bot.local_slack import AppProfile
from bot.local_slack.profile import SCOPES
from models.actors import Actor
from models.config import current
from models.database import transaction
from models.operations import telling
from models.operations.exporting import start_export
from models.queries.slack import slack_trouble
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables import Campaign
from models.words import Channel
from tests import factories
from tests.factories import make_campaign, phase_of
from tests.integration.slack.outgoing import Outgoing, waiting

both_engines = pytest.mark.both_engines


@pytest.fixture
def spring(outgoing: Outgoing, ben: Actor) -> int:
    """Ben's campaign at work, its card posted."""
    campaign_id = make_campaign(messages=20, name="Spring")
    Campaign.update(owner_id=ben.person_id).where(Campaign.id == campaign_id).execute()
    factories.run(campaign_id, actor=ben, now=outgoing.now())
    outgoing.works()
    return campaign_id


def begins(outgoing: Outgoing, trouble: str) -> None:
    """Let Slack refuse everything."""
    if trouble == "revoked":
        outgoing.slack.core.revoked = True
    elif trouble == "scope":
        outgoing.slack.core.profile = AppProfile(scopes=tuple(scope for scope in SCOPES if scope != "chat:write"))
    else:
        outgoing.meets("*", cut=True, times=10_000)


def ends(outgoing: Outgoing) -> None:
    outgoing.is_well_again()
    outgoing.slack.core.profile = AppProfile()


@pytest.mark.parametrize(
    ("trouble", "error", "step"),
    [
        ("revoked", "token_revoked", "SLACK_BOT_TOKEN"),
        ("scope", "missing_scope:chat:write", "OAuth & Permissions"),
        ("outage", "outage", "slack-status.com"),
    ],
)
class TestTenMinutes:
    @both_engines
    def test_sending_goes_on_and_the_latest_is_said_once(
        self, outgoing: Outgoing, spring: int, alice: Actor, trouble: str, error: str, step: str
    ) -> None:
        begins(outgoing, trouble)
        claimed = factories.claim(spring, limit=10, now=outgoing.now())
        factories.answer(claimed, Word.DELIVERED, at=outgoing.now())
        with structlog.testing.capture_logs() as logs:
            outgoing.works(300)
            factories.running.stop_campaign(spring, actor=alice, now=outgoing.now())
            factories.move_all(spring, now=outgoing.now())
            outgoing.works(300)
        assert phase_of(spring) == "ended"
        assert [log["error"] for log in logs if log["log_level"] == "error"] == [error]
        found = slack_trouble()
        assert found is not None
        assert (found.error, step in found.step) == (error, True)
        assert 590_000 < outgoing.now() - found.since < 610_000
        ends(outgoing)
        outgoing.works(65)
        assert slack_trouble() is None
        assert waiting() == []
        assert [one["text"] for one in outgoing.in_channel()] == ["Spring: Stopped, 50 % sent"]
        assert outgoing.thread() == [
            "<@U0BEN> ran the campaign: 20 recipients, disclaimer accepted.",
            "<@U0ALICE> stopped it: 10 messages were not sent.",
            "It ended as *Stopped*: 10 delivered, 10 cancelled.",
        ]
        assert len(outgoing.direct("ben")) == 1

    def test_slack_is_asked_less_and_less(
        self, outgoing: Outgoing, spring: int, trouble: str, error: str, step: str
    ) -> None:
        factories.stop(spring, now=outgoing.now())
        before = len(outgoing.slack.do(lambda: list(outgoing.slack.core.traffic)))
        begins(outgoing, trouble)
        outgoing.works(600)
        asked = len(outgoing.slack.do(lambda: list(outgoing.slack.core.traffic))) - before
        assert asked <= 25

    def test_restarted_poster_knows_of_it(
        self, outgoing: Outgoing, spring: int, trouble: str, error: str, step: str
    ) -> None:
        begins(outgoing, trouble)
        factories.stop(spring, now=outgoing.now())
        outgoing.works(5)
        outgoing.restart()
        with structlog.testing.capture_logs() as logs:
            outgoing.works(30)
        assert [log for log in logs if log["log_level"] == "error"] == []
        assert slack_trouble() is not None
        ends(outgoing)
        outgoing.works(65)
        assert slack_trouble() is None


def test_doctor_says_the_step(outgoing: Outgoing, spring: int) -> None:
    begins(outgoing, "revoked")
    factories.stop(spring, now=outgoing.now())
    outgoing.works()
    found = [finding for finding in doctor.findings(current().variables) if "takes nothing" in finding.says]
    assert [(one.level, "token_revoked" in one.says, "Reinstall" in one.step) for one in found] == [
        (doctor.Level.FAULT, True, True)
    ]


@both_engines
def test_of_a_thread_the_newest_twenty_lines_are_kept(outgoing: Outgoing, spring: int, alice: Actor) -> None:
    begins(outgoing, "revoked")
    outgoing.works(6)
    for number in range(30):
        start_export(spring, criteria=Criteria(search=f"={number}"), actor=alice, now=outgoing.now() + number)
    outgoing.works()
    ends(outgoing)
    outgoing.works(90)
    assert len(outgoing.thread()) == 21
    assert waiting() == []
    assert outgoing.refused() == []


def test_old_news_to_people_is_dropped(outgoing: Outgoing, spring: int, alice: Actor) -> None:
    begins(outgoing, "revoked")
    factories.running.stop_campaign(spring, actor=alice, now=outgoing.now())
    outgoing.works()
    outgoing.passes(25 * 3600)
    ends(outgoing)
    outgoing.works(10)
    assert outgoing.direct("ben") == []
    assert outgoing.thread()[-1].startswith("<@U0ALICE> stopped it")


@pytest.mark.parametrize(
    "answer", [{"status": HTTPStatus.BAD_GATEWAY}, {"error": "Received a response in a non-JSON format: <html>"}]
)
def test_one_fallen_answer_is_no_lasting_trouble(outgoing: Outgoing, spring: int, answer: dict[str, Any]) -> None:
    outgoing.meets("chat.postMessage", **answer)
    factories.stop(spring, now=outgoing.now())
    outgoing.works(10)
    assert slack_trouble() is None
    assert Counter(outgoing.thread()).most_common(1)[0][1] == 1


@both_engines
def test_card_that_can_not_be_drawn_keeps_none_behind_it_waiting(outgoing: Outgoing) -> None:
    faulty = make_campaign(Channel.SMS, name="Faulty", messages=4)
    spring = make_campaign(Channel.EMAIL, name="Spring", messages=4)
    for campaign_id in (faulty, spring):
        factories.run(campaign_id, now=outgoing.now())
        outgoing.works()
        factories.answer(factories.claim(campaign_id, limit=2, now=outgoing.now()), at=outgoing.now())
    Campaign.update(silence="of another version").where(Campaign.id == faulty).execute()
    outgoing.passes(3)
    with structlog.testing.capture_logs() as logs:
        outgoing.works(10)
    assert "Spring: In Progress, 50 % sent" in [one["text"] for one in outgoing.in_channel()]
    assert [(log["unit"], log["subject_id"]) for log in logs if log["log_level"] == "error"] == [
        ("card in Slack", faulty)
    ]
    Campaign.update(silence=None).where(Campaign.id == faulty).execute()
    outgoing.works(31)
    assert "Faulty: In Progress, 50 % sent" in [one["text"] for one in outgoing.in_channel()]


@both_engines
def test_message_that_can_not_be_made_keeps_none_behind_it_waiting(outgoing: Outgoing) -> None:
    campaign_id = make_campaign(name="Spring")
    with transaction():
        telling.put("post", campaign_id, topic="of another version", content={}, now=outgoing.now())
    factories.run(campaign_id, now=outgoing.now())
    with structlog.testing.capture_logs() as logs:
        outgoing.works(1)
    assert [one["text"] for one in outgoing.in_channel()] == ["Spring: In Progress, 0 % sent"]
    assert waiting() == ["of another version"]
    assert [log["unit"] for log in logs if log["log_level"] == "error"] == ["message to Slack"]

"""Nothing is posted twice and nothing is lost: lost answers, killed processes, storms of 429, fallen servers."""

from typing import Any

import pytest
from slack_sdk import WebClient

from bot.local_slack import AppProfile
from bot.local_slack.profile import SCOPES
from models.actors import Actor
from models.operations.exporting import do_export, start_export
from models.queries.slack import slack_trouble
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables import Campaign, SlackPost
from models.words import Surface
from tests import factories
from tests.factories import make_campaign, make_ended
from tests.integration.slack.outgoing import CHANNEL, Outgoing, waiting

both_engines = pytest.mark.both_engines


class KilledError(BaseException):
    """The process is gone: nothing catches it."""


class Mortal(WebClient):
    """A client whose process dies right after Slack did what the named method asks, before anybody noted it."""

    dies_after = ""
    spared = 0

    def api_call(self, api_method: str, **arguments: Any) -> Any:
        answer = super().api_call(api_method, **arguments)
        if api_method == self.dies_after:
            if not self.spared:
                raise KilledError
            self.spared -= 1
        return answer


@pytest.fixture
def spring(outgoing: Outgoing, ben: Actor) -> int:
    """Ben's campaign, run by the command line, ended with failures: a card, two lines, and a message to Ben to say."""
    campaign_id = make_campaign(messages=3, name="Spring")
    Campaign.update(owner_id=ben.person_id).where(Campaign.id == campaign_id).execute()
    factories.run(campaign_id, now=outgoing.now())
    factories.send_all(campaign_id, Word.FAILED, now=outgoing.now())
    return campaign_id


def is_said_once(outgoing: Outgoing) -> None:
    """All that Spring has to say is there, once."""
    assert waiting() == []
    assert [one["text"] for one in outgoing.in_channel()] == ["Spring: Complete (with errors), 100 % sent"]
    assert outgoing.thread() == [
        "*command line* ran the campaign: 3 recipients, disclaimer accepted.",
        "It ended as *Complete (with errors)*: 3 failed.",
    ]
    assert [one["text"][:36] for one in outgoing.direct("ben")] == ["Spring is Complete (with errors). 0."]


class TestKilled:
    @pytest.mark.parametrize("spared", range(4))
    @both_engines
    def test_what_was_posted_and_not_noted_is_found_again(self, outgoing: Outgoing, spring: int, spared: int) -> None:
        mortal = Mortal(token=outgoing.client.token, base_url=outgoing.client.base_url, retry_handlers=[])
        mortal.dies_after, mortal.spared = "chat.postMessage", spared
        with pytest.raises(KilledError):
            outgoing.poster(mortal).work()
        outgoing.restart()
        outgoing.works(20)
        is_said_once(outgoing)

    def test_card_that_was_found_again_lives_on(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id, now=outgoing.now())
        outgoing.meets("chat.postMessage", cut=True, after_effect=True)
        outgoing.works()
        outgoing.restart()
        factories.send_all(campaign_id, now=outgoing.now())
        outgoing.works(20)
        assert [one["text"] for one in outgoing.in_channel()] == ["Spring: Complete, 100 % sent"]
        assert SlackPost.select().where(SlackPost.kind == "card").count() == 1

    def test_card_that_was_found_late_shows_the_end(self, outgoing: Outgoing) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id, now=outgoing.now())
        outgoing.meets("chat.postMessage", cut=True, after_effect=True)
        outgoing.works()
        outgoing.meets("*", cut=True, times=1000)
        factories.send_all(campaign_id, now=outgoing.now())
        outgoing.works(120)
        outgoing.is_well_again()
        outgoing.works(90)
        assert [one["text"] for one in outgoing.in_channel()] == ["Spring: Complete, 100 % sent"]

    def test_card_is_found_again_among_all_that_was_written_meanwhile(self, outgoing: Outgoing) -> None:
        factories.run(make_campaign(name="Spring"), now=outgoing.now())
        outgoing.meets("chat.postMessage", cut=True, after_effect=True)
        outgoing.works()
        outgoing.meets("*", cut=True, times=1000)
        workspace = outgoing.slack.core.workspace
        outgoing.do(lambda: [workspace.post(CHANNEL, "Good morning", user="U0VERA") for _ in range(250)])
        outgoing.works(600)
        outgoing.is_well_again()
        outgoing.works(90)
        found = outgoing.do(lambda: workspace.messages(CHANNEL, "U0VERA", newest=1000))
        assert len([one for one in found if "Spring" in one["text"]]) == 1

    def test_without_history_scopes_what_may_have_been_said_is_not_said_again(
        self, outgoing: Outgoing, spring: int
    ) -> None:
        outgoing.slack.core.profile = AppProfile(scopes=tuple(scope for scope in SCOPES if "history" not in scope))
        outgoing.meets("chat.postMessage", cut=True, after_effect=True)
        outgoing.works(20)
        assert len(outgoing.in_channel()) == 1
        assert slack_trouble() is None
        assert waiting() == []


class TestLostAnswer:
    @pytest.mark.parametrize("times", [1, 3])
    def test_message_is_looked_for_before_it_is_posted_again(self, outgoing: Outgoing, spring: int, times: int) -> None:
        outgoing.meets("chat.postMessage", cut=True, after_effect=True, times=times)
        outgoing.works(120)
        is_said_once(outgoing)

    @pytest.mark.parametrize("fault", [{"cut": True}, {"status": 503}, {"error": "internal_error"}])
    def test_message_that_never_arrived_is_posted(self, outgoing: Outgoing, spring: int, fault: dict[str, Any]) -> None:
        outgoing.meets("chat.postMessage", times=4, **fault)
        outgoing.works(240)
        is_said_once(outgoing)

    def test_message_that_slack_always_chokes_on_holds_nobody_up(self, outgoing: Outgoing, spring: int) -> None:
        outgoing.works()
        outgoing.meets("chat.update", error="internal_error", times=1000)
        other = make_campaign(name="Autumn")
        factories.run(other, now=outgoing.now())
        outgoing.works(60)
        assert [one["text"] for one in outgoing.in_channel()][-1] == "Autumn: In Progress, 0 % sent"

    @both_engines
    def test_file_is_uploaded_once(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_ended()
        actor = Actor(ben.person_id, ben.name, ben.role, Surface.SLACK)
        export_id = start_export(campaign_id, criteria=Criteria(), actor=actor, now=outgoing.now())
        do_export(export_id, clock=outgoing.now)
        outgoing.meets("files.completeUploadExternal", cut=True, after_effect=True)
        outgoing.works(5)
        outgoing.restart()
        outgoing.works(60)
        assert sum(len(one.get("files", [])) for one in outgoing.direct("ben")) == 1
        assert SlackPost.get(SlackPost.kind == "file").ts == outgoing.direct("ben")[-1]["files"][0]["id"]
        assert waiting() == []


class TestTooMany:
    @both_engines
    def test_storm_of_429_loses_and_doubles_nothing(self, outgoing: Outgoing, spring: int) -> None:
        for method in ("chat.postMessage", "chat.update", "conversations.open"):
            outgoing.meets(method, status=429, retry_after=7, times=6)
        outgoing.works(180)
        is_said_once(outgoing)

    def test_retry_after_is_obeyed_by_method_and_channel(self, outgoing: Outgoing, spring: int) -> None:
        outgoing.meets("chat.postMessage", status=429, retry_after=9, times=2)
        outgoing.works(40)
        faults = [call for call in outgoing.calls("chat.postMessage") if call["answer"] == "fault: 429"]
        assert len(faults) == 2  # one for the channel, one for the direct messages
        posts: dict[str, list[float]] = {}
        for call in outgoing.calls("chat.postMessage")[2:]:
            posts.setdefault(call["sent"]["channel"], []).append(call["at"])
        assert all(min(found) - faults[0]["at"] >= 9 for found in posts.values())
        is_said_once(outgoing)

    def test_many_lines_keep_to_one_a_second(self, outgoing: Outgoing, spring: int, alice: Actor) -> None:
        outgoing.works()
        for number in range(12):
            outgoing.passes(0.001)
            start_export(spring, criteria=Criteria(search=f"={number}"), actor=alice, now=outgoing.now() + number)
        outgoing.works(20)
        assert outgoing.refused() == []
        assert waiting() == []
        assert len(outgoing.thread()) == 14
        lines = [call["at"] for call in outgoing.calls("chat.postMessage") if call["sent"]["channel"] == CHANNEL]
        assert all(later - earlier >= 5 for earlier, later in zip(lines, lines[9:], strict=False))

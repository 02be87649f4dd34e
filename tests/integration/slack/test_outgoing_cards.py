"""Cards in Slack: up to date within its limits, to the last figure, and left alone where they are not wanted."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.outgoing.places import RESTRICTED
from models.actors import COMMAND_LINE, Actor
from models.errors import WrongStateError
from models.operations.cards import move_card
from models.rules.timeouts import HOUR
from models.rules.verdicts import Word
from models.tables import Audit, Campaign, SlackPost
from models.words import Channel, Phase
from tests import factories
from tests.factories import make_campaign, make_draft, make_ended, phase_of, put_into_phase, refused
from tests.integration.slack.outgoing import CHANNEL, Outgoing, waiting

both_engines = pytest.mark.both_engines


def run(outgoing: Outgoing, campaign_id: int, actor: Actor) -> None:
    """Run it now, and say so."""
    factories.run(campaign_id, actor=actor, now=outgoing.now())
    outgoing.works()


def own(campaign_id: int, actor: Actor) -> int:
    """Let the campaign be this person's."""
    Campaign.update(owner_id=actor.person_id).where(Campaign.id == campaign_id).execute()
    return campaign_id


def cards(outgoing: Outgoing, channel: str = CHANNEL) -> list[str]:
    return [one["text"] for one in outgoing.in_channel(channel)]


class Slow(WebClient):
    """A client while whose post of a card something happens to the campaign."""

    meanwhile: Callable[[], None] | None = None

    def api_call(self, api_method: str, **arguments: Any) -> Any:
        answer = super().api_call(api_method, **arguments)
        if self.meanwhile and api_method == "chat.postMessage":
            act, self.meanwhile = self.meanwhile, None
            act()
        return answer


class TestPace:
    @both_engines
    def test_what_happens_while_the_card_is_posted_is_on_it_at_once(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_campaign(name="Spring")
        factories.run(campaign_id, actor=ben, now=outgoing.now())
        slow = Slow(token=outgoing.client.token, base_url=outgoing.client.base_url, retry_handlers=[])
        slow.meanwhile = lambda: factories.stop(campaign_id, now=outgoing.now())
        poster = outgoing.poster(slow)
        poster.work()
        poster.work()
        assert "stopping" in str(outgoing.in_channel()[0])

    def test_two_cards_at_full_speed_are_never_six_seconds_behind(self, outgoing: Outgoing, ben: Actor) -> None:
        campaigns = [make_campaign(channel, 400, name=channel.title()) for channel in Channel]
        for campaign_id in campaigns:
            run(outgoing, campaign_id, ben)
        for _ in range(100):
            for campaign_id in campaigns:
                claimed = factories.claim(campaign_id, limit=3, now=outgoing.now())
                factories.answer(claimed, at=outgoing.now())
                factories.receive(claimed, Word.DELIVERED, at=outgoing.now())
            outgoing.works(0.9)
        moments = {post.ts: [call["at"] for call in outgoing.calls("chat.update") if call["sent"]["ts"] == post.ts]
                   for post in SlackPost.select()}  # fmt: skip
        assert len(moments) == 2
        assert max(later - earlier for found in moments.values() for earlier, later in pairwise(found)) < 6
        assert min(found[-1] - found[0] for found in moments.values()) > 80
        assert outgoing.refused() == []

    def test_unchanged_card_is_not_sent_again(self, outgoing: Outgoing, ben: Actor) -> None:
        run(outgoing, make_campaign(name="Spring"), ben)
        outgoing.works(30)
        assert len(outgoing.calls("chat.update")) <= 1  # its pace is known after a while, and then nothing moves

    def test_card_of_a_held_campaign_rests_longer(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_campaign(messages=40, name="Spring")
        run(outgoing, campaign_id, ben)
        claimed = factories.claim(campaign_id, now=outgoing.now())
        put_into_phase(campaign_id, Phase.HELD)
        for number in range(20):
            factories.answer(claimed[number : number + 1], Word.DELIVERED, at=outgoing.now())
            outgoing.works(1.5)
        assert 2 <= len(outgoing.calls("chat.update")) <= 4

    @both_engines
    def test_late_receipt_reaches_the_card_of_an_ended_campaign(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_campaign(messages=2, name="Spring")
        run(outgoing, campaign_id, ben)
        claimed = factories.send_all(campaign_id, Word.UNCONFIRMED, now=outgoing.now())
        outgoing.works(60)
        assert phase_of(campaign_id) == Phase.ENDED
        assert "Unconfirmed* 2" in str(outgoing.in_channel()[0])
        before = len(outgoing.calls("chat.update"))
        factories.receive(claimed[:1], Word.DELIVERED, at=outgoing.now())
        outgoing.works(30)
        assert "Delivered* 1" in str(outgoing.in_channel()[0])
        outgoing.works(60)
        assert len(outgoing.calls("chat.update")) == before + 1

    def test_time_out_after_the_end_reaches_the_card(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_campaign(Channel.EMAIL, messages=2, name="June")
        run(outgoing, campaign_id, ben)
        claimed = factories.send_all(campaign_id, Word.DEFERRED, now=outgoing.now())
        outgoing.works(60)
        assert [text.partition(",")[0] for text in cards(outgoing)] == ["June: Active Retries"]
        factories.receive(claimed, Word.EXPIRED, at=outgoing.now())  # nothing was heard: no receipt, no act
        outgoing.works(30)
        assert [text.partition(",")[0] for text in cards(outgoing)] == ["June: Complete (with errors)"]


def test_card_of_a_campaign_to_one_person_has_no_plural(outgoing: Outgoing, ben: Actor) -> None:
    run(outgoing, make_campaign(messages=1, name="Spring"), ben)
    assert " · 1 recipient · run by Ben" in str(outgoing.in_channel()[0])


class TestPlace:
    def test_deleted_card_does_not_come_back_by_itself(self, outgoing: Outgoing, ben: Actor, alice: Actor) -> None:
        campaign_id = make_campaign(name="Spring")
        run(outgoing, campaign_id, ben)
        outgoing.client.chat_delete(channel=CHANNEL, ts=outgoing.in_channel()[0]["ts"])
        factories.running.stop_campaign(campaign_id, actor=alice, now=outgoing.now())
        factories.move_all(campaign_id, now=outgoing.now())
        outgoing.works(30)
        assert outgoing.in_channel() == []
        assert waiting() == []
        factories.resume(campaign_id, now=outgoing.now())
        outgoing.works(30)
        assert len(outgoing.calls("chat.update")) == 1  # which found it gone
        move_card(campaign_id, slack_channel_id="C0GENERAL", actor=ben, now=outgoing.now())
        outgoing.works()
        assert cards(outgoing, "C0GENERAL") == ["Spring: In Progress, 0 % sent"]

    def test_card_in_an_archived_channel_is_left_alone(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_campaign(name="Spring")
        run(outgoing, campaign_id, ben)
        outgoing.do(lambda: outgoing.slack.core.workspace.change_channel(CHANNEL, is_archived=True))
        factories.send_all(campaign_id, now=outgoing.now())
        outgoing.works(60)
        assert SlackPost.get(SlackPost.kind == "card").state == "gone"
        assert len(outgoing.calls("chat.update")) == 1
        assert waiting() == []

    @pytest.mark.parametrize(
        ("change", "because"),
        [
            ({"members": ["U0BEN"]}, "not a member"),
            ({"is_archived": True}, "archived"),
            ({"is_private": True, "members": []}, "not a member"),
        ],
    )
    def test_card_comes_to_the_owner_where_the_channel_is_shut(
        self, outgoing: Outgoing, ben: Actor, change: dict[str, object], because: str
    ) -> None:
        outgoing.do(lambda: outgoing.slack.core.workspace.change_channel(CHANNEL, **change))
        campaign_id = own(make_campaign(name="Spring"), ben)
        run(outgoing, campaign_id, ben)
        outgoing.works(2)
        card, line, reason = outgoing.direct("ben")
        assert card["text"] == "Spring: In Progress, 0 % sent"
        assert line["thread_ts"] == card["ts"]
        assert because in reason["text"]
        assert "/invite @Signalbox" in reason["text"]
        factories.send_all(campaign_id, now=outgoing.now())
        outgoing.works(2)
        assert outgoing.direct("ben")[0]["text"] == "Spring: Complete, 100 % sent"

    @pytest.mark.parametrize("error", sorted(RESTRICTED))
    def test_card_comes_to_the_owner_where_only_some_may_post(self, outgoing: Outgoing, ben: Actor, error: str) -> None:
        outgoing.meets("chat.postMessage", error=error)
        run(outgoing, own(make_campaign(name="Spring"), ben), ben)
        outgoing.works(2)
        card, _, reason = outgoing.direct("ben")
        assert card["text"] == "Spring: In Progress, 0 % sent"
        assert "only some people may post there" in reason["text"]

    def test_draft_gets_no_card(self, outgoing: Outgoing) -> None:
        draft = make_draft(name="Secret plan")
        with refused(WrongStateError):
            move_card(draft, slack_channel_id=CHANNEL, actor=COMMAND_LINE, now=outgoing.now())

    def test_moved_card_leaves_a_word_where_it_was(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_campaign(name="Spring")
        run(outgoing, campaign_id, ben)
        move_card(campaign_id, slack_channel_id=CHANNEL, actor=ben, now=outgoing.now())
        factories.stop(campaign_id, now=outgoing.now())  # what is told in between takes nothing away
        outgoing.works(2)
        assert [text.partition(",")[0] for text in cards(outgoing)] == [
            "The card of this campaign has moved.",
            "Spring: In Progress",
        ]

    @both_engines
    def test_who_moved_it_stands_under_the_moved_card_and_in_the_audit(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_campaign(name="Spring")
        run(outgoing, campaign_id, ben)
        outgoing.works(2)
        move_card(campaign_id, slack_channel_id="C0GENERAL", actor=ben, now=outgoing.now())
        outgoing.works(5)
        assert outgoing.thread("C0GENERAL") == ["<@U0BEN> put the card into <#C0GENERAL>."]
        row = Audit.select().order_by(Audit.id.desc()).first()
        assert (row.act, row.actor_name, row.object_name, row.numbers) == (
            "move_card",
            "Ben",
            "Spring",
            {"place": "C0GENERAL"},
        )
        assert waiting() == []

    def test_first_card_that_is_to_wait_is_not_posted_elsewhere_meanwhile(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_campaign(name="Spring")
        outgoing.meets("chat.postMessage", status=429, retry_after=7)
        move_card(campaign_id, slack_channel_id="C0GENERAL", actor=ben, now=outgoing.now())
        outgoing.works(3)
        assert cards(outgoing) == cards(outgoing, "C0GENERAL") == []
        outgoing.works(10)
        assert (cards(outgoing), cards(outgoing, "C0GENERAL")) == ([], ["Spring: Ready, 0 % sent"])
        assert outgoing.thread("C0GENERAL") == ["<@U0BEN> put the card into <#C0GENERAL>."]

    @both_engines
    def test_deleted_campaign_leaves_no_buttons(self, outgoing: Outgoing, ben: Actor, alice: Actor) -> None:
        campaign_id = make_ended(now=outgoing.now())
        outgoing.works()
        name = Campaign.get_by_id(campaign_id).name
        factories.running.delete_campaign(campaign_id, actor=alice, typed_name=name, now=outgoing.now())
        factories.move_all(campaign_id, now=outgoing.now())
        outgoing.works(20)
        assert cards(outgoing) == [f"{name} was deleted."]
        assert "actions" not in str(outgoing.in_channel())
        assert outgoing.thread()[-1] == "<@U0ALICE> deleted it with 3 messages."
        assert waiting() == []

    def test_card_posted_before_the_run_hears_of_a_start_and_of_the_end(
        self, outgoing: Outgoing, ben: Actor, alice: Actor
    ) -> None:
        campaign_id = make_campaign(name="Spring", now=outgoing.now())
        move_card(campaign_id, slack_channel_id=CHANNEL, actor=ben, now=outgoing.now())
        outgoing.works()
        factories.run_later(campaign_id, at=outgoing.now() + HOUR, actor=ben, now=outgoing.now())
        outgoing.works(20)
        assert ":clock3: Runs later: <!date^" in str(outgoing.in_channel()[0])
        assert [line.partition(" start for ")[0] for line in outgoing.thread()] == [
            f"<@U0BEN> put the card into <#{CHANNEL}>.",
            "<@U0BEN> scheduled its",
        ]
        factories.running.delete_campaign(campaign_id, actor=alice, typed_name="Spring", now=outgoing.now())
        outgoing.works(20)  # the campaign is still being deleted
        factories.move_all(campaign_id, now=outgoing.now())
        outgoing.works(20)
        assert cards(outgoing) == ["Spring was deleted."]
        assert "actions" not in str(outgoing.in_channel())


def test_nothing_in_a_channel_is_anybodys_or_the_providers(outgoing: Outgoing, ben: Actor) -> None:
    campaign_id = own(make_campaign(Channel.SMS, ["+12025550147", "+12025550148"], name="Spring"), ben)
    run(outgoing, campaign_id, ben)
    claimed = factories.claim(campaign_id, now=outgoing.now())
    factories.answer(claimed, at=outgoing.now())
    factories.receive(claimed, Word.FAILED, at=outgoing.now(), code="30003", text="No way to +12025550147 <!channel>")
    outgoing.works(5)
    seen = str(outgoing.person("vera").messages())
    assert "Why 2 failed" in seen
    assert "2025550" not in seen
    assert "No way" not in seen

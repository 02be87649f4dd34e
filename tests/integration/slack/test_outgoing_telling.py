"""Telling people (SPEC 7): all in the card's thread, little to the owner, and nothing to who did it."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.outgoing import letters
from jobs.providers.base import AccountCheck
from models.actors import COMMAND_LINE, SYSTEM, Actor
from models.config import Config
from models.database import transaction
from models.errors import AccountRefusedError, NotAllowedError
from models.operations import audit, scheduling, telling
from models.operations.attaching import attach_file, detach_file
from models.operations.campaigns import set_template
from models.operations.cards import move_card
from models.operations.handing_on import hand_on
from models.operations.own_account import mute_finished
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables import Audit, Campaign
from models.words import Channel, FailureReason, RetryClass, Scope, Silence
from tests import factories
from tests.factories import (
    MINUTE,
    make_campaign,
    make_left_out,
    move_all,
    phase_of,
    refused,
    retry_later,
    run_later,
    template_for,
)
from tests.integration.slack.outgoing import CHANNEL, Outgoing, waiting

both_engines = pytest.mark.both_engines
TO_WHO_PLANNED = ("cancel_start", "planned_run", "planned_retry")


@pytest.fixture
def spring(outgoing: Outgoing, ben: Actor) -> int:
    """Ben's campaign of 120, run by himself."""
    campaign_id = make_campaign(messages=120, name="Spring")
    Campaign.update(owner_id=ben.person_id).where(Campaign.id == campaign_id).execute()
    factories.run(campaign_id, actor=ben, now=outgoing.now())
    outgoing.works()
    return campaign_id


def texts(outgoing: Outgoing, name: str = "ben") -> list[str]:
    return [one["text"] for one in outgoing.direct(name)]


def fails(campaign_id: int, count: int, outgoing: Outgoing) -> None:
    """So many first attempts fail."""
    claimed = factories.claim(campaign_id, limit=count, now=outgoing.now())
    factories.answer(claimed, at=outgoing.now())
    factories.receive(
        claimed, Word.FAILED, at=outgoing.now(), reason=FailureReason.UNREACHABLE, retry_class=RetryClass.LIKELY
    )


def ends(campaign_id: int, outgoing: Outgoing, failed: int = 20) -> None:
    """It ends, so many of it Failed."""
    fails(campaign_id, failed, outgoing)
    factories.send_all(campaign_id, now=outgoing.now())
    assert phase_of(campaign_id) == "ended"


class TestOwner:
    def test_own_acts_are_told_in_the_thread_alone(self, outgoing: Outgoing, spring: int, ben: Actor) -> None:
        factories.running.stop_campaign(spring, actor=ben, now=outgoing.now())
        move_all(spring, now=outgoing.now())
        outgoing.works(5)
        assert texts(outgoing) == []
        assert outgoing.thread()[1:] == [
            "<@U0BEN> stopped it: 120 messages were not sent.",
            "It ended as *Stopped*: 120 cancelled.",
        ]

    def test_acts_of_others_are_told_once_each(self, outgoing: Outgoing, spring: int, alice: Actor) -> None:
        factories.running.stop_campaign(spring, actor=alice, now=outgoing.now())
        move_all(spring, now=outgoing.now())
        factories.running.resume_campaign(spring, actor=alice, now=outgoing.now())
        outgoing.works(5)
        assert texts(outgoing) == [
            "<@U0ALICE> stopped Spring. 120 messages were not sent.",
            "<@U0ALICE> resumed Spring. 120 messages went on.",
        ]
        assert texts(outgoing, "alice") == []

    def test_stop_that_came_too_late_says_where_the_messages_are(
        self, outgoing: Outgoing, spring: int, alice: Actor
    ) -> None:
        factories.claim(spring, limit=120, now=outgoing.now())
        factories.running.stop_campaign(spring, actor=alice, now=outgoing.now())
        outgoing.works(5)
        told = "othing was left to stop, the last 120 messages are already with the provider."
        assert texts(outgoing) == [f"<@U0ALICE> stopped Spring. N{told}"]
        assert outgoing.thread()[1:] == [f"<@U0ALICE> stopped it: n{told}"]

    def test_finished_says_what_came_of_it(self, outgoing: Outgoing, spring: int) -> None:
        ends(spring, outgoing)
        outgoing.works(5)
        assert texts(outgoing) == [
            "Spring is Complete (with errors). 83.3 % delivered · 20 failed, 20 of them likely to work on retry."
        ]
        assert outgoing.thread()[-1] == "It ended as *Complete (with errors)*: 100 delivered, 20 failed."
        assert "Simulated" in str(outgoing.direct("ben"))

    @both_engines
    def test_finished_says_who_was_left_out_and_why(self, outgoing: Outgoing) -> None:
        make_left_out(now=outgoing.now())
        outgoing.works(10)
        left_out = "2 left out: reached in the 24 hours before Run"
        assert f"It ended as *Stopped*: 1 delivered, 2 cancelled ({left_out})." in outgoing.thread()
        assert f"{left_out}." in str(outgoing.in_channel(CHANNEL))
        told = "1 recipient, without those reached in the 24 hours before, disclaimer accepted."
        assert f"*command line* ran the campaign: {told}" in outgoing.thread()

    def test_finished_can_be_muted_and_heard_again(self, outgoing: Outgoing, spring: int, ben: Actor) -> None:
        mute_finished(ben, muted=True, now=outgoing.now())
        mute_finished(ben, muted=True, now=outgoing.now())
        ends(spring, outgoing)
        outgoing.works(5)
        assert texts(outgoing) == []
        assert len(outgoing.thread()) == 2
        mute_finished(ben, muted=False, now=outgoing.now())
        acts = [row.act for row in Audit.select().where(Audit.object_kind == "person").order_by(Audit.id)]
        assert acts[-2:] == ["mute_finished", "unmute_finished"]
        factories.retry(spring, now=outgoing.now())
        move_all(spring, now=outgoing.now())
        factories.send_all(spring, now=outgoing.now())
        outgoing.works(5)
        assert texts(outgoing)[-1] == "Spring is Complete. 100.0 % delivered."

    def test_those_assumed_delivered_are_told_beside_the_delivered(self, installation: Config) -> None:
        numbers = {"status": "complete", "delivered": 500, "assumed_delivered": 1500, "likely": 0}
        content = {"act": "end", "campaign": "Spring", "channel": "sms", "numbers": numbers}
        said = letters.letter(1, content, "", gone=False).text
        assert said == "Spring is Complete. 25.0 % delivered · 1,500 assumed delivered."

    def test_owner_is_told_who_was_left_out_and_why(self, installation: Config) -> None:
        numbers = {"status": "stopped", "delivered": 1, "cancelled": 3, "left_out": {"reached_lately": 2}, "likely": 0}
        content = {"act": "end", "campaign": "Spring", "channel": "sms", "numbers": numbers}
        said = letters.letter(1, content, "", gone=False).text
        left_out = "3 Cancelled (2 left out: reached in the 24 hours before Run)"
        assert said == f"Spring is Stopped. 25.0 % delivered · {left_out}."

    @pytest.mark.parametrize("act", ["stop", "resume", "retry", "delete", "hand_on", "cancel_start"])
    def test_name_of_who_acted_stands_in_no_bold_of_another(self, act: str, installation: Config) -> None:
        content = {"act": act, "campaign": "Spring", "channel": "sms", "times": 1, "numbers": {"messages": 2}}
        letter = letters.letter(1, content, "*command line*", gone=False)
        assert re.match(r"\*command line\* \*[^*]+\*", letter.blocks[0]["text"]["text"])

    def test_nobody_else_mutes(self, outgoing: Outgoing) -> None:
        with refused(NotAllowedError):
            mute_finished(COMMAND_LINE, muted=True, now=outgoing.now())

    def test_who_gets_a_campaign_handed_on_is_told(
        self, outgoing: Outgoing, spring: int, ben: Actor, alice: Actor
    ) -> None:
        assert alice.person_id is not None
        hand_on(spring, to=alice.person_id, actor=ben, now=outgoing.now())
        outgoing.works(5)
        assert texts(outgoing, "alice") == [
            "<@U0BEN> handed Spring on to you. You are its owner now, and get its news."
        ]
        assert texts(outgoing) == []
        assert outgoing.thread()[-1] == "<@U0BEN> handed it on to Alice."

    def test_deletion_is_told_by_the_name_it_had(self, outgoing: Outgoing, spring: int, alice: Actor) -> None:
        ends(spring, outgoing)
        factories.running.delete_campaign(spring, actor=alice, typed_name="Spring", now=outgoing.now())
        move_all(spring, now=outgoing.now())
        assert Campaign.get_or_none(Campaign.id == spring) is None
        outgoing.works(5)
        assert texts(outgoing) == [
            "Spring is Complete (with errors). 83.3 % delivered · 20 failed, 20 of them likely to work on retry.",
            "<@U0ALICE> deleted Spring. 120 messages went with it.",
        ]
        assert "actions" not in str(outgoing.direct("ben"))


class TestMerging:
    def retries(self, outgoing: Outgoing, campaign_id: int, actor: Actor, failed: int) -> None:
        factories.retrying.retry_messages(campaign_id, actor=actor, criteria=Criteria(), now=outgoing.now())
        move_all(campaign_id, now=outgoing.now())
        fails(campaign_id, failed, outgoing)

    @both_engines
    def test_similar_acts_within_five_minutes_are_one_message(
        self, outgoing: Outgoing, spring: int, alice: Actor
    ) -> None:
        ends(spring, outgoing)
        outgoing.works(5)
        for _ in range(3):
            self.retries(outgoing, spring, alice, 20)
            outgoing.works(60)
        retried = [text for text in texts(outgoing) if "retried" in text]
        assert retried == ["<@U0ALICE> retried Spring 3 times. 60 messages were queued again."]
        assert sum("retried 20 messages" in line for line in outgoing.thread()) == 3
        outgoing.passes(5 * 60)
        self.retries(outgoing, spring, alice, 20)
        outgoing.works(5)
        assert texts(outgoing)[-1:] != retried
        assert sum("retried" in text for text in texts(outgoing)) == 2

    def test_those_that_wait_are_merged_before_they_are_said(
        self, outgoing: Outgoing, spring: int, alice: Actor
    ) -> None:
        ends(spring, outgoing)
        for _ in range(3):
            self.retries(outgoing, spring, alice, 20)
        outgoing.works(20)
        assert [text for text in texts(outgoing) if "retried" in text] == [
            "<@U0ALICE> retried Spring 3 times. 60 messages were queued again."
        ]
        assert waiting() == []

    def test_what_happens_while_it_is_posted_is_not_lost(self, outgoing: Outgoing, spring: int, alice: Actor) -> None:
        ends(spring, outgoing)
        outgoing.works(20)
        self.retries(outgoing, spring, alice, 20)
        busy = Busy(token=outgoing.client.token, base_url=outgoing.client.base_url, retry_handlers=[])
        busy.meanwhile = lambda: self.retries(outgoing, spring, alice, 20)
        outgoing.poster(busy).work()
        outgoing.works(20)
        assert [text for text in texts(outgoing) if "retried" in text] == [
            "<@U0ALICE> retried Spring 2 times. 40 messages were queued again."
        ]


class Busy(WebClient):
    """A client while whose message about a retry is posted, something else happens."""

    meanwhile: Callable[[], None] | None = None

    def api_call(self, api_method: str, **arguments: Any) -> Any:
        answer = super().api_call(api_method, **arguments)
        if self.meanwhile and "retried Spring" in str(arguments):
            act, self.meanwhile = self.meanwhile, None
            act()
        return answer


class TestHeld:
    @both_engines
    def test_channel_and_owner_are_told_why(self, outgoing: Outgoing, spring: int) -> None:
        fails(spring, 56, outgoing)
        outgoing.works(5)
        _, post = outgoing.in_channel()
        said = "Spring is Held. 56 of the last 56 first attempts failed, most of them Unreachable."
        assert post["text"].startswith(said)
        assert [text[: len(said)] for text in texts(outgoing)] == [said]
        for one in (post, outgoing.direct("ben")[0]):
            assert "64 stay Queued" in one["text"]
            assert "*Why:* Unreachable 56" in str(one)
            buttons = next(block for block in one["blocks"] if block["type"] == "actions")["elements"]
            assert [button["action_id"] for button in buttons][:2] == ["resume", "stop"]
        assert outgoing.thread()[-1].startswith("*Held*: 56 of the last 56 first attempts failed")

    def test_who_resumes_it_lets_go_on_what_stayed_queued(self, outgoing: Outgoing, spring: int, alice: Actor) -> None:
        fails(spring, 56, outgoing)
        factories.running.resume_campaign(spring, actor=alice, now=outgoing.now())
        outgoing.works(5)
        assert texts(outgoing)[-1] == "<@U0ALICE> resumed Spring. 64 messages went on."
        assert outgoing.thread()[-1] == "<@U0ALICE> resumed it: 64 messages went on."

    def test_what_was_overtaken_is_not_said(self, outgoing: Outgoing, spring: int, ben: Actor) -> None:
        fails(spring, 56, outgoing)
        factories.running.resume_campaign(spring, actor=ben, now=outgoing.now())
        outgoing.works(5)
        assert len(outgoing.in_channel()) == 1
        assert texts(outgoing) == []
        assert len(outgoing.thread()) == 3


class TestFailed:
    @pytest.mark.parametrize(
        ("reason", "mend"),
        [
            (FailureReason.INSUFFICIENT_FUNDS, ("no balance. 120 messages were not sent", "whoever pays for")),
            (FailureReason.CONFIGURATION, ("code 20003. 120 messages were not sent", "whoever looks after")),
        ],
    )
    def test_who_can_mend_it_is_said(
        self, outgoing: Outgoing, spring: int, reason: FailureReason, mend: tuple[str, ...]
    ) -> None:
        claimed = factories.claim(spring, limit=5, now=outgoing.now())
        details = {"reason": reason, "scope": Scope.ACCOUNT, "code": "20003", "text": "Authenticate +12025550147"}
        factories.answer(claimed, Word.NOT_SENT, at=outgoing.now(), **details)
        outgoing.works(5)
        assert phase_of(spring) == "failed"
        assert "*Who can mend it:* whoever looks after the account at the simulated provider" in str(
            outgoing.in_channel()[0]
        )
        for one in (outgoing.in_channel()[-1], outgoing.direct("ben")[-1]):
            assert all(part in one["text"] for part in mend)
        assert "Authenticate" not in str(outgoing.person("vera").messages())
        assert texts(outgoing)[-1].endswith("Then Resume.")

    def test_what_a_retry_had_queued_goes_on_by_a_retry(self, outgoing: Outgoing, spring: int) -> None:
        """It rests as Failed again, and nothing of it is Cancelled."""
        ends(spring, outgoing, failed=8)
        outgoing.passes(60)
        factories.retry(spring, now=outgoing.now())
        move_all(spring, now=outgoing.now())
        claimed = factories.claim(spring, limit=5, now=outgoing.now())
        refused_as = {"reason": FailureReason.CONFIGURATION, "scope": Scope.ACCOUNT, "code": "20003"}
        factories.answer(claimed, Word.NOT_SENT, at=outgoing.now(), **refused_as)
        move_all(spring, now=outgoing.now())
        outgoing.works(5)
        assert factories.statuses(spring) == {"delivered": 112, "failed": 8}
        (told,) = [text for text in texts(outgoing) if "is Failed" in text]
        assert "8 messages were not sent" in told
        assert "Then Resume, and Retry what a retry had queued." in told
        assert "Then Retry." in str(outgoing.in_channel()[0])


class TestCancelledStart:
    @pytest.mark.parametrize("owner", ["ben", "alice"])
    def test_who_had_planned_it_is_told_who_cancelled_it_and_by_what(
        self, outgoing: Outgoing, ben: Actor, alice: Actor, owner: str
    ) -> None:
        campaign_id = make_campaign(name="Spring")
        Campaign.update(owner_id={"ben": ben, "alice": alice}[owner].person_id).execute()
        for cancel in (
            lambda: set_template(campaign_id, template_for(Channel.SMS), actor=alice, now=outgoing.now()),
            lambda: run_later(campaign_id, at=None, actor=alice, now=outgoing.now()),
        ):
            run_later(campaign_id, at=None, actor=ben, now=outgoing.now())
            cancel()
            outgoing.works(5)
            outgoing.passes(6 * 60)
        assert texts(outgoing) == [
            "<@U0ALICE> cancelled your planned start of Spring by editing it.",
            "<@U0ALICE> cancelled your planned start of Spring by planning another.",
        ]
        assert texts(outgoing, "alice") == []

    def test_who_cancels_what_they_planned_themselves_is_not_told(self, outgoing: Outgoing, ben: Actor) -> None:
        campaign_id = make_campaign()
        run_later(campaign_id, at=None, actor=ben, now=outgoing.now())
        scheduling.cancel_start(campaign_id, actor=ben, now=outgoing.now())
        outgoing.works(5)
        assert texts(outgoing) == []

    def test_thread_says_by_what(self) -> None:
        told = letters.thread_line({"act": "cancel_start", "numbers": {"by": "set_message"}}, "*Ben*").text
        assert told == "*Ben* cancelled its scheduled start by editing it."

    def test_planned_retry_is_not_called_a_start(self, installation: Config) -> None:
        numbers = {"start": "retry", "starts_at": None, "when_free": True, "by": "stop"}
        content = {"act": "cancel_start", "campaign": "Spring", "channel": "sms", "numbers": numbers}
        planned = letters.thread_line({**content, "act": "schedule_start"}, "*Ben*").text
        assert planned == "*Ben* scheduled its retry when the channel is free."
        assert letters.thread_line(content, "*Ben*").text == "*Ben* cancelled its scheduled retry by stopping it."
        letter = letters.letter(1, content, "*Ben*", gone=False).text
        assert letter == "Ben cancelled your planned retry of Spring by stopping it."


class TestPlannedStart:
    @both_engines
    def test_who_had_planned_a_retry_is_told_that_it_started(
        self, outgoing: Outgoing, spring: int, ben: Actor, alice: Actor
    ) -> None:
        ends(spring, outgoing)
        outgoing.works(5)
        start_id = retry_later(spring, at=outgoing.now() + MINUTE, actor=alice, now=outgoing.now())
        outgoing.passes(60)
        scheduling.fire_start(start_id, now=outgoing.now())
        outgoing.works(5)
        assert texts(outgoing, "alice") == ["Retry of 20 messages started in Spring as planned."]
        assert "open_panel" in str(outgoing.direct("alice")[-1]["blocks"])
        assert texts(outgoing)[-1] == "<@U0ALICE> retried Spring. 20 messages were queued again."

    def test_who_had_planned_a_run_is_told_that_it_started(self, outgoing: Outgoing, ben: Actor) -> None:
        start_id = run_later(make_campaign(name="Spring"), at=None, actor=ben, now=outgoing.now())
        scheduling.fire_start(start_id, now=outgoing.now())
        outgoing.works(5)
        assert texts(outgoing) == ["Spring was started as planned. 3 messages are being queued."]

    def test_command_line_that_had_planned_it_is_nobody_to_tell(self, outgoing: Outgoing) -> None:
        start_id = run_later(make_campaign(name="Spring"), at=None, now=outgoing.now())
        scheduling.fire_start(start_id, now=outgoing.now())
        outgoing.works(5)
        assert texts(outgoing) == texts(outgoing, "alice") == []


class TestMissedStart:
    def test_a_providers_own_words_are_for_the_owner_alone(self, outgoing: Outgoing, spring: int, ben: Actor) -> None:
        """They may quote an address: no channel and no audit has them."""
        ends(spring, outgoing)
        start_id = retry_later(spring, at=outgoing.now() + MINUTE, actor=ben, now=outgoing.now())
        check = AccountCheck(refusal="The mail server refuses the login in SMTP_URL.", said="535 ann@example.com")
        refusal = AccountRefusedError(check.refusal_in_full, in_public=check.refusal)
        scheduling.refuse_start(start_id, refusal, now=outgoing.now() + MINUTE)
        outgoing.passes(60)
        outgoing.works(5)
        assert texts(outgoing)[-1].startswith("Spring was not started as planned. The mail server refuses the login")
        assert texts(outgoing)[-1].endswith("535 ann@example.com")
        in_public = str(outgoing.person("vera").messages())
        assert "The mail server refuses the login" in in_public
        assert [row["numbers"] for row in factories.rows_of("audit") if row["act"] == "late_start"]
        assert "ann@example.com" not in in_public + str(factories.rows_of("audit"))


class TestEditing:
    def test_files_that_come_and_go_are_told_as_the_edits_that_they_are(self, outgoing: Outgoing, ben: Actor) -> None:
        june = make_campaign(Channel.EMAIL, name="June")
        move_card(june, slack_channel_id=CHANNEL, actor=ben, now=outgoing.now())
        file_id = attach_file(june, "flyer.pdf", b"%PDF-1.7 a flyer", actor=ben, now=outgoing.now())
        outgoing.passes(1)
        detach_file(june, file_id, actor=ben, now=outgoing.now())
        outgoing.works(5)
        assert outgoing.thread()[1:] == ["<@U0BEN> attached a file to it.", "<@U0BEN> took a file away from it."]


class TestSilence:
    def test_owner_hears_of_a_provider_that_accepts_nothing(self, outgoing: Outgoing, spring: int) -> None:
        with transaction():
            audit.record(SYSTEM, Silence.NOTHING_ACCEPTED, now=outgoing.now(), kind="campaign", object_id=spring)
        outgoing.works(5)
        assert [text[:45] for text in texts(outgoing)] == ["Spring: The provider has accepted nothing for"]
        assert len(outgoing.in_channel()) == 1


@pytest.fixture
def numbers() -> dict[str, object]:
    """As acts give them, few."""
    looked_up = {"found": 1, "unlisted": 0, "unclear": 0, "unasked": 0}
    return {
        "messages": 1,
        "n": 1,
        "rows": 1,
        "failed": 50,
        "first_attempts": 60,
        "queued": 1,
        "status": "complete",
        "likely": 0,
        **looked_up,
    }


class TestWords:
    @pytest.mark.parametrize("act", sorted(telling.TOLD))
    def test_every_act_that_is_told_has_its_line(self, act: str, numbers: dict[str, object]) -> None:
        line = letters.thread_line({"act": act, "numbers": numbers}, "*Ben*")
        assert line.text
        assert "1 messages" not in line.text

    @pytest.mark.parametrize("act", sorted({*telling.OWNER_ALWAYS, *telling.OWNER_BY_OTHERS, *TO_WHO_PLANNED}))
    def test_every_act_that_concerns_a_person_has_its_letter(
        self, installation: object, act: str, numbers: dict[str, object]
    ) -> None:
        content = {"act": act, "campaign": "A *b* <!channel> c", "channel": Channel.SMS, "numbers": numbers, "times": 1}
        letter = letters.letter(1, content, "*Ben*", gone=False)
        assert "<!channel>" not in str(letter)

    @pytest.mark.parametrize(("place", "told"), [("C0GENERAL", "<#C0GENERAL>"), ("D0BEN", "direct messages")])
    def test_card_that_was_moved_says_where(self, place: str, told: str) -> None:
        line = letters.thread_line({"act": "move_card", "numbers": {"place": place}}, "*Ben*")
        assert line.text == f"*Ben* put the card into {told}."

    def test_start_later_says_when(self) -> None:
        numbers = {"starts_at": 14 * 60 * MINUTE, "when_free": True}
        line = letters.thread_line({"act": "schedule_start", "numbers": numbers}, "*Ben*").text
        assert line.startswith("*Ben* scheduled its start for <!date^50400^")
        assert line.endswith(" and when the channel is free.")

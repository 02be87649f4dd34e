"""Answers and receipts on real rows: what they do to message, attempt, counters, opt-out list and campaign."""

import pytest

from models.operations.sending import Claimed
from models.operations.settling import settle
from models.operations.watching import refuse_configuration
from models.queries.campaigns import get_campaign, summary_of
from models.rules.guard import LIMIT, WINDOW
from models.rules.verdicts import Event, Word
from models.tables import OptOut
from models.words import CampaignStatus, Channel, FailureReason, RetryClass, Scope
from tests.factories import (
    MINUTE,
    NOW,
    answer,
    attempt,
    claim,
    dump,
    latest,
    make_campaign,
    make_ended,
    message,
    move_all,
    moves_of,
    phase_of,
    receive,
    resume,
    retry,
    rows_of,
    run,
    statuses,
    stop,
)

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines


class TestAnswers:
    @both_engines
    def test_accepted_message_keeps_what_the_provider_said(self) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        claimed = claim(campaign_id, now=NOW + 1)
        answer(claimed, at=NOW + 90, provider_id="SM1", segments=2)
        row, story = message(claimed[0].message_id), attempt(claimed[0].message_id)
        assert (row["status"], row["segments"], row["sent_at"]) == ("sending", 2, NOW + 90)
        assert (story["answer"], story["provider_id"]) == ("accepted", "SM1")
        assert (story["claimed_at"], story["handed_over_at"]) == (NOW + 1, NOW + 90)

    @both_engines
    def test_not_sent_message_is_queued_again_for_a_new_attempt(self) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        first = claim(campaign_id)
        answer(first, Word.NOT_SENT, code="429", text="Too many requests")
        assert statuses(campaign_id) == {"queued": 2}
        assert message(first[0].message_id)["due_at"] is None
        assert attempt(first[0].message_id)["status"] == "not_sent"
        assert message(first[0].message_id)["sent_at"] is None
        second = claim(campaign_id)
        assert [one.attempt for one in second] == [2, 2]
        answer(second)
        receive(second, Word.DELIVERED)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"delivered": 2}, "ended")

    @both_engines
    def test_refused_row_fails_with_reason_class_and_words(self) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        claimed = claim(campaign_id)
        reason = FailureReason.INVALID_RECIPIENT
        answer(claimed, Word.FAILED, reason=reason, retry_class=RetryClass.POINTLESS, code="21211", text="Invalid 'To'")
        row = message(claimed[0].message_id)
        assert (row["status"], row["failure_reason"], row["retry_class"]) == ("failed", reason, "pointless")
        assert (row["provider_code"], row["provider_text"], row["due_at"]) == ("21211", "Invalid 'To'", None)
        assert summary_of(campaign_id).counts.failures == {("invalid_recipient", "pointless"): 1}
        assert summary_of(campaign_id).status is CampaignStatus.COMPLETE_WITH_ERRORS

    @both_engines
    def test_unknown_answer_keeps_the_message_sending(self) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed, Word.UNKNOWN, at=NOW + 1)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"sending": 1}, "running")
        assert message(claimed[0].message_id)["sent_at"] == NOW

    @both_engines
    def test_answer_of_an_attempt_that_is_over_changes_nothing(self) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        first = claim(campaign_id)
        answer(first, Word.NOT_SENT)
        claim(campaign_id)
        before = dump()
        for word in (Word.NOT_SENT, Word.ACCEPTED, Word.FAILED):
            answer(first, word)
        assert dump() == before


class TestReceipts:
    @both_engines
    def test_receipt_before_the_answer_is_recorded_counts(self) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        claimed = claim(campaign_id)
        receive(claimed, Word.DELIVERED, at=NOW + 1)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"delivered": 2}, "ended")
        answer(claimed, at=NOW + 2, provider_id="SM1", segments=1)
        assert statuses(campaign_id) == {"delivered": 2}
        row, story = message(claimed[0].message_id), attempt(claimed[0].message_id)
        assert (row["segments"], row["sent_at"], story["provider_id"]) == (1, NOW + 2, "SM1")

    @both_engines
    def test_same_receipt_again_writes_nothing(self) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        for word in (Word.ACCEPTED, Word.SENT, Word.FAILED):
            receive(claimed, word, at=NOW + 1)
            before = dump()
            assert receive(claimed, word, at=NOW + 1).changed == 0
            assert dump() == before

    @both_engines
    def test_whole_story_in_one_batch_counts_once(self) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        message_id = claim(campaign_id)[0].message_id
        words = [Word.ACCEPTED, Word.DELIVERED, Word.SENT, Word.DELIVERED, Word.FAILED]
        settled = settle([Event(message_id, 1, word, NOW + 1) for word in words], now=NOW + 1, scale=1)
        assert settled.changed == 1
        assert statuses(campaign_id) == {"delivered": 1}
        assert [(row["status"], row["n"]) for row in rows_of("message_flow")] == [("delivered", 1)]

    @both_engines
    def test_batch_over_two_campaigns_counts_each(self) -> None:
        campaign_ids = [make_campaign(channel, 2) for channel in Channel]
        claimed: list[Claimed] = []
        for campaign_id in campaign_ids:
            run(campaign_id)
            claimed += claim(campaign_id)
        settled = receive(claimed, Word.DELIVERED)
        assert settled.campaign_ids == frozenset(campaign_ids)
        assert [statuses(campaign_id) for campaign_id in campaign_ids] == [{"delivered": 2}] * 2

    @both_engines
    def test_receipts_of_unknown_messages_come_back_unmatched(self) -> None:
        campaign_id = make_campaign(messages=1)
        waiting = latest(campaign_id)[0].message_id
        events = [Event(message_id, 1, Word.DELIVERED, NOW) for message_id in (waiting, waiting + 99)]
        before = dump()
        assert settle(events, now=NOW, scale=1).unmatched == tuple(events)
        assert dump() == before

    @both_engines
    def test_earlier_attempt_counts_until_a_later_one_is_claimed(self) -> None:
        campaign_id = make_ended(messages=2, word=Word.FAILED)
        first = latest(campaign_id)
        retry(campaign_id)
        move_all(campaign_id)
        receive(first[:1], Word.DELIVERED)
        assert statuses(campaign_id) == {"delivered": 1, "queued": 1}
        second = claim(campaign_id)
        before = dump()
        for word in (Word.DELIVERED, Word.OPTED_OUT, Word.SENT):
            receive(first[1:], word)
        assert dump() == before
        assert [one.message_id for one in second] == [first[1].message_id]

    @both_engines
    def test_receipt_of_a_not_sent_attempt_drops_the_next_one(self) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed, Word.NOT_SENT)
        receive(claimed, Word.DELIVERED)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"delivered": 1}, "ended")
        assert claim(campaign_id) == ()

    @both_engines
    @pytest.mark.parametrize("word", [Word.DELIVERED, Word.FAILED, Word.OPTED_OUT])
    def test_late_receipt_never_reopens_the_campaign(self, word: Word) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        receive(claimed, Word.ASSUMED, at=NOW + 10 * MINUTE)
        assert phase_of(campaign_id) == "ended"
        receive(claimed, word, at=NOW + 60 * MINUTE)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({word.value: 1}, "ended")

    @both_engines
    def test_deferred_email_keeps_the_campaign_in_active_retries(self) -> None:
        campaign_id = make_campaign(Channel.EMAIL, 2)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        receive(claimed[:1], Word.DELIVERED)
        receive(claimed[1:], Word.DEFERRED)
        assert summary_of(campaign_id).status is CampaignStatus.ACTIVE_RETRIES
        receive(claimed[1:], Word.DELIVERED)
        assert summary_of(campaign_id).status is CampaignStatus.COMPLETE

    @both_engines
    def test_delayed_bounce_takes_a_delivered_email_back(self) -> None:
        campaign_id = make_ended(Channel.EMAIL, 1)
        receive(latest(campaign_id), Word.FAILED, reason=FailureReason.MAILBOX_FULL)
        assert summary_of(campaign_id).status is CampaignStatus.COMPLETE_WITH_ERRORS
        assert statuses(campaign_id) == {"failed": 1}

    @both_engines
    @pytest.mark.parametrize("channel", Channel)
    def test_providers_refusal_puts_the_person_on_the_list(self, channel: Channel) -> None:
        campaign_id = make_campaign(channel, 2)
        run(campaign_id)
        answered, told = ([one] for one in claim(campaign_id))
        answer(answered, Word.OPTED_OUT, code="21610")
        answer(told)
        for _ in range(2):
            receive(told, Word.OPTED_OUT)
        assert statuses(campaign_id) == {"opted_out": 2}
        listed = list(OptOut.select().order_by(OptOut.id))
        assert [row.recipient_key for row in listed] == [answered[0].recipient, told[0].recipient]
        assert {(row.channel, row.source, row.campaign_id) for row in listed} == {(channel, "provider", campaign_id)}


def refuse(campaign_id: int, times: int, *, code: str = "20003") -> None:
    """The account is refused so many times, one message after the other."""
    for number in range(times):
        answer(claim(campaign_id, limit=1), Word.NOT_SENT, scope=Scope.ACCOUNT, code=f"{code}{number}", text="Refused")


class TestAccount:
    @both_engines
    def test_five_refusals_in_a_row_fail_the_campaign(self) -> None:
        campaign_id = make_campaign(messages=8)
        run(campaign_id)
        refuse(campaign_id, 4)
        assert phase_of(campaign_id) == "running"
        refuse(campaign_id, 1, code="suspended ")
        campaign = get_campaign(campaign_id)
        assert (campaign.phase, campaign.failed_code, campaign.failed_text) == ("failed", "suspended 0", "Refused")
        assert claim(campaign_id) == ()
        move_all(campaign_id)
        assert statuses(campaign_id) == {"cancelled": 8}
        assert [move.kind for move in moves_of(campaign_id)] == ["run", "fail"]
        assert [row["act"] for row in rows_of("audit", "WHERE actor_name = 'system'")] == ["fail"]

    @both_engines
    @pytest.mark.parametrize("success", [Word.ACCEPTED, Word.DELIVERED])
    def test_success_between_starts_the_count_anew(self, success: Word) -> None:
        campaign_id = make_campaign(messages=8)
        run(campaign_id)
        refuse(campaign_id, 4)
        answer(claim(campaign_id, limit=1), success)
        refuse(campaign_id, 4)
        assert phase_of(campaign_id) == "running"
        refuse(campaign_id, 1)
        assert phase_of(campaign_id) == "failed"

    @both_engines
    def test_messages_failure_between_is_no_success(self) -> None:
        campaign_id = make_campaign(messages=8)
        run(campaign_id)
        refuse(campaign_id, 4)
        answer(claim(campaign_id, limit=1), Word.FAILED)
        refuse(campaign_id, 1)
        assert phase_of(campaign_id) == "failed"

    @both_engines
    def test_receipts_with_such_a_code_fail_the_message_and_count(self) -> None:
        campaign_id = make_campaign(messages=9)
        run(campaign_id)
        claimed = claim(campaign_id, limit=5)
        answer(claimed)
        receive(claimed[:4], Word.FAILED, scope=Scope.ACCOUNT, code="30002")
        assert phase_of(campaign_id) == "running"
        receive(claimed[4:], Word.FAILED, scope=Scope.ACCOUNT, code="30002")
        move_all(campaign_id)
        assert (phase_of(campaign_id), statuses(campaign_id)) == ("failed", {"failed": 5, "cancelled": 4})

    @both_engines
    def test_same_receipt_repeated_counts_once(self) -> None:
        campaign_id = make_campaign(messages=3)
        run(campaign_id)
        claimed = claim(campaign_id, limit=1)
        answer(claimed)
        for number in range(6):
            receive(claimed, Word.FAILED, at=NOW + number, scope=Scope.ACCOUNT, code="30002")
        assert (phase_of(campaign_id), get_campaign(campaign_id).account_refusals) == ("running", 1)

    @both_engines
    def test_messages_still_sending_finish_in_a_failed_campaign(self) -> None:
        campaign_id = make_campaign(messages=8)
        run(campaign_id)
        sending = claim(campaign_id, limit=2)
        refuse(campaign_id, 5)
        move_all(campaign_id)
        assert statuses(campaign_id) == {"sending": 2, "cancelled": 6}
        answer(sending[:1], Word.NOT_SENT)
        answer(sending[1:])
        receive(sending[1:], Word.DELIVERED)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"cancelled": 7, "delivered": 1}, "failed")

    @both_engines
    def test_refusals_while_stopping_do_not_fail_the_campaign(self) -> None:
        campaign_id = make_campaign(messages=8)
        run(campaign_id)
        sending = claim(campaign_id, limit=6)
        stop(campaign_id)
        answer(sending, Word.NOT_SENT, scope=Scope.ACCOUNT, code="20003")
        move_all(campaign_id)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"cancelled": 8}, "ended")

    @both_engines
    def test_lost_configuration_counts_as_a_refusal(self) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        for _ in range(5):
            refuse_configuration(campaign_id, "SMS is not configured: TWILIO_AUTH_TOKEN is not set.", now=NOW)
        campaign = get_campaign(campaign_id)
        assert (campaign.phase, campaign.failed_code) == ("failed", "not_configured")


def burn(campaign_id: int, count: int, reason: FailureReason = FailureReason.BLOCKED) -> None:
    """So many first attempts fail."""
    claimed = claim(campaign_id, limit=count)
    answer(claimed)
    receive(claimed, Word.FAILED, reason=reason)


class TestGuard:
    @both_engines
    def test_fiftieth_failure_holds_the_campaign(self) -> None:
        campaign_id = make_campaign(messages=LIMIT + 5)
        run(campaign_id)
        burn(campaign_id, LIMIT - 1)
        assert phase_of(campaign_id) == "running"
        burn(campaign_id, 1)
        assert summary_of(campaign_id).status is CampaignStatus.HELD
        assert statuses(campaign_id) == {"failed": LIMIT, "queued": 5}
        assert claim(campaign_id) == ()
        assert [row["act"] for row in rows_of("audit", "WHERE actor_name = 'system'")] == ["hold"]

    @both_engines
    def test_resumed_campaign_has_a_new_window(self) -> None:
        campaign_id = make_campaign(messages=2 * LIMIT)
        run(campaign_id)
        burn(campaign_id, LIMIT)
        resume(campaign_id)
        move_all(campaign_id)
        burn(campaign_id, LIMIT - 1)
        assert phase_of(campaign_id) == "running"
        burn(campaign_id, 1)
        assert phase_of(campaign_id) == "ended"

    @both_engines
    def test_nothing_is_held_once_nothing_is_queued(self) -> None:
        campaign_id = make_campaign(messages=LIMIT + 1)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        receive(claimed[:LIMIT], Word.FAILED)
        assert phase_of(campaign_id) == "running"

    @both_engines
    @pytest.mark.parametrize("reason", [FailureReason.INVALID_RECIPIENT, FailureReason.UNSUPPORTED_RECIPIENT])
    def test_faults_of_the_list_never_hold(self, reason: FailureReason) -> None:
        campaign_id = make_campaign(messages=LIMIT + 5)
        run(campaign_id)
        burn(campaign_id, LIMIT, reason=reason)
        assert phase_of(campaign_id) == "running"

    @both_engines
    def test_time_outs_never_hold(self) -> None:
        campaign_id = make_campaign(messages=LIMIT + 5)
        run(campaign_id)
        claimed = claim(campaign_id, limit=LIMIT)
        answer(claimed, Word.UNKNOWN)
        receive(claimed, Word.UNCONFIRMED)
        assert phase_of(campaign_id) == "running"

    @both_engines
    @pytest.mark.parametrize("time_out", [Word.ASSUMED, Word.UNCONFIRMED])
    def test_failure_that_comes_after_our_time_out_counts(self, time_out: Word) -> None:
        campaign_id = make_campaign(messages=LIMIT + 5)
        run(campaign_id)
        claimed = claim(campaign_id, limit=LIMIT)
        answer(claimed, Word.UNKNOWN if time_out is Word.UNCONFIRMED else Word.ACCEPTED)
        receive(claimed, time_out)
        assert phase_of(campaign_id) == "running"
        receive(claimed, Word.FAILED, reason=FailureReason.BLOCKED)
        assert phase_of(campaign_id) == "held"

    @both_engines
    @pytest.mark.parametrize(("good", "percent", "held"), [(500, 12, True), (0, 12, True), (0, 3, False)])
    def test_share_of_failures_decides_within_a_window(self, good: int, percent: int, held: bool) -> None:
        campaign_id = make_campaign(messages=good + 2 * WINDOW)
        run(campaign_id)
        judged = 0
        while claimed := claim(campaign_id, limit=100):
            answer(claimed)
            failing = claimed[: percent if judged >= good else 0]
            receive(failing, Word.FAILED, reason=FailureReason.BLOCKED)
            receive(claimed[len(failing) :], Word.DELIVERED)
            judged += len(claimed)
        assert phase_of(campaign_id) == ("held" if held else "ended")
        assert judged == (good + WINDOW if held else 2 * WINDOW)

    @both_engines
    def test_retries_of_bad_rows_never_hold_what_still_sends(self) -> None:
        campaign_id, bad = make_campaign(messages=3 * LIMIT), 2 * LIMIT
        run(campaign_id)
        for reason in (FailureReason.INVALID_RECIPIENT, FailureReason.BLOCKED, FailureReason.BLOCKED):
            claimed = claim(campaign_id, limit=bad)
            answer(claimed)
            receive(claimed, Word.FAILED, reason=reason)
            assert (phase_of(campaign_id), statuses(campaign_id)) == ("running", {"failed": bad, "queued": LIMIT})
            retry(campaign_id)
            move_all(campaign_id)

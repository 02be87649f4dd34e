"""Stop and Resume on real rows: where each message comes to rest, and where it goes on."""

import pytest

from models.actors import COMMAND_LINE
from models.database import execute, transaction
from models.errors import ChannelTakenError
from models.operations import running
from models.operations.moving import Mover
from models.operations.sweeping import sweep_due
from models.queries.campaigns import get_campaign, summary_of
from models.rules.verdicts import Word
from models.tables import BulkMove
from models.words import CampaignStatus, Channel, FailureReason, Phase, Scope
from tests.factories import (
    MINUTE,
    NOW,
    answer,
    claim,
    latest,
    make_campaign,
    make_ended,
    message,
    message_ids,
    move_all,
    moves_of,
    phase_of,
    put_into_phase,
    receive,
    refused,
    resume,
    retry,
    rows_of,
    run,
    send_all,
    statuses,
    stop,
)

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines


class TestStop:
    @both_engines
    def test_stop_in_mid_run_cancels_what_was_not_claimed(self) -> None:
        campaign_id = make_campaign(messages=10)
        run(campaign_id)
        claimed = claim(campaign_id, limit=4)
        stop(campaign_id, now=NOW + 1)
        assert phase_of(campaign_id) == "stopping"
        assert claim(campaign_id) == ()
        move_all(campaign_id, now=NOW + 2)
        assert statuses(campaign_id) == {"sending": 4, "cancelled": 6}
        assert summary_of(campaign_id).status is CampaignStatus.IN_PROGRESS
        answer(claimed)
        receive(claimed, Word.DELIVERED)
        assert statuses(campaign_id) == {"delivered": 4, "cancelled": 6}
        assert summary_of(campaign_id).status is CampaignStatus.STOPPED

    @both_engines
    def test_stop_before_the_run_has_queued_all_ends_the_run(self) -> None:
        campaign_id = make_campaign(messages=1300)
        running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
        Mover().advance(campaign_id, now=NOW)
        queued = statuses(campaign_id)["queued"]
        stop(campaign_id)
        run_move = BulkMove.get(BulkMove.kind == "run")
        assert (run_move.state, run_move.result) == ("cancelled", f"cut short by Stop after {queued:,} of 1,300")
        move_all(campaign_id)
        assert statuses(campaign_id) == {"cancelled": 1300}
        assert (phase_of(campaign_id), moves_of(campaign_id)[-1].done) == ("ended", 1300)

    @both_engines
    def test_stop_of_a_held_campaign_cancels_its_queue(self) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        put_into_phase(campaign_id, Phase.HELD)
        stop(campaign_id)
        move_all(campaign_id)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"cancelled": 3}, "ended")

    @both_engines
    def test_not_sent_after_a_stop_is_cancelled(self) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        claimed = claim(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        answer(claimed, Word.NOT_SENT)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"cancelled": 3}, "ended")

    @both_engines
    def test_retried_message_goes_back_to_its_last_verdict(self) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        receive(claimed, Word.FAILED, reason=FailureReason.BLOCKED, code="30007", text="Filtered")
        retry(campaign_id)
        move_all(campaign_id)
        assert statuses(campaign_id) == {"queued": 3}
        stop(campaign_id, now=NOW + 1)
        move_all(campaign_id)
        assert statuses(campaign_id) == {"failed": 3}
        row = message(claimed[0].message_id)
        assert (row["failure_reason"], row["provider_code"], row["provider_text"]) == ("blocked", "30007", "Filtered")
        assert summary_of(campaign_id).status is CampaignStatus.COMPLETE_WITH_ERRORS

    @both_engines
    def test_retried_message_goes_back_to_what_was_said_meanwhile(self) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        first, second = claim(campaign_id)
        answer([first, second], Word.UNKNOWN)
        receive([first, second], Word.UNCONFIRMED)
        retry(campaign_id)
        move_all(campaign_id)
        receive([first], Word.FAILED, reason=FailureReason.BLOCKED)
        assert statuses(campaign_id) == {"queued": 2}
        stop(campaign_id)
        move_all(campaign_id)
        assert statuses(campaign_id) == {"failed": 1, "unconfirmed": 1}
        assert message(first.message_id)["status"] == "failed"

    @both_engines
    def test_retry_is_dropped_when_the_last_attempt_was_delivered_late(self) -> None:
        campaign_id = make_ended(messages=2, word=Word.FAILED)
        retry(campaign_id)
        move_all(campaign_id)
        first, second = message_ids(campaign_id)
        receive([row for row in latest(campaign_id) if row.message_id == first], Word.DELIVERED)
        assert statuses(campaign_id) == {"queued": 1, "delivered": 1}
        stop(campaign_id)
        move_all(campaign_id)
        assert (message(first)["status"], message(second)["status"]) == ("delivered", "failed")

    @both_engines
    def test_late_delivery_after_a_stop_still_counts(self) -> None:
        campaign_id = make_ended(messages=2, word=Word.FAILED)
        retry(campaign_id)
        move_all(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        receive(latest(campaign_id), Word.DELIVERED)
        assert statuses(campaign_id) == {"delivered": 2}

    @both_engines
    def test_second_attempt_not_sent_after_a_stop_goes_back_as_well(self) -> None:
        campaign_id = make_ended(messages=2, word=Word.FAILED)
        retry(campaign_id)
        move_all(campaign_id)
        claimed = claim(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        assert statuses(campaign_id) == {"sending": 2}
        answer(claimed, Word.NOT_SENT)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"failed": 2}, "ended")

    @both_engines
    def test_message_that_goes_back_to_retrying_still_times_out(self) -> None:
        campaign_id = _deferred_while_queued_again()
        stop(campaign_id)
        move_all(campaign_id)
        assert _comes_to_rest(campaign_id) == {"failed": 1}

    @both_engines
    def test_not_sent_over_a_deferred_attempt_comes_to_rest(self) -> None:
        campaign_id = _deferred_while_queued_again()
        claimed = claim(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        answer(claimed, Word.NOT_SENT)
        assert not {"sending", "retrying"} & set(_comes_to_rest(campaign_id))


def _deferred_while_queued_again() -> int:
    """An email that was Unconfirmed, was queued again by a person, and then turns out to be deferred."""
    campaign_id = make_campaign(Channel.EMAIL, 1)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed, Word.UNKNOWN)
    receive(claimed, Word.UNCONFIRMED)
    retry(campaign_id)
    move_all(campaign_id)
    receive(claimed, Word.DEFERRED)
    assert statuses(campaign_id) == {"queued": 1}
    return campaign_id


def _comes_to_rest(campaign_id: int) -> dict[str, int]:
    """Where its messages stand when all time-outs are long over."""
    for days in range(1, 10):
        sweep_due(now=NOW + days * 24 * 60 * MINUTE, scale=1)
    return statuses(campaign_id)


class TestResume:
    @both_engines
    def test_stopped_campaign_goes_on_where_it_was(self) -> None:
        campaign_id = make_campaign(messages=5)
        run(campaign_id)
        claimed = claim(campaign_id, limit=2)
        stop(campaign_id)
        move_all(campaign_id)
        answer(claimed)
        receive(claimed, Word.DELIVERED)
        assert phase_of(campaign_id) == "ended"
        assert resume(campaign_id).messages == 3
        move_all(campaign_id)
        assert statuses(campaign_id) == {"queued": 3, "delivered": 2}
        send_all(campaign_id)
        assert summary_of(campaign_id).status is CampaignStatus.COMPLETE

    @both_engines
    def test_resume_while_stopping_ends_the_stop(self) -> None:
        campaign_id = make_campaign(messages=1300)
        run(campaign_id)
        claimed = claim(campaign_id, limit=1)
        stop(campaign_id)
        Mover().advance(campaign_id, now=NOW)
        resume(campaign_id)
        assert BulkMove.get(BulkMove.kind == "stop").state == "cancelled"
        move_all(campaign_id)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"queued": 1299, "sending": 1}, "running")
        answer(claimed, Word.NOT_SENT)
        assert statuses(campaign_id) == {"queued": 1300}

    @both_engines
    def test_resume_after_a_stop_in_mid_run_queues_the_waiting_too(self) -> None:
        campaign_id = make_campaign(messages=1300)
        running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
        Mover().advance(campaign_id, now=NOW)
        stop(campaign_id)
        Mover().advance(campaign_id, now=NOW)
        resume(campaign_id)
        move_all(campaign_id)
        assert statuses(campaign_id) == {"queued": 1300}

    @both_engines
    def test_held_campaign_goes_on_with_a_new_window(self) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        with transaction():
            execute("UPDATE campaigns SET phase = 'held', guard_window = ?", "f" * 60)
        resume(campaign_id)
        move_all(campaign_id)
        campaign = get_campaign(campaign_id)
        assert (campaign.phase, campaign.guard_window) == ("running", "")
        assert statuses(campaign_id) == {"queued": 3}

    @both_engines
    def test_failed_campaign_goes_on_with_its_cancelled_messages(self) -> None:
        campaign_id = _failed_campaign(messages=8)
        assert statuses(campaign_id) == {"cancelled": 8}
        resume(campaign_id)
        move_all(campaign_id)
        campaign = get_campaign(campaign_id)
        assert (campaign.phase, campaign.account_refusals, campaign.failed_code) == ("running", 0, None)
        assert statuses(campaign_id) == {"queued": 8}

    @both_engines
    def test_failed_campaign_with_nothing_cancelled_only_ends(self) -> None:
        campaign_id = make_ended()
        put_into_phase(campaign_id, Phase.FAILED)
        assert resume(campaign_id) == running.Moved(None, 0)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"delivered": 3}, "ended")

    @both_engines
    def test_resume_needs_the_channel(self) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        run(make_campaign(name="Winter SMS"))
        with refused(ChannelTakenError) as caught:
            resume(campaign_id)
        assert "Winter SMS" in str(caught.value)

    @both_engines
    def test_every_message_lists_the_moves_it_was_in(self) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        resume(campaign_id)
        move_all(campaign_id)
        moves = [move.id for move in BulkMove.select().order_by(BulkMove.id)]
        assert rows_of("messages")[0]["move_ids"].split() == [str(move_id) for move_id in moves]
        assert [move.kind for move in BulkMove.select().order_by(BulkMove.id)] == ["run", "stop", "resume"]


def _failed_campaign(messages: int) -> int:
    """A campaign that the account's refusals have ended."""
    campaign_id = make_campaign(messages=messages)
    run(campaign_id)
    answer(claim(campaign_id), Word.NOT_SENT, scope=Scope.ACCOUNT, code="20003", text="Authenticate")
    move_all(campaign_id)
    assert phase_of(campaign_id) == "failed"
    return campaign_id

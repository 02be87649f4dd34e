"""Claims: each row to one taker, undone without a trace, and never of somebody who opted out."""

import pytest

from models.actors import COMMAND_LINE
from models.operations import optouts, sending
from models.operations.sweeping import sweep_due
from models.queries.refusing import opted_out
from models.rules.timeouts import LEASE
from models.rules.verdicts import Word
from models.words import Channel, OptOutSource, Phase
from tests.factories import (
    NOW,
    SECOND,
    answer,
    attempt,
    claim,
    dump,
    make_campaign,
    make_ended,
    message,
    message_ids,
    move_all,
    phase_of,
    put_into_phase,
    receive,
    recipients_on,
    retry,
    rows_of,
    run,
    statuses,
    stop,
)

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines


def give_back(claimed: tuple[sending.Claimed, ...], *, now: int = NOW) -> int:
    return sending.give_back([(one.message_id, one.attempt, one.claimed_at) for one in claimed], now=now)


def opt_out(recipient: str) -> None:
    optouts.opt_out(Channel.SMS, recipient, actor=COMMAND_LINE, now=NOW)


@both_engines
def test_claimed_message_is_sending_under_a_lease() -> None:
    campaign_id = make_campaign(messages=["+14155550100"])
    run(campaign_id)
    (claimed,) = claim(campaign_id, now=NOW + SECOND)
    assert (claimed.attempt, claimed.recipient, claimed.field_values) == (1, "+14155550100", ())
    row, story = message(claimed.message_id), attempt(claimed.message_id)
    assert (row["status"], row["attempt"], row["due_at"]) == ("sending", 1, NOW + SECOND + LEASE)
    assert (story["status"], story["provider"], story["claimed_at"]) == ("sending", "twilio", NOW + SECOND)
    assert statuses(campaign_id) == {"sending": 1}


@both_engines
def test_claims_walk_the_queue_from_where_the_last_one_ended() -> None:
    campaign_id = make_campaign(messages=5)
    run(campaign_id)
    ids, after_id, taken = message_ids(campaign_id), 0, []
    for expected_last in (ids[1], ids[3], None):
        found = sending.claim_messages(
            campaign_id, provider="twilio", limit=2, after_id=after_id, lease_ms=LEASE, now=NOW
        )
        assert (found.last_id, found.running) == (expected_last, True)
        taken += [one.message_id for one in found.messages]
        after_id = found.last_id or 0
    assert taken == ids


@both_engines
@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.RUNNING])
def test_nothing_is_claimed_outside_running(phase: Phase) -> None:
    campaign_id = make_campaign()
    run(campaign_id)
    put_into_phase(campaign_id, phase)
    before = dump()
    found = sending.claim_messages(campaign_id, provider="twilio", limit=9, after_id=0, lease_ms=LEASE, now=NOW)
    assert (found.messages, found.running, sending.campaign_is_running(campaign_id)) == ((), False, False)
    assert dump() == before


@both_engines
def test_claim_of_an_empty_queue_ends_a_campaign_that_is_done() -> None:
    campaign_id = make_ended()
    put_into_phase(campaign_id, Phase.RUNNING)
    assert claim(campaign_id) == ()
    assert phase_of(campaign_id) == "ended"


@both_engines
def test_claim_given_back_leaves_no_trace() -> None:
    campaign_id = make_campaign(messages=3)
    run(campaign_id)
    before = dump()
    claimed = claim(campaign_id, limit=2)
    assert give_back(claimed) == 2
    assert dump() == before
    assert [one.attempt for one in claim(campaign_id)] == [1, 1, 1]


@both_engines
def test_second_claim_given_back_keeps_the_first_attempt() -> None:
    campaign_id = make_ended(messages=2, word=Word.FAILED)
    retry(campaign_id)
    move_all(campaign_id)
    before = dump()
    assert give_back(claim(campaign_id)) == 2
    assert dump() == before


@both_engines
def test_claim_given_back_while_stopping_is_cancelled() -> None:
    campaign_id = make_campaign(messages=3)
    run(campaign_id)
    claimed = claim(campaign_id, limit=2)
    stop(campaign_id)
    move_all(campaign_id)
    assert give_back(claimed) == 2
    assert statuses(campaign_id) == {"cancelled": 3}
    assert rows_of("attempts") == []
    assert {(row["attempt"], row["due_at"]) for row in rows_of("messages")} == {(0, None)}


@both_engines
def test_retried_claim_given_back_while_stopping_gets_its_verdict_back() -> None:
    campaign_id = make_ended(messages=2, word=Word.FAILED)
    retry(campaign_id)
    move_all(campaign_id)
    claimed = claim(campaign_id)
    stop(campaign_id)
    move_all(campaign_id)
    give_back(claimed)
    assert statuses(campaign_id) == {"failed": 2}
    assert {(row["failure_reason"], row["attempt"]) for row in rows_of("messages")} == {("unknown", 1)}


@both_engines
def test_claim_whose_lease_ran_out_meanwhile_can_still_be_given_back() -> None:
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    before = dump()
    claimed = claim(campaign_id)
    sweep_due(now=NOW + LEASE, scale=1)
    assert give_back(claimed) == 1
    assert dump() == before


@both_engines
@pytest.mark.parametrize("word", [Word.ACCEPTED, Word.NOT_SENT, Word.FAILED])
def test_answered_claim_is_not_given_back(word: Word) -> None:
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed, word)
    before = dump()
    assert give_back(claimed) == 0
    assert dump() == before


@both_engines
@pytest.mark.parametrize("word", [Word.ACCEPTED, Word.DELIVERED, Word.UNCONFIRMED])
def test_claim_that_was_heard_of_is_not_given_back(word: Word) -> None:
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    claimed = claim(campaign_id)
    receive(claimed, word)
    before = dump()
    assert give_back(claimed) == 0
    assert dump() == before


@both_engines
def test_claim_of_another_attempt_is_not_given_back() -> None:
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    first = claim(campaign_id)
    answer(first, Word.NOT_SENT)
    claim(campaign_id)
    before = dump()
    assert give_back(first) == 0
    assert dump() == before


@both_engines
def test_opt_out_between_run_and_claim_is_never_claimed() -> None:
    campaign_id = make_campaign(messages=3)
    run(campaign_id)
    opt_out(recipients_on(Channel.SMS, 3)[1])
    claimed = claim(campaign_id)
    assert [one.recipient for one in claimed] == [recipients_on(Channel.SMS, 3)[place] for place in (0, 2)]
    assert statuses(campaign_id) == {"sending": 2, "opted_out": 1}
    assert len(rows_of("attempts")) == 2


@both_engines
def test_campaign_of_opted_out_people_ends_without_a_hand_over() -> None:
    campaign_id = make_campaign(messages=2)
    run(campaign_id)
    for recipient in recipients_on(Channel.SMS, 2):
        opt_out(recipient)
    assert claim(campaign_id) == ()
    assert (statuses(campaign_id), phase_of(campaign_id)) == ({"opted_out": 2}, "ended")


@both_engines
def test_opt_out_of_one_channel_leaves_the_other_alone() -> None:
    optouts.opt_out(Channel.EMAIL, recipients_on(Channel.SMS, 1)[0], actor=COMMAND_LINE, now=NOW)
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    assert len(claim(campaign_id)) == 1


@both_engines
def test_opt_out_removed_before_the_claim_is_sent_to() -> None:
    recipient = recipients_on(Channel.SMS, 1)[0]
    opt_out(recipient)
    optouts.opt_in(Channel.SMS, recipient, actor=COMMAND_LINE, now=NOW)
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    assert len(claim(campaign_id)) == 1


@both_engines
def test_opt_out_again_after_an_opt_in_is_a_new_row() -> None:
    key = recipients_on(Channel.SMS, 1)[0]
    answers = [
        optouts.opt_out(Channel.SMS, key, actor=COMMAND_LINE, now=NOW),
        optouts.opt_out(Channel.SMS, key, actor=COMMAND_LINE, now=NOW, source=OptOutSource.LINK),
    ]
    optouts.opt_in(Channel.SMS, key, actor=COMMAND_LINE, now=NOW + 1)
    answers.append(optouts.opt_out(Channel.SMS, key, actor=COMMAND_LINE, now=NOW + 2))
    assert answers == [True, False, True]
    assert [row["removed_at"] for row in rows_of("opt_outs", "ORDER BY id")] == [NOW + 1, None]
    assert opted_out(Channel.SMS, [key, "+14155559999"]) == {key}


@both_engines
def test_queue_may_grow_while_a_move_is_open_or_something_is_queued() -> None:
    campaign_id = make_campaign()
    assert not sending.queue_may_grow(campaign_id)
    run(campaign_id)
    assert sending.queue_may_grow(campaign_id)
    claimed = claim(campaign_id)
    assert not sending.queue_may_grow(campaign_id)
    answer(claimed, Word.FAILED)
    retry(campaign_id)
    assert sending.queue_may_grow(campaign_id)


@both_engines
def test_a_repeated_give_back_leaves_what_was_claimed_since() -> None:
    """Its answer was lost when the database restarted, and another process has claimed the message meanwhile."""
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    first = claim(campaign_id)
    assert give_back(first) == 1
    second = claim(campaign_id, now=NOW + SECOND)
    assert second[0].attempt == first[0].attempt
    assert give_back(first) == 0
    assert statuses(campaign_id) == {"sending": 1}

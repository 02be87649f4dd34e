"""Time-outs on real rows: each row of SPEC 2's table, one second before its moment and one second after."""

import pytest

from models.database import execute, transaction
from models.operations import sending
from models.operations.settling import settle
from models.operations.sweeping import sweep_due
from models.rules.timeouts import LEASE
from models.rules.verdicts import Event, Word
from models.words import Channel
from tests.factories import (
    MINUTE,
    NOW,
    SECOND,
    answer,
    attempt,
    claim,
    make_campaign,
    message,
    phase_of,
    receive,
    rows_of,
    run,
    statuses,
)

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines

HOUR = 60 * MINUTE
ANSWERED = 5 * SECOND  # after the claim
HEARD = 3 * MINUTE
S, E = Channel.SMS, Channel.EMAIL

# channel, provider, the answer, the receipts with their moments, the moment of the time-out, what it becomes;
# all moments from the claim on.
ROWS = [
    (S, "twilio", Word.ACCEPTED, [(Word.SENT, HEARD)], HEARD + 10 * MINUTE, "assumed_delivered"),
    (S, "twilio", Word.UNKNOWN, [(Word.SENT, HEARD)], HEARD + 10 * MINUTE, "assumed_delivered"),
    (S, "twilio", Word.ACCEPTED, [], ANSWERED + 10 * MINUTE, "assumed_delivered"),
    (S, "simulated", Word.ACCEPTED, [], ANSWERED + 10 * MINUTE, "assumed_delivered"),
    (S, "twilio", Word.ACCEPTED, [(Word.ACCEPTED, HEARD)], ANSWERED + 4 * HOUR + 10 * MINUTE, "unconfirmed"),
    (S, "twilio", None, [(Word.ACCEPTED, HEARD)], 4 * HOUR + 10 * MINUTE, "unconfirmed"),
    (S, "twilio", Word.UNKNOWN, [], 10 * MINUTE, "unconfirmed"),
    (S, "simulated", Word.UNKNOWN, [], 10 * MINUTE, "unconfirmed"),
    (E, "sendgrid", Word.ACCEPTED, [], ANSWERED + 60 * MINUTE, "unconfirmed"),
    (E, "sendgrid", Word.ACCEPTED, [(Word.ACCEPTED, HEARD)], HEARD + 60 * MINUTE, "unconfirmed"),
    (E, "sendgrid", Word.UNKNOWN, [], 60 * MINUTE, "unconfirmed"),
    (E, "simulated", Word.UNKNOWN, [], 60 * MINUTE, "unconfirmed"),
    (E, "sendgrid", Word.ACCEPTED, [(Word.DEFERRED, HEARD)], ANSWERED + 73 * HOUR, "failed"),
    (E, "sendgrid", Word.ACCEPTED, [(Word.DEFERRED, HEARD), (Word.DEFERRED, HOUR)], ANSWERED + 73 * HOUR, "failed"),
]


def sweep(at: int, *, scale: float = 1) -> int:
    return sweep_due(now=NOW + at, scale=scale)


def hand_over(channel: Channel, provider: str, said: Word | None, receipts: list[tuple[Word, int]]) -> int:
    """One message that was claimed at NOW, answered, and heard of; returns its campaign's id."""
    campaign_id = make_campaign(channel, 1)
    run(campaign_id)
    claimed = claim(campaign_id, provider=provider)
    if said:
        answer(claimed, said, at=NOW + ANSWERED)
    for word, at in receipts:
        receive(claimed, word, at=NOW + at)
    return campaign_id


@both_engines
@pytest.mark.parametrize(("channel", "provider", "said", "receipts", "moment", "becomes"), ROWS)
def test_time_out_strikes_at_its_second_and_not_before(
    channel: Channel, provider: str, said: Word | None, receipts: list[tuple[Word, int]], moment: int, becomes: str
) -> None:
    campaign_id = hand_over(channel, provider, said, receipts)
    before = statuses(campaign_id)
    sweep(moment - SECOND)
    assert statuses(campaign_id) == before
    sweep(moment + SECOND)
    assert (statuses(campaign_id), phase_of(campaign_id)) == ({becomes: 1}, "ended")


@both_engines
def test_time_scale_divides_the_waiting() -> None:
    campaign_id = hand_over(S, "twilio", None, [])
    (row,) = rows_of("messages")
    settle([Event(row["id"], 1, Word.SENT, NOW + HEARD)], now=NOW + HEARD, scale=30)
    sweep(HEARD + 20 * SECOND - 1, scale=30)
    assert statuses(campaign_id) == {"sending": 1}
    sweep(HEARD + 20 * SECOND, scale=30)
    assert statuses(campaign_id) == {"assumed_delivered": 1}


@both_engines
def test_expired_deferral_fails_with_the_reason_expired() -> None:
    campaign_id = hand_over(E, "sendgrid", Word.ACCEPTED, [(Word.DEFERRED, HEARD)])
    sweep(ANSWERED + 73 * HOUR)
    row = rows_of("messages")[0]
    assert (row["failure_reason"], row["due_at"]) == ("expired", None)
    assert statuses(campaign_id) == {"failed": 1}


LEASES = [
    (S, "twilio", 10 * MINUTE),
    (S, "simulated", 10 * MINUTE),
    (E, "sendgrid", 60 * MINUTE),
    (E, "simulated", 60 * MINUTE),
]


@both_engines
@pytest.mark.parametrize(("channel", "provider", "moment"), LEASES)
def test_lease_over_leaves_the_message_in_doubt(channel: Channel, provider: str, moment: int) -> None:
    campaign_id = hand_over(channel, provider, None, [])
    message_id = rows_of("messages")[0]["id"]
    sweep(LEASE - SECOND)
    assert attempt(message_id)["answer"] is None
    sweep(LEASE + SECOND)
    assert attempt(message_id)["answer"] == "unknown"
    sweep(moment - SECOND)
    assert statuses(campaign_id) == {"sending": 1}
    sweep(moment + SECOND)
    assert (statuses(campaign_id), phase_of(campaign_id)) == ({"unconfirmed": 1}, "ended")


@both_engines
def test_lease_over_at_a_mail_server_is_unconfirmed_at_once() -> None:
    campaign_id = hand_over(E, "smtp", None, [])
    sweep(LEASE - SECOND)
    assert statuses(campaign_id) == {"sending": 1}
    for _ in range(2):
        sweep(LEASE + SECOND)
    assert statuses(campaign_id) == {"unconfirmed": 1}


@both_engines
def test_unknown_answer_of_a_mail_server_is_unconfirmed_at_once() -> None:
    campaign_id = hand_over(E, "smtp", Word.UNKNOWN, [])
    sweep(ANSWERED)
    assert statuses(campaign_id) == {"unconfirmed": 1}


@both_engines
def test_renewed_lease_holds_as_long_again() -> None:
    campaign_id = make_campaign(messages=2)
    run(campaign_id)
    first, second = claim(campaign_id)
    sending.renew_leases([(first.message_id, 1)], lease_ms=LEASE, now=NOW + LEASE // 2)
    sweep(LEASE + SECOND)
    assert (attempt(first.message_id)["answer"], attempt(second.message_id)["answer"]) == (None, "unknown")
    sweep(LEASE // 2 + LEASE + SECOND)
    assert attempt(first.message_id)["answer"] == "unknown"


@both_engines
def test_lease_of_an_answered_message_is_not_renewed() -> None:
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    (claimed,) = claim(campaign_id)
    answer([claimed])
    due_at = message(claimed.message_id)["due_at"]
    sending.renew_leases([(claimed.message_id, 1)], lease_ms=LEASE, now=NOW + SECOND)
    assert message(claimed.message_id)["due_at"] == due_at


@both_engines
def test_answer_after_the_lease_was_over_still_counts() -> None:
    campaign_id = hand_over(S, "twilio", None, [])
    sweep(LEASE + SECOND)
    (row,) = rows_of("messages")
    settle([Event(row["id"], 1, Word.ACCEPTED, NOW + 2 * LEASE, answers=True)], now=NOW + 2 * LEASE, scale=1)
    assert attempt(row["id"])["answer"] == "accepted"
    sweep(2 * LEASE + 10 * MINUTE + SECOND)
    assert statuses(campaign_id) == {"assumed_delivered": 1}


@both_engines
def test_receipt_after_the_lease_was_over_binds_the_message() -> None:
    campaign_id = hand_over(S, "twilio", None, [])
    sweep(LEASE + SECOND)
    (row,) = rows_of("messages")
    settle([Event(row["id"], 1, Word.DELIVERED, NOW + MINUTE)], now=NOW + MINUTE, scale=1)
    assert (statuses(campaign_id), phase_of(campaign_id)) == ({"delivered": 1}, "ended")


@both_engines
def test_second_look_up_in_vain_ends_the_waiting() -> None:
    campaign_id = hand_over(S, "twilio", Word.UNKNOWN, [])
    with transaction():
        execute("UPDATE attempts SET lookups = 2")
        execute("UPDATE messages SET due_at = ?", NOW + 2 * MINUTE)
    sweep(2 * MINUTE)
    assert statuses(campaign_id) == {"unconfirmed": 1}


@both_engines
def test_sweep_takes_no_more_than_its_limit() -> None:
    campaign_id = make_campaign(messages=5)
    run(campaign_id)
    answer(claim(campaign_id))
    assert sweep_due(now=NOW + HOUR, scale=1, limit=2) == 2
    assert statuses(campaign_id) == {"assumed_delivered": 2, "sending": 3}
    assert sweep_due(now=NOW + HOUR, scale=1, limit=9) == 3
    assert (statuses(campaign_id), phase_of(campaign_id)) == ({"assumed_delivered": 5}, "ended")
    assert sweep_due(now=NOW + HOUR, scale=1) == 0


@both_engines
@pytest.mark.parametrize("channel", Channel)
def test_what_came_to_rest_is_never_due(channel: Channel) -> None:
    campaign_id = make_campaign(channel, 4)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    words = [Word.DELIVERED, Word.FAILED, Word.OPTED_OUT, Word.UNCONFIRMED]
    for one, word in zip(claimed, words, strict=True):
        receive([one], word)
    assert {row["due_at"] for row in rows_of("messages")} == {None}

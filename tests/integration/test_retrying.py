"""Retry: which messages are meant, what is left out, and that nothing is queued twice."""

import pytest

from models.actors import COMMAND_LINE, Actor
from models.addresses import opt_out_key
from models.database import execute, insert_many, transaction
from models.errors import ChannelTakenError, WrongStateError
from models.operations import optouts, retrying
from models.operations.moving import Mover
from models.operations.running import Moved
from models.queries.campaigns import get_campaign, summary_of
from models.queries.messages import count
from models.rules.criteria import Criteria
from models.rules.guard import LIMIT
from models.rules.verdicts import Word
from models.words import CampaignStatus, Channel, FailureReason, MessageStatus, Phase, RetryClass
from tests.factories import (
    MINUTE,
    NOW,
    answer,
    claim,
    latest,
    make_campaign,
    make_draft,
    make_ended,
    message,
    message_ids,
    move_all,
    moves_of,
    phase_of,
    put_into_phase,
    receive,
    recipients_on,
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


def retry_those(campaign_id: int, *, unconfirmed: bool = False, now: int = NOW, **criteria: object) -> Moved:
    return retrying.retry_messages(
        campaign_id,
        actor=COMMAND_LINE,
        criteria=Criteria(**criteria),  # type: ignore[arg-type]  # fields by name
        include_unconfirmed=unconfirmed,
        now=now,
    )


def make_failures() -> list[int]:
    """An ended SMS campaign: one Delivered, then failures of three kinds, then one Unconfirmed; its messages' ids."""
    campaign_id = make_campaign(messages=5)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    delivered, blocked, pointless, expired, silent = ([one] for one in claimed)
    receive(delivered, Word.DELIVERED)
    receive(blocked, Word.FAILED, reason=FailureReason.BLOCKED, retry_class=RetryClass.LIKELY)
    receive(pointless, Word.FAILED, reason=FailureReason.BLOCKED, retry_class=RetryClass.POINTLESS)
    receive(expired, Word.FAILED, reason=FailureReason.EXPIRED, retry_class=RetryClass.LIKELY)
    receive(silent, Word.UNCONFIRMED)
    assert statuses(campaign_id) == {"delivered": 1, "failed": 3, "unconfirmed": 1}
    return message_ids(campaign_id)


CHOICES: list[tuple[dict[str, object], list[int]]] = [
    ({}, [1, 2, 3]),
    ({"unconfirmed": True}, [1, 2, 3, 4]),
    ({"reasons": ("blocked",)}, [1, 2]),
    ({"reasons": ("blocked", "expired")}, [1, 2, 3]),
    ({"retry_classes": ("likely",)}, [1, 3]),
    ({"reasons": ("blocked",), "retry_classes": ("likely",)}, [1]),
    ({"reasons": ("blocked",), "unconfirmed": True}, [1, 2, 4]),
    ({"statuses": ("unconfirmed",), "unconfirmed": True}, [4]),
    ({"statuses": ("failed", "delivered")}, [1, 2, 3]),
    ({"search": "+14155550003"}, [3]),
    ({"search": "=+14155550003"}, [3]),
    ({"search": "*0002"}, [2]),
    ({"search": "+1415"}, [1, 2, 3]),
]


@both_engines
@pytest.mark.parametrize(("criteria", "places"), CHOICES)
def test_retry_queues_what_the_criteria_mean(criteria: dict[str, object], places: list[int]) -> None:
    ids = make_failures()
    campaign_id = rows_of("campaigns")[0]["id"]
    assert retry_those(campaign_id, **criteria).messages == len(places)  # type: ignore[arg-type]  # fields by name
    move_all(campaign_id)
    queued = [row["id"] for row in rows_of("messages", "WHERE status = 'queued' ORDER BY id")]
    assert queued == [ids[place] for place in places]
    assert statuses(campaign_id)["queued"] == len(places)


@both_engines
def test_hand_made_selection_is_retried_alone() -> None:
    ids = make_failures()
    campaign_id = rows_of("campaigns")[0]["id"]
    retry_those(campaign_id, message_ids=(ids[0], ids[2], ids[4]))
    move_all(campaign_id)
    assert [message(message_id)["status"] for message_id in ids] == [
        "delivered",
        "failed",
        "queued",
        "failed",
        "unconfirmed",
    ]


@both_engines
@pytest.mark.parametrize(
    "criteria", [{"reasons": ("mailbox_full",)}, {"statuses": ("unconfirmed",)}, {"statuses": ("delivered",)}]
)
def test_retry_of_nothing_is_refused(criteria: dict[str, object]) -> None:
    make_failures()
    campaign_id = rows_of("campaigns")[0]["id"]
    with refused(WrongStateError):
        retry_those(campaign_id, **criteria)  # type: ignore[arg-type]  # fields by name


@both_engines
def test_retried_message_is_queued_as_new(ben: Actor) -> None:
    campaign_id = make_ended(messages=1, word=Word.FAILED)
    retrying.retry_messages(campaign_id, actor=ben, criteria=Criteria(), now=NOW + 5)
    assert summary_of(campaign_id).status is CampaignStatus.IN_PROGRESS
    move_all(campaign_id, now=NOW + 6)
    row = rows_of("messages")[0]
    assert (row["status"], row["retries"], row["attempt"], row["queued_at"]) == ("queued", 1, 1, NOW + 6)
    assert (row["failure_reason"], row["retry_class"], row["provider_code"]) == (None, None, None)
    (claimed,) = claim(campaign_id, now=NOW + 7)
    assert claimed.attempt == 2
    assert [(row["number"], row["retries"]) for row in rows_of("attempts", "ORDER BY number")] == [(1, 0), (2, 1)]


@both_engines
def test_what_fails_after_the_cutoff_is_not_retried() -> None:
    campaign_id = make_campaign(messages=4)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    receive(claimed[:1], Word.FAILED, at=NOW + MINUTE)
    cutoff = NOW + 2 * MINUTE
    receive(claimed[1:3], Word.FAILED, at=NOW + 3 * MINUTE)
    assert retry_those(campaign_id, cutoff_at=cutoff, now=NOW + 4 * MINUTE).messages == 1
    receive(claimed[3:], Word.FAILED, at=NOW + 5 * MINUTE)
    move_all(campaign_id, now=NOW + 6 * MINUTE)
    assert statuses(campaign_id) == {"queued": 1, "failed": 3}


@both_engines
def test_failure_told_again_in_other_words_stays_in_the_set() -> None:
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    receive(claimed, Word.FAILED, at=NOW + MINUTE, reason=FailureReason.UNKNOWN)
    receive(claimed, Word.FAILED, at=NOW + 3 * MINUTE, reason=FailureReason.BLOCKED)
    assert message(claimed[0].message_id)["failure_reason"] == "blocked"
    assert retry_those(campaign_id, cutoff_at=NOW + 2 * MINUTE, now=NOW + 4 * MINUTE).messages == 1


@both_engines
def test_who_opted_out_meanwhile_is_left_out() -> None:
    campaign_id = make_ended(messages=3, word=Word.FAILED)
    retry(campaign_id)
    optouts.opt_out(Channel.SMS, recipients_on(Channel.SMS, 3)[1], actor=COMMAND_LINE, now=NOW)
    move_all(campaign_id)
    assert statuses(campaign_id) == {"queued": 2, "failed": 1}
    move = moves_of(campaign_id)[-1]
    assert (move.state, move.done, move.left_out) == ("done", 2, 1)


@both_engines
def test_what_is_no_longer_eligible_is_counted_as_left_out() -> None:
    campaign_id = make_ended(messages=3, word=Word.FAILED)
    retry(campaign_id)
    receive(latest(campaign_id)[:1], Word.DELIVERED)
    move_all(campaign_id)
    assert statuses(campaign_id) == {"queued": 2, "delivered": 1}
    move = moves_of(campaign_id)[-1]
    assert (move.total, move.done, move.left_out) == (3, 2, 1)


@both_engines
def test_two_people_retrying_at_once_queue_nothing_twice(alice: Actor, ben: Actor) -> None:
    campaign_id = make_ended(messages=3, word=Word.FAILED)
    for actor in (alice, ben):
        retrying.retry_messages(campaign_id, actor=actor, criteria=Criteria(), now=NOW)
    move_all(campaign_id)
    assert statuses(campaign_id) == {"queued": 3}
    assert [(move.actor_name, move.done) for move in moves_of(campaign_id)[1:]] == [("Alice", 3), ("Ben", 0)]
    assert {row["retries"] for row in rows_of("messages")} == {1}


@both_engines
def test_second_retry_does_not_repeat_what_failed_again_since() -> None:
    campaign_id = make_ended(messages=2, word=Word.FAILED)
    retry(campaign_id, now=NOW + 1)
    retry(campaign_id, now=NOW + 2)
    mover = Mover()
    while moves_of(campaign_id)[1].state != "done":
        mover.advance(campaign_id, now=NOW + 3)
    claimed = claim(campaign_id, now=NOW + 4)
    answer(claimed, at=NOW + 5)
    receive(claimed, Word.FAILED, at=NOW + 6)
    move_all(campaign_id, now=NOW + 7)
    assert statuses(campaign_id) == {"failed": 2}
    assert {row["attempt"] for row in rows_of("messages")} == {2}


@both_engines
def test_retry_does_not_meet_its_own_messages_again_though_a_clock_is_behind() -> None:
    """Failed messages come first; one of them is in doubt again before the retry comes to the Unconfirmed."""
    campaign_id = make_ended(messages=150, word=Word.FAILED)
    with transaction():
        execute("UPDATE campaigns SET guard_window = ''")
    retry(campaign_id, now=NOW + MINUTE)
    mover = Mover()
    mover.advance(campaign_id, now=NOW)
    claimed = claim(campaign_id, now=NOW)
    answer(claimed)
    receive(claimed, Word.UNCONFIRMED)
    assert moves_of(campaign_id)[-1].state == "running"
    move_all(campaign_id, now=NOW)
    assert {row["retries"] for row in rows_of("messages")} == {1}


@both_engines
def test_retry_while_running_goes_into_the_same_queue() -> None:
    campaign_id = make_campaign(messages=4)
    run(campaign_id)
    claimed = claim(campaign_id, limit=2)
    answer(claimed)
    receive(claimed, Word.FAILED)
    retry(campaign_id)
    move_all(campaign_id)
    assert (statuses(campaign_id), phase_of(campaign_id)) == ({"queued": 4}, "running")


@both_engines
def test_retry_of_a_failed_campaign_makes_it_run_again() -> None:
    campaign_id = make_ended(word=Word.FAILED)
    put_into_phase(campaign_id, Phase.FAILED)
    retry(campaign_id)
    move_all(campaign_id)
    campaign = get_campaign(campaign_id)
    assert (campaign.phase, campaign.ended_at, campaign.failed_code) == ("running", None, None)


@both_engines
def test_retry_needs_the_channel() -> None:
    campaign_id = make_ended(word=Word.FAILED)
    run(make_campaign(name="Winter SMS"))
    with refused(ChannelTakenError) as caught:
        retry(campaign_id)
    assert "Winter SMS" in str(caught.value)


@both_engines
def test_retries_never_hold_the_campaign() -> None:
    """Not even in a campaign whose first attempts have failed so often that the guard would have tripped."""
    campaign_id = make_ended(messages=LIMIT + 10, word=Word.FAILED)
    assert phase_of(campaign_id) == "ended"
    retry(campaign_id)
    move_all(campaign_id)
    claimed = claim(campaign_id, limit=5)
    answer(claimed)
    assert phase_of(campaign_id) == "running"
    receive(claimed, Word.FAILED)
    assert phase_of(campaign_id) == "running"


@both_engines
def test_recovered_retry_shows_the_campaign_complete() -> None:
    campaign_id = make_ended(messages=2, word=Word.FAILED)
    assert summary_of(campaign_id).status is CampaignStatus.COMPLETE_WITH_ERRORS
    retry(campaign_id)
    move_all(campaign_id)
    send_all(campaign_id)
    assert summary_of(campaign_id).status is CampaignStatus.COMPLETE


@both_engines
def test_second_attempt_is_judged_by_its_own_receipts_only() -> None:
    campaign_id = make_ended(messages=1, word=Word.FAILED)
    first = latest(campaign_id)
    retry(campaign_id)
    move_all(campaign_id)
    second = claim(campaign_id)
    receive(first, Word.DELIVERED)
    assert statuses(campaign_id) == {"sending": 1}
    answer(second)
    receive(second, Word.FAILED, reason=FailureReason.EXPIRED)
    receive(first, Word.OPTED_OUT)
    assert statuses(campaign_id) == {"failed": 1}
    assert message(second[0].message_id)["failure_reason"] == "expired"


@both_engines
def test_search_finds_an_address_as_it_was_written() -> None:
    written = ["Ann@Example.com", "bob@münchen.example", "cid%x@example.com", "cidyx@example.com"]
    campaign_id = make_draft(Channel.EMAIL)
    with transaction():
        insert_many(
            "messages",
            ("campaign_id", "recipient", "recipient_key", "search_1", "status", "updated_at"),
            [
                (campaign_id, address, opt_out_key(Channel.EMAIL, address), f"vip {number}", "failed", NOW)
                for number, address in enumerate(written)
            ],
        )
    expected = {
        "=ann@EXAMPLE.com": 1,
        "ANN@": 1,
        "=bob@münchen.example": 1,
        "bob@": 1,
        "*%x@": 1,
        "=vip 2": 1,
        "VIP": 4,
        "*": 4,
        "nobody": 0,
    }
    assert {search: count(campaign_id, Criteria(search=search)) for search in expected} == expected


@both_engines
@pytest.mark.parametrize("status", [MessageStatus.FAILED, MessageStatus.UNCONFIRMED])
def test_resume_of_what_was_stopped_leaves_retryable_messages_alone(status: MessageStatus) -> None:
    campaign_id = make_campaign(messages=2)
    run(campaign_id)
    claimed = claim(campaign_id, limit=1)
    answer(claimed)
    receive(claimed, Word.FAILED if status is MessageStatus.FAILED else Word.UNCONFIRMED)
    stop(campaign_id)
    move_all(campaign_id)
    resume(campaign_id)
    move_all(campaign_id)
    assert statuses(campaign_id) == {"queued": 1, status.value: 1}

"""Counts, the status shown, criteria, the guard's window, and where a message stands: pure rules."""

import json
from typing import Any

import pytest

from admin.presenting.words import RETRY_HINTS, reason_meaning
from models.rules.counts import Counts, left_out_told, likely_to_work, shown_status, worth_of
from models.rules.criteria import Criteria
from models.rules.guard import LIMIT, WINDOW, guard_mark, slide, trips
from models.rules.retry_plan import failure_key
from models.rules.standing import standing_after
from models.rules.verdicts import NOT_SENT, AttemptState
from models.words import CampaignStatus, FailureReason, MessageStatus, Phase, RetryClass

ROWS = [
    ("delivered", "", "", 5),
    ("failed", "blocked", "likely", 2),
    ("failed", "blocked", "pointless", 1),
    ("failed", "expired", "likely", 0),
    ("sending", "", "", 3),
]


class TestCounts:
    COUNTS = Counts.from_rows(ROWS)

    def test_rows_of_one_status_add_up(self) -> None:
        assert self.COUNTS["failed"] == 3
        assert self.COUNTS.total == 11
        assert (self.COUNTS.to_be_sent, self.COUNTS.sent, self.COUNTS.percent_sent) == (0, 11, 100)

    def test_cancelled_and_waiting_messages_are_not_sent(self) -> None:
        counts = Counts({"waiting": 1, "queued": 1, "cancelled": 1, "sending": 1, "delivered": 2})
        assert (counts.to_be_sent, counts.sent, counts.percent_sent) == (2, 3, 50)

    def test_failures_are_kept_by_reason_and_class(self) -> None:
        assert self.COUNTS.failures == {("blocked", "likely"): 2, ("blocked", "pointless"): 1}

    def test_those_left_out_are_kept_by_reason_and_are_cancelled_like_others(self) -> None:
        counts = Counts.from_rows([*ROWS, ("cancelled", "", "", 4), ("cancelled", "reached_lately", "", 2)])
        assert (counts["cancelled"], counts.left_out, counts.left) == (6, {"reached_lately": 2}, 6)
        assert counts.failures == self.COUNTS.failures
        assert counts.without(1, MessageStatus.CANCELLED).left_out == {"reached_lately": 2}
        assert left_out_told(counts.left_out) == "2 left out: reached in the 24 hours before Run"
        assert left_out_told({}) == ""

    @pytest.mark.parametrize(
        ("reasons", "statuses", "n"),
        [
            (["blocked"], [], 3),
            (["reached_lately"], [], 2),
            (["blocked", "reached_lately"], [], 5),
            (["blocked", "reached_lately"], ["cancelled"], 2),
            (["blocked"], ["cancelled", "delivered"], 0),
            (["expired"], [], 0),
        ],
    )
    def test_reasons_are_counted_where_they_stand(self, reasons: list[str], statuses: list[str], n: int) -> None:
        counts = Counts.from_rows([*ROWS, ("cancelled", "", "", 4), ("cancelled", "reached_lately", "", 2)])
        assert counts.with_reasons(reasons, statuses) == n

    def test_every_status_is_counted_zeros_included(self) -> None:
        counts = self.COUNTS.for_every_status()
        assert list(counts) == [status.value for status in MessageStatus]
        assert counts["waiting"] == 0
        assert sum(counts.values()) == 11


@pytest.mark.parametrize(
    ("reason", "retry_class", "worth"),
    [
        ("blocked", "likely", RetryClass.LIKELY),
        ("blocked", "pointless", RetryClass.POINTLESS),
        ("blocked", "", RetryClass.MAY_HAVE_ARRIVED),
        ("unknown", "likely", RetryClass.MAY_HAVE_ARRIVED),
        ("", "", RetryClass.MAY_HAVE_ARRIVED),
    ],
)
def test_of_what_nobody_knows_anything_may_be_true(reason: str, retry_class: str, worth: RetryClass) -> None:
    """The plan, the messages to people and the table say the same of it."""
    assert worth_of(reason, retry_class) is worth
    assert likely_to_work(Counts.from_rows([("failed", reason, retry_class, 2)])) == 2 * (worth is RetryClass.LIKELY)
    assert failure_key(reason, retry_class) == f"{worth}:{reason or 'unknown'}"
    if reason:
        assert (RETRY_HINTS[worth] in reason_meaning(reason, retry_class)) is bool(retry_class)


# The first line that matches decides (SPEC 1); counts that stand in no line decide nothing.
SHOWN = [
    (Phase.DRAFT, {"waiting": 3}, "draft"),
    (Phase.FAILED, {"cancelled": 1, "failed": 1}, "failed"),
    (Phase.READY, {"waiting": 3, "opted_out": 1}, "ready"),
    (Phase.HELD, {"queued": 1, "failed": 50}, "held"),
    (Phase.RUNNING, {"queued": 1}, "in_progress"),
    (Phase.RUNNING, {"delivered": 1, "cancelled": 1}, "in_progress"),
    (Phase.STOPPING, {"sending": 40, "cancelled": 1}, "in_progress"),
    (Phase.ENDED, {"cancelled": 1, "retrying": 1, "failed": 1, "unconfirmed": 1}, "stopped"),
    (Phase.ENDED, {"retrying": 1, "failed": 1, "unconfirmed": 1}, "active_retries"),
    (Phase.ENDED, {"failed": 1, "delivered": 9}, "complete_with_errors"),
    (Phase.ENDED, {"unconfirmed": 1, "delivered": 9}, "complete_with_errors"),
    (Phase.ENDED, {"delivered": 9, "opted_out": 1, "assumed_delivered": 1}, "complete"),
    (Phase.ENDED, {"cancelled": 0, "delivered": 9}, "complete"),
]


@pytest.mark.parametrize(("phase", "counts", "shown"), SHOWN)
def test_first_match_decides_the_status_shown(phase: Phase, counts: dict[str, int], shown: str) -> None:
    assert shown_status(phase, Counts(counts)) == CampaignStatus(shown)


CRITERIA = [
    Criteria(),
    Criteria(statuses=("failed",), reasons=("blocked", "expired"), retry_classes=("likely",), search="=x", cutoff_at=5),
    Criteria(message_ids=(3, 1, 2)),
]


@pytest.mark.parametrize("criteria", CRITERIA)
def test_criteria_come_back_from_json_as_they_were(criteria: Criteria) -> None:
    stored = json.loads(json.dumps(criteria.to_json()))
    assert Criteria.from_json(stored) == criteria


def test_empty_criteria_store_nothing() -> None:
    assert Criteria().to_json() == {}


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        (Criteria(), "all messages"),
        (Criteria(statuses=("failed",), reasons=("mailbox_full",)), "Failed, Mailbox full"),
        (Criteria(statuses=("opted_out",), search="ada"), "Opted Out, search “ada”"),
        (Criteria(search="=+14155550001"), "search “+14155550001”"),
        (Criteria(search="*lace"), "search “lace”"),
        (Criteria(statuses=("failed",), message_ids=(3, 1)), "Failed, chosen messages"),
    ],
)
def test_criteria_are_told_in_words(criteria: Criteria, told: str) -> None:
    assert criteria.told == told


def test_reasons_say_something_of_failed_messages_only() -> None:
    criteria = Criteria(statuses=("failed", "unconfirmed"), reasons=("blocked",), retry_classes=("likely",), search="a")
    assert criteria.for_status("failed") == Criteria(("failed",), ("blocked",), ("likely",), "a")
    assert criteria.for_status("unconfirmed") == Criteria(("unconfirmed",), search="a")


def state(status: str, **details: Any) -> AttemptState:
    return AttemptState(status=status, claimed_at=0, **details)


class TestGuard:
    def test_fifty_failures_among_the_last_verdicts_trip(self) -> None:
        assert not trips("f" * (LIMIT - 1) + "." * 300)
        assert trips("f" * LIMIT + "." * 300)

    def test_window_forgets_what_is_older_than_500_verdicts(self) -> None:
        window = slide("f" * LIMIT, "." * (WINDOW - LIMIT))
        assert trips(window)
        assert not trips(slide(window, "."))

    @pytest.mark.parametrize(
        ("verdict", "retries", "mark"),
        [
            (state("failed", failure_reason="blocked"), 0, "f"),
            (state("failed", failure_reason="unknown"), 0, "f"),
            (state("delivered"), 0, "."),
            (state("opted_out"), 0, "."),
            (state("failed", failure_reason="invalid_recipient"), 0, ""),
            (state("failed", failure_reason="unsupported_recipient"), 0, ""),
            (state("assumed_delivered", timed_out=True), 0, ""),
            (state("unconfirmed", timed_out=True), 0, ""),
            (state("failed", failure_reason="expired", timed_out=True), 0, ""),
            (state("failed", failure_reason="blocked"), 1, ""),
            (state("delivered"), 1, ""),
        ],
    )
    def test_verdict_counts_as_failed_other_or_not(self, verdict: AttemptState, retries: int, mark: str) -> None:
        assert guard_mark(verdict, retries) == mark

    def test_only_two_reasons_count_neither_way(self) -> None:
        uncounted = {reason for reason in FailureReason if guard_mark(state("failed", failure_reason=reason), 0) == ""}
        assert uncounted == {FailureReason.INVALID_RECIPIENT, FailureReason.UNSUPPORTED_RECIPIENT}


# message's status, attempt before, attempt after, phase -> the message's new status
MOVES = [
    ("sending", "sending", "sending", Phase.RUNNING, None),
    ("sending", "sending", "delivered", Phase.RUNNING, "delivered"),
    ("sending", "sending", "failed", Phase.STOPPING, "failed"),
    ("sending", "sending", "retrying", Phase.ENDED, "retrying"),
    ("sending", "sending", NOT_SENT, Phase.RUNNING, "queued"),
    ("sending", "sending", NOT_SENT, Phase.HELD, "queued"),
    ("sending", "sending", NOT_SENT, Phase.STOPPING, "cancelled"),
    ("sending", "sending", NOT_SENT, Phase.FAILED, "cancelled"),
    ("sending", "sending", NOT_SENT, Phase.ENDED, "cancelled"),
    ("assumed_delivered", "assumed_delivered", "failed", Phase.ENDED, "failed"),
    ("failed", "failed", "delivered", Phase.ENDED, "delivered"),
    # Waiting for a retry: only a delivery ends it.
    ("queued", "failed", "delivered", Phase.RUNNING, "delivered"),
    ("queued", "unconfirmed", "failed", Phase.RUNNING, None),
    ("queued", "unconfirmed", "opted_out", Phase.RUNNING, None),
    ("queued", NOT_SENT, "delivered", Phase.RUNNING, "delivered"),
    ("cancelled", NOT_SENT, "delivered", Phase.ENDED, "delivered"),
    ("cancelled", NOT_SENT, "failed", Phase.ENDED, None),
    ("opted_out", "failed", "delivered", Phase.ENDED, None),
]


@pytest.mark.parametrize(("status", "before", "after", "phase", "expected"), MOVES)
def test_message_follows_its_attempt_as_the_table_says(
    status: str, before: str, after: str, phase: Phase, expected: str | None
) -> None:
    assert standing_after(status, before, after, phase) == expected

"""The retry plan: which ticks there are, which are set, and what they mean."""

from decimal import Decimal

import pytest

from models.rules.actions import YES
from models.rules.criteria import Criteria
from models.rules.retry_plan import (
    RECOVERY_SHOWN_FROM,
    Group,
    PlanEntry,
    Recovered,
    RetryPlan,
    failure_key,
    looked_at,
    never,
    plan_entries,
    shown_by,
    ticked_criteria,
)
from models.words import Channel, FailureReason, RetryClass

GROUPS = [
    Group("failed", "blocked", "pointless", 41, 82),
    Group("failed", "expired", "likely", 163, 163),
    Group("failed", "unreachable", "likely", 921, 1000),
    Group("failed", "unreachable", "may_have_arrived", 5, 5),
    Group("failed", "unknown", "likely", 3, 3),
    Group("failed", "unknown", "may_have_arrived", 4, 8),
    Group("failed", "blocked", "never", 2, 2),
    Group("unconfirmed", "", "", 19, 20),
    Group("opted_out", "", "", 391, 391),
]
KEYS = [
    "likely:unreachable",
    "likely:expired",
    "may_have_arrived:unknown",
    "may_have_arrived:unreachable",
    "pointless:blocked",
]


def entries(*, by_hand: bool = False, **recoveries: Recovered) -> tuple[PlanEntry, ...]:
    found = {(reason, "likely"): recovered for reason, recovered in recoveries.items()}
    return plan_entries(GROUPS, found, by_hand=by_hand)


def plan(channel: Channel = Channel.SMS, price: str | None = "0.04") -> RetryPlan:
    return RetryPlan(
        id=1,
        campaign_id=2,
        channel=channel,
        cutoff_at=3,
        entries=entries(),
        unconfirmed=19,
        unconfirmed_segments=20,
        opted_out=never(GROUPS),
        price=Decimal(price) if price else None,
        currency="AUD",
        answer=YES,
    )


def test_each_reason_is_split_by_what_its_retry_is_worth() -> None:
    assert [entry.key for entry in entries()] == KEYS
    assert [(entry.retry_class, entry.reason, entry.n) for entry in entries()][:1] == [
        (RetryClass.LIKELY, FailureReason.UNREACHABLE, 921)
    ]


def test_what_nobody_knows_the_reason_of_may_have_arrived() -> None:
    (unknown,) = [entry for entry in entries() if entry.reason is FailureReason.UNKNOWN]
    assert (unknown.retry_class, unknown.n, unknown.segments) == (RetryClass.MAY_HAVE_ARRIVED, 7, 11)
    assert failure_key("", "") == failure_key("unknown", "likely") == unknown.key


def test_of_all_that_match_only_the_likely_ones_are_ticked() -> None:
    assert plan().ticked == ("likely:unreachable", "likely:expired")


def test_of_a_selection_made_by_hand_all_failed_are_ticked() -> None:
    assert all(entry.ticked for entry in entries(by_hand=True))


def test_who_opted_out_is_counted_apart() -> None:
    assert never(GROUPS) == 393
    assert sum(entry.n for entry in entries(by_hand=True)) == 41 + 163 + 921 + 5 + 7


@pytest.mark.parametrize(
    ("recovered", "shown"),
    [
        (Recovered(RECOVERY_SHOWN_FROM - 1, 40), None),
        (Recovered(RECOVERY_SHOWN_FROM, 0), 0),
        (Recovered(RECOVERY_SHOWN_FROM, RECOVERY_SHOWN_FROM), 100),
        (Recovered(1000, 619), 61),
    ],
)
def test_recovery_is_shown_once_there_are_fifty(recovered: Recovered, shown: int | None) -> None:
    assert entries(unreachable=recovered)[0].recovered_percent == shown
    assert entries(unreachable=recovered)[1].recovered_percent is None


def test_ticks_add_up_to_messages_segments_and_cost() -> None:
    assert plan().messages(KEYS[:2]) == 921 + 163
    assert plan().messages(KEYS[:2], include_unconfirmed=True) == 921 + 163 + 19
    assert plan().segments(KEYS[:2]) == 1163
    assert plan().segments([], include_unconfirmed=True) == 20
    assert plan().cost(KEYS[:2]) == Decimal("46.52")


def test_cost_needs_a_price_and_sms() -> None:
    assert plan(price=None).cost(KEYS) is None
    assert plan(Channel.EMAIL).segments(KEYS) is None
    assert plan(Channel.EMAIL).cost(KEYS) is None


@pytest.mark.parametrize(
    ("criteria", "statuses"),
    [
        (Criteria(), ("failed", "unconfirmed", "opted_out")),
        (Criteria(statuses=("failed", "delivered")), ("failed",)),
        (Criteria(statuses=("delivered",)), ()),
        (Criteria(reasons=("blocked",)), ("failed",)),
        (Criteria(retry_classes=("likely",)), ("failed",)),
        (Criteria(statuses=("unconfirmed",), reasons=("blocked",)), ()),
        (Criteria(search="+1"), ("failed", "unconfirmed", "opted_out")),
    ],
)
def test_plan_is_about_what_the_filter_shows(criteria: Criteria, statuses: tuple[str, ...]) -> None:
    assert looked_at(criteria) == statuses


def test_ticks_narrow_the_filter_they_belong_to() -> None:
    whole = Criteria(search="+1", cutoff_at=9)
    meant = ticked_criteria(whole, ["likely:expired"], include_unconfirmed=False)
    assert meant == Criteria(statuses=("failed",), search="+1", cutoff_at=9, failures=("likely:expired",))
    both = ticked_criteria(whole, ["likely:expired"], include_unconfirmed=True)
    assert both
    assert both.statuses == ("failed", "unconfirmed")
    doubtful = ticked_criteria(whole, [], include_unconfirmed=True)
    assert doubtful == Criteria(statuses=("unconfirmed",), search="+1", cutoff_at=9)


def test_no_tick_means_nothing() -> None:
    assert ticked_criteria(Criteria(), [], include_unconfirmed=False) is None
    assert ticked_criteria(Criteria(reasons=("blocked",)), [], include_unconfirmed=True) is None


def test_tick_that_was_not_shown_stands_for_nothing() -> None:
    assert shown_by(plan().shown, ["likely:blocked", "likely:expired"], include_unconfirmed=False) == 163

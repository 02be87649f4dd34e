"""The budget of calls to Slack: bursts, rates, and rests that Slack asks for."""

import pytest

from bot.outgoing.budget import POST, Budget

MINUTE = 60_000
NOW = 1_750_000_000_000
CHANNEL = "C1"


def calls_within(budget: Budget, method: str, ms: int, *, channels: tuple[str, ...] = (CHANNEL,)) -> int:
    """How many calls it allows if one is tried in each channel every 10 ms."""
    made = 0
    for now in range(NOW, NOW + ms, 10):
        for channel in channels:
            if budget.allows(method, channel, now=now):
                budget.spend(method, channel, now=now)
                made += 1
    return made


@pytest.mark.parametrize(
    ("method", "tier"), [("chat_update", 50), ("conversations_history", 50), ("files_completeUploadExternal", 100)]
)
def test_no_minute_has_more_calls_than_slacks_tier(method: str, tier: int) -> None:
    assert tier - 3 <= calls_within(Budget(), method, MINUTE, channels=("C1", "C2")) <= tier


def test_posts_are_counted_by_channel() -> None:
    assert calls_within(Budget(), POST, 10_000) == 13
    assert calls_within(Budget(), POST, 10_000, channels=("C1", "C2")) == 26


def test_burst_is_no_longer_than_slack_allows() -> None:
    assert calls_within(Budget(), POST, 500) == 4


def test_rest_ends_at_its_moment_and_is_of_that_channel_alone() -> None:
    budget = Budget()
    budget.rest(POST, CHANNEL, until=NOW + 7000)
    assert not budget.allows(POST, CHANNEL, now=NOW + 6999)
    assert budget.allows(POST, CHANNEL, now=NOW + 7000)
    assert budget.allows(POST, "C2", now=NOW)


def test_shorter_rest_takes_nothing_from_a_longer_one() -> None:
    budget = Budget()
    budget.rest("chat_update", "", until=NOW + 7000)
    budget.rest("chat_update", "", until=NOW + 1000)
    assert not budget.allows("chat_update", "", now=NOW + 6999)


def test_clock_that_goes_back_gives_nothing() -> None:
    budget = Budget()
    assert calls_within(budget, POST, 500) == 4
    assert not budget.allows(POST, CHANNEL, now=NOW - MINUTE)
    assert not budget.allows(POST, CHANNEL, now=NOW)

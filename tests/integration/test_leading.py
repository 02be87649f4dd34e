"""Of several processes one leads, as long as its lease is surely its own."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from peewee import PeeweeException

from jobs.runtime import leading
from jobs.runtime.leading import Leader
from models.clock import now_ms
from models.config import Config
from models.operations.presence import give_up_lease, hold_lease
from tests.processes import until


@pytest.fixture(autouse=True)
def asks_each_time(installation: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "ASKED_EVERY_SECONDS", 0)


def leader_of(holder: str, *, lease: str = "clock", seconds: float = 15) -> Leader:
    return Leader(lease, holder=holder, seconds=seconds)


def test_only_one_of_two_leads() -> None:
    first, second = leader_of("first"), leader_of("second")
    assert [leader.leads() for leader in (first, second, first, second)] == [True, False, True, False]


def test_who_leads_in_one_work_may_not_in_another() -> None:
    first, second = leader_of("first"), leader_of("second", lease="bot")
    assert (first.leads(), second.leads()) == (True, True)


def test_one_that_leaves_is_followed_at_once() -> None:
    first, second = leader_of("first"), leader_of("second")
    assert (first.leads(), second.leads()) == (True, False)
    first.leave()
    assert (second.leads(), first.leads()) == (True, False)


def test_one_that_died_is_followed_when_its_lease_is_over() -> None:
    hold_lease("clock", holder="dead", seconds=15, now=now_ms() - 14_500)
    leader = leader_of("next")
    assert not leader.leads()
    until(leader.leads, seconds=3, what="the lease")


def test_between_two_questions_it_goes_by_the_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leading, "ASKED_EVERY_SECONDS", 5)
    leader = leader_of("first")
    assert leader.leads()
    give_up_lease("clock", holder="first")
    hold_lease("clock", holder="second", seconds=15, now=now_ms())
    assert leader.leads()


def test_answer_that_comes_when_its_lease_is_over_counts_for_nothing() -> None:
    assert not leader_of("first", seconds=0).leads()


@pytest.mark.both_engines
def test_one_that_could_not_renew_its_lease_does_not_lead_until_it_can(
    monkeypatch: pytest.MonkeyPatch, no_writes: Callable[[], AbstractContextManager[None]]
) -> None:
    leader = leader_of("first")
    assert leader.leads()
    monkeypatch.setattr(leading, "ASKED_EVERY_SECONDS", 5)
    with no_writes():
        for _ in range(2):
            with pytest.raises(PeeweeException):
                leader.leads()
    assert leader.leads()

"""Supervised children: restarted when they die, ended with their parent, whatever ended it."""

import os
import signal
import time

import pytest

from tests.processes import House, Started, children, kill, until


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.clear()


def supervise(house: House, *names: str) -> tuple[Started, set[int]]:
    """A supervisor with the children named, once they are up."""
    started = house.start("python", "-m", "tests.stand_in", "worker", *names)
    return started, until(
        lambda: len(children(started.pid)) == len(names) and children(started.pid), what="children"
    )


def test_a_killed_child_starts_again_at_once(house):
    supervisor, before = supervise(house, "quiet", "quiet")
    since = time.monotonic()
    victim = min(before)
    kill(victim)
    after = until(lambda: len(now := children(supervisor.pid)) == 2 and now - {victim})
    took = time.monotonic() - since
    print(f"\nchild restarted after {took:.2f} s")
    assert len(after) == 2
    assert took < 1.0
    assert supervisor.said().count("child ended, starts again") == 1
    assert "killed by signal 9" in supervisor.said()


def test_children_end_when_their_supervisor_is_killed(house):
    supervisor, _ = supervise(house, "quiet", "quiet")
    kill(supervisor.pid)
    supervisor.ended()
    print(f"\nchildren gone after {house.empty(seconds=2):.2f} s")


def test_a_stubborn_child_ends_too_when_its_supervisor_is_killed(house):
    supervisor, _ = supervise(house, "stubborn")
    kill(supervisor.pid)
    supervisor.ended()
    house.empty(seconds=5)


def test_a_stop_ends_all_children_without_a_word(house):
    supervisor, _ = supervise(house, "quiet", "quiet")
    since = time.monotonic()
    os.kill(supervisor.pid, signal.SIGTERM)
    assert supervisor.ended(seconds=4) == 0
    print(f"\nstopped after {time.monotonic() - since:.2f} s")
    assert not house.living()
    assert supervisor.said() == ""


def test_ctrl_c_with_repeated_signals_ends_cleanly(house):
    supervisor, _ = supervise(house, "quiet", "quiet")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        supervisor.signal_group(number)
    assert supervisor.ended(seconds=4) == 0
    assert not house.living()
    assert supervisor.said() == ""


def test_a_child_that_ignores_the_stop_is_killed(house):
    supervisor, _ = supervise(house, "stubborn", "quiet")
    since = time.monotonic()
    os.kill(supervisor.pid, signal.SIGTERM)
    assert supervisor.ended(seconds=4) == 0
    assert 2.9 < time.monotonic() - since < 4
    assert supervisor.said().count("child did not stop, killed") == 1
    assert not house.living()


def test_a_second_start_of_a_process_exits_2_naming_the_first(house):
    first, _ = supervise(house, "quiet")
    second = house.start("python", "-m", "tests.stand_in", "worker")
    assert second.ended() == 2
    assert second.said().count("\n") == 1
    assert f"in use by process {first.pid} (worker)" in second.said()
    assert house.pids("stand_in") == {first.pid, *children(first.pid)}


def test_a_start_right_after_a_kill_waits_for_the_old_children(house):
    first, old = supervise(house, "stubborn")
    kill(first.pid)
    first.ended()
    second = house.start("python", "-m", "tests.stand_in", "worker", "quiet")
    until(lambda: children(second.pid), what="the second's child")
    assert not old & set(house.living())


def test_misconfiguration_exits_2_with_one_sentence(house):
    for variables, names in (
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_SIGNING_SECRET or SLACK_APP_TOKEN is missing"),
        ({"DATABASE_URL": "postgresql://localhost/x"}, "SECRET_KEY must be given"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT is 'xml'"),
    ):
        started = house.start("python", "-m", "tests.stand_in", "clock", **variables)
        assert started.ended() == 2
        assert names in started.said()
        assert started.said().count("\n") == 1

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
    until(lambda: len(children(started.pid)) == len(names), what="children")
    until(lambda: started.said().count("stubborn") == names.count("stubborn"), what="deaf children")
    return started, children(started.pid)


def test_a_killed_child_starts_again_at_once(house):
    supervisor, before = supervise(house, "quiet", "quiet")
    since = time.monotonic()
    victim = min(before)
    kill(victim)
    until(lambda: len(now := children(supervisor.pid)) == 2 and victim not in now, seconds=1.0)
    print(f"\nchild restarted after {time.monotonic() - since:.2f} s")
    assert supervisor.said().count("child ended, starts again") == 1
    assert "killed by signal 9" in supervisor.said()


def test_children_end_when_their_supervisor_is_killed(house):
    supervisor, _ = supervise(house, "quiet", "quiet")
    kill(supervisor.pid)
    supervisor.ended()
    print(f"\nchildren gone after {house.empty(seconds=2):.2f} s")


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


def test_a_stop_said_until_the_process_is_gone_ends_cleanly(house):
    """Python takes its handlers away while it leaves, where it is let."""
    for _ in range(10):
        supervisor, _ = supervise(house, "quiet")
        while supervisor.popen.poll() is None:
            supervisor.popen.send_signal(signal.SIGTERM)
        assert supervisor.popen.returncode == 0
        assert supervisor.said() == ""


THREAD_AT_WORK = """
import time
from concurrent.futures import ThreadPoolExecutor
from jobs.runtime import entry

def answer_slack():
    time.sleep(0.5)
    print("answered")

entry.run("bot", lambda config, stop: ThreadPoolExecutor(1).submit(answer_slack))
"""


def test_what_a_thread_is_at_is_finished_before_the_process_leaves(house):
    process = house.start("python", "-c", THREAD_AT_WORK)
    assert process.ended() == 0
    assert process.said() == "answered\n"


def test_a_child_that_ignores_the_stop_is_killed(house):
    supervisor, _ = supervise(house, "stubborn", "quiet")
    since = time.monotonic()
    os.kill(supervisor.pid, signal.SIGTERM)
    assert supervisor.ended(seconds=4) == 0
    assert 2.9 < time.monotonic() - since < 4
    assert supervisor.said().count("child did not stop, killed") == 1
    assert not house.living()


def test_a_start_right_after_a_kill_waits_for_stubborn_children(house):
    first, old = supervise(house, "stubborn")
    kill(first.pid)
    first.ended()
    second = house.start("python", "-m", "tests.stand_in", "worker", "quiet")
    until(lambda: children(second.pid), what="the second's child")
    assert not old & set(house.living())


def test_misconfiguration_exits_2_with_one_sentence(house):
    started = house.start("python", "-m", "tests.stand_in", "clock", SLACK_BOT_TOKEN="xoxb-1")
    assert started.ended() == 2
    assert "SLACK_SIGNING_SECRET or SLACK_APP_TOKEN is missing" in started.said()
    assert started.said().count("\n") == 1

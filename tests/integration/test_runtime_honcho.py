"""All processes together under honcho: refused twice on one folder, ended together, Valkey last."""

import os
import re
import signal
import time

import pytest

from jobs.runtime import waiting
from tests.processes import House, Started, free_port, kill, resident_mb, until

PROCFILE = """\
web: python -m admin.server
bot: python -m tests.stand_in bot
worker: python -m tests.stand_in worker quiet quiet
redis: python -m jobs.valkey
"""
NAMES = {"web", "bot", "worker", "redis"}


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path / "a house")
    yield made
    made.clear()


def start(house: House) -> Started:
    """honcho with everything up: web published, both children of the worker there."""
    started = house.honcho(PROCFILE, PORT=str(free_port()))
    house.published("web")
    until(lambda: len(house.pids("stand_in worker")) >= 3, what="the worker's children")
    return started


def test_killing_honcho_ends_everything_and_a_new_start_works(house):
    first = start(house)
    redis_before = house.published("redis")
    kill(first.pid)
    first.ended()
    second = house.honcho(PROCFILE, PORT=str(free_port()))
    redis_after = house.published("redis", pid=redis_before["pid"], owner=redis_before["owner"])
    house.published("web")
    assert house.pids("valkey-server") == {redis_after["pid"]}
    assert waiting.trouble_with(redis_after["url"]) is None
    kill(second.pid)
    second.ended()
    print(f"\nnobody left {house.empty(seconds=3):.2f} s after a kill of honcho")


def test_a_second_start_is_refused(house):
    first = start(house)
    web = house.published("web")
    living = house.living()
    second = house.honcho(PROCFILE, PORT=str(free_port()))
    assert second.ended() == 2
    assert f"in use by process {web['pid']} (web)" in second.said()
    assert house.living() == living
    assert first.popen.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_everything_with_valkey_last(house, number):
    started = start(house)
    for pid, command in sorted(house.living().items()):
        print(f"{resident_mb(pid):6.1f} MB  {command[-60:]}")
    since = time.monotonic()
    started.signal_group(number)
    started.ended(seconds=4)
    print(f"\nhoncho ended {time.monotonic() - since:.2f} s after {number.name}")
    assert not house.living()
    assert "Traceback" not in started.said()
    assert "SIGKILL" not in started.said()
    stopped = re.findall(r"\| (\w+)\.1 stopped", started.said())
    assert set(stopped) == NAMES
    assert stopped[-1] == "redis"


def test_one_process_that_dies_takes_the_others_along(house):
    started = start(house)
    (bot,) = {
        pid for pid in house.pids("stand_in bot") if pid != started.pid and "sh -c" not in house.living()[pid]
    }
    os.kill(bot, signal.SIGKILL)
    started.ended(seconds=4)
    assert not house.living()
    assert "Traceback" not in started.said()

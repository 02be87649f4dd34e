"""All processes together under honcho: refused twice on one folder, ended together, Valkey last."""

import re
import signal
import time
from urllib.request import urlopen

import pytest

from jobs.runtime import waiting
from tests.processes import House, Started, free_port, kill, resident_mb, until

PROCFILE = """\
web: python -m admin.server
bot: python -m bot
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
    """honcho with everything up: web answers, both children of the worker are there."""
    started = house.honcho(PROCFILE, PORT=str(free_port()))
    with urlopen(house.published("web")["url"] + "/healthz") as answer:
        assert answer.status == 200
    until(lambda: len(house.pids("stand_in worker")) >= 3, what="the worker's children")
    return started


def test_killing_honcho_ends_everything_and_a_start_right_after_works(house):
    first = start(house)
    before, old = house.published("redis"), house.pids("")
    kill(first.pid)
    since = time.monotonic()
    second = house.honcho(PROCFILE, PORT=str(free_port()))
    until(lambda: old.isdisjoint(house.living()), seconds=3, what="the killed honcho's processes gone")
    print(f"\nnobody of the first start left {time.monotonic() - since:.2f} s after the kill")
    after = house.published("redis", pid=before["pid"], owner=before["owner"])
    house.published("web")
    assert house.pids("valkey-server") == {after["pid"]}
    assert waiting.trouble_with(after["url"]) is None
    stops_with_valkey_last(house, second, signal.SIGINT)


def test_a_second_start_is_refused_and_disturbs_nothing(house):
    first = start(house)
    web = house.published("web")
    living = house.living()
    second = house.honcho(PROCFILE, PORT=str(free_port()))
    assert second.ended(seconds=20) == 2
    assert f"in use by process {web['pid']} (web)" in second.said()
    assert house.living() == living
    for pid, command in sorted(living.items()):
        print(f"{resident_mb(pid):6.1f} MB  {command[-60:]}")
    stops_with_valkey_last(house, first, signal.SIGTERM)


def stops_with_valkey_last(house: House, honcho: Started, number: signal.Signals) -> None:
    """A signal to honcho's group (what a terminal does at Ctrl-C) ends everything in time and order."""
    since = time.monotonic()
    honcho.signal_group(number)
    honcho.ended(seconds=4)
    print(f"\nhoncho ended {time.monotonic() - since:.2f} s after {number.name}")
    assert not house.living()
    assert "Traceback" not in honcho.said()
    assert "SIGKILL" not in honcho.said()
    stopped = re.findall(r"\| (\w+)\.1 stopped", honcho.said())
    assert set(stopped) == NAMES
    assert stopped[-1] == "redis"

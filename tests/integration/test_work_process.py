"""A work process shows that it lives, also after a database that was away."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import redis
import structlog
from rq.serializers import JSONSerializer

from jobs import work_process
from jobs.queues import queue_of
from jobs.runtime.stopping import Stop
from models import database
from models.clock import now_ms
from models.config import Config
from models.database import execute
from tests import engines
from tests.factories import rows_of
from tests.processes import until
from tests.servers import away, valkey_at

END_SECONDS = 3 * work_process.LOOK_SECONDS


@contextmanager
def beating(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The pulse of a work process, ten times a second."""
    monkeypatch.setattr(work_process, "BEAT_SECONDS", 0.1)
    stop = Stop()
    pulse = threading.Thread(target=work_process._beat, args=("here-sms-1", "sms", stop))
    pulse.start()
    yield
    stop.ask()
    pulse.join(5)
    assert not pulse.is_alive()
    stop.close()


def beat_at() -> int:
    """When it last showed that it lives; 0 while it hasn't."""
    return next((row["beat_at"] for row in rows_of("running_processes")), 0)


def test_it_beats_until_the_stop_and_then_is_gone(installation: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with beating(monkeypatch):
        first = until(beat_at, what="a beat")
        until(lambda: beat_at() > first, what="another beat")
        assert rows_of("running_processes")[0]["duty"] == "sms"
    assert rows_of("running_processes") == []


@pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
def test_a_stop_while_the_database_is_away_is_no_fault(
    installation: Config, monkeypatch: pytest.MonkeyPatch, postgres: engines.Postgres
) -> None:
    with away(postgres, installation.database_url), beating(monkeypatch):
        pass


@pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
def test_it_beats_again_when_the_database_is_back(
    installation: Config, monkeypatch: pytest.MonkeyPatch, postgres: engines.Postgres
) -> None:
    with beating(monkeypatch):
        until(beat_at, what="a beat")
        database.close()  # the pool's, for the pulse to use while it can
        with away(postgres, installation.database_url):
            first = now_ms()
        until(lambda: beat_at() > first, what="another beat")


@pytest.mark.both_engines
def test_it_beats_again_when_the_database_takes_writes_again(
    monkeypatch: pytest.MonkeyPatch, no_writes: Callable[[], AbstractContextManager[None]]
) -> None:
    with structlog.testing.capture_logs() as logs, ExitStack() as pulse:
        with no_writes():
            pulse.enter_context(beating(monkeypatch))
            until(lambda: len(logs) >= 2, what="two refusals")
        until(beat_at, what="a beat")
    assert {line["log_level"] for line in logs} == {"warning"}


def test_a_fault_of_ours_does_not_end_the_beat(installation: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    execute("ALTER TABLE running_processes RENAME TO elsewhere")
    with structlog.testing.capture_logs() as logs, beating(monkeypatch):
        until(lambda: len(logs) >= 2, what="two faults")
        execute("ALTER TABLE elsewhere RENAME TO running_processes")
        until(beat_at, what="a beat")
    assert {line["unit"] for line in logs} == {"sign of life"}


@contextmanager
def signals_kept() -> Iterator[None]:
    """RQ's worker takes SIGTERM and SIGINT for itself; afterwards they are as they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def idle_at(url: str) -> work_process.WorkProcess:
    """A work process for which there is no job."""
    connection = redis.Redis.from_url(url)
    process = work_process.WorkProcess([queue_of("bulk", connection)], connection=connection, serializer=JSONSerializer)
    process.stop = Stop()
    return process


def ends_in(process: work_process.WorkProcess, act: Callable[[], None]) -> float:
    """Seconds from `act`, half a second after it began to wait, to its end."""
    acted = []

    def do() -> None:
        acted.append(time.monotonic())
        act()

    timer = threading.Timer(0.5, do)
    timer.start()
    with signals_kept(), suppress(redis.RedisError):  # it can't sign off where Redis is gone
        process.work(logging_level="CRITICAL")
    timer.join()
    process.stop.close()
    return time.monotonic() - acted[0]


def ask_to_end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_the_signal_throws_nothing_into_whatever_an_idle_worker_runs(valkey: str) -> None:
    idle = idle_at(valkey)
    with signals_kept():
        idle.request_stop(signal.SIGTERM, None)
    assert idle.stop.asked
    idle.stop.close()


def test_an_idle_worker_ends_soon_after_the_signal(valkey: str) -> None:
    assert ends_in(idle_at(valkey), ask_to_end) < END_SECONDS


def test_no_thread_of_rq_listens_beside_it(valkey: str) -> None:
    idle, heard = idle_at(valkey), list[object]()

    def look() -> None:
        with redis.Redis.from_url(valkey) as beside:
            heard.extend(beside.pubsub_channels())
        ask_to_end()

    ends_in(idle, look)
    assert heard == []


def test_it_ends_as_soon_while_redis_is_gone(tmp_path: Path) -> None:
    with valkey_at(tmp_path) as (url, server):
        idle = idle_at(url)

        def kill_redis() -> None:
            server.kill()
            server.wait()
            ask_to_end()

        assert ends_in(idle, kill_redis) < END_SECONDS

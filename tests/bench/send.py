"""Sending: our engine against a bare loop of the same client, and against one RQ job for each message.

All three hand over to the same stub, in 1 and 2 processes, at 0, 50 and 200 ms of latency.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

from models.database import select
from tests.bench import naive
from tests.bench.campaign import ENGINES, installation, queued_campaign, twilio_variables
from tests.bench.tables import Table
from tests.processes import free_port, until
from tests.servers import valkey_at

LATENCIES = (0, 50, 200)  # ms
PROCESSES = (1, 2)
MESSAGES = {0: 20_000, 50: 16_000, 200: 6_000}
NAIVE_MESSAGES = 300
GIVE_UP_SECONDS = 300
CONCURRENCY = 100  # of a process


def measure(*, quick: bool) -> Table:
    """The table of DESIGN 6 for sending."""
    table = Table(
        "Sending: messages a second",
        ("latency", "processes", "engine", "bare loop", "Signalbox", "ratio", "a job each", "times that", "CPU/msg"),
    )
    for latency, processes in product(LATENCIES, PROCESSES):
        messages = MESSAGES[latency] // (10 if quick else 1)
        bare = bare_loop(latency, processes, messages)
        each = a_job_each(latency, processes)
        for engine in ENGINES:
            ours, cpu = signalbox(engine, latency, processes, messages)
            table.add(
                *(f"{latency} ms", processes, engine, f"{bare:,.0f}", f"{ours:,.0f}", f"{ours / bare:.2f}"),
                *(f"{each:,.0f}", f"{ours / each:.0f} x", f"{cpu * 1e6:.0f} us"),
            )
    table.notes.append(
        "Goals: ratio 0.6 with 2 processes; 50 x one job for each message. CPU/msg is that of the work processes."
    )
    return table


@contextmanager
def stub(latency: float) -> Iterator[str]:
    """The provider's address."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", "tests.bench.stub", str(port), str(latency)]) as process:
        url = f"http://127.0.0.1:{port}"
        until(lambda: _answers(url), what="the stub")
        try:
            yield url
        finally:
            process.kill()


def bare_loop(latency: float, processes: int, messages: int) -> float:
    """Messages a second without anything around."""
    with stub(latency) as url:
        command = [sys.executable, "-m", "tests.bench.bare", url, str(messages // processes)]
        started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
        for process in started:
            process.communicate(timeout=GIVE_UP_SECONDS)
        return _rate(url, messages)


def a_job_each(latency: float, processes: int) -> float:
    """Messages a second of the common design."""
    with stub(latency) as url, TemporaryDirectory() as folder, valkey_at(Path(folder)) as (redis_url, _):
        naive.enqueue(redis_url, f"{folder}/naive.db", url, NAIVE_MESSAGES)
        command = [sys.executable, "-m", "tests.bench.naive", redis_url]
        workers = [subprocess.Popen(command) for _ in range(processes)]
        for worker in workers:
            worker.wait(GIVE_UP_SECONDS)
        return _rate(url, NAIVE_MESSAGES)


def signalbox(engine: str, latency: float, processes: int, messages: int) -> tuple[float, float]:
    """Messages a second from the first claim to the last answer on record, and CPU seconds for each."""
    with stub(latency) as url, installation(engine, twilio_variables(url)) as (house, variables):
        campaign_id = queued_campaign(messages)
        house.start("python", "-m", "jobs.valkey", **variables)
        house.published("redis")
        words = ("python", "-m", "jobs.worker", "--processes", f"sms={processes}")
        worker = house.start(*words, **variables)
        house.start("python", "-m", "jobs.clock", **variables)  # finds the work and hints at it
        until(lambda: _posts(url) >= messages, seconds=GIVE_UP_SECONDS, what="the last hand-over")
        until(lambda: not _unanswered(campaign_id), seconds=30, what="the last answer")
        cpu = sum(_cpu_seconds(pid) for pid in house.pids("jobs.worker") if pid != worker.pid)
        began, ended = select("SELECT MIN(claimed_at), MAX(handed_over_at) FROM attempts")[0]
        assert select("SELECT COUNT(*) FROM attempts") == [(messages,)]
        return messages * 1000 / (ended - began), cpu / messages


def _unanswered(campaign_id: int) -> int:
    return int(select("SELECT COUNT(*) FROM attempts WHERE campaign_id = ? AND answer IS NULL", campaign_id)[0][0])


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _rate(url: str, messages: int) -> float:
    counted = _counted(url)
    assert counted["posts"] >= messages - 1, counted
    return float(counted["posts"] / (counted["last_at"] - counted["first_at"]))


def _posts(url: str) -> int:
    return int(_counted(url).get("posts", 0))


def _counted(url: str) -> dict[str, float]:
    with urlopen(url, timeout=10) as answer:
        found: dict[str, float] = json.loads(answer.read())
    return found


def _answers(url: str) -> bool:
    try:
        _counted(url)
    except OSError:
        return False
    return True

"""The whole product as an operator has it: started by honcho, asked on the command line, killed piece by piece."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

from jobs.runtime import ancestors, owner, waiting
from jobs.worker import DEFAULT, parse_processes
from models.words import Channel
from tests.crash.look import Rows
from tests.processes import House, Started, free_port, kill, until
from tests.sample_contacts import HEADERS, sample_file

READY_SECONDS = 40.0
PROCFILE = ("web", "bot", "worker", "clock", "redis")
DUTIES = ("sms", "email", "receipts", "bulk")
WORK_PROCESSES = sum(parse_processes(DEFAULT).values())
# A tenth of the sample contacts fails, and that before others are Delivered, so that a quick run of them may be held.
UNGUARDED: dict[str, object] = {"guard": False}
TEXT = "Hi {{name}}, our spring sale starts in {{city}} on Friday. Reply STOP to opt out."
HTML = '<h1>Hello {{name}}</h1><p>News from {{city}}. {{note}}</p><a href="{{unsubscribe_url}}">Unsubscribe</a>'


class HandOver(NamedTuple):
    """A line of simulated.log; `at` is epoch seconds."""

    at: float
    channel: str
    message_id: int
    attempt: int
    recipient: str


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    result: str
    remarks: str


class Product:
    """One `var/`, its processes, and what an operator can see of them.

    `variables` are the environment's, beside SIGNALBOX_VAR and a free PORT. With `procfile` other processes are
    started than the product's own. What a provider took is read by `ledger`, which is simulated.log unless changed.
    """

    def __init__(self, folder: Path, **variables: str) -> None:
        self.house = House(folder)
        self.variables = {"PORT": str(free_port()), **variables}
        self.procfile = ""
        self.ledger: Callable[[], list[HandOver]] = self._simulated_hand_overs
        self.rows = Rows(variables.get("DATABASE_URL", f"sqlite:///{self.house.var / 'signalbox.db'}"))
        self.log = self.house.var / "simulated.log"
        self._starts: list[Started] = []

    # Starting and ending

    def start(self) -> float:
        """`honcho start`, and wait until all is ready; returns the seconds that took."""
        since = time.monotonic()
        self._starts.append(
            self.house.honcho(self.procfile, **self.variables)
            if self.procfile
            else self.house.start("honcho", "start", **self.variables)
        )
        until(self.is_ready, seconds=READY_SECONDS, what="everything up")
        return time.monotonic() - since

    @property
    def honcho(self) -> Started:
        """The honcho started last."""
        return self._starts[-1]

    def said(self) -> str:
        """All that the processes of all starts wrote."""
        return "\n".join(started.said() for started in self._starts)

    def is_ready(self) -> bool:
        """Whether /readyz says so, every work process of this start shows that it lives, and doctor is content."""
        assert self.honcho.popen.poll() is None, f"honcho has ended:\n{self.honcho.said()}"
        web = self.house.section("web")
        if web is None or not answers(f"{web['url']}/readyz"):
            return False
        alive = sum(len(self.pids(duty)) for duty in DUTIES)
        return alive == WORK_PROCESSES and self.run("doctor").code == 0

    def stop(self, number: signal.Signals = signal.SIGTERM, *, group: bool = False) -> float:
        """Ask honcho (or with `group` all at once) to stop; returns the seconds until no process was left."""
        since = time.monotonic()
        if group:
            self.honcho.signal_group(number)
        else:
            os.kill(self.honcho.pid, number)
        self.honcho.ended(seconds=8)
        self.house.empty(seconds=4)
        return time.monotonic() - since

    def restart(self) -> float:
        """What a service manager does once honcho has ended: start it again; returns seconds until it is ready."""
        self.honcho.ended(seconds=10)
        return self.start()

    def close(self) -> None:
        """Leave nothing behind."""
        self.rows.close()
        self.house.clear()

    # The command line

    def run(self, *words: str) -> Said:
        """One `python -m admin` command, whatever its exit code."""
        remarks = self.house.folder / f"remarks-{time.monotonic_ns()}.txt"
        apart = ("sh", "-c", 'exec "$@" 2>"$0"', str(remarks))  # stdout is only the result
        started = self.house.start(*apart, "python", "-m", "admin", *words, **self.variables)
        code = started.ended(seconds=600)  # an import of 300,000 rows takes minutes
        return Said(code, started.said(), remarks.read_text())

    def command(self, *words: str) -> str:
        """What a command that must succeed printed as its result."""
        said = self.run(*words)
        assert said.code == 0, f"{' '.join(words)} ended with {said.code}: {said.result}{said.remarks}"
        return said.result

    def change(self, **settings: object) -> None:
        """Change settings; a name's dot is written as two underscores."""
        pairs = [f"{name.replace('__', '.')}={json.dumps(value)}" for name, value in settings.items()]
        started = self.house.start("python", "-m", "tests.crash.settings", *pairs, **self.variables)
        assert started.ended(seconds=30) == 0, started.said()

    def create(
        self, channel: Channel, rows: int, *options: str, name: str = "", contacts: bytes = b""
    ) -> tuple[int, int]:
        """A Ready campaign from so many rows of `contacts`; returns its id and how many were imported.

        `contacts` is the sample file if not given; `options` are further ones of the command line.
        """
        name = name or f"{channel} to {rows}"
        file = self.house.folder / f"{name}.csv"
        file.write_bytes(contacts or sample_file(channel, rows))
        template = self.house.folder / f"{channel}.txt"
        template.write_text(TEXT if channel is Channel.SMS else HTML)
        email = ("--subject", "News from {{city}}", "--from", "news@example.com")
        said = self.run(
            *("create-campaign", "--channel", channel, "--name", name),
            *("--contacts", str(file), "--destination", HEADERS[channel][0], "--consent"),
            *("--template", str(template), *(email if channel is Channel.EMAIL else ())),
            *options,
        )
        assert said.code == 0, said.remarks
        found = re.search(r"([\d,]+) rows read: ([\d,]+) imported", said.remarks)
        assert found, said.remarks
        assert number(found[1]) == rows
        return int(said.result), number(found[2])

    def go(self, campaign_id: int) -> None:
        """Run it."""
        self.command("run", str(campaign_id), "--accept-disclaimer")

    def status(self, campaign_id: int) -> dict[str, Any]:
        """`status ID --json`."""
        status: dict[str, Any] = json.loads(self.command("status", str(campaign_id), "--json"))
        return status

    # What has happened

    def hand_overs(self, channel: Channel | None = None) -> list[HandOver]:
        """What the provider took so far."""
        return [one for one in self.ledger() if channel is None or one.channel == channel]

    def phase(self, campaign_id: int) -> str:
        """The campaign's phase."""
        return str(self.rows("SELECT phase FROM campaigns WHERE id = ?", campaign_id)[0][0])

    def until_handed_over(self, channel: Channel, count: int) -> None:
        """Wait until the log has so many hand-overs of a channel."""

        def look() -> bool:
            return self.log.exists() and self.log.read_text().count(f" {channel} ") >= count

        until(look, seconds=60, what=f"{count} hand-overs")

    def until_ended(self, campaign_id: int, *, seconds: float) -> float:
        """Wait until the campaign has ended; returns the seconds that took."""
        since = time.monotonic()
        until(lambda: self.phase(campaign_id) == "ended", seconds=seconds, what=f"end of campaign {campaign_id}")
        return time.monotonic() - since

    # The pieces

    def pids(self, role: str) -> list[int]:
        """Ids of living processes: a duty's work processes, a Procfile name's main one, `valkey` or `honcho`."""
        if role == "honcho":
            return [self.honcho.pid]
        if role == "valkey":
            return sorted(self.house.pids("valkey-server"))
        if role in DUTIES:
            listed = self.rows("SELECT pid FROM running_processes WHERE duty = ? ORDER BY name", role)
            return [pid for (pid,) in listed if self._is_child_of_worker(pid)]
        pid = owner.holder(self.house.var, role)
        return [pid] if pid else []

    def kill(self, *pids: int) -> float:
        """kill -9, all in one go; returns the moment (epoch seconds)."""
        for pid in pids:
            kill(pid)
        return time.time()

    @contextmanager
    def frozen_senders(self) -> Iterator[None]:
        """No send process moves meanwhile, so what is claimed can be read as it was at a kill."""
        pids = [*self.pids("sms"), *self.pids("email")]
        for pid in pids:
            signalled(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                signalled(pid, signal.SIGCONT)

    def claimed(self) -> set[int]:
        """Messages whose hand-over has begun, or may have, and has no answer yet."""
        return self._ids(
            "SELECT m.id FROM messages m JOIN attempts a ON a.message_id = m.id AND a.number = m.attempt "
            "WHERE m.status = 'sending' AND a.answer IS NULL"
        )

    def claimed_shortly_before(self, moment: float) -> set[int]:
        """Messages claimed within two seconds before and never answered for.

        PostgreSQL may still commit a claim whose process was killed when the rows were read.
        """
        at = int(moment * 1000)
        return self._ids(
            "SELECT message_id FROM attempts WHERE claimed_at BETWEEN ? AND ? AND handed_over_at IS NULL", at - 2000, at
        )

    def _simulated_hand_overs(self) -> list[HandOver]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [hand_over(line) for line in lines]

    def _ids(self, sql: str, *values: object) -> set[int]:
        return {message_id for (message_id,) in self.rows(sql, *values)}

    def flush_redis(self) -> float:
        """FLUSHALL; returns the moment (epoch seconds)."""
        url = str(self.house.published("redis")["url"])
        until(lambda: waiting.trouble_with(url) is None, what="Redis")
        with waiting.client(url) as client:
            client.flushall()
        return time.time()

    def _is_child_of_worker(self, pid: int) -> bool:
        process = ancestors.look_up(pid)
        return process is not None and process.parent == owner.holder(self.house.var, "worker")


def hand_over(line: str) -> HandOver:
    """A line of simulated.log."""
    moment, channel, message_id, attempt, recipient = line.split(" ", 4)
    return HandOver(datetime.fromisoformat(moment).timestamp(), channel, int(message_id), int(attempt), recipient)


def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except HTTPError as refusal:
        refusal.close()
        return False
    except OSError:
        return False


def signalled(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def number(text: str) -> int:
    """A number as people write it."""
    return int(text.replace(",", ""))

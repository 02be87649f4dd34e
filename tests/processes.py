"""Starts our processes for tests and looks on: who lives, what they said, how they ended. Needs /proc."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from jobs.runtime import ancestors, run_file

T = TypeVar("T")
ROOT = Path(__file__).parent.parent
PORTS = range(20_000, 32_000)  # below those that the kernel gives to connections
# What decides how a process of ours runs; tests start from none of it.
OURS = ("SLACK_", "SMS_", "EMAIL_", "TWILIO_", "SENDGRID_", "SMTP_", "SIGNALBOX_", "LOG_")
TESTS_OWN = "SLACK_TEST_"  # the tests' own: a real workspace to run a few of them against
ALSO_OURS = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "PUBLIC_URL",
    "PORT",
    "TIME_SCALE",
    "HONCHO_PROCESS_NAME",
)


def until(look: Callable[[], T | None], *, seconds: float = 10.0, what: str = "") -> T:
    """What `look` returns as soon as that is true; fails the test when it isn't within `seconds`."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or look}")
        time.sleep(0.02)
    return seen


@dataclass
class Started:
    """One process that a test started, in a session of its own."""

    popen: subprocess.Popen[bytes]
    output: Path

    @property
    def pid(self) -> int:
        return self.popen.pid

    def said(self) -> str:
        """All that it wrote so far."""
        return self.output.read_text(errors="replace")

    def signal_group(self, number: signal.Signals) -> None:
        """What a terminal does with Ctrl-C: everybody in the group gets it."""
        os.killpg(self.pid, number)

    def ended(self, *, seconds: float = 10.0) -> int:
        """Its exit code, once it has ended."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {seconds} s; it said:\n{self.said()}") from None


class House:
    """One `var/` and all processes that run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.var = folder / "var"
        self._started: list[Started] = []
        folder.mkdir(parents=True, exist_ok=True)

    def start(self, *command: str, **variables: str) -> Started:
        """Run a command (`python` is this one) on the house's `var/`, with only these variables of ours."""
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith(OURS) and name not in ALSO_OURS
        }
        output = self.folder / f"output-{time.monotonic_ns()}.txt"
        words = [sys.executable if word == "python" else word for word in command]
        path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
        with output.open("wb") as file:
            popen = subprocess.Popen(
                words,
                cwd=ROOT,
                env={
                    **clean,
                    "PATH": path,
                    "PYTHONPATH": str(ROOT),
                    "SIGNALBOX_VAR": str(self.var),
                    **variables,
                },
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(Started(popen, output))
        return self._started[-1]

    def honcho(self, procfile: str, **variables: str) -> Started:
        """`honcho start` with a Procfile of the test's own."""
        path = self.folder / "Procfile"
        path.write_text(procfile)
        return self.start("python", "-m", "honcho", "start", "-f", str(path), **variables)

    def section(self, name: str) -> Mapping[str, Any] | None:
        """A section of run.json as it stands, stale or not."""
        return run_file.read(self.var).get(name)

    def published(self, name: str, **other_than: object) -> Mapping[str, Any]:
        """A living section of run.json, once it differs from what it was in every value given."""

        def look() -> Mapping[str, Any] | None:
            section = run_file.living(self.var, name)
            changed = section and all(section[key] != value for key, value in other_than.items())
            return section if changed else None

        return until(look, what=f"section {name} in run.json")

    def living(self) -> dict[int, str]:
        """Command lines of all processes that run on this `var/`, by id."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            process = ancestors.look_up(int(folder.name)) if self._is_here(folder) else None
            if process is not None:
                found[process.pid] = " ".join(process.command)
        return found

    def _is_here(self, folder: Path) -> bool:
        """By its environment, or its working directory: Valkey overwrites the one with its title."""
        mark = f"SIGNALBOX_VAR={self.var}".encode()
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                return True
            return (folder / "cwd").readlink().is_relative_to(self.folder)
        except OSError:
            return False

    def pids(self, word: str) -> set[int]:
        """Ids of the processes of this house with `word` in their command line."""
        return {pid for pid, command in self.living().items() if word in command}

    def empty(self, *, seconds: float) -> float:
        """Seconds until no process was left; fails the test when some are after `seconds`."""
        since = time.monotonic()
        while living := self.living():
            assert time.monotonic() - since < seconds, f"left after {seconds} s: {living}"
            time.sleep(0.1)
        return time.monotonic() - since

    def clear(self) -> None:
        """Kill what is left."""
        while left := self.living():
            for pid in left:
                kill(pid)
        for started in self._started:
            started.ended()


def kill(pid: int) -> None:
    """kill -9, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def children(pid: int) -> set[int]:
    """The living children of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in listed if ancestors.look_up(int(child)) is not None}


def resident_mb(pid: int) -> float:
    """Resident memory of a process, in MB, shared pages included."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def stretched(goal: float) -> float:
    """Seconds that hold where nothing else runs, stretched as far as others keep the machine busy."""
    return goal * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def free_port() -> int:
    """A port that nobody listens on, and that no connection takes before a process of ours does.

    By true chance: what `random` gives begins anew with each test, alike in all processes that run tests.
    """
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port := secrets.choice(PORTS)))
            return port

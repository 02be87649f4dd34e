"""A process of ours that kills itself at a named point: `python -m tests.crash.mortal MODULE [ARGUMENT …]`.

It runs a module of the Procfile whose functions are wrapped at their seams, in this process alone: the product has no
hook for it. A test arms a point; the first process that gets there for the n-th time makes a file, which only one
can, and dies by SIGKILL. Whoever gets there later lives. Each process notes what it claims, so that a test knows what
a killed one had in its hands.
"""

import asyncio
import functools
import importlib
import inspect
import json
import os
import re
import runpy
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import apsw

from jobs.runtime import ancestors, owner
from models.database import PostgresDatabase
from models.operations.sending import Claim

ROOT = Path(__file__).parents[2]
WORKER, CLOCK = "jobs.worker", "jobs.clock"

Wrapped = Callable[..., Any]


class When(Enum):
    """Where a point lies, seen from a call."""

    BEFORE = auto()
    MEANWHILE = auto()
    AFTER = auto()


def _answers(_rows: object, events: Any, **_: object) -> bool:
    """Whether a settling notes what came of hand-overs: receipts are settled by the same function."""
    return any(event.answers for event in events)


def _hands_over(request: Any, *_: object) -> bool:
    """Whether a request is a hand-over, not a check or a look-up."""
    return getattr(request, "method", "POST") == "POST"


def _some(rows: Any, *_: object, **__: object) -> bool:
    return bool(rows)


@dataclass(frozen=True)
class Seam:
    """A call of one of `functions` in the process `module`; it counts if `counts` says so of its arguments.

    With `tears` the process dies in the middle of the commit that follows.
    """

    module: str
    when: When
    functions: tuple[str, ...]
    counts: Callable[..., bool] = lambda *_, **__: True
    tears: bool = False


CLAIM = "models.operations.sending:claim_messages"
SENDS = (
    "jobs.providers.twilio.provider:TwilioProvider.send",
    "jobs.providers.sendgrid.provider:SendGridProvider.send",
    "jobs.providers.smtp.provider:SmtpProvider.send",
)
# Where the first byte leaves.
REQUESTS = (
    "aiohttp.client_reqrep:ClientRequest.send",
    "jobs.providers.smtp.connection:Connection._send_content",
)
SETTLE = "models.operations.settling:_settle"  # inside its transaction

SEAMS = {
    "before_claim": Seam(WORKER, When.BEFORE, (CLAIM,)),
    "after_claim": Seam(WORKER, When.BEFORE, ("jobs.sending:Sender._hand_over",)),
    "in_request": Seam(WORKER, When.MEANWHILE, REQUESTS, _hands_over),
    "after_answer": Seam(WORKER, When.AFTER, SENDS),
    "before_commit": Seam(WORKER, When.AFTER, (SETTLE,), _answers),
    "in_commit": Seam(WORKER, When.AFTER, (SETTLE,), _answers, tears=True),
    "after_commit": Seam(WORKER, When.AFTER, ("jobs.sending:settle",)),
    # Twilio was asked, and what it has is bound, but what it has not isn't counted.
    "in_look_up": Seam(WORKER, When.AFTER, ("models.operations.doubts:settle",)),
    # Half through the search for work that nobody is at.
    "in_search": Seam(CLOCK, When.BEFORE, ("models.operations.sweeping:_find_jobs",)),
    # Of leases that ran out the attempts are written, their messages and the counters not.
    "in_sweep": Seam(CLOCK, When.BEFORE, ("models.operations.settling:_write_messages",), _some),
    # What receipts say is settled, but their posts aren't marked as applied.
    "in_receipts": Seam(WORKER, When.BEFORE, ("models.operations.receipts:_note",), _some),
}


# For the test


@dataclass(frozen=True)
class Death:
    """Which process died at a point, and when (epoch seconds)."""

    point: str
    pid: int
    at: float


def procfile() -> str:
    """The product's Procfile, with processes in it that can die."""
    mortal = r"python -m tests.crash.mortal \1"
    return re.sub(rf"python -m ({WORKER}|{CLOCK})\b", mortal, (ROOT / "Procfile").read_text())


def arm(var: Path, point: str, *, times: int = 1, after_seconds: float = 0.0) -> None:
    """Let a process die when it gets to `point` for the n-th time from now on.

    `after_seconds` is how far into the call that is, where a point lies in the middle of one.
    """
    assert point in SEAMS
    folder = _marks(var)
    (folder / f"{point}.died").unlink(missing_ok=True)
    draft = folder / f"{point}.draft"
    draft.write_text(json.dumps({"serial": time.time_ns(), "times": times, "after_seconds": after_seconds}))
    draft.replace(folder / f"{point}.armed")


def death_at(var: Path, point: str) -> Death | None:
    """Who died at `point` since it was armed, once that process is gone."""
    mark = _marks(var) / f"{point}.died"
    text = mark.read_text() if mark.exists() else ""
    death = Death(point, **json.loads(text)) if text else None
    return death if death and ancestors.look_up(death.pid) is None else None


def claims(var: Path, pid: int) -> set[tuple[int, int]]:
    """All that a process has claimed in its life: message ids and attempts."""
    path = _marks(var) / f"{pid}.claims"
    lines = path.read_text().splitlines() if path.exists() else []
    return {(int(message_id), int(attempt)) for message_id, attempt in map(str.split, lines)}


def all_claims(var: Path) -> set[tuple[int, int]]:
    """All that any process has noted to have claimed."""
    return set().union(*(claims(var, int(path.stem)) for path in _marks(var).glob("*.claims")))


def _marks(var: Path) -> Path:
    owner.prepare(var)  # it may be the first that is done there
    folder = var / "mortal"
    folder.mkdir(exist_ok=True)
    return folder


# In the process


class Mortal:
    """What a process does at its points."""

    def __init__(self, var: Path) -> None:
        self._folder = _marks(var)
        self._passed: Counter[tuple[str, int]] = Counter()
        self._tears: tuple[str, int] | None = None  # at which point, in which thread

    def pass_by(self, point: str, *, tears: bool = False) -> None:
        """Called whenever the process gets to `point`: die there, or in the commit that follows."""
        if self._turn(point) is None:
            return
        if tears:
            self._tears = (point, threading.get_ident())
        else:
            self.die(point)

    def pass_into(self, point: str) -> None:
        """Called whenever a call begins that `point` is in the middle of."""
        after_seconds = self._turn(point)
        if after_seconds is not None:
            asyncio.get_running_loop().call_later(after_seconds, self.die, point)

    def note_claim(self, claim: Claim) -> None:
        """Keep what this process has claimed."""
        with (self._folder / f"{os.getpid()}.claims").open("a") as file:
            file.writelines(f"{one.message_id} {one.attempt}\n" for one in claim.messages)

    def torn(self) -> str | None:
        """The point at which the commit that this thread makes is to be torn."""
        point, thread = self._tears or ("", 0)
        return point if point and thread == threading.get_ident() else None

    def die(self, point: str) -> None:
        """Say who and when, and be gone."""
        (self._folder / f"{point}.died").write_text(json.dumps({"pid": os.getpid(), "at": time.time()}))
        os.kill(os.getpid(), signal.SIGKILL)

    def _turn(self, point: str) -> float | None:
        """If it is this process's turn to die, how far into the call; None if it isn't."""
        try:
            armed = json.loads((self._folder / f"{point}.armed").read_text())
        except FileNotFoundError:
            return None
        key = (point, armed["serial"])
        self._passed[key] += 1
        if self._passed[key] < armed["times"]:
            return None
        try:
            os.close(os.open(self._folder / f"{point}.died", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return None
        return float(armed["after_seconds"])


def cut_seams(module: str, mortal: Mortal) -> None:
    """Wrap what `module` calls at its points."""
    for point, seam in SEAMS.items():
        for function in seam.functions if seam.module == module else ():
            _replace(function, functools.partial(_wrapped, mortal, point, seam))
    if module == WORKER:
        _replace(CLAIM, functools.partial(_noting, mortal))
        _replace("models.database:PostgresDatabase.commit", functools.partial(_torn_commit, mortal))


def _replace(function: str, wrap: Callable[[Wrapped], Wrapped]) -> None:
    module, _, path = function.partition(":")
    *outer, name = path.split(".")
    holder = functools.reduce(getattr, outer, importlib.import_module(module))
    setattr(holder, name, wrap(getattr(holder, name)))


def _wrapped(mortal: Mortal, point: str, seam: Seam, real: Wrapped) -> Wrapped:
    if seam.when is When.BEFORE:
        return _before(mortal, point, seam, real)
    if inspect.iscoroutinefunction(real):
        return _around(mortal, point, seam, real)
    return _after(mortal, point, seam, real)


def _before(mortal: Mortal, point: str, seam: Seam, real: Wrapped) -> Wrapped:
    def call(*given: Any, **named: Any) -> Any:
        if seam.counts(*given, **named):
            mortal.pass_by(point)
        return real(*given, **named)

    return call


def _after(mortal: Mortal, point: str, seam: Seam, real: Wrapped) -> Wrapped:
    def call(*given: Any, **named: Any) -> Any:
        result = real(*given, **named)
        if seam.counts(*given, **named):
            mortal.pass_by(point, tears=seam.tears)
        return result

    return call


def _around(mortal: Mortal, point: str, seam: Seam, real: Wrapped) -> Wrapped:
    async def call(*given: Any, **named: Any) -> Any:
        counts = seam.counts(*given, **named)
        if counts and seam.when is When.MEANWHILE:
            mortal.pass_into(point)
        result = await real(*given, **named)
        if counts and seam.when is When.AFTER:
            mortal.pass_by(point)
        return result

    return call


def _noting(mortal: Mortal, real: Wrapped) -> Wrapped:
    def claim_messages(*given: Any, **named: Any) -> Any:
        claim = real(*given, **named)
        mortal.note_claim(claim)
        return claim

    return claim_messages


def _torn_commit(mortal: Mortal, real: Wrapped) -> Wrapped:
    """On PostgreSQL: the server gets the commit, and nobody is there any more to hear of it."""

    def commit(database: PostgresDatabase) -> Any:
        if point := mortal.torn():
            connection = database.connection().pgconn  # type: ignore[no-untyped-call]  # peewee's has no types
            connection.send_query(b"COMMIT")
            while connection.flush():
                pass
            mortal.die(point)
        return real(database)

    return commit


class TornFiles(apsw.VFS):
    """SQLite's way to its files; of a commit that is to be torn half a page gets into the write-ahead log."""

    def __init__(self, mortal: Mortal) -> None:
        self._mortal = mortal
        super().__init__("torn", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802  # apsw's name
        """A file, which only differs if it is the log."""
        return TornLog(self._mortal, name, flags) if flags[0] & apsw.SQLITE_OPEN_WAL else super().xOpen(name, flags)


class TornLog(apsw.VFSFile):
    """A write-ahead log."""

    def __init__(self, mortal: Mortal, name: Any, flags: list[int]) -> None:
        self._mortal = mortal
        super().__init__("unix", name, flags)

    def xWrite(self, content: bytes, offset: int) -> None:  # noqa: N802  # apsw's name
        """Pages are written one by one, each after a header of its own."""
        point = self._mortal.torn() if len(content) >= 512 else None
        super().xWrite(content[: len(content) // 2] if point else content, offset)
        if point:
            self._mortal.die(point)


def main() -> None:
    """Be the process that the command line names."""
    module = sys.argv[1]
    mortal = Mortal(Path(os.environ["SIGNALBOX_VAR"]))
    files = TornFiles(mortal)
    cut_seams(module, mortal)
    del sys.argv[1]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    del files  # known to SQLite until here


if __name__ == "__main__":
    main()

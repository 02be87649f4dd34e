"""A small supervisor: forks our own children, restarts the one that ended, ends them all on a stop."""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from jobs.runtime import exits, parents
from jobs.runtime.stopping import Stop

log = structlog.stdlib.get_logger("signalbox.supervisor")

POLL_SECONDS = 0.1
GRACE_SECONDS = 3.0
LONGEST_WAIT_SECONDS = 5.0
SETTLED_SECONDS = 10.0
_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


@dataclass
class Backoff:
    """How long to wait before a restart: not at all the first time, then 0.5 s doubling up to 5 s."""

    restarts: int = 0

    def after(self, lived_seconds: float) -> float:
        """Seconds to wait, for one that lived so long; having lived 10 s forgets what was before."""
        if lived_seconds >= SETTLED_SECONDS:
            self.restarts = 0
        self.restarts += 1
        # The exponent is bounded too: of hours of restarts it would grow past what a float holds.
        return 0.0 if self.restarts == 1 else min(LONGEST_WAIT_SECONDS, 2.0 ** min(self.restarts - 3, 10))


@dataclass(frozen=True)
class Child:
    """What one forked child runs; SIGTERM ends it where it stands unless `target` says otherwise."""

    name: str
    target: Callable[[], None]


@dataclass
class _Place:
    """A child's place: empty until `due_at`, or taken by `pid`. Times are monotonic."""

    child: Child
    pid: int | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    backoff: Backoff = field(default_factory=Backoff)


class Supervisor:
    """Keeps every child alive until the stop.

    The process that runs it has one thread and no connection open: a fork copies neither soundly.
    """

    def __init__(self, children: Sequence[Child], *, stop: Stop) -> None:
        self._places = [_Place(child) for child in children]
        self._stop = stop

    def run(self) -> None:
        """Return after the stop, when no child is left: SIGTERM first, SIGKILL for what is left after 3 s."""
        while not self._stop.asked:
            now = time.monotonic()
            for place in self._places:
                self._look_after(place, now)
            self._stop.wait(POLL_SECONDS)
        self._end()

    def _look_after(self, place: _Place, now: float) -> None:
        if place.pid is not None and (how := exits.reaped(place.pid)) is not None:
            place.due_at = now + place.backoff.after(now - place.started_at)
            waits = round(place.due_at - now, 1)
            log.warning("child ended, starts again", child=place.child.name, pid=place.pid, how=how, in_seconds=waits)
            place.pid = None
        if place.pid is None and now >= place.due_at:
            place.pid, place.started_at = _fork(place.child), now
            log.debug("child started", child=place.child.name, pid=place.pid)

    def _end(self) -> None:
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while self._left() and time.monotonic() < deadline:
            time.sleep(0.02)
        for place in self._left():
            log.warning("child did not stop, killed", child=place.child.name, pid=place.pid)
        self._signal_all(signal.SIGKILL)
        while self._left():
            time.sleep(0.02)

    def _left(self) -> list[_Place]:
        for place in self._places:
            if place.pid is not None and exits.reaped(place.pid) is not None:
                place.pid = None
        return [place for place in self._places if place.pid is not None]

    def _signal_all(self, number: signal.Signals) -> None:
        for place in self._places:
            if place.pid is not None:
                os.kill(place.pid, number)


def _fork(child: Child) -> int:
    """Fork the child and return its id; the stop signals wait until it has its own way of taking them."""
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    pid = os.fork()
    if pid == 0:
        exits.leave(exits.code_of(lambda: _live(child, parent)))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    return pid


def _live(child: Child, parent: int) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the supervisor passes the stop on
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    parents.end_with_parent(parent)
    structlog.contextvars.bind_contextvars(child=child.name)
    child.target()

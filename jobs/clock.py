"""The Procfile's `clock`: a declared table of what is done again and again."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from jobs.queues import pass_hints
from jobs.runtime import entry, waiting
from jobs.runtime.faults import contained, outlived
from jobs.runtime.leading import Leader
from jobs.runtime.stopping import Stop
from jobs.simulated_carrier import Carrier
from jobs.simulation import current_simulation
from jobs.starting import fire_due_starts
from models import database
from models.clock import now_ms
from models.config import Config
from models.installation import open_installation
from models.operations import tallying
from models.operations.erasing import erase_what_came_to_rest
from models.operations.files import remove_expired_files
from models.operations.presence import BEAT_SECONDS, beat, leave
from models.operations.proving import campaigns_to_prove, prove_counts
from models.operations.receipts import PURGED_AT_ONCE, purge_receipts
from models.operations.retention import delete_old_drafts, delete_what_is_over
from models.operations.sweeping import find_work, sweep_due
from models.operations.watching import notice_silence

log = structlog.stdlib.get_logger("signalbox.clock")

SWEEP_BATCH = 200
LEASE_SECONDS = 15.0
AFTER_FAULT_SECONDS = 5.0
REFUSED_SECONDS = 1.0  # after the database refused
SHORTEST_SECONDS = 0.1


@dataclass
class Periodic:
    """Something done every so many seconds; `due` is monotonic. `faulty` while a fault of ours ends it each time."""

    name: str
    every_seconds: float
    work: Callable[[], object]
    due: float = 0.0
    faulty: bool = False


def timetable(config: Config) -> list[Periodic]:
    """What the clock does. Waits that SPEC 2 names are divided by TIME_SCALE, the rest are not."""
    scale = config.time_scale
    sweep = max(SHORTEST_SECONDS, 10 / scale)
    duties = [
        Periodic("time-outs and leases", sweep, lambda: _sweep(scale)),
        Periodic("work that nobody is at", sweep, lambda: find_work(now=now_ms())),
        Periodic("silence", sweep, lambda: notice_silence(config.providers, now=now_ms(), scale=scale)),
        Periodic("later starts", 1, lambda: fire_due_starts(now=now_ms())),
        Periodic("counts to prove", 10, lambda: _prove(now_ms())),
        Periodic("checkpoint", 5, database.checkpoint),
        Periodic("applied receipts", 600, _purge_receipts),
        Periodic("old drafts", 600, lambda: delete_old_drafts(now=now_ms())),
        Periodic("expired files", 600, lambda: remove_expired_files(now=now_ms())),
        Periodic("people to forget", sweep, lambda: erase_what_came_to_rest(now=now_ms())),
        Periodic("retention", 600, lambda: delete_what_is_over(now=now_ms())),
    ]
    return [*duties, Periodic("signs of life", BEAT_SECONDS, lambda: _show_life(duties))]


def _purge_receipts() -> None:
    """Remove what is old for a second at most; the rest waits for the next round."""
    until = time.monotonic() + 1
    while purge_receipts(now=now_ms()) == PURGED_AT_ONCE and time.monotonic() < until:
        pass


def main(config: Config, stop: Stop) -> None:
    """Keep time until the stop. Of several machines' clocks one does the shared work; each has its own carrier."""
    waiting.wait_for_redis(config, stop)
    open_installation(config, pause=stop.pause)
    pass_hints(config)
    leader = Leader("clock", holder=f"{socket.gethostname()}-{os.getpid()}", seconds=LEASE_SECONDS)
    shared = timetable(config)
    own = (
        [Periodic("receipts of the simulated carrier", SHORTEST_SECONDS, _carrier(config))] if config.simulated else []
    )
    while not stop.wait(SHORTEST_SECONDS):
        with outlived("round of the clock") as unit:
            _run_due(own)
            if leader.leads():
                _run_due(shared)
        if unit.refused:
            stop.wait(REFUSED_SECONDS)
        elif unit.faulty:
            stop.wait(AFTER_FAULT_SECONDS)
    with outlived("leave of the clock"):  # else its lease runs out by itself
        leader.leave()
        leave(_name())


def _run_due(table: Sequence[Periodic]) -> None:
    """Do what is due. A fault in one keeps none behind it from being done; it is tried again at a distance. Only that
    the database refuses is raised: it would refuse the others too.
    """
    for periodic in table:
        if time.monotonic() < periodic.due:
            continue
        with contained(periodic.name, known=database.refusal_in) as unit:
            periodic.work()
        periodic.faulty = unit.faulty
        periodic.due = time.monotonic() + (AFTER_FAULT_SECONDS if unit.faulty else periodic.every_seconds)


def _name() -> str:
    return f"{socket.gethostname()}-clock"


def _show_life(duties: Sequence[Periodic]) -> None:
    """Say that all duties come round; not while one can't be done, so that health page and doctor tell of it."""
    tallying.write()
    if not any(duty.faulty for duty in duties):
        beat(_name(), duty="clock", host=socket.gethostname(), pid=os.getpid(), now=now_ms())


def _sweep(scale: float) -> None:
    while sweep_due(now=now_ms(), scale=scale, limit=SWEEP_BATCH) == SWEEP_BATCH:
        pass


def _prove(now: int) -> None:
    """One campaign at a time, so that nothing else waits: each at its end, and all of them once a day."""
    for campaign_id in campaigns_to_prove(now=now, limit=1):
        differences = prove_counts(campaign_id, now=now)
        if differences:
            log.error("counters differed from their rows and were mended", campaign_id=campaign_id, n=len(differences))


def _carrier(config: Config) -> Callable[[], object]:
    carrier = Carrier(config.var, current_simulation(), config.time_scale)
    return lambda: carrier.work(now_ms())


if __name__ == "__main__":
    entry.run("clock", main)

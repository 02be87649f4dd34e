"""One piece of bulk work in a process of its own: `python -m tests.bench.measured import|export|moves ID`.

Prints JSON: CPU seconds, seconds by the clock, and peak resident memory in MB over what it was before; of a
campaign's bulk moves also the seconds of the longest slice, which is how long others who write may have to wait.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models.clock import now_ms
from models.config import Config
from models.installation import open_installation
from models.operations.exporting import do_export
from models.operations.importing import do_import
from models.operations.moving import Mover
from tests.processes import House


@dataclass(frozen=True)
class Measured:
    """What a piece of work took: `cpu`, `seconds` and `longest` (slice) in seconds, `memory` in MB."""

    cpu: float
    seconds: float
    memory: float
    longest: float


def measured(house: House, work: str, subject_id: int, variables: dict[str, str]) -> Measured:
    """Do the work in a process of the house, and wait for its end."""
    started = house.start("python", "-m", "tests.bench.measured", work, str(subject_id), **variables)
    assert started.ended(seconds=600) == 0, started.said()
    return Measured(**json.loads(started.said().splitlines()[-1]))


def do_moves(campaign_id: int, *, clock: Callable[[], int]) -> float:
    """All open moves of a campaign; the seconds of the longest slice."""
    mover, longest = Mover(), 0.0
    while True:
        since = time.perf_counter()
        if not mover.advance(campaign_id, now=clock()):
            return longest
        longest = max(longest, time.perf_counter() - since)


WORKS: dict[str, Callable[..., object]] = {"import": do_import, "export": do_export, "moves": do_moves}


def main() -> None:
    """Do what is named."""
    open_installation(Config.from_env())
    idle, began, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    did = WORKS[sys.argv[1]](int(sys.argv[2]), clock=now_ms)
    print(
        json.dumps(
            {
                "cpu": time.process_time() - cpu,
                "seconds": time.perf_counter() - began,
                "memory": _peak_mb() - idle,
                "longest": did if isinstance(did, float) else 0.0,
            }
        )
    )


def _peak_mb() -> float:
    """VmHWM of proc(5): unlike getrusage's figure it begins anew with each program."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


if __name__ == "__main__":
    main()

"""One import in a process of its own: `python -m tests.bench.import_one IMPORT_ID`; prints seconds and memory.

Prints JSON: CPU seconds, seconds by the clock, and peak resident memory in MB over what it was before.
"""

import json
import sys
import time
from pathlib import Path

from models.clock import now_ms
from models.config import Config
from models.installation import open_installation
from models.operations.importing import do_import


def main() -> None:
    """Import what is waiting."""
    open_installation(Config.from_env())
    idle, began, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    do_import(int(sys.argv[1]), clock=now_ms)
    print(
        json.dumps(
            {
                "cpu": time.process_time() - cpu,
                "seconds": time.perf_counter() - began,
                "memory": _peak_mb() - idle,
            }
        )
    )


def _peak_mb() -> float:
    """VmHWM of proc(5): unlike getrusage's figure it begins anew with each program."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1000


if __name__ == "__main__":
    main()

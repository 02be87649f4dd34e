"""The Procfile's `worker`: `python -m jobs.worker [--processes sms=2,email=2,receipts=1,bulk=2]`.

It supervises RQ work processes by duty, so that no duty starves another.
"""

import argparse
from functools import partial

import jobs.bulk
import jobs.lookups
import jobs.receipts
import jobs.sending
import jobs.testing  # noqa: F401  # loaded once here: the forked work processes share it
from jobs.queues import DUTIES
from jobs.runtime import entry, waiting
from jobs.runtime.stopping import Stop
from jobs.runtime.supervisor import Child, Supervisor
from jobs.work_process import work
from models.config import Config
from models.errors import NotConfiguredError

DEFAULT = "sms=2,email=2,receipts=1,bulk=2"


def main(config: Config, stop: Stop, processes: dict[str, int]) -> None:
    """Wait for Redis, then keep the work processes alive until the stop."""
    waiting.wait_for_redis(config, stop)
    children = [
        Child(f"{duty}-{number}", partial(work, duty, number, config))
        for duty, count in processes.items()
        for number in range(1, count + 1)
    ]
    Supervisor(children, stop=stop).run()


def parse_processes(text: str) -> dict[str, int]:
    """`sms=2,bulk=1` as numbers by duty; raises NotConfiguredError for anything else."""
    try:
        processes = {duty: int(count) for duty, _, count in (part.partition("=") for part in text.split(","))}
    except ValueError:
        processes = {}
    if not processes or not processes.keys() <= set(DUTIES) or min(processes.values()) < 0:
        raise NotConfiguredError(f"--processes is {text!r}; it must be like {DEFAULT}.")
    return processes


def _main(config: Config, stop: Stop) -> None:
    parser = argparse.ArgumentParser(prog="python -m jobs.worker", description=__doc__)
    parser.add_argument("--processes", default=DEFAULT, help=f"how many of each duty (default: {DEFAULT})")
    main(config, stop, parse_processes(parser.parse_args().processes))


if __name__ == "__main__":
    entry.run("worker", _main)

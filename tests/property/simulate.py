"""Tells seeds of the simulation: `python -m tests.long simulate [--seeds N] [--first N] [--seed N] [--postgresql]`."""

import argparse
import os
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import SimpleQueue, get_context
from pathlib import Path
from typing import NamedTuple

from models.config import Config
from models.installation import open_installation
from tests import engines
from tests.property.simulation import tell


class Told(NamedTuple):
    """What came of one seed; `fault` is empty if all was as it must be."""

    seed: int
    hand_overs: int
    facts: list[str]
    fault: str


def main(words: Sequence[str]) -> int:
    """Tell what is asked for; returns 1 if a seed has failed."""
    given = _parser().parse_args(words)
    alone = given.seed is not None
    seeds = [given.seed] if alone else range(given.first, given.first + given.seeds)
    since, told, failed = time.monotonic(), [], []
    with _processes(1 if alone else given.processes, postgresql=given.postgresql) as pool:
        for one in pool.map(_tell, seeds):
            told.append(one.hand_overs)
            if alone:
                print("\n".join(one.facts))
            if one.fault:
                failed.append(one.seed)
                print(f"seed {one.seed}:\n{one.fault}", flush=True)
    seconds = time.monotonic() - since
    print(f"{len(told)} seeds, {sum(told)} hand-overs, {seconds:.0f} s; failed: {failed or 'none'}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.long simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--first", type=int, default=0, help="from which on (0)")
    parser.add_argument("--seed", type=int, help="this one alone, and all that happens in it")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    return parser


@contextmanager
def _processes(count: int, *, postgresql: bool) -> Iterator[ProcessPoolExecutor]:
    """Processes that each have an installation of their own."""
    context = get_context("spawn")
    urls: SimpleQueue[str] = context.SimpleQueue()
    with ExitStack() as stack:
        folder = stack.enter_context(engines.folder_in_memory())
        server = stack.enter_context(engines.postgresql()) if postgresql else None
        for _ in range(count):
            urls.put(server.make_database() if server else "")
        yield stack.enter_context(
            ProcessPoolExecutor(count, mp_context=context, initializer=_open, initargs=(folder, urls))
        )


def _open(folder: Path, urls: "SimpleQueue[str]") -> None:
    url = urls.get()
    at = {"DATABASE_URL": url, "SECRET_KEY": engines.SECRET} if url else {}
    open_installation(Config.from_env({"SIGNALBOX_VAR": str(folder / str(os.getpid())), "TIME_SCALE": "1", **at}))


def _tell(seed: int) -> Told:
    try:
        told = tell(seed)
    except Exception:  # noqa: BLE001  # whatever the fault is, it is reported and the next seed told
        return Told(seed, 0, [], traceback.format_exc(limit=-6))
    return Told(seed, len(told.teller.life.ledger), told.facts, "")

"""Tallies: what happened over the installation's whole life and stands in no row, for `/metrics`.

A process counts in memory and adds its sums to the database every few seconds, so that any process may tell
those of all. One that is killed takes the last seconds with it; nothing is decided by these figures.
"""

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

from peewee import DatabaseError, InterfaceError

from models.database import execute_many, transaction
from models.words import Tally

WRITE_EVERY_SECONDS = 5.0
# Upper bounds in seconds: what feels instant, what is slow, and Slack's three seconds between.
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0)
ABOVE, SUM = "+Inf", "sum"  # stand where a bound does; a sum is in microseconds

Sums = Counter[tuple[Tally, str]]

_sums: Sums = Counter()
_lock = threading.Lock()
_write_at = 0.0


def count(sums: Mapping[tuple[Tally, str], int]) -> None:
    """Add to tallies; the second part of a key is its labels' values with spaces between."""
    with _lock:
        _sums.update({key: n for key, n in sums.items() if n})


def observe(tally: Tally, label: str, seconds: float) -> None:
    """Count something that took so long."""
    place = bisect_left(BOUNDS, seconds)
    bound = str(BOUNDS[place]) if place < len(BOUNDS) else ABOVE
    count({(tally, f"{label} {bound}"): 1, (tally, f"{label} {SUM}"): int(seconds * 1_000_000)})


def write() -> None:
    """Add what this process has counted since the last time; if that fails, it is kept for the next."""
    global _sums, _write_at  # noqa: PLW0603  # one process, one sum
    with _lock:
        taken, _sums = _sums, Counter()
        _write_at = time.monotonic() + WRITE_EVERY_SECONDS
    if not taken:
        return
    try:
        with transaction():
            execute_many(
                "INSERT INTO tallies (name, labels, n) VALUES (?, ?, ?) "
                "ON CONFLICT (name, labels) DO UPDATE SET n = tallies.n + excluded.n",
                sorted((name.value, labels, n) for (name, labels), n in taken.items()),
            )
    except (DatabaseError, InterfaceError):
        count(taken)
        raise


def is_due() -> bool:
    """Whether the last writing was a while ago and there is something to write."""
    return bool(_sums) and time.monotonic() >= _write_at

"""Where a fault of ours that nobody foresaw is caught: around one unit of work, so that those behind it are still done.

A unit is one answer to Slack, one message to it, one duty of the clock.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

log = structlog.stdlib.get_logger("signalbox.faults")


@dataclass
class Unit:
    """A unit of work that was tried; `faulty` once a fault has ended it."""

    faulty: bool = False


@contextmanager
def contained(unit: str, *, known: tuple[type[Exception], ...] = (), **facts: object) -> Iterator[Unit]:
    """Let a fault in the block end the block alone: it is logged with its trace, and reported as all such logs are.

    What is `known` is raised on, to whoever has an answer to it.
    """
    tried = Unit()
    try:
        yield tried
    except known:
        raise
    except Exception:  # nobody above could do more than end the process, and all that others wait for with it
        log.exception("a fault ended it", unit=unit, **facts)
        tried.faulty = True

"""Where a fault of ours that nobody foresaw is caught: around one unit of work, so that those behind it are still done.

A unit is one answer to Slack, one message to it, one card in it, one post of receipts, one duty of the clock, one
later start; or a round of what goes on until the stop.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from peewee import PeeweeException

from models import database

log = structlog.stdlib.get_logger("signalbox.faults")


class FaultsError(Exception):
    """Units within one were ended by faults, each of which is logged: the one around them is not done."""


@dataclass
class Unit:
    """A unit of work that was tried; `faulty` once a fault of ours has ended it, `refused` once the database has."""

    faulty: bool = False
    refused: bool = False


@contextmanager
def contained(
    unit: str, *, known: Callable[[Exception], object] = lambda _fault: False, **facts: object
) -> Iterator[Unit]:
    """Let a fault in the block end the block alone: it is logged with its trace, and reported as all such logs are.

    What is `known` is raised on, to whoever has an answer to it.
    """
    tried = Unit()
    try:
        yield tried
    except Exception as fault:  # nobody above could do more than end the process, and all that others wait for with it
        if known(fault):
            raise
        log.exception("a fault ended it", unit=unit, **facts)
        tried.faulty = True


@contextmanager
def outlived(unit: str) -> Iterator[Unit]:
    """The same for a round of what goes on until the stop; and that the database refuses, which is said in one line,
    ends no more than that round either.
    """
    with contained(unit) as tried:
        try:
            yield tried
        except PeeweeException as fault:
            trouble = database.refusal_in(fault)
            if not trouble:
                raise
            log.warning("the database refuses", unit=unit, trouble=trouble)
            database.close()  # the next connection may take what this one does not
            tried.refused = True

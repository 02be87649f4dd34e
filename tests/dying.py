"""A process that dies right after its n-th commit, played within the test's own.

From that moment on nothing of it reaches the database: what it had begun is rolled back, what it had still to do, to
hint at or to answer is lost. So whoever is killed between two commits leaves exactly what is left here.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from models import database
from tests import engines


class Died(BaseException):
    """Not an error that anything of ours could handle: there is nobody any more."""


def dies(act: Callable[[], object], *, after: int) -> bool:
    """Do `act`, and die right after so many commits; whether it came to that."""
    with _mortal(after) as has_died:
        try:
            act()
        except (Died, Exception):  # whatever fails for whoever waits for the dead one
            if not has_died():
                raise
    return has_died()


@contextmanager
def _mortal(commits: int) -> Iterator[Callable[[], bool]]:
    """While the block lasts, the bound database is that of a process with so many commits to live."""
    engine, left, undoing = database.database.obj, commits, threading.local()
    commit, cursor, rollback = engine.commit, engine.cursor, engine.rollback

    def last_commit(*given: Any) -> Any:
        nonlocal left
        if left <= 0:
            raise Died
        done = commit(*given)
        left -= 1
        if left <= 0:
            raise Died
        return done

    def no_cursor(*given: Any, **named: Any) -> Any:
        if left <= 0 and not hasattr(undoing, "it"):
            raise Died
        return cursor(*given, **named)

    def undo(*given: Any) -> Any:
        undoing.it = True
        try:
            return rollback(*given)
        finally:
            del undoing.it

    engine.commit, engine.cursor, engine.rollback = last_commit, no_cursor, undo
    try:
        yield lambda: left <= 0
    finally:
        del engine.commit, engine.cursor, engine.rollback
        engines.let_go()

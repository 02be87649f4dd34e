"""Bringing the schema up to date, once, under a lock, whichever process comes first."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from peewee import PeeweeException
from playhouse.migrations import Runner

from models.database import close, database, on_sqlite, refusal_in, select
from models.errors import NotConfiguredError

DIRECTORY = Path(__file__).parent / "migrations"
# Any number will do, as long as nothing else in that PostgreSQL database uses it for an advisory lock.
ADVISORY_LOCK = 7_264_501
RETRY_SECONDS = 0.3


def migrate() -> list[str]:
    """Apply what is missing; returns the names applied. Safe to call from every process at once."""
    with _alone():
        names: list[str] = _runner().up()
        return names


def check() -> None:
    """Raise NotConfiguredError when the schema is behind, peewee.DatabaseError when there is no database."""
    behind = [migration.name for migration in _runner().status() if not migration.applied]
    if behind:
        raise NotConfiguredError(f"The database's schema is behind ({behind[0]}): run `python -m admin migrate`.")


def wait_for_schema(
    seconds: float = 30,
    pause: Callable[[float], object] = time.sleep,
    tell: Callable[[str], object] = lambda _refusal: None,
) -> None:
    """Migrate, waiting for the database to come up; `pause` waits between two tries and may raise to give up.

    `tell` hears after each try what the database said.

    Raises NotConfiguredError with what the database said if it doesn't within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            migrate()
        except PeeweeException as problem:
            if not (refusal := refusal_in(problem)):
                raise
            if time.monotonic() > deadline:
                raise NotConfiguredError(f"The database can't be reached: {problem}") from problem
            tell(refusal)
            close()  # a connection that began while the server took no writes will never take any
            pause(RETRY_SECONDS)
        else:
            return


def _runner() -> Runner:
    return Runner(database.obj, str(DIRECTORY))


@contextmanager
def _alone() -> Iterator[None]:
    if on_sqlite():
        descriptor = os.open(f"{database.obj.database}.migration", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
        return
    select("SELECT pg_advisory_lock(?)", ADVISORY_LOCK)
    try:
        yield
    finally:
        select("SELECT pg_advisory_unlock(?)", ADVISORY_LOCK)

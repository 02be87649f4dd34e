"""Hints: "look at this", said after a commit. The database is the truth, so a lost hint only costs time.

`models` knows the wish, not who fulfils it: `jobs.queues` installs itself with `send_to`. Without it
(the command line with no Redis) the clock's sweeps find the work by themselves.
"""

from collections.abc import Callable
from enum import StrEnum

from models.database import after_commit
from models.words import Channel


class Work(StrEnum):
    """Kinds of work that wait in the database; a hint names one and the row it is about."""

    SEND_SMS = "send_sms"  # a campaign
    SEND_EMAIL = "send_email"  # a campaign
    RECEIPTS = "receipts"  # no row: all that is due
    LOOK_UPS = "look_ups"  # no row: all that is due
    ASK = "ask"  # a look-up that somebody asked for
    MOVES = "moves"  # a campaign
    IMPORT = "import"
    EXPORT = "export"
    TEST = "test"


SENDING = {Channel.SMS: Work.SEND_SMS, Channel.EMAIL: Work.SEND_EMAIL}


def _nobody(_work: Work, _subject_id: int) -> None:
    """Lets the sweeps find it."""


_listener: Callable[[Work, int], None] = _nobody


def send_to(listener: Callable[[Work, int], None]) -> None:
    """Pass this process's hints to `listener` from now on; it must not raise: no hint is worth an operation."""
    global _listener  # noqa: PLW0603  # one queue per process
    _listener = listener


def hint(work: Work, subject_id: int = 0) -> None:
    """Say, once the open transaction is committed, that there is work."""
    after_commit(lambda: _listener(work, subject_id))

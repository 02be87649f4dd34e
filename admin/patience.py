"""A command that the database keeps waiting says so on stderr, once, and goes on waiting."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

SAID_AFTER_SECONDS = 2.0
OPENING = "it is busy, or its schema is being brought up to date"
WRITING = "another process is writing to it"


class Patience:
    """Of one command."""

    def __init__(self) -> None:
        self._reason = ""
        self._has_said = False

    @contextmanager
    def waiting(self, reason: str) -> Iterator[None]:
        """Say what is waited for if this lasts, unless the database itself gives another reason meanwhile."""
        self._reason = reason
        timer = Timer(SAID_AFTER_SECONDS, self._say)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def hear(self, refusal: str) -> None:
        """What the database said."""
        self._reason = " ".join(refusal.split()).rstrip(".")

    def _say(self) -> None:
        if not self._has_said:
            self._has_said = True
            sys.stderr.write(f"Waiting for the database: {self._reason}.\n")
            sys.stderr.flush()

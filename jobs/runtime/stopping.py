"""The stop signal: how a process is asked to end, and how its loops wait without missing that."""

import os
import select
import signal
from types import FrameType


class Stopped(Exception):  # noqa: N818  # not an error: what waits is told that it was asked to end
    """A wait was cut short because the process was asked to stop."""


class Stop:
    """Asked for once, by SIGTERM or SIGINT or in code, and never taken back.

    Built on a pipe: a `threading.Event` set by a signal handler can deadlock with the wait it interrupts.
    """

    def __init__(self) -> None:
        self.asked = False
        self._read, self._write = os.pipe()

    def listen(self) -> None:
        """Let SIGTERM and SIGINT ask for the stop; they may come both, and repeatedly."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)

    def ask(self) -> None:
        """Ask for the stop; every wait returns."""
        if not self.asked:
            self.asked = True
            os.write(self._write, b"!")

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the stop, for ever if `seconds` is None; returns whether it was asked for."""
        select.select([self._read], [], [], seconds)
        return self.asked

    def pause(self, seconds: float) -> None:
        """Wait `seconds`; raises Stopped if the stop is asked for."""
        if self.wait(seconds):
            raise Stopped

    def close(self) -> None:
        """Give back the pipe; for those who make more than one in a process."""
        os.close(self._read)
        os.close(self._write)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.ask()

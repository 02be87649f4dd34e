"""The local Slack's time: the machine's, which a test may move forward."""

import time


class Clock:
    """Seconds since the epoch. All that expires here asks this clock, so that no test has to wait."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move the clock forward; it never goes back."""
        self._ahead += max(0.0, seconds)

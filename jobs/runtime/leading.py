"""Of several processes that could do the same work, on whichever machine, one leads: it holds a lease."""

import time

from models.clock import now_ms
from models.operations.presence import give_up_lease, hold_lease

ASKED_EVERY_SECONDS = 5.0


class Leader:
    """Whether this process, `holder`, is the one; it renews its lease every few seconds."""

    def __init__(self, lease: str, *, holder: str, seconds: float) -> None:
        self._lease, self._holder, self._seconds = lease, holder, seconds
        self._asks_at = self._over_at = 0.0  # monotonic

    def leads(self) -> bool:
        """True while the lease is surely ours. Raises what the database does, each time until it answers."""
        now = time.monotonic()  # before the lease begins, however long the database takes
        if now >= self._asks_at:
            is_held = hold_lease(self._lease, holder=self._holder, seconds=self._seconds, now=now_ms())
            self._asks_at = now + ASKED_EVERY_SECONDS
            self._over_at = now + self._seconds if is_held else 0.0
        return time.monotonic() < self._over_at

    def leave(self) -> None:
        """Let another lead at once."""
        give_up_lease(self._lease, holder=self._holder)

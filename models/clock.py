"""The one place where the clock is read: entries and job loops ask, everything else is told."""

import time


def now_ms() -> int:
    """Epoch milliseconds, UTC."""
    return time.time_ns() // 1_000_000

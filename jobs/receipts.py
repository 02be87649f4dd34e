"""The receipts job: applies what lies in the inbox until nothing is due."""

import time

from jobs import context
from jobs.providers.registry import PARSERS
from models.clock import now_ms
from models.operations.receipts import apply_receipts

# A batch is one write transaction: sized so that it holds others up for some 50 ms at most.
BATCH_SECONDS = 0.05
SMALLEST, LARGEST = 1, 200


def apply(_subject_id: int) -> None:
    """Apply batches of posts, oldest first, until none is due or the process is asked to stop."""
    now = context.current()
    size = SMALLEST  # a post may hold one event, or a thousand
    while not now.stop.asked:
        since = time.perf_counter()
        applied = apply_receipts(PARSERS, limit=size, now=now_ms(), scale=now.config.time_scale)
        if applied.posts < size:
            return
        took = time.perf_counter() - since
        size = max(SMALLEST, min(LARGEST, size * 2, int(size * BATCH_SECONDS / max(took, 0.001))))

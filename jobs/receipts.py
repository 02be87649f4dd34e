"""The receipts job: applies what lies in the inbox until nothing is due. No post keeps those behind it waiting."""

import time

from jobs import context
from jobs.providers.registry import PARSERS
from jobs.runtime.faults import contained
from models.clock import now_ms
from models.database import refusal_in
from models.operations.receipts import apply_receipts, due_posts, put_off_post

# A batch is one write transaction: sized so that it holds others up for some 50 ms at most.
BATCH_SECONDS = 0.05
SMALLEST, LARGEST = 1, 200


def apply(_subject_id: int) -> None:
    """Apply batches of posts, oldest first, until none is due or the process is asked to stop."""
    now = context.current()
    size = SMALLEST  # a post may hold one event, or a thousand
    while not now.stop.asked:
        since = time.perf_counter()
        with contained("batch of receipts", known=refusal_in) as batch:
            applied = apply_receipts(PARSERS, limit=size, now=now_ms(), scale=now.config.time_scale)
        if batch.faulty:
            _apply_each(size, now.config.time_scale)
            size = SMALLEST
            continue
        if applied.posts < size:
            return
        took = time.perf_counter() - since
        size = max(SMALLEST, min(LARGEST, size * 2, int(size * BATCH_SECONDS / max(took, 0.001))))


def _apply_each(limit: int, scale: float) -> None:
    """After a fault in a batch: one by one, and those whose fault it is wait."""
    for post_id in due_posts(limit=limit, now=now_ms()):
        with contained("post of receipts", known=refusal_in, post_id=post_id) as post:
            apply_receipts(PARSERS, limit=1, now=now_ms(), scale=scale, post_id=post_id)
        if post.faulty:
            put_off_post(post_id, now=now_ms(), scale=scale)

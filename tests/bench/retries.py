"""Retry of 100,000 messages, from the confirmation to the last one Queued, against one bare UPDATE of as many."""

import time

from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.database import execute, transaction
from models.operations.retrying import retry_messages
from models.queries.campaigns import counts_of
from models.rules.criteria import Criteria
from models.words import MessageStatus
from tests import engines
from tests.bench.campaign import ENGINES, installation
from tests.bench.measured import measured
from tests.bench.tables import Table
from tests.large import Shares, analyse, make_large

MESSAGES = 100_000
ALL_FAILED: Shares = (("failed", "unreachable", "likely", 10_000),)


def measure(*, quick: bool) -> Table:
    """The table of DESIGN 6 for retries."""
    messages = MESSAGES // (10 if quick else 1)
    table = Table(
        f"Retry of {messages:,} messages",
        ("engine", "one bare UPDATE", "Signalbox", "times", "longest slice", "goal"),
    )
    for engine in ENGINES:
        with installation(engine, {"LOG_LEVEL": "WARNING"}) as (house, variables):
            other, campaign_id = make_large(messages, ALL_FAILED), make_large(messages, ALL_FAILED)
            analyse()
            bare = _bare(other)
            since = time.perf_counter()
            retry_messages(campaign_id, criteria=FAILED, actor=COMMAND_LINE, now=now_ms())
            confirmed = time.perf_counter() - since
            engines.let_go()
            took = measured(house, "moves", campaign_id, variables)
            assert counts_of(campaign_id)[MessageStatus.QUEUED] == messages
            ours = confirmed + took.seconds
            table.add(
                *(engine, f"{bare:.2f} s", f"{ours:.2f} s", f"{ours / bare:.1f}"),
                *(f"{took.longest * 1000:.0f} ms", "3 ×, 300 ms"),
            )
    table.notes.append("Ours includes the opt-out check, the counters, and a commit to disk for each slice.")
    return table


FAILED = Criteria(statuses=(MessageStatus.FAILED,))


def _bare(campaign_id: int) -> float:
    """Seconds of one statement that makes all of a campaign Queued."""
    since = time.perf_counter()
    with transaction():
        execute(
            "UPDATE messages SET status = 'queued', failure_reason = NULL, retry_class = NULL, provider_code = NULL, "
            "provider_text = NULL, due_at = NULL, queued_at = ?, updated_at = ?, retries = retries + 1 "
            "WHERE campaign_id = ? AND status = 'failed'",
            now_ms(),
            now_ms(),
            campaign_id,
        )
    return time.perf_counter() - since

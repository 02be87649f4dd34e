"""What must be true whatever happened (SPEC 11), asked of the log of hand-overs, the rows and the command line."""

import functools
import math
import time
from collections import Counter, defaultdict
from collections.abc import Collection
from itertools import pairwise
from typing import Any

from jobs.providers.simulated import Simulation, fate_of
from models.rules.setting_values import DEFINITIONS
from models.words import Channel, MessageStatus
from tests.crash import mortal
from tests.crash.mortal import Death
from tests.crash.product import HandOver, Product
from tests.processes import until

GOES_ON_SECONDS = 60.0  # the fourth promise
LOOK_SECONDS = 0.2  # between looks at all rows, which cost something

# Where a fate leads if nobody dies, beside `failed.…` and `delivered`.
_LEADS_TO = {
    Channel.SMS: {
        "silent": MessageStatus.ASSUMED_DELIVERED,
        "sent": MessageStatus.ASSUMED_DELIVERED,
        "lostnever": MessageStatus.UNCONFIRMED,
        "optedout": MessageStatus.OPTED_OUT,
    },
    Channel.EMAIL: {
        "silent": MessageStatus.UNCONFIRMED,
        "sent": MessageStatus.UNCONFIRMED,
        "lostnever": MessageStatus.UNCONFIRMED,
        "optedout": MessageStatus.OPTED_OUT,
    },
}


def assert_never_twice(product: Product) -> None:
    """Each attempt was handed over once at most, and was on record before.

    A further attempt of a message followed only one that was surely not sent, or a person's retry.
    """
    hand_overs = product.hand_overs()
    times = Counter((one.message_id, one.attempt) for one in hand_overs)
    assert not [key for key, n in times.items() if n > 1], "handed over twice"
    attempts = _attempts(product)
    assert times.keys() <= attempts.keys(), "handed over without a claim"
    for message_id, number in times:
        assert _may_follow(attempts, message_id, number), f"message {message_id}: attempt {number} was not called for"
    assert_one_message_per_recipient(hand_overs)


def assert_one_message_per_recipient(hand_overs: Collection[HandOver]) -> None:
    """No two messages went to one recipient: with the check above, nobody got anything twice."""
    messages = defaultdict(set)
    for one in hand_overs:
        messages[one.channel, one.recipient].add(one.message_id)
    assert not [recipient for recipient, ids in messages.items() if len(ids) > 1]


def assert_nobody_twice(product: Product) -> None:
    """Where nobody asked for a retry, no recipient was taken twice, whatever the rows say of it."""
    times = Counter((one.channel, one.recipient) for one in product.hand_overs())
    twice = [recipient for recipient, n in times.items() if n > 1]
    assert not twice, f"taken twice: {twice}"
    assert_never_twice(product)


def assert_counts_add_up(product: Product, campaign_id: int, imported: int) -> dict[str, int]:
    """The counts shown add up to the rows imported and are the rows' own; returns those that aren't 0."""
    status, rows = until(lambda: _at_one_moment(product, campaign_id), seconds=30, what="a moment without receipts")
    counts: dict[str, int] = status["counts"]
    assert list(counts) == [status.value for status in MessageStatus]
    assert sum(counts.values()) == status["total"] == imported
    assert {slug: n for slug, n in counts.items() if n} == rows
    return rows


def assert_counters_are_the_rows(product: Product, campaign_id: int, imported: int) -> None:
    """Every row imported is in one status, and the counters say the same, at rest as now."""
    counted = product.rows(
        "SELECT status, SUM(n) FROM message_counts WHERE campaign_id = ? GROUP BY status", campaign_id
    )
    rows = rows_by_status(product, campaign_id)
    assert {status: n for status, n in counted if n} == rows
    assert sum(rows.values()) == imported


def assert_recount_finds_nothing(product: Product) -> None:
    """The counters of all campaigns are those of the rows, at any moment."""
    recounted = product.run("recount")
    assert recounted.code == 0, recounted.result


def assert_intact(product: Product) -> None:
    """SQLite finds nothing wrong with its file; PostgreSQL checks its own while it recovers."""
    if "DATABASE_URL" not in product.variables:
        assert product.rows("PRAGMA integrity_check") == [("ok",)]


def unconfirmed(product: Product, campaign_id: int) -> set[int]:
    """Ids of the messages that are Unconfirmed but wouldn't be if nobody had died."""
    return {
        message_id
        for message_id, (channel, fate, status) in _fates(product, campaign_id).items()
        if status == "unconfirmed" != leads_to(channel, fate)
    }


def assert_went_on(product: Product, campaign_id: int, imported: int, *, claimed: Collection[int], since: float) -> str:
    """It ended by itself after what happened at `since` (epoch seconds), and only what was `claimed` then is in doubt.

    Returns its figures.
    """
    until_as_fated(product, campaign_id, but=claimed)
    assert_never_twice(product)
    assert_counts_add_up(product, campaign_id, imported)
    assert_recount_finds_nothing(product)
    pause = longest_pause(product, since)
    assert pause < GOES_ON_SECONDS
    in_doubt = len(unconfirmed(product, campaign_id))
    return f"longest pause {pause:.2f} s, {in_doubt} Unconfirmed of {len(claimed)} claimed then"


def until_as_fated(product: Product, campaign_id: int, *, but: Collection[int] = ()) -> None:
    """Wait until every message is where its recipient's fate leads, but for those given, which may be in doubt."""

    def look() -> bool:
        time.sleep(LOOK_SECONDS)
        return all(
            status == leads_to(channel, fate) or (message_id in but and status == "unconfirmed")
            for message_id, (channel, fate, status) in _fates(product, campaign_id).items()
        )

    until(look, seconds=90, what="where the fates lead")


def in_hand(product: Product, campaign_id: int, death: Death) -> set[int]:
    """Messages that a killed process had claimed, and of which no answer was on record when it died.

    What nobody has noted is its too: it died between its claim's commit and its note, perhaps with the database still
    at the commit.
    """
    unanswered = product.rows(
        "SELECT message_id, number FROM attempts "
        "WHERE campaign_id = ? AND (handed_over_at IS NULL OR handed_over_at > ?)",
        campaign_id,
        int(death.at * 1000),
    )
    own, all_noted = mortal.claims(product.house.var, death.pid), mortal.all_claims(product.house.var)
    return {
        message_id
        for message_id, number in unanswered
        if (message_id, number) in own or (message_id, number) not in all_noted
    }


def until_as_taken(
    product: Product, campaign_id: int, ends: Collection[str], *, but: Collection[int], seconds: float = 30.0
) -> dict[int, str]:
    """Wait until what the provider took has come to one of `ends`; returns each message's status.

    All it took then is there, all it did not take is Unconfirmed, and nothing is that but those given.
    """
    over_at = time.monotonic() + seconds
    while True:
        taken = {one.message_id for one in product.hand_overs()}
        standing = dict(product.rows("SELECT id, status FROM messages WHERE campaign_id = ?", campaign_id))
        wrong = {
            message_id: (status, message_id in taken)
            for message_id, status in standing.items()
            if status not in (ends if message_id in taken else ("unconfirmed",))
            or (status == "unconfirmed" and message_id not in but)
        }
        if not wrong:
            return standing
        assert time.monotonic() < over_at, f"(status, whether it was taken) by message: {wrong}"
        time.sleep(LOOK_SECONDS)


def settled_after(product: Product, campaign_id: int, moment: float) -> float:
    """Seconds from `moment` (epoch seconds) until the last message that was under way then was settled.

    Assumed Delivered leaves out: nothing was in doubt about it, it waited for a receipt.
    """
    at = int(moment * 1000)
    last = product.rows(
        "SELECT MAX(m.updated_at) FROM messages m JOIN attempts a ON a.message_id = m.id AND a.number = m.attempt "
        "WHERE m.campaign_id = ? AND a.claimed_at <= ? AND m.updated_at > ? AND m.status <> 'assumed_delivered'",
        campaign_id,
        at,
        at,
    )[0][0]
    return (last - at) / 1000 if last else 0.0


def leads_to(channel: Channel, fate: str) -> str:
    """The status that follows from a fate."""
    if fate.startswith("failed."):
        return MessageStatus.FAILED
    return _LEADS_TO[channel].get(fate, MessageStatus.DELIVERED)


def last_hand_over_after_stop(product: Product, channel: Channel, campaign_id: int) -> float:
    """Seconds from the moment of the last stop to the last hand-over so far."""
    stopped_at = product.rows(
        "SELECT MAX(created_at) FROM bulk_moves WHERE campaign_id = ? AND kind = 'stop'", campaign_id
    )[0][0]
    return max(one.at for one in product.hand_overs(channel)) - int(stopped_at) / 1000


def assert_nothing_left(product: Product) -> None:
    """After a stop no process is left and nothing was logged as a fault."""
    assert not product.house.living()
    assert "Traceback" not in product.said(), product.said()


def longest_pause(product: Product, since: float, until_at: float = math.inf) -> float:
    """The longest time without a hand-over from `since` to the last one before `until_at`, in seconds."""
    moments = sorted([since, *(one.at for one in product.hand_overs() if since < one.at < until_at)])
    return max((after - before for before, after in pairwise(moments)), default=0.0)


def peak(hand_overs: Collection[HandOver]) -> int:
    """The most hand-overs in one second of the clock."""
    return max(Counter(int(one.at) for one in hand_overs).values(), default=0)


def rows_by_status(product: Product, campaign_id: int) -> dict[str, int]:
    """How many rows stand where."""
    return dict(
        product.rows("SELECT status, COUNT(*) FROM messages WHERE campaign_id = ? GROUP BY status", campaign_id)
    )


def _at_one_moment(product: Product, campaign_id: int) -> tuple[dict[str, Any], dict[str, int]] | None:
    """The status shown and the rows, if these were the same before and after: a late receipt may come between."""
    before = rows_by_status(product, campaign_id)
    status = product.status(campaign_id)
    return (status, before) if rows_by_status(product, campaign_id) == before else None


def _attempts(product: Product) -> dict[tuple[int, int], tuple[str, int]]:
    found = product.rows("SELECT message_id, number, status, retries FROM attempts")
    return {(message_id, number): (status, retries) for message_id, number, status, retries in found}


def _may_follow(attempts: dict[tuple[int, int], tuple[str, int]], message_id: int, number: int) -> bool:
    if number == 1:
        return True
    status, retries = attempts[message_id, number - 1]
    return status == "not_sent" or attempts[message_id, number][1] > retries


def _fates(product: Product, campaign_id: int) -> dict[int, tuple[Channel, str, str]]:
    """Of each message: its channel, the fate of its latest attempt, and its status."""
    found = product.rows(
        "SELECT m.id, m.recipient, m.attempt, m.status, c.channel FROM messages m "
        "JOIN campaigns c ON c.id = m.campaign_id WHERE m.campaign_id = ?",
        campaign_id,
    )
    return {
        message_id: (Channel(channel), _fate(recipient, message_id, attempt, Channel(channel)), status)
        for message_id, recipient, attempt, status, channel in found
    }


@functools.cache
def _fate(recipient: str, message_id: int, attempt: int, channel: Channel) -> str:
    simulation = Simulation(seed=DEFINITIONS["simulated.seed"].default, mix=DEFINITIONS["simulated.mix"].default)
    return fate_of(recipient, message_id, attempt, channel, simulation)

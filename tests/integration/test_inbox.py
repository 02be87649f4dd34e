"""The inbox of receipts: kept before they are answered for, applied once, and waited with when they come early."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Barrier

import pytest
import structlog
from peewee import PeeweeException

import jobs.receipts
from jobs import context
from jobs.runtime.stopping import Stop
from models import database
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.database import transaction
from models.hints import Work
from models.operations.optouts import opt_in
from models.operations.receipts import (
    FAULT,
    Applied,
    apply_receipts,
    arrivals,
    purge_receipts,
    put_off_post,
    record_receipts,
)
from models.operations.sweeping import find_work
from models.queries.refusing import opted_out
from models.rules.preferences import Preference
from models.rules.verdicts import Event, Word
from models.tables import ReceiptPost
from models.words import Channel, OptOutSource
from tests import engines
from tests.factories import (
    MINUTE,
    NOW,
    SECOND,
    claim,
    dump,
    make_campaign,
    phase_of,
    rows_of,
    run,
    statuses,
)
from tests.processes import until
from tests.servers import away

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines

UNFORESEEN, NUL = b"unforeseen", b"NUL"

HOUR = 60 * MINUTE
DAY = 24 * HOUR


def parse(headers: Mapping[str, str], body: bytes, at: int) -> Sequence[Event]:
    """A provider of the test's own: a JSON list of [message, attempt, word]."""
    assert headers["Signature"] == "s"
    return [Event(message_id, number, Word(word), at) for message_id, number, word in json.loads(body)]


def post(*events: tuple[int, int, str], now: int = NOW, provider: str = "post") -> bool:
    return record_receipts(provider=provider, headers={"Signature": "s"}, body=json.dumps(events).encode(), now=now)


def apply(*, limit: int = 100, now: int = NOW) -> Applied:
    return apply_receipts({"post": parse}, limit=limit, now=now, scale=1)


def sending(messages: int = 2, channel: Channel = Channel.SMS) -> tuple[int, list[int]]:
    """A campaign with so many messages at the provider; its id and theirs."""
    campaign_id = make_campaign(channel, messages)
    run(campaign_id)
    return campaign_id, [one.message_id for one in claim(campaign_id)]


@both_engines
def test_kept_post_is_applied_once_and_then_done() -> None:
    campaign_id, (first, second) = sending()
    assert post((first, 1, "delivered"), (second, 1, "failed"))
    assert statuses(campaign_id) == {"sending": 2}
    assert apply() == Applied(posts=1, changed=2)
    assert (statuses(campaign_id), phase_of(campaign_id)) == ({"delivered": 1, "failed": 1}, "ended")
    row = ReceiptPost.get()
    assert (row.applied_at, row.unmatched, row.problem, row.headers) == (NOW, 0, None, {"Signature": "s"})
    assert apply() == Applied(posts=0, changed=0)


@both_engines
def test_same_post_twice_is_one_row() -> None:
    _, (first, _) = sending()
    assert [post((first, 1, "delivered")) for _ in range(3)] == [True, False, False]
    apply()
    assert not post((first, 1, "delivered"), now=NOW + DAY)
    assert len(rows_of("receipt_inbox")) == 1


@both_engines
def test_same_body_of_another_provider_is_another_post() -> None:
    assert post((1, 1, "delivered"))
    assert post((1, 1, "delivered"), provider="other")


@both_engines
def test_oldest_posts_are_applied_first() -> None:
    campaign_id, ids = sending(3)
    for number, message_id in enumerate(ids):
        post((message_id, 1, "delivered"), now=NOW + 3 - number)
    assert apply(limit=2, now=NOW + 3) == Applied(posts=2, changed=2)
    assert [row["status"] for row in rows_of("messages", "ORDER BY id")] == ["sending", "delivered", "delivered"]
    assert apply(limit=2, now=NOW + 3) == Applied(posts=1, changed=1)
    assert statuses(campaign_id) == {"delivered": 3}


@both_engines
def test_many_posts_about_one_message_end_in_the_strongest_word() -> None:
    campaign_id, (first, second) = sending()
    for word in ("failed", "sent", "delivered", "accepted", "failed"):
        post((first, 1, word), (second, 1, "delivered"), (first, 1, word))
    assert apply().posts == 4
    assert statuses(campaign_id) == {"delivered": 2}


@both_engines
def test_unmatched_post_waits_and_is_applied_later() -> None:
    campaign_id, (first, _) = sending()
    later = first + 2
    post((first, 1, "delivered"), (later, 1, "delivered"))
    assert apply() == Applied(posts=1, changed=1)
    row = ReceiptPost.get()
    assert (row.applied_at, row.unmatched, row.due_at) == (None, 1, NOW + 5 * MINUTE)
    assert apply(now=NOW + 5 * MINUTE - SECOND).posts == 0
    other = make_campaign(Channel.EMAIL, 1)
    run(other)
    (claimed,) = claim(other)
    assert claimed.message_id == later
    apply(now=NOW + 5 * MINUTE)
    assert (ReceiptPost.get().applied_at, ReceiptPost.get().unmatched) == (NOW + 5 * MINUTE, 0)
    assert (statuses(campaign_id), statuses(other)) == ({"delivered": 1, "sending": 1}, {"delivered": 1})


@both_engines
def test_unmatched_post_is_given_up_after_25_hours() -> None:
    post((99, 1, "delivered"))
    for now in range(NOW, NOW + 25 * HOUR, HOUR):
        apply(now=now)
    assert ReceiptPost.get().applied_at is None
    apply(now=NOW + 25 * HOUR + SECOND)
    row = ReceiptPost.get()
    assert (row.applied_at, row.unmatched) == (NOW + 25 * HOUR + SECOND, 1)


@both_engines
@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'[[1, 1, "eaten"]]', b"[[1, 1]]"])
def test_body_that_cannot_be_read_is_set_aside_alone(body: bytes) -> None:
    campaign_id, (first, second) = sending()
    post((first, 1, "delivered"))
    record_receipts(provider="post", headers={"Signature": "s"}, body=body, now=NOW)
    post((second, 1, "delivered"))
    assert apply() == Applied(posts=3, changed=2)
    assert statuses(campaign_id) == {"delivered": 2}
    problems = [row["problem"] for row in rows_of("receipt_inbox", "ORDER BY id")]
    assert problems[0] is problems[2] is None
    assert problems[1]
    assert {row["applied_at"] for row in rows_of("receipt_inbox")} == {NOW}


@both_engines
def test_post_of_a_provider_that_is_gone_does_not_hold_up_others() -> None:
    campaign_id, (first, second) = sending()
    post((first, 1, "delivered"), provider="gone")
    post((second, 1, "delivered"))
    apply()
    assert statuses(campaign_id) == {"sending": 1, "delivered": 1}


@both_engines
def test_body_comes_back_byte_for_byte() -> None:
    body = bytes(range(256)) * 3
    record_receipts(provider="post", headers={"Content-Type": "é"}, body=body, now=NOW)
    row = ReceiptPost.get()
    assert (bytes(row.body), row.headers) == (body, {"Content-Type": "é"})


@both_engines
def test_applied_posts_are_purged_after_30_days() -> None:
    _, (first, second) = sending()
    post((first, 1, "delivered"), now=NOW)
    apply(now=NOW)
    post((second, 1, "delivered"), now=NOW + DAY)
    post((99, 1, "delivered"), now=NOW)
    apply(now=NOW + DAY)
    assert purge_receipts(now=NOW + 30 * DAY) == 0
    assert purge_receipts(now=NOW + 30 * DAY + SECOND) == 1
    assert len(rows_of("receipt_inbox")) == 2


def test_new_post_hints_and_a_repeated_one_does_not(hinted: list[tuple[Work, int]]) -> None:
    post((1, 1, "delivered"))
    post((1, 1, "delivered"))
    assert hinted == [(Work.RECEIPTS, 0)]
    find_work(now=NOW)
    assert hinted == [(Work.RECEIPTS, 0)] * 2
    apply()
    find_work(now=NOW)
    assert hinted == [(Work.RECEIPTS, 0)] * 2


@both_engines
def test_failing_batch_leaves_everything_to_be_applied_again() -> None:
    campaign_id, (first, _) = sending()
    post((first, 1, "delivered"))

    def dying(_headers: Mapping[str, str], _body: bytes, _at: int) -> Sequence[Event]:
        raise KeyboardInterrupt

    before = dump()
    with pytest.raises(KeyboardInterrupt):
        apply_receipts({"post": dying}, limit=9, now=NOW, scale=1)
    assert dump() == before
    assert apply() == Applied(posts=1, changed=1)
    assert statuses(campaign_id) == {"delivered": 1, "sending": 1}


@pytest.fixture
def work(installation: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """The receipts job; of some bodies of this provider its parser, or the database, does not think well."""

    def parse_some(headers: Mapping[str, str], body: bytes, at: int) -> Sequence[Event | Preference]:
        if body == NUL:
            return [Preference(Channel.SMS, "+1415555\x00999", True, OptOutSource.INBOUND, at)]
        if body == UNFORESEEN:
            raise KeyError(body)
        return parse(headers, body, at)

    monkeypatch.setattr(jobs.receipts, "PARSERS", {"post": parse_some})
    stop = Stop()
    context.enter(context.Context(installation, stop))
    yield lambda: jobs.receipts.apply(0)
    stop.close()


@both_engines
@pytest.mark.parametrize("before", [0, 3], ids=["alone", "in a batch"])
def test_post_that_a_fault_of_ours_ends_keeps_none_behind_it_waiting(work: Callable[[], None], before: int) -> None:
    now = now_ms()
    campaign_id, ids = sending(8)
    for place, message_id in enumerate(ids):
        if place == before:
            for body in (UNFORESEEN, NUL):
                record_receipts(provider="post", headers={"Signature": "s"}, body=body, now=now)
        post((message_id, 1, "delivered"), now=now)
    with structlog.testing.capture_logs() as logs:
        work()
    assert statuses(campaign_id) == {"delivered": 8}
    put_off = rows_of("receipt_inbox", "WHERE problem IS NOT NULL")
    assert UNFORESEEN in {bytes(row["body"]) for row in put_off}
    assert {bytes(row["body"]) for row in put_off} <= {UNFORESEEN, NUL}  # SQLite takes a NUL
    assert {(row["problem"], row["applied_at"]) for row in put_off} == {(FAULT, None)}
    assert min(row["due_at"] for row in put_off) >= now + 5 * MINUTE
    assert {log["post_id"] for log in logs if log["unit"] == "post of receipts"} == {row["id"] for row in put_off}


@both_engines
def test_post_that_was_put_off_is_applied_once_the_fault_is_mended_or_given_up_after_25_hours() -> None:
    campaign_id, (first, second) = sending()
    for message_id in (first, second):
        post((message_id, 1, "delivered"))
    mended, lost = (row["id"] for row in rows_of("receipt_inbox", "ORDER BY id"))
    for post_id in (mended, lost):
        put_off_post(post_id, now=NOW, scale=1)
    assert apply(now=NOW + 5 * MINUTE - SECOND).posts == 0
    put_off_post(lost, now=NOW + 25 * HOUR, scale=1)
    assert apply(now=NOW + 25 * HOUR) == Applied(posts=1, changed=1)
    assert [(row["problem"], row["applied_at"]) for row in rows_of("receipt_inbox", "ORDER BY id")] == [
        (None, NOW + 25 * HOUR),
        (FAULT, NOW + 25 * HOUR),
    ]
    assert statuses(campaign_id) == {"delivered": 1, "sending": 1}


@both_engines
def test_a_database_that_takes_no_writes_puts_no_post_off(
    work: Callable[[], None], no_writes: Callable[[], AbstractContextManager[None]]
) -> None:
    campaign_id, (first, _) = sending()
    post((first, 1, "delivered"), now=now_ms())
    with no_writes(), pytest.raises(PeeweeException):
        work()
    work()
    assert statuses(campaign_id) == {"delivered": 1, "sending": 1}


@both_engines
def test_undone_opt_out_stays_undone_while_its_post_waits() -> None:
    ann = "ann@example.com"

    def refuses(_headers: Mapping[str, str], _body: bytes, at: int) -> Sequence[Event | Preference]:
        return [Event(99, 1, Word.DELIVERED, at), Preference(Channel.EMAIL, ann, True, OptOutSource.LINK, at)]

    record_receipts(provider="post", headers={}, body=b"x", now=NOW)
    apply_receipts({"post": refuses}, limit=9, now=NOW, scale=1)
    assert opted_out(Channel.EMAIL, [ann]) == {ann}
    opt_in(Channel.EMAIL, ann, actor=COMMAND_LINE, now=NOW + MINUTE)
    assert apply_receipts({"post": refuses}, limit=9, now=NOW + 6 * MINUTE, scale=1).posts == 1
    assert opted_out(Channel.EMAIL, [ann]) == set()


def post_at_once(bodies: Sequence[str]) -> list[bool]:
    """As many threads as bodies keep one each, at the same moment; whether each was new."""
    barrier = Barrier(len(bodies))

    def keep(body: str) -> bool:
        barrier.wait()
        try:
            return record_receipts(provider="post", headers={"Signature": "s"}, body=body.encode(), now=NOW)
        finally:
            database.close()

    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(keep, bodies))


@both_engines
def test_posts_that_come_at_the_same_time_are_all_kept_once() -> None:
    new = post_at_once([f"[{number % 12}]" for number in range(16)])
    assert sum(new) == 12
    assert sorted(row["body"].decode() for row in rows_of("receipt_inbox")) == sorted(f"[{n}]" for n in range(12))


def test_posts_that_wait_for_the_write_gate_share_a_commit(hinted: list[tuple[Work, int]]) -> None:
    with ThreadPoolExecutor(1) as apart:
        with transaction():  # somebody else writes meanwhile
            kept = apart.submit(post_at_once, [f"[{number}]" for number in range(16)])
            until(lambda: len(arrivals) == 16, seconds=5, what="all in the queue")
        assert kept.result() == [True] * 16
    assert hinted.count((Work.RECEIPTS, 0)) == 1


@both_engines
def test_post_that_a_database_without_writes_does_not_keep_is_not_kept_in_memory_either(
    no_writes: Callable[[], AbstractContextManager[None]],
) -> None:
    with no_writes():
        for _ in range(3):
            with pytest.raises(PeeweeException):
                post((1, 1, "delivered"))
    assert len(arrivals) == 0
    assert rows_of("receipt_inbox") == []
    assert post((1, 1, "delivered"))


@pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
def test_post_that_a_database_which_is_away_does_not_keep_is_not_kept_in_memory_either(
    installation: Config, postgres: engines.Postgres
) -> None:
    database.close()
    with away(postgres, installation.database_url):
        for _ in range(3):
            with pytest.raises(PeeweeException):
                post((1, 1, "delivered"))
            database.close()
    assert len(arrivals) == 0

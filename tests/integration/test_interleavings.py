"""Two transactions in the one order that is dangerous, brought about by holding the lock that lies between them."""

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest

from models import database
from models.actors import COMMAND_LINE, Actor
from models.config import Config
from models.database import on_sqlite, select, transaction
from models.errors import CampaignError, WrongStateError
from models.operations import campaigns, exporting, importing, running, scheduling, sending
from models.operations.doubts import Looked, note_lookups
from models.operations.moving import Mover
from models.operations.optouts import opt_out
from models.operations.receipts import Applied, Arrival, apply_receipts, keep_together, record_receipts
from models.operations.settling import settle
from models.operations.signing_in import check_password
from models.operations.sweeping import find_work, sweep_due
from models.queries.campaigns import get_campaign
from models.rules.criteria import Criteria
from models.rules.verdicts import Event, Word
from models.words import Channel, Phase, Scope, Surface
from tests.factories import (
    MINUTE,
    NOW,
    SECOND,
    answer,
    claim,
    contacts_file,
    delete,
    latest,
    make_campaign,
    make_draft,
    make_ended,
    message_ids,
    move_all,
    phase_of,
    put_into_phase,
    recipients_on,
    retry_later,
    rows_of,
    run,
    start_import,
    statuses,
    stop,
    template_for,
)
from tests.processes import until

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines
on_postgresql = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)

T = TypeVar("T")


def beside(pool: ThreadPoolExecutor, act: Callable[[], T]) -> Future[T]:
    """What `act` comes to, done by another thread meanwhile over a connection of its own."""

    def work() -> T:
        try:
            return act()
        finally:
            database.close()

    return pool.submit(work)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for what happens beside."""
    with ThreadPoolExecutor(2) as threads:
        yield threads


def wait_until_blocked(count: int = 1) -> None:
    """Until so many transactions wait for another one's lock."""
    until(lambda: waiting() >= count, what="a transaction that waits for a lock")


def waiting() -> int:
    if on_sqlite():
        locks = Path("/proc/locks").read_text().splitlines()
        return sum("-> FLOCK" in line and f" {os.getpid()} " in line for line in locks)
    return int(select("SELECT COUNT(*) FROM pg_locks WHERE NOT granted")[0][0])


@contextmanager
def holding(config: Config, query: str) -> Iterator[psycopg.Connection]:
    """A PostgreSQL transaction of somebody else's that has locked what `query` says."""
    with psycopg.connect(config.database_url) as connection:
        connection.execute(query)
        yield connection


def one_sending() -> tuple[int, sending.Claimed]:
    """A running campaign whose only message is at the provider."""
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    (claimed,) = claim(campaign_id)
    return campaign_id, claimed


def answer_not_sent(claimed: sending.Claimed) -> None:
    settle([Event(claimed.message_id, 1, Word.NOT_SENT, NOW, answers=True)], now=NOW, scale=1)


def give_back(claimed: sending.Claimed) -> None:
    sending.give_back([(claimed.message_id, 1, claimed.claimed_at)], now=NOW)


@on_postgresql
@pytest.mark.parametrize("comes_back", [answer_not_sent, give_back])
def test_message_that_comes_back_during_a_stop_is_not_stranded(
    installation: Config, pool: ThreadPoolExecutor, comes_back: Callable[[sending.Claimed], None]
) -> None:
    """It is put back into the queue by the phase read before the stop, and the stop's move has passed already."""
    campaign_id, claimed = one_sending()
    with holding(installation, "SELECT * FROM message_counts FOR UPDATE") as holder:
        coming_back = beside(pool, lambda: comes_back(claimed))
        wait_until_blocked()
        stop(campaign_id)
        move_all(campaign_id)
        holder.rollback()
        coming_back.result()
    find_work(now=NOW)
    move_all(campaign_id)
    assert (statuses(campaign_id), phase_of(campaign_id)) == ({"cancelled": 1}, "ended")


@on_postgresql
def test_template_cannot_change_under_a_run_that_begins(pool: ThreadPoolExecutor) -> None:
    campaign_id = make_campaign(messages=1)
    other = template_for(Channel.SMS, "Something that nobody saw at Run")

    def change() -> None:
        campaigns.set_template(campaign_id, other, actor=COMMAND_LINE, now=NOW)

    with transaction():
        running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
        changing = beside(pool, change)
        wait_until_blocked()
    with pytest.raises(WrongStateError):
        changing.result()
    assert get_campaign(campaign_id).body == "Hello"


@on_postgresql
def test_export_that_ends_while_it_is_asked_for_in_slack_too_still_comes_there(
    pool: ThreadPoolExecutor, ben: Actor
) -> None:
    campaign_id = make_ended()
    export_id = exporting.start_export(campaign_id, criteria=Criteria(), actor=ben, now=NOW)
    in_slack = replace(ben, surface=Surface.SLACK)
    with transaction():
        assert exporting.start_export(campaign_id, criteria=Criteria(), actor=in_slack, now=NOW) == export_id
        making = beside(pool, lambda: exporting.do_export(export_id, clock=lambda: NOW))
        wait_until_blocked()
    making.result()
    assert {f"export:{export_id}", f"file:{export_id}"} <= {row["topic"] for row in rows_of("slack_outbox")}


@on_postgresql
def test_late_receipt_and_deletion_do_not_deadlock(installation: Config, pool: ThreadPoolExecutor) -> None:
    campaign_id = make_ended(messages=1, word=Word.FAILED)
    (claimed,) = latest(campaign_id)
    delete(campaign_id)
    delivered = Event(claimed.message_id, 1, Word.DELIVERED, NOW)
    with holding(installation, "SELECT * FROM messages FOR UPDATE") as holder:
        settling = beside(pool, lambda: settle([delivered], now=NOW, scale=1))
        wait_until_blocked()
        deleting = beside(pool, lambda: Mover().advance(campaign_id, now=NOW))
        wait_until_blocked(2)
        holder.rollback()
        settling.result()
        deleting.result()
    move_all(campaign_id)
    assert rows_of("messages") == rows_of("attempts") == rows_of("campaigns") == []


@on_postgresql
def test_batches_about_the_same_campaigns_do_not_deadlock(installation: Config, pool: ThreadPoolExecutor) -> None:
    """Each batch locks one campaign to note what was said, waits, and then looks whether both have ended."""
    ended = [make_ended(messages=2, word=Word.FAILED) for _ in range(4)]
    one, two, three, four = (message_ids(campaign_id) for campaign_id in ended)
    # Attempt 0 is over: such an event says nothing of its campaign, but the campaign is looked at.
    batches = [
        [(one[0], 1), (three[0], 1), (two[1], 0)],
        [(two[0], 1), (four[0], 1), (one[1], 0)],
    ]
    for number, batch in enumerate(batches):
        record_receipts(provider="post", headers={}, body=json.dumps(batch).encode(), now=NOW + number)
    with holding(installation, f"SELECT * FROM campaigns WHERE id IN ({ended[2]}, {ended[3]}) FOR UPDATE") as holder:
        applying = [beside(pool, apply_one_post) for _ in batches]
        wait_until_blocked(2)
        holder.rollback()
        assert [applied.result().changed for applied in applying] == [2, 2]
    assert [statuses(campaign_id) for campaign_id in ended] == [{"delivered": 1, "failed": 1}] * 4


@on_postgresql
def test_look_up_in_vain_and_a_receipt_do_not_deadlock(installation: Config, pool: ThreadPoolExecutor) -> None:
    campaign_id, claimed = one_sending()
    answer([claimed], Word.UNKNOWN)
    sent = Event(claimed.message_id, 1, Word.SENT, NOW)
    with holding(installation, "SELECT * FROM messages FOR UPDATE") as holder:
        settling = beside(pool, lambda: settle([sent], now=NOW, scale=1))
        wait_until_blocked()
        looking = beside(pool, lambda: note_lookups([Looked(claimed.message_id, 1)], now=NOW, scale=1))
        wait_until_blocked(2)
        holder.rollback()
        settling.result()
        looking.result()
    assert statuses(campaign_id) == {"sending": 1}


@on_postgresql
def test_first_tries_of_a_password_at_once_are_each_counted(
    installation: Config, pool: ThreadPoolExecutor, alice: Actor
) -> None:
    """There is no row to lock yet: each finds none, and wants to write the first."""

    def guess() -> None:
        check_password("alice@example.com", "a wrong guess", address="192.0.2.7", now=NOW)

    with holding(installation, "LOCK TABLE leases IN SHARE ROW EXCLUSIVE MODE") as holder:
        guesses = [beside(pool, guess) for _ in range(2)]
        wait_until_blocked(2)
        holder.rollback()
        for one in guesses:
            with suppress(CampaignError):
                one.result()
    assert [row["holder"] for row in rows_of("leases")] == ["2", "2"]


@on_postgresql
def test_the_same_posts_at_two_web_processes_do_not_deadlock(installation: Config, pool: ThreadPoolExecutor) -> None:
    """One has kept the first and wants the last, the other the other way round; the one in the middle holds both."""
    first, middle, last = sorted((post_of(number) for number in range(3)), key=lambda post: post.key)
    provider, digest = middle.key
    held = (
        "INSERT INTO receipt_inbox (provider, digest, body, received_at, due_at) "
        f"VALUES ('{provider}', '{digest}', '', 0, 0)"
    )
    batches = [[first, middle, last], [last, middle, first]]
    with holding(installation, held) as holder:
        keeping = [beside(pool, lambda batch=batch: keep_together(batch)) for batch in batches]
        wait_until_blocked(2)
        holder.rollback()
        for kept in keeping:
            kept.result()
    assert len(rows_of("receipt_inbox")) == 3


def post_of(number: int) -> Arrival:
    return Arrival("twilio", {}, f"MessageSid=SM{number}".encode(), NOW)


def apply_one_post() -> Applied:
    def parse(_headers: Mapping[str, str], body: bytes, at: int) -> list[Event]:
        return [Event(message_id, number, Word.DELIVERED, at) for message_id, number in json.loads(body)]

    return apply_receipts({"post": parse}, limit=1, now=NOW + SECOND, scale=1)


@on_postgresql
def test_deletion_during_an_import_leaves_no_messages(installation: Config, pool: ThreadPoolExecutor) -> None:
    """The slice has seen a draft and has written its rows, but is not committed when the draft goes."""
    campaign_id = make_draft()
    import_id = start_import(campaign_id, contacts_file(Channel.SMS, 3))
    begins_to_write, may_write = threading.Event(), threading.Event()
    calls = iter([False, True])

    def clock() -> int:
        if next(calls, False):
            begins_to_write.set()
            may_write.wait(10)
        return NOW

    def import_contacts() -> None:
        with suppress(CampaignError):
            importing.do_import(import_id, clock=clock)

    def delete_whole() -> None:
        delete(campaign_id)
        move_all(campaign_id)

    importing_it = beside(pool, import_contacts)
    assert begins_to_write.wait(10)
    with holding(installation, "LOCK TABLE message_counts IN EXCLUSIVE MODE") as holder:
        may_write.set()
        wait_until_blocked()
        deleting = beside(pool, delete_whole)
        wait_until_blocked(2)
        holder.rollback()
        importing_it.result()
        deleting.result()
    move_all(campaign_id)
    assert rows_of("messages") == rows_of("message_counts") == rows_of("campaigns") == []


@both_engines
def test_receipt_in_the_moment_of_a_time_out_is_heard(pool: ThreadPoolExecutor) -> None:
    campaign_id, claimed = one_sending()
    answer([claimed], at=NOW)
    arrival = NOW + 10 * MINUTE
    with transaction():
        select(f"SELECT id FROM messages WHERE id = {claimed.message_id}{database.for_update()}")
        sweeping = beside(pool, lambda: sweep_due(now=arrival + SECOND, scale=1))
        until(lambda: waiting() or sweeping.done(), what="a sweep that waits, or passes the message by")
        settle([Event(claimed.message_id, 1, Word.SENT, arrival)], now=arrival, scale=1)
    sweeping.result()
    assert statuses(campaign_id) == {"sending": 1}
    sweep_due(now=arrival + 10 * MINUTE + SECOND, scale=1)
    assert statuses(campaign_id) == {"assumed_delivered": 1}


@both_engines
def test_claim_that_meets_a_stop_is_undone(pool: ThreadPoolExecutor) -> None:
    campaign_id = make_campaign()
    run(campaign_id)
    with transaction():
        stop(campaign_id)
        claiming = beside(pool, lambda: claim(campaign_id))
        wait_until_blocked()
    assert claiming.result() == ()
    assert (statuses(campaign_id), rows_of("attempts")) == ({"queued": 3}, [])


@both_engines
def test_start_that_meets_a_stop_is_not_fired(pool: ThreadPoolExecutor) -> None:
    campaign_id = make_ended(word=Word.FAILED)
    start_id = retry_later(campaign_id, at=None)
    put_into_phase(campaign_id, Phase.RUNNING)
    with transaction():
        stop(campaign_id)
        firing = beside(pool, lambda: scheduling.fire_start(start_id, now=NOW))
        wait_until_blocked()
    assert firing.result() is None
    assert [row["state"] for row in rows_of("scheduled_starts")] == ["cancelled"]


@both_engines
def test_stop_that_meets_a_start_stops_it(pool: ThreadPoolExecutor) -> None:
    campaign_id = make_ended(word=Word.FAILED)
    start_id = retry_later(campaign_id, at=None)
    with transaction():
        scheduling.fire_start(start_id, now=NOW)
        stopping = beside(pool, lambda: stop(campaign_id))
        wait_until_blocked()
    stopping.result()
    move_all(campaign_id)
    assert (statuses(campaign_id), phase_of(campaign_id)) == ({"failed": 3}, "ended")
    assert [row["state"] for row in rows_of("scheduled_starts")] == ["done"]


@on_postgresql
def test_start_and_stop_do_not_deadlock(installation: Config, pool: ThreadPoolExecutor) -> None:
    """Both lock the campaign and the start; who had the start already would wait for the stop, and it for them."""
    campaign_id = make_ended(word=Word.FAILED)
    start_id = retry_later(campaign_id, at=None)
    put_into_phase(campaign_id, Phase.RUNNING)
    with holding(installation, "SELECT * FROM campaigns FOR UPDATE") as holder:
        stopping = beside(pool, lambda: stop(campaign_id))
        wait_until_blocked()
        firing = beside(pool, lambda: scheduling.fire_start(start_id, now=NOW))
        wait_until_blocked(2)
        holder.rollback()
        stopping.result()
        assert firing.result() is None


@both_engines
def test_claim_that_meets_the_fifth_refusal_is_undone(pool: ThreadPoolExecutor) -> None:
    campaign_id = make_campaign(messages=9)
    run(campaign_id)
    refusals = [
        Event(one.message_id, 1, Word.NOT_SENT, NOW, answers=True, scope=Scope.ACCOUNT)
        for one in claim(campaign_id, limit=5)
    ]
    with transaction():
        settle(refusals, now=NOW, scale=1)
        claiming = beside(pool, lambda: claim(campaign_id))
        wait_until_blocked()
    assert claiming.result() == ()
    assert phase_of(campaign_id) == "failed"


@both_engines
def test_opt_out_committed_before_the_claim_is_always_seen(pool: ThreadPoolExecutor) -> None:
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    barrier = threading.Barrier(2)

    def refuse() -> None:
        opt_out(Channel.SMS, recipients_on(Channel.SMS, 1)[0], actor=COMMAND_LINE, now=NOW)
        barrier.wait(10)

    refusing = beside(pool, refuse)
    barrier.wait(10)
    assert claim(campaign_id) == ()
    refusing.result()
    assert statuses(campaign_id) == {"opted_out": 1}


@both_engines
def test_slice_whose_move_was_ended_meanwhile_is_undone(pool: ThreadPoolExecutor) -> None:
    campaign_id = make_campaign(messages=3)
    running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
    with transaction():
        stop(campaign_id)
        moving = beside(pool, lambda: Mover().advance(campaign_id, now=NOW))
        wait_until_blocked()
    moving.result()
    move_all(campaign_id)
    assert (statuses(campaign_id), phase_of(campaign_id)) == ({"cancelled": 3}, "ended")
    assert [row["state"] for row in rows_of("bulk_moves", "ORDER BY id")] == ["cancelled", "done"]


@both_engines
def test_two_workers_on_one_move_move_each_row_once(pool: ThreadPoolExecutor) -> None:
    campaign_id = make_campaign(messages=1500)
    running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
    other = beside(pool, lambda: move_all(campaign_id))
    move_all(campaign_id)
    other.result()
    assert statuses(campaign_id) == {"queued": 1500}
    assert {row["move_ids"] for row in rows_of("messages")} == {"1 "}
    assert rows_of("bulk_moves")[0]["done"] == 1500


def test_threads_that_wrote_leave_no_open_files() -> None:
    """A web process makes threads all day; one that has ended must not keep the gate's files open."""

    def write() -> None:
        with transaction():
            select("SELECT 1")
        database.close()

    def write_in_threads(count: int) -> int:
        for _ in range(count):
            thread = threading.Thread(target=write)
            thread.start()
            thread.join()
        return len(list(Path("/proc/self/fd").iterdir()))

    assert write_in_threads(5) >= write_in_threads(50)

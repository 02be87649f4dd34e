"""Hints in RQ and the rate bucket, on a real Valkey: what they hold may be lost at any moment."""

import asyncio
import logging
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
import structlog
from rq import Queue, SimpleWorker
from rq.job import Job
from rq.serializers import JSONSerializer

from jobs import bulk, context
from jobs.bucket import Bucket
from jobs.queues import DUTIES, Hinter, pass_hints, queue_of
from jobs.runtime import waiting
from jobs.runtime.stopping import Stop
from jobs.work_process import WorkProcess
from models import database, hints
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.database import transaction
from models.errors import CampaignError
from models.hints import Work, hint
from models.operations import running
from models.operations.presence import give_up_lease, hold_lease
from models.queries.campaigns import get_campaign
from tests import factories

QUEUES = {
    Work.SEND_SMS: ("sms", 2),
    Work.SEND_EMAIL: ("email", 2),
    Work.RECEIPTS: ("receipts", 1),
    Work.LOOK_UPS: ("receipts", 1),
    Work.ASK: ("bulk", 1),
    Work.MOVES: ("bulk", 1),
    Work.IMPORT: ("bulk", 1),
    Work.EXPORT: ("bulk", 1),
    Work.TEST: ("bulk", 1),
}


@pytest.fixture
def environment(valkey: str) -> dict[str, str]:
    return {"REDIS_URL": valkey}


@pytest.fixture
def connection(valkey: str) -> Iterator[redis.Redis]:
    with waiting.client(valkey) as client:
        yield client


@pytest.fixture
def hung_redis() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@pytest.fixture
def hinting(installation: Config) -> Iterator[Config]:
    """Hints of this process go to RQ."""
    pass_hints(installation)
    yield installation
    hints.send_to(lambda _work, _subject_id: None)


def config_with(url: str, installation: Config) -> Config:
    return Config.from_env({**installation.variables, "REDIS_URL": url})


class TestHints:
    @pytest.mark.parametrize("work", Work)
    def test_a_hint_repeated_is_enqueued_once_per_process_that_can_help(
        self, hinting: Config, connection: redis.Redis, work: Work
    ) -> None:
        duty, copies = QUEUES[work]
        for _ in range(5):
            hint(work, 7)
        jobs = queue_of(duty, connection).get_jobs()
        assert [job.args for job in jobs] == [[7]] * copies
        assert all(callable(job.func) for job in jobs)

    def test_hints_about_different_campaigns_do_not_displace_each_other(
        self, hinting: Config, connection: redis.Redis
    ) -> None:
        for campaign_id in (1, 11, 111, 1):
            hint(Work.MOVES, campaign_id)
        assert [job.args for job in queue_of("bulk", connection).get_jobs()] == [[1], [11], [111]]

    def test_a_job_carries_an_id_and_nothing_personal(self, hinting: Config, connection: redis.Redis) -> None:
        campaign_id = factories.make_campaign(messages=["+12025550100"])
        factories.run(campaign_id)
        assert queue_of("sms", connection).count == 2
        hashes: list[dict[Any, Any]] = [
            connection.hgetall(key) for key in connection.keys("*") if connection.type(key) == b"hash"
        ]
        kept = [zlib.decompress(job.pop(b"data")) for job in hashes] + [repr(job).encode() for job in hashes]
        assert any(f"[{campaign_id}]".encode() in text for text in kept)
        assert not any(b"2025550100" in text for text in kept)

    def test_a_hint_is_said_only_after_the_commit(self, hinting: Config, connection: redis.Redis) -> None:
        with transaction():
            hint(Work.MOVES, 1)
            assert queue_of("bulk", connection).count == 0
        assert queue_of("bulk", connection).count == 1

    def test_a_hint_of_what_was_rolled_back_is_never_said(self, hinting: Config, connection: redis.Redis) -> None:
        with pytest.raises(CampaignError), transaction():  # noqa: PT012  # the hint comes first
            hint(Work.MOVES, 1)
            get_campaign(99)
        assert queue_of("bulk", connection).count == 0

    def test_after_a_wipe_the_next_hint_is_enqueued_again(self, hinting: Config, connection: redis.Redis) -> None:
        hint(Work.MOVES, 1)
        connection.flushall()
        hint(Work.MOVES, 1)
        assert queue_of("bulk", connection).count == 1

    @pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "redis://127.0.0.1:x/0"])
    def test_without_redis_an_operation_succeeds_all_the_same(self, installation: Config, url: str) -> None:
        hints.send_to(Hinter(config_with(url, installation)))
        campaign_id = factories.make_campaign()
        factories.run(campaign_id)
        assert factories.statuses(campaign_id) == {"queued": 3}
        hints.send_to(lambda _work, _subject_id: None)

    def test_a_redis_that_hangs_holds_up_no_other_writer(self, installation: Config, hung_redis: str) -> None:
        hints.send_to(Hinter(config_with(hung_redis, installation)))
        begun = threading.Event()

        def act() -> None:
            with transaction():
                hint(Work.MOVES, 1)
                begun.set()
            database.close()

        other = threading.Thread(target=act)
        other.start()
        begun.wait(5)
        since = time.monotonic()
        with transaction():
            waited = time.monotonic() - since
        other.join()
        hints.send_to(lambda _work, _subject_id: None)
        assert waited < 0.5  # a hint gives up after a second

    def test_before_the_embedded_server_is_up_nothing_is_said(self, installation: Config) -> None:
        variables = {name: value for name, value in installation.variables.items() if name != "REDIS_URL"}
        Hinter(Config.from_env(variables))(Work.MOVES, 1)

    def test_a_worker_does_what_was_hinted_at(
        self, hinting: Config, connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stop = Stop()
        monkeypatch.setattr(context, "_context", context.Context(hinting, stop))
        campaign_id = factories.make_campaign()
        running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=factories.NOW)
        assert burst(connection, "bulk") == []
        assert factories.statuses(campaign_id) == {"queued": 3}
        stop.close()

    def test_a_second_worker_leaves_a_campaigns_moves_to_the_first(
        self, hinting: Config, connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stop = Stop()
        monkeypatch.setattr(context, "_context", context.Context(hinting, stop))
        campaign_id = factories.make_campaign()
        running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=factories.NOW)
        lease = f"moves:{campaign_id}"
        assert hold_lease(lease, holder="another", seconds=60, now=now_ms())
        bulk.move(campaign_id)
        assert factories.statuses(campaign_id) == {"waiting": 3}
        give_up_lease(lease, holder="another")
        bulk.move(campaign_id)
        assert factories.statuses(campaign_id) == {"queued": 3}
        assert factories.rows_of("leases") == []
        stop.close()


def burst(connection: redis.Redis, duty: str) -> list[Any]:
    """Work off a queue in this process; what failed."""
    queue = queue_of(duty, connection)
    worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
    worker.log_job_description = False
    worker.work(burst=True, logging_level="CRITICAL", with_scheduler=False)
    return list(queue.failed_job_registry.get_job_ids())


class Overheard(logging.Handler):
    """What is known of the work whenever a library logs."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.fields.append(structlog.contextvars.get_contextvars())


@pytest.mark.parametrize(("work", "field"), [(Work.MOVES, "campaign_id"), (Work.IMPORT, "import_id")])
def test_what_a_library_logs_during_a_job_names_what_it_is_about(
    hinting: Config, connection: redis.Redis, work: Work, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_subject_id: int) -> None:
        raise CampaignError("the job is broken")

    monkeypatch.setattr(bulk, "move", fail)
    monkeypatch.setattr(bulk, "import_contacts", fail)
    hint(work, 12)
    overheard = Overheard()
    logging.getLogger("rq.worker").addHandler(overheard)
    try:
        process = WorkProcess([queue_of("bulk", connection)], connection=connection, serializer=JSONSerializer)
        process.log_job_description = False
        process.work(burst=True, logging_level="WARNING")
    finally:
        logging.getLogger("rq.worker").removeHandler(overheard)
    assert {field: 12} in overheard.fields
    assert structlog.contextvars.get_contextvars() == {}


def test_what_a_fault_says_is_not_kept_in_redis(
    hinting: Config, connection: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the database's may name somebody."""

    def fail(_subject_id: int) -> None:
        raise ValueError("Key (recipient_key)=(+12025550147) already exists.")

    monkeypatch.setattr(bulk, "move", fail)
    hint(Work.MOVES, 12)
    queue = queue_of("bulk", connection)
    process = WorkProcess([queue], connection=connection, serializer=JSONSerializer)
    process.log_job_description = False
    process.work(burst=True, logging_level="CRITICAL")
    (job_id,) = queue.failed_job_registry.get_job_ids()
    result = Job.fetch(job_id, connection=connection, serializer=JSONSerializer).latest_result()
    assert result is not None
    assert not result.exc_string


def test_every_duty_has_a_queue_of_its_own(connection: redis.Redis) -> None:
    assert {duty for duty, _ in QUEUES.values()} == set(DUTIES)
    assert all(isinstance(queue_of(duty, connection), Queue) for duty in DUTIES)


class TestBucket:
    RATE = 200.0

    async def drain(self, bucket: Bucket, until: float, *, rate: float = RATE, wanted: int = 100) -> int:
        """Take whatever there is until the moment `until`; what was given after it counts too."""
        taken = 0
        while time.monotonic() < until:
            taken += await bucket.take(wanted, rate=rate)
        return taken

    def test_three_clients_together_never_exceed_the_rate(self, valkey: str) -> None:
        async def share() -> tuple[list[int], float]:
            clients = [redis.asyncio.Redis.from_url(valkey) for _ in range(3)]
            since = time.monotonic()
            taken = await asyncio.gather(*(self.drain(Bucket(one, "sms"), since + 2) for one in clients))
            lasted = time.monotonic() - since
            for client in clients:
                await client.aclose()
            return taken, lasted

        taken, lasted = asyncio.run(share())
        print(f"\n{taken} tokens in {lasted:.2f} s at {self.RATE} a second")
        assert sum(taken) <= self.RATE * lasted + self.RATE
        assert sum(taken) >= self.RATE * lasted * 0.9
        assert min(taken) > 0

    def test_channels_have_buckets_of_their_own(self, valkey: str) -> None:
        async def both() -> list[int]:
            async with redis.asyncio.Redis.from_url(valkey) as client:
                return [await Bucket(client, name).take(500, rate=self.RATE) for name in ("sms", "email", "sms")]

        first, second, third = asyncio.run(both())
        assert (first, second) == (200, 200)
        assert third < 20

    def test_tokens_given_back_can_be_taken_again(self, valkey: str) -> None:
        async def give_back() -> tuple[int, int]:
            async with redis.asyncio.Redis.from_url(valkey) as client:
                bucket = Bucket(client, "sms")
                first = await bucket.take(200, rate=self.RATE)
                await bucket.give_back(150, rate=self.RATE)
                return first, await bucket.take(200, rate=self.RATE)

        first, second = asyncio.run(give_back())
        assert first == 200
        assert 150 <= second <= 170

    def test_giving_back_more_than_was_taken_fills_it_and_no_more(self, valkey: str) -> None:
        async def overfill() -> int:
            async with redis.asyncio.Redis.from_url(valkey) as client:
                bucket = Bucket(client, "sms")
                await bucket.take(1, rate=self.RATE)
                await bucket.give_back(10_000, rate=self.RATE)
                return await bucket.take(10_000, rate=self.RATE)

        assert asyncio.run(overfill()) == 200

    def test_a_clock_of_redis_that_is_set_back_stops_nobody(self, valkey: str) -> None:
        async def set_back() -> int:
            async with redis.asyncio.Redis.from_url(valkey) as client:
                bucket = Bucket(client, "sms")
                await bucket.take(1, rate=self.RATE)
                await client.set("signalbox:rate:sms", str((time.time() + 3600) * 1000))  # as the clock was before
                since, taken = time.monotonic(), 0
                while not taken and time.monotonic() < since + 5:
                    taken = await bucket.take(1, rate=self.RATE)
                return taken

        assert asyncio.run(set_back()) == 1

    def test_a_wipe_in_between_is_survived(self, valkey: str) -> None:
        async def wipe() -> tuple[int, float]:
            async with redis.asyncio.Redis.from_url(valkey) as client:
                bucket, since = Bucket(client, "sms"), time.monotonic()
                taken = await self.drain(bucket, since + 0.5)
                await client.flushall()
                await client.script_flush()
                await bucket.give_back(50, rate=self.RATE)
                taken += await self.drain(bucket, since + 1)
                return taken, time.monotonic() - since

        taken, lasted = asyncio.run(wipe())
        assert taken <= self.RATE * lasted + 2 * self.RATE
        assert taken >= self.RATE * lasted

    def test_an_empty_bucket_says_so_within_half_a_second(self, valkey: str) -> None:
        async def wait() -> tuple[int, float]:
            async with redis.asyncio.Redis.from_url(valkey) as client:
                bucket = Bucket(client, "sms")
                await bucket.take(1, rate=0.1)
                since = time.monotonic()
                return await bucket.take(1, rate=0.1), time.monotonic() - since

        taken, lasted = asyncio.run(wait())
        assert taken == 0
        assert 0.4 < lasted < 1

    def test_less_than_one_a_minute_is_kept_too(self, valkey: str) -> None:
        async def how_long() -> int:
            async with redis.asyncio.Redis.from_url(valkey) as client:
                await Bucket(client, "sms").take(1, rate=0.01)
                return int(await client.pttl("signalbox:rate:sms"))

        assert asyncio.run(how_long()) >= 100_000  # ms until there is a token again

    def test_without_redis_there_are_no_tokens(self) -> None:
        async def take() -> None:
            async with redis.asyncio.Redis.from_url("redis://127.0.0.1:1/0", retry=None) as client:
                await Bucket(client, "sms").take(1, rate=1)

        with pytest.raises(redis.RedisError):
            asyncio.run(take())

"""The send job: one long-lived loop that claims, hands over and records, for one campaign (DESIGN 3.2)."""

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TypeVar

import redis.asyncio as redis
import structlog
import uvloop
from peewee import PeeweeException

from jobs import context
from jobs.bucket import Bucket
from jobs.providers.base import Outcome, Provider
from jobs.providers.messages import OutgoingMessage
from jobs.providers.registry import provider_for
from jobs.rendering import Renderer
from jobs.runtime import addresses
from jobs.runtime.stopping import Stop
from jobs.simulation import current_simulation
from models import database
from models.clock import now_ms
from models.config import Config
from models.errors import NotConfiguredError
from models.hints import SENDING, hint
from models.operations import sending, watching
from models.operations.settling import settle
from models.queries.campaigns import get_campaign
from models.queries.settings import allowed_rate
from models.rules.timeouts import LEASE, LEASE_RENEWAL
from models.rules.verdicts import Word
from models.segments import count_segments
from models.tables import Campaign
from models.words import Channel

log = structlog.stdlib.get_logger("signalbox.sending")
Result = TypeVar("Result")

JOB_SECONDS = 120  # then another worker may go on; divided by TIME_SCALE
RECORD_EVERY_SECONDS = 0.025  # or sooner, once a claim's worth of answers has come
NOTICE_SECONDS = 0.1  # how soon a stop is seen while there is nothing to do
PHASE_EVERY_SECONDS = 0.5
EMPTY_QUEUE_SECONDS = 0.2
PATIENCE_SECONDS = 10.0  # with a database that restarts; a job ends when it is away for longer
DRAIN_SECONDS = 2.0  # after a stop, for answers still to come; the supervisor kills after 3
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0


def send(campaign_id: int) -> None:
    """Send what is queued of one campaign until nothing is left, it is stopped, or time is over."""
    now = context.current()
    if not sending.campaign_is_running(campaign_id):
        return
    campaign = get_campaign(campaign_id)
    channel = Channel(campaign.channel)
    try:
        provider = provider_for(channel, now.config, current_simulation())
    except NotConfiguredError as missing:
        watching.refuse_configuration(campaign_id, str(missing), now=now_ms())
        return
    left = uvloop.run(Sender(campaign, provider, now.config, now.stop, rate=partial(allowed_rate, channel)).run())
    watching.finish_if_done(campaign_id, now=now_ms())
    if left:
        hint(SENDING[channel], campaign_id)


class Sender:
    """One campaign's hand-overs by one process.

    What is under way never exceeds the provider's concurrency: a claim asks for the room that is left, so
    a crash leaves at most that many messages in doubt.
    """

    def __init__(
        self, campaign: Campaign, provider: Provider, config: Config, stop: Stop, *, rate: Callable[[], float | None]
    ) -> None:
        self._campaign = campaign
        self._provider = provider
        self._scale = config.time_scale
        self._redis_url = addresses.redis_url(config)
        self._stop = stop
        self._read_rate = rate
        self._rate = self._slowest(rate())
        self._renderer = Renderer(campaign, addresses.public_url(config))
        self._lease_ms = int(LEASE / self._scale)
        self._under_way: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._outcomes: list[Outcome] = []
        self._room = asyncio.Event()
        self._answers = asyncio.Event()
        self._halted = False
        self._drained = False
        self._after_id = 0
        self._lost_on_end = 0
        self._pause = 0.0
        self._pause_until = 0.0
        self._database = ThreadPoolExecutor(1, "database")

    async def run(self) -> bool:
        """Returns whether something may be left to send.

        A fault in any part ends them all; what was claimed is then a matter of its leases.
        """
        async with AsyncExitStack() as stack:
            stack.callback(self._database.shutdown)
            stack.push_async_callback(self._in_database, database.close)
            await stack.enter_async_context(self._provider)
            bucket = await self._open_bucket(stack)
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._record())
                helpers = [self._tasks.create_task(helper()) for helper in (self._renew, self._watch)]
                try:
                    left = await self._send_all(bucket)
                except redis.RedisError as gone:
                    log.warning("Redis is gone, ends with what is under way", trouble=str(gone))
                    left = True
                await self._drain()
                self._drained = True
                for task in {*helpers, *self._under_way.values()}:
                    task.cancel()
            await self._flush()
        return left and not self._halted

    def _slowest(self, rate: float | None) -> float | None:
        """The channel's rate or the provider's own, whichever is less; None when neither limits."""
        return min((limit for limit in (rate, self._provider.speed) if limit), default=None)

    async def _open_bucket(self, stack: AsyncExitStack) -> Bucket | None:
        """The channel's bucket; connects when the first token is asked for, which may be never."""
        if self._redis_url is None:
            return None
        connection = await stack.enter_async_context(redis.Redis.from_url(self._redis_url))
        return Bucket(connection, self._campaign.channel)

    async def _send_all(self, bucket: Bucket | None) -> bool:
        over_at = time.monotonic() + JOB_SECONDS / self._scale
        while not self._halted and not self._stop.asked:
            if time.monotonic() >= max(over_at, self._pause_until):  # the next job would know nothing of the pause
                return True
            room = self._provider.concurrency - len(self._under_way)
            if room < self._smallest_claim() or time.monotonic() < self._pause_until:
                await self._wait_for_room()
                continue
            rate = self._rate  # may change while tokens are waited for
            if rate is not None and bucket is None:
                return True  # no bucket to be had: another job goes on once Redis is back
            tokens = await bucket.take(room, rate=rate) if bucket and rate else room
            if not tokens:
                continue
            claimed = await self._claim_and_start(tokens)
            if bucket and rate:
                await bucket.give_back(tokens - claimed, rate=rate)
            if not claimed and not await self._more_to_come():
                return False
        return True

    def _smallest_claim(self) -> int:
        """A quarter of the concurrency: a claim is a durable commit, too dear for one message at a time."""
        return max(1, self._provider.concurrency // 4)

    async def _claim_and_start(self, limit: int) -> int:
        lease_until = time.monotonic() + self._lease_ms / 1000
        claim = await self._in_database(
            lambda: sending.claim_messages(
                self._campaign.id,
                provider=self._provider.name,
                limit=limit,
                after_id=self._after_id,
                lease_ms=self._lease_ms,
                now=now_ms(),
            )
        )
        if not claim.running:
            self._halt()
        self._after_id = claim.last_id or 0
        messages = [self._renderer.render(claimed) for claimed in claim.messages]
        for start in range(0, len(messages), self._provider.batch_size):
            batch = messages[start : start + self._provider.batch_size]
            task = self._tasks.create_task(self._hand_over(batch, lease_until, claim.messages[0].claimed_at))
            self._under_way |= {(message.message_id, message.attempt): task for message in batch}
        return len(messages)

    async def _hand_over(self, batch: Sequence[OutgoingMessage], lease_until: float, claimed_at: int) -> None:
        """Hand over unless that must not begin any more: stopped, or the lease is no longer surely ours."""
        keys = [(message.message_id, message.attempt) for message in batch]
        if self._halted or self._stop.asked or time.monotonic() >= lease_until:
            claims = [(*key, claimed_at) for key in keys]
            await self._in_database(lambda: sending.give_back(claims, now=now_ms()))
            self._forget(keys)
            return
        outcomes = await self._provider.send(batch)
        for outcome in outcomes:
            if outcome.word is Word.UNKNOWN:
                log.warning("no answer, perhaps sent", **_ids(outcome.message))
        self._heed(outcomes)
        self._outcomes.extend(outcomes)
        if len(self._outcomes) >= self._smallest_claim():
            self._answers.set()

    def _forget(self, keys: Sequence[tuple[int, int]]) -> None:
        for key in keys:
            self._under_way.pop(key, None)
        self._room.set()

    def _heed(self, outcomes: Sequence[Outcome]) -> None:
        """Slow down while the provider takes nothing; go on at once when it does again.

        That many answers lost on end as may be under way at once are a sign of it too: at full speed the whole
        campaign would soon be in doubt.
        """
        words = {outcome.word for outcome in outcomes}
        self._lost_on_end = self._lost_on_end + len(outcomes) if words == {Word.UNKNOWN} else 0
        if Word.NOT_SENT in words or self._lost_on_end >= self._provider.concurrency:
            self._slow_down(named=max(outcome.retry_after or 0 for outcome in outcomes))
        elif words != {Word.UNKNOWN}:
            self._pause = 0.0  # also a refused message shows that the provider is there

    def _slow_down(self, *, named: float) -> None:
        """Claim nothing for a while: `named` seconds, or twice as long as the last time if that is more."""
        if time.monotonic() >= self._pause_until:  # what comes during a pause belongs to the same trouble
            self._pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, self._pause * 2))
        wait = max(named, self._pause * random.uniform(0.5, 1) / self._scale)  # noqa: S311  # jitter
        self._pause_until = max(self._pause_until, time.monotonic() + wait)

    async def _wait_for_room(self) -> None:
        """No longer than a stop may take to be noticed."""
        await _set_within(self._room, NOTICE_SECONDS)

    async def _more_to_come(self) -> bool:
        """With an empty claim: whether a bulk move is still queueing, or answers may queue something again."""
        if self._under_way:
            await self._wait_for_room()
            return True
        if await self._in_database(lambda: sending.queue_may_grow(self._campaign.id)):
            await asyncio.sleep(EMPTY_QUEUE_SECONDS)
            return True
        return False

    def _halt(self) -> None:
        """Begin nothing any more."""
        self._halted = True
        self._provider.hold_back()

    async def _drain(self) -> None:
        """Wait for the answers of what was handed over: as long as they take, or as a stop leaves time for."""
        until = math.inf
        while self._under_way and time.monotonic() < until:
            if self._stop.asked and until == math.inf:
                self._provider.hold_back()
                until = time.monotonic() + DRAIN_SECONDS
            await asyncio.wait(set(self._under_way.values()), timeout=NOTICE_SECONDS)
            await self._flush()

    async def _record(self) -> None:
        """Not by cancelling does it end: answers that it is just writing would be lost."""
        while not self._drained:
            if len(self._outcomes) < self._smallest_claim():
                await _set_within(self._answers, RECORD_EVERY_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        """Record the outcomes that came since; what is recorded is no longer under way."""
        outcomes, self._outcomes = self._outcomes, []
        if not outcomes:
            return
        at = now_ms()
        events = [outcome.event(at=at, segments=self._segments(outcome.message)) for outcome in outcomes]
        await self._in_database(lambda: settle(events, now=at, scale=self._scale))
        self._forget([(event.message_id, event.attempt) for event in events])

    def _segments(self, message: OutgoingMessage) -> int | None:
        return count_segments(message.body).count if self._campaign.channel == Channel.SMS else None

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_RENEWAL / 1000 / self._scale)
            if not self._under_way:
                continue
            await self._in_database(
                partial(sending.renew_leases, list(self._under_way), lease_ms=self._lease_ms, now=now_ms())
            )

    async def _watch(self) -> None:
        """Notice a stop within half a second: the claim would notice too, but what is claimed must not begin.

        A rate that somebody changed is noticed too.
        """
        while not self._halted:
            await asyncio.sleep(PHASE_EVERY_SECONDS)
            running = await self._in_database(lambda: sending.campaign_is_running(self._campaign.id))
            self._rate = self._slowest(await self._in_database(self._read_rate))
            if not running:
                self._halt()

    async def _in_database(self, work: Callable[[], Result]) -> Result:
        """The database on its own thread, one call at a time: the loop goes on meanwhile.

        What it refuses is tried again for a while: a restart of it must not cost the answers that come meanwhile.
        All calls may be repeated: a claim whose commit was lost is a matter of its lease.
        """
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._database, work)
            except PeeweeException as trouble:
                if not database.refusal_in(trouble) or self._stop.asked or time.monotonic() >= until:
                    raise
            await asyncio.get_running_loop().run_in_executor(self._database, database.close)
            await asyncio.sleep(NOTICE_SECONDS)


def _ids(message: OutgoingMessage) -> dict[str, int]:
    return {"message_id": message.message_id, "attempt": message.attempt}


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Wait until somebody sets the event, but not for longer than that.

    Not by `wait_for`: until Python 3.12 it swallows a cancellation that comes together with what it waits for.
    """
    event.clear()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()

"""A storm of SendGrid's posts in which the web process is killed: nothing that was answered for is lost."""

import asyncio
import hashlib
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp
import pytest

from jobs.providers.sendgrid.webhooks import EVENT_WEBHOOK
from models.words import Channel
from tests import engines
from tests.crash import promises
from tests.crash.carriers import carrier_at, contacts
from tests.crash.cells import cells
from tests.crash.conftest import Figure, MakeProduct
from tests.crash.product import READY_SECONDS, Product, answers
from tests.crash.stray_events import encoded, event
from tests.fakes.sendgrid import FakeSendGrid
from tests.processes import children, stretched, until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

# Engine, seconds, posts a second.
STORMS = cells([(engines.SQLITE, 8, 50)], [(engines.SQLITE, 10, 100), (engines.POSTGRESQL, 10, 100)])
EVENTS = 100  # a post
REPEATED = 0.3  # of all events
KINDS = ("processed", "delivered")
TIME_SCALE = "10"  # mail that waits for its events is given up after 6 min
CONNECTIONS = 100
AGAIN_SECONDS = 1.0  # later, SendGrid posts what was not answered with success
LONGEST_SECONDS = 90.0
ANSWER_SECONDS = 10  # SendGrid waits no longer
SENT_SECONDS, DRAINED_SECONDS = 120.0, 60.0
P95_SECONDS = 0.5


@dataclass
class Storm:
    """The posts of a storm. `answers` are those with success: when each was posted, and the seconds it took."""

    url: str
    signer: FakeSendGrid
    bodies: Sequence[bytes]
    posts_a_second: int
    answers: list[tuple[float, float]] = field(default_factory=list)
    in_vain: int = 0
    killed_at: float = 0.0
    ready_at: float = 0.0

    async def rage(self) -> None:
        """Post at an even rate until everything is taken; what was not comes again later."""
        left = deque(self.bodies)
        next_at = time.monotonic()
        over_at = next_at + LONGEST_SECONDS
        connector, limit = aiohttp.TCPConnector(limit=CONNECTIONS), aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(connector=connector, timeout=limit) as session, asyncio.TaskGroup() as posts:
            while len(self.answers) < len(self.bodies):
                assert time.monotonic() < over_at, f"{len(self.answers)} taken after {LONGEST_SECONDS} s"
                if left:
                    posts.create_task(self._post(session, left.popleft(), left))
                next_at += 1 / self.posts_a_second
                await asyncio.sleep(next_at - time.monotonic())

    async def _post(self, session: aiohttp.ClientSession, body: bytes, left: deque[bytes]) -> None:
        headers = {**self.signer.sign(body), "Content-Type": "application/json"}
        since = time.monotonic()
        try:
            async with session.post(self.url, data=body, headers=headers) as answer:
                taken = answer.status < 300
        except (aiohttp.ClientError, TimeoutError):
            taken = False
        if taken:
            self.answers.append((since, time.monotonic() - since))
            return
        self.in_vain += 1
        await asyncio.sleep(AGAIN_SECONDS)
        left.append(body)

    @property
    def latencies(self) -> list[float]:
        """Of all that was taken."""
        return [took for _, took in self.answers]

    @property
    def latencies_while_up(self) -> list[float]:
        """Of what was posted while there was a web process that was ready."""
        return [took for at, took in self.answers if at + took < self.killed_at or at > self.ready_at]


@pytest.mark.parametrize(("engine", "seconds", "posts_a_second"), STORMS)
def test_a_storm_of_receipts_with_the_web_process_killed_loses_nothing(
    make_product: MakeProduct, tmp_path: Path, seconds: int, posts_a_second: int, figure: Figure
) -> None:
    signer = FakeSendGrid()
    posts = seconds * posts_a_second
    people = round(posts * EVENTS * (1 - REPEATED) / len(KINDS))
    with carrier_at(tmp_path / "sendgrid", "sendgrid", signer=signer, tells=False) as carrier:
        product = make_product("product", **{**carrier.variables, "TIME_SCALE": TIME_SCALE})
        campaign_id, imported = product.create(Channel.EMAIL, people, contacts=contacts(Channel.EMAIL, people))
        product.start()
        product.go(campaign_id)
        until(lambda: accepted(product, campaign_id) == imported, seconds=SENT_SECONDS, what="all handed over")
        url = f"{product.variables['PUBLIC_URL']}{EVENT_WEBHOOK.path}"
        storm = Storm(url, signer, bodies_of(product, campaign_id, posts), posts_a_second)
        asyncio.run(weather(product, storm, kill_after_seconds=seconds / 3))
        since = time.monotonic()
        until(lambda: waiting(product) == 0, seconds=DRAINED_SECONDS, what="an empty inbox")
        figure(f"drained {time.monotonic() - since:.1f} s after the last answer")
        assert kept(product) == {digest(body) for body in storm.bodies}
        assert promises.assert_counts_add_up(product, campaign_id, imported) == {"delivered": imported}
        promises.assert_recount_finds_nothing(product)
        figure(told(storm))
        product.stop()
        assert not product.house.living()
    assert quantiles(storm.latencies_while_up, n=100)[94] < stretched(P95_SECONDS)


async def weather(product: Product, storm: Storm, *, kill_after_seconds: float) -> None:
    """The storm, and in it the end of the web process with its children; a service manager starts all again."""

    async def strike() -> None:
        await asyncio.sleep(kill_after_seconds)
        (main,) = product.pids("web")
        product.kill(main, *children(main))
        storm.killed_at = time.monotonic()
        up = asyncio.create_task(asyncio.to_thread(until_up, product))
        await asyncio.to_thread(product.restart)
        storm.ready_at = await up

    await asyncio.gather(storm.rage(), strike())


def until_up(product: Product) -> float:
    """The moment at which web says that it is ready."""
    url = f"{product.variables['PUBLIC_URL']}/readyz"
    until(lambda: answers(url), seconds=READY_SECONDS, what="a web process")
    return time.monotonic()


def bodies_of(product: Product, campaign_id: int, posts: int) -> list[bytes]:
    """Posts of all events of all messages in no order, some events repeated."""
    dice = random.Random(1)
    rows = product.rows("SELECT id, attempt, recipient FROM messages WHERE campaign_id = ?", campaign_id)
    events: list[dict[str, Any]] = [event(kind, *row) for row in rows for kind in KINDS]
    events += dice.sample(events, posts * EVENTS - len(events))
    dice.shuffle(events)
    return [encoded(events[start : start + EVENTS]) for start in range(0, len(events), EVENTS)]


def accepted(product: Product, campaign_id: int) -> int:
    """How many hand-overs were answered with success."""
    found = product.rows("SELECT COUNT(*) FROM attempts WHERE campaign_id = ? AND answer = 'accepted'", campaign_id)
    return int(found[0][0])


def waiting(product: Product) -> int:
    """How many posts are not applied yet."""
    return int(product.rows("SELECT COUNT(*) FROM receipt_inbox WHERE applied_at IS NULL")[0][0])


def kept(product: Product) -> set[str]:
    """Digests of the posts in the inbox."""
    return {digest for (digest,) in product.rows("SELECT digest FROM receipt_inbox")}


def digest(body: bytes) -> str:
    """As the inbox knows a post without a query."""
    return hashlib.sha256(b"\0" + body).hexdigest()


def told(storm: Storm) -> str:
    """The figures of a storm."""
    return (
        f"{len(storm.answers)} posts taken, {storm.in_vain} came in vain; {percentiles(storm.latencies)}; "
        f"while web was up {percentiles(storm.latencies_while_up)}"
    )


def percentiles(latencies: Sequence[float]) -> str:
    """In milliseconds."""
    cuts = quantiles(latencies, n=100)
    p50, p95, p99 = (f"{cuts[percent - 1] * 1000:.0f}" for percent in (50, 95, 99))
    return f"p50 {p50}, p95 {p95}, p99 {p99} ms"

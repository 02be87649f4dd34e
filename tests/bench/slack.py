"""Slack: how long an act waits for its answer while a campaign is sent at full speed."""

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from models.words import Channel
from tests.bench.tables import Table
from tests.crash.product import Product
from tests.processes import free_port

ACTS = 1000
AT_ONCE = 4  # people who act at the same time
MESSAGES = 60_000
BEN, CHANNEL = "U0BEN", "C0CAMPAIGNS"


def measure(*, quick: bool) -> Table:
    """The table of DESIGN 6 for Slack's answers."""
    table = Table(
        "Slack: answers to acts, by signed requests over HTTP, while a campaign is sent without a limit",
        ("act", "n", "p50", "p95", "p99", "max", "sent meanwhile"),
    )
    with _sending(MESSAGES // (10 if quick else 1)) as (product, campaign_id):
        before, since = _sent(product), time.perf_counter()
        waits = asyncio.run(_act(product, campaign_id, ACTS // (10 if quick else 1)))
        rate = (_sent(product) - before) / (time.perf_counter() - since)
    for act, seconds in {**waits, "all": [*chain.from_iterable(waits.values())]}.items():
        ordered = sorted(seconds)
        shown = [f"{ordered[min(len(ordered) - 1, len(ordered) * p // 100)] * 1000:.0f} ms" for p in (50, 95, 99, 100)]
        table.add(act, len(ordered), *shown, f"{rate:,.0f}/s")
    table.notes.append("Goal: p99 under 200 ms. Slack waits 3 s. All processes share the cores with who acts.")
    return table


@contextmanager
def _sending(messages: int) -> Iterator[tuple[Product, int]]:
    """The product in local mode while it sends as fast as it can."""
    with TemporaryDirectory() as scratch:
        product = Product(Path(scratch), SLACK_LOCAL="1", SLACK_LOCAL_PORT=str(free_port()), LOG_LEVEL="WARNING")
        try:
            product.change(simulated__speed=None, simulated__latency_ms=50)
            product.start()
            campaign_id, _ = product.create(Channel.SMS, messages, "--slack-channel", CHANNEL)
            product.go(campaign_id)
            yield product, campaign_id
        finally:
            product.close()


async def _act(product: Product, campaign_id: int, acts: int) -> dict[str, list[float]]:
    """So many commands and clicks, in no order; how long each waited, by kind, in seconds."""
    url = f"{product.house.published('web')['url']}/slack/events"
    secret = str(product.house.published("slack_local")["signing_secret"])
    waits: dict[str, list[float]] = {"command": [], "click": []}
    kinds = random.Random(1).choices([*waits], k=acts)
    left = iter(kinds)

    async def one_after_the_other(session: aiohttp.ClientSession, answers: str) -> None:
        for kind in left:
            body = _BODIES[kind](campaign_id, answers)
            since = time.perf_counter()
            async with session.post(url, data=body, headers=_signed(secret, body)) as answered:
                assert answered.status == 200, await answered.text()
            waits[kind].append(time.perf_counter() - since)

    async with _answers_taken() as answers, aiohttp.ClientSession() as session:
        await asyncio.gather(*(one_after_the_other(session, answers) for _ in range(AT_ONCE)))
    return waits


class _answers_taken:  # noqa: N801  # read as what it is in a `with`
    """A server where the bot's answers to acts go, in place of Slack's own."""

    async def __aenter__(self) -> str:
        app = web.Application()
        app.router.add_post("/{tail:.*}", _taken)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        port = free_port()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        return f"http://127.0.0.1:{port}/answers"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def _taken(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(text="ok")


def _command(campaign_id: int, answers: str) -> bytes:
    fields = {"command": "/campaign", "text": f"status {campaign_id}", "user_id": BEN, "channel_id": CHANNEL}
    return urlencode({**fields, "team_id": "T0LOCAL", "trigger_id": "1.2.3", "response_url": answers}).encode()


def _click(campaign_id: int, answers: str) -> bytes:
    payload: Mapping[str, object] = {
        "type": "block_actions",
        "team": {"id": "T0LOCAL"},
        "user": {"id": BEN, "team_id": "T0LOCAL"},
        "channel": {"id": CHANNEL},
        "trigger_id": "1.2.3",
        "response_url": answers,
        "actions": [{"type": "button", "action_id": "refresh", "block_id": "b", "value": str(campaign_id)}],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


_BODIES = {"command": _command, "click": _click}


def _signed(secret: str, body: bytes) -> dict[str, str]:
    at = str(int(time.time()))
    signature = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": f"v0={signature}",
    }


def _sent(product: Product) -> int:
    return int(product.rows("SELECT COUNT(*) FROM attempts")[0][0])

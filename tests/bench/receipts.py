"""Receipts: signed SendGrid events, 30 % of them repeated, from HTTP in to rows applied; against a bare UPDATE."""

import asyncio
import base64
import json
import random
import time
from collections.abc import Sequence

import aiohttp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jobs.providers.sendgrid.webhooks import EVENT_WEBHOOK
from models.clock import now_ms
from models.database import execute_many, on_sqlite, select, transaction
from models.queries.campaigns import counts_of
from models.words import Channel, Phase
from tests.bench.campaign import ENGINES, installation
from tests.bench.tables import Table
from tests.factories import answer, claim, make_campaign, put_into_phase, run
from tests.processes import House, free_port, until

MESSAGES = 30_000
EVENTS_PER_POST = 100
REPEATED = 0.3
CONNECTIONS = 32  # SendGrid posts from many servers at once
BARE_BATCH = 500
KEY = ec.generate_private_key(ec.SECP256R1())


def measure(*, quick: bool) -> Table:
    """The table of DESIGN 6 for receipts."""
    table = Table(
        "Receipts: events a second, from HTTP in to rows applied",
        ("engine", "bare batched UPDATE", "Signalbox", "ratio", "answers p50", "p95", "max", "drained after"),
    )
    for engine in ENGINES:
        table.add(engine, *_measure(engine, MESSAGES // (10 if quick else 1)))
    table.notes.append("Goal: ratio 0.4. All processes share the cores with the client that posts.")
    return table


def _measure(engine: str, messages: int) -> list[str]:
    port = free_port()
    variables = {
        "EMAIL_PROVIDER": "sendgrid",
        "SENDGRID_API_KEY": "SG.bench",
        "SENDGRID_WEBHOOK_PUBLIC_KEY": _public_key(),
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "LOG_LEVEL": "WARNING",
    }
    with installation(engine, variables) as (house, given):
        bare_campaign = _sending(messages)
        bare = _bare_rate(bare_campaign)
        put_into_phase(bare_campaign, Phase.ENDED)
        campaign_id = _sending(messages)
        _start(house, given)
        posts = _posts([row[0] for row in select("SELECT id FROM messages WHERE campaign_id = ?", campaign_id)])
        since = time.perf_counter()
        waits = asyncio.run(_post_all(f"http://127.0.0.1:{port}{EVENT_WEBHOOK.path}", posts))
        posted = time.perf_counter()
        until(lambda: counts_of(campaign_id)["delivered"] == messages, seconds=300, what="the last event")
        until(_inbox_is_empty, seconds=60, what="the repeated ones")
        ended = time.perf_counter()
        events = sum(post.count(b'"event"') for post in posts)
        ours, waits = events / (ended - since), sorted(waits)
        quantiles = [waits[len(waits) // 2], waits[len(waits) * 95 // 100], waits[-1]]
        shown = [f"{wait * 1000:.0f} ms" for wait in quantiles]
        return [f"{bare:,.0f}", f"{ours:,.0f}", f"{ours / bare:.2f}", *shown, f"{ended - posted:.1f} s"]


def _sending(messages: int) -> int:
    """An email campaign whose messages are all with the provider; its id."""
    campaign_id = make_campaign(Channel.EMAIL, messages)
    run(campaign_id)
    while claimed := claim(campaign_id, limit=1000, now=now_ms()):
        answer(claimed, at=now_ms())
    return campaign_id


def _bare_rate(campaign_id: int) -> float:
    """Events a second of an UPDATE in batches, with the table's real indexes and nothing else."""
    ids = [row[0] for row in select("SELECT id FROM messages WHERE campaign_id = ?", campaign_id)]
    events = _with_repeats(ids)
    since = time.perf_counter()
    for start in range(0, len(events), BARE_BATCH):
        batch = events[start : start + BARE_BATCH]
        with transaction():
            if on_sqlite():
                execute_many(
                    "UPDATE messages SET status = 'delivered', updated_at = ?, due_at = NULL "
                    "WHERE id = ? AND status = 'sending'",
                    [(now_ms(), message_id) for message_id in batch],
                )
            else:
                select(
                    "UPDATE messages SET status = 'delivered', updated_at = ?, due_at = NULL "
                    "WHERE id = ANY(?) AND status = 'sending' RETURNING 1",
                    now_ms(),
                    batch,
                )
    return len(events) / (time.perf_counter() - since)


def _start(house: House, variables: dict[str, str]) -> None:
    house.start("python", "-m", "jobs.valkey", **variables)
    house.published("redis")
    house.start("python", "-m", "jobs.worker", "--processes", "receipts=1", **variables)
    house.start("python", "-m", "admin.server", **variables)
    house.published("web")


def _with_repeats(ids: Sequence[int]) -> list[int]:
    dice = random.Random(1)
    events = [*ids, *dice.sample(ids, int(len(ids) * REPEATED))]
    dice.shuffle(events)
    return events


def _posts(ids: Sequence[int]) -> list[bytes]:
    events = _with_repeats(ids)
    now = int(time.time())
    return [
        json.dumps([_event(message_id, now) for message_id in events[start : start + EVENTS_PER_POST]]).encode()
        for start in range(0, len(events), EVENTS_PER_POST)
    ]


def _event(message_id: int, now: int) -> dict[str, object]:
    return {
        "email": f"person{message_id}@example.com",
        "timestamp": now,
        "smtp-id": f"<{message_id}@geopod-ismtpd>",
        "event": "delivered",
        "category": ["signalbox"],
        "sg_event_id": f"event-{message_id}",
        "sg_message_id": f"x.{message_id}",
        "response": "250 OK",
        "message_id": str(message_id),
        "attempt": "1",
    }


async def _post_all(url: str, posts: Sequence[bytes]) -> list[float]:
    """Post them, a few at once; returns how long each answer took, in seconds."""
    waits: list[float] = []
    left = iter(posts)

    async def one_after_the_other(session: aiohttp.ClientSession) -> None:
        for post in left:
            since = time.perf_counter()
            async with session.post(url, data=post, headers=_signed(post)) as answered:
                assert answered.status == 204, answered.status
            waits.append(time.perf_counter() - since)

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one_after_the_other(session) for _ in range(CONNECTIONS)))
    return waits


def _signed(body: bytes) -> dict[str, str]:
    timestamp = str(int(time.time()))
    signature = KEY.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "Content-Type": "application/json",
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }


def _public_key() -> str:
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(KEY.public_key().public_bytes(encoding, form)).decode()


def _inbox_is_empty() -> bool:
    return not select("SELECT 1 FROM receipt_inbox WHERE applied_at IS NULL LIMIT 1")

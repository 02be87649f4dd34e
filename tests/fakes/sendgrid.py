"""A SendGrid on 127.0.0.1: takes mail as the real one does, keeps what each person gets, posts signed events.

In a test it is a context manager with a thread of its own; as a process: `python -m tests.fakes.sendgrid
--port 8025 --ledger taken.txt --key SG.fake --events http://127.0.0.1:5000/webhooks/sendgrid/events`.

Addresses choose what becomes of them: `sim.NAME@` as in SPEC 10, and for what only concerns the API
`bad.400@` (a 400 that names its row), `bad400.quiet@` (one that names none), `wait.429@` (one 429, then
taken), `error.500@` and `error.500.taken@` (a 500 before and after taking the mail).
"""

import argparse
import asyncio
import base64
import binascii
import heapq
import json
import random
import re
import signal
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from tests.fakes.ledger import Ledger, taken

JSON = dict[str, Any]
LARGEST = 30_000_000  # bytes of a request
POST_SIZE = 50  # events
REPEATED = 0.3
POST_AGAIN_SECONDS = 1.0
TICK_SECONDS = 0.02
SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#message."
RESERVED = {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"}
RESERVED |= {"to", "from", "subject", "reply-to", "cc", "bcc"}
_ADDRESS = re.compile(r"[^@\s<>\0]+@[^@\s<>.\0]+(\.[^@\s<>.\0]+)+")
_CHOSEN = re.compile(r"sim\.([a-z_.]+)@", re.IGNORECASE)

# The course of a hand-over: events in the order in which they happen, though not of their arrival.
_BOUNCE: JSON = {"event": "bounce", "type": "bounce", "tls": 1}
_BLOCK: JSON = {"event": "bounce", "type": "blocked", "tls": 1}
PROCESSED: JSON = {"event": "processed"}
DELIVERED: JSON = {"event": "delivered", "response": "250 2.0.0 OK", "tls": 1}
DEFERRED: JSON = {"event": "deferred", "response": "421 4.3.2 try again later", "attempt": "1", "tls": 1}
FAILURES: dict[str, JSON] = {
    "invalid_recipient": _BOUNCE
    | {"status": "5.1.1", "reason": "550 5.1.1 no such user", "bounce_classification": "Invalid Address"},
    "unreachable": _BOUNCE
    | {"status": "5.4.1", "reason": "no answer from the host", "bounce_classification": "Technical Failure"},
    "mailbox_full": _BOUNCE
    | {"status": "5.2.2", "reason": "552 5.2.2 mailbox full", "bounce_classification": "Mailbox Unavailable"},
    "blocked": _BLOCK
    | {"status": "5.7.1", "reason": "550 5.7.1 listed at a blocklist", "bounce_classification": "Reputation"},
    "content_rejected": _BOUNCE
    | {"status": "5.7.1", "reason": "550 5.7.1 looks like spam", "bounce_classification": "Content"},
    "rate_limited": _BLOCK
    | {"status": "4.7.0", "reason": "421 4.7.0 slow down", "bounce_classification": "Frequency or Volume Too High"},
    "expired": _BLOCK | {"reason": "delivery time expired after 72 h", "bounce_classification": "Unclassified"},
    "configuration": {"event": "dropped", "reason": "Invalid SMTPAPI header", "status": "5.0.0"},
    "insufficient_funds": {"event": "dropped", "reason": "Recipient List over Package Quota", "status": "5.0.0"},
    "provider_error": _BOUNCE
    | {"status": "4.5.0", "reason": "451 4.5.0 protocol error", "bounce_classification": "Unclassified"},
    "unknown": _BOUNCE | {"reason": "", "bounce_classification": "Unclassified"},
}
FAILURES["unsupported_recipient"] = FAILURES["invalid_recipient"]  # mail has no such thing
COURSES: dict[str, list[JSON]] = {
    "delivered": [PROCESSED, DELIVERED],
    **{f"failed.{reason}": [PROCESSED, event] for reason, event in FAILURES.items() if event["event"] == "bounce"},
    **{f"failed.{reason}": [event] for reason, event in FAILURES.items() if event["event"] == "dropped"},
    "optedout": [{"event": "dropped", "reason": "Unsubscribed Address", "status": "5.0.0"}],
    "silent": [],
    "sent": [PROCESSED],
    "deferred": [PROCESSED, DEFERRED, DELIVERED],
    "lost": [PROCESSED, DELIVERED],
    "lostnever": [],
    "account": [],
    "late": [PROCESSED, DELIVERED],
}


@dataclass(frozen=True)
class Mail:
    """What one person gets; `headers` are those that the request gave."""

    recipient: str
    message_id: str
    attempt: str
    x_message_id: str
    sender: JSON
    reply_to: JSON | None
    subject: str
    text: str
    html: str
    headers: dict[str, str]
    attachments: tuple[tuple[str, str, bytes], ...]


@dataclass(frozen=True)
class Scripted:
    """An answer given whatever was asked; with `takes` the mail is taken all the same."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    takes: bool = False


class RefusedError(Exception):
    """The request is refused."""

    def __init__(self, status: int, *errors: tuple[str | None, str], headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.errors = errors
        self.headers = headers or {}

    def answer(self) -> web.Response:
        """As SendGrid words it."""
        errors = [
            {"message": message, "field": where, "help": where and HELP + where.partition(".")[0]}
            for where, message in self.errors
        ]
        return web.json_response({"errors": errors}, status=self.status, headers=self.headers)


@dataclass
class FakeSendGrid:
    """What it took is in `mails`, what it was asked in `requests` (the JSON of each send).

    `accepts` set to False answers everything with 401. `scripted` are answers to the next sends,
    `cut_answer_at` cuts the connection after so many bytes of the answer to a send that it took.
    """

    ledger: Path | None = None
    key: str = "SG.fake"
    events_url: str = ""
    latency_ms: float = 0
    delay_seconds: float = 1
    late_seconds: float = 72 * 60
    seed: int = 1
    private_key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    port: int = 0
    keeps_mails: bool = True
    accepts: bool = True
    cut_answer_at: int | None = None
    scripted: deque[Scripted] = field(default_factory=deque)
    scopes: list[str] = field(default_factory=lambda: ["mail.send", "sender_verification_eligible"])
    mails: list[Mail] = field(default_factory=list)
    requests: list[JSON] = field(default_factory=list)
    posted: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._waited: set[str] = set()
        self._due: list[tuple[float, int, JSON]] = []
        self._serial = 0
        self._dice = random.Random(self.seed)
        self._ledger = Ledger(self.ledger) if self.ledger else None

    @property
    def url(self) -> str:
        """What SENDGRID_API_URL is to be."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def public_key(self) -> str:
        """What SENDGRID_WEBHOOK_PUBLIC_KEY is to be."""
        der = self.private_key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def start(self) -> None:
        """Listen, and post events from now on."""
        app = web.Application(client_max_size=LARGEST * 2)
        app.router.add_post("/v3/mail/send", self._send)
        app.router.add_get("/v3/scopes", self._tell_scopes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._poster = asyncio.create_task(self._post_events())

    async def stop(self) -> None:
        """Close; events that were still to come are gone."""
        self._poster.cancel()
        with suppress(asyncio.CancelledError):
            await self._poster
        await self._runner.cleanup()
        left = asyncio.all_tasks() - {asyncio.current_task()}  # answers whose client has gone
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # transports close in the next turn of the loop
        if self._ledger:
            self._ledger.close()

    def sign(self, body: bytes, *, at: float | None = None) -> dict[str, str]:
        """The headers of a post that SendGrid makes at `at` (epoch seconds; now if not given)."""
        timestamp = str(int(time.time() if at is None else at))
        signature = self.private_key.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {SIGNATURE: base64.b64encode(signature).decode(), TIMESTAMP: timestamp}

    async def _tell_scopes(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.latency_ms / 1000)
        try:
            self._check_key(request)
        except RefusedError as refused:
            return refused.answer()
        if self.scripted:
            said = self.scripted.popleft()
            return web.Response(status=said.status, body=said.body, headers=said.headers)
        return web.json_response({"scopes": self.scopes})

    def _check_key(self, request: web.Request) -> None:
        if not self.accepts or request.headers.get("Authorization") != f"Bearer {self.key}":
            raise RefusedError(401, (None, "The provided authorization grant is invalid, expired, or revoked"))

    async def _send(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        await asyncio.sleep(self.latency_ms / 1000)
        try:
            self._check_key(request)
            given = check(body, request.content_type)
            if self.keeps_mails:
                self.requests.append(given)
            if self.scripted:
                return self._say(given, self.scripted.popleft())
            chosen = Counter(_choice(one) for one in given["personalizations"])
            self._refuse_chosen(given, chosen)
        except RefusedError as refused:
            return refused.answer()
        if chosen["sim.lostnever"]:
            return _cut(request)
        x_message_id = self._take(given)
        if chosen["error.500.taken"]:
            return RefusedError(500, (None, "internal server error")).answer()
        if chosen["sim.lost"]:
            return _cut(request)
        return self._accepted(request, x_message_id)

    def _say(self, given: JSON, said: Scripted) -> web.Response:
        if said.takes:
            self._take(given)
        return web.Response(status=said.status, body=said.body, headers=said.headers)

    def _refuse_chosen(self, given: JSON, chosen: Counter[str]) -> None:
        """Raises RefusedError for those who asked for it."""
        if chosen["sim.account"]:
            raise RefusedError(401, (None, "The provided authorization grant is invalid, expired, or revoked"))
        bad = [number for number, one in enumerate(given["personalizations"]) if _choice(one) == "bad.400"]
        if bad:
            raise RefusedError(
                400, *((f"personalizations.{number}.to.0.email", "Does not contain a valid address.") for number in bad)
            )
        if chosen["bad400.quiet"]:
            raise RefusedError(400, (None, "Bad Request"))
        new = {_recipient(one) for one in given["personalizations"] if _choice(one) == "wait.429"} - self._waited
        if new:
            self._waited |= new
            headers = {"X-RateLimit-Limit": "600", "X-RateLimit-Remaining": "0"}
            headers["X-RateLimit-Reset"] = str(int(time.time()) + 2)
            raise RefusedError(429, (None, "too many requests"), headers=headers)
        if chosen["error.500"]:
            raise RefusedError(500, (None, "internal server error"))

    def _accepted(self, request: web.Request, x_message_id: str) -> web.StreamResponse:
        if self.cut_answer_at is None:
            return web.Response(status=202, headers={"X-Message-Id": x_message_id})
        whole = f"HTTP/1.1 202 Accepted\r\nX-Message-Id: {x_message_id}\r\nContent-Length: 0\r\n\r\n".encode()
        assert request.transport is not None
        request.transport.write(whole[: self.cut_answer_at])
        return _cut(request)

    def _take(self, given: JSON) -> str:
        """Note it durably, keep the mails, and plan the events."""
        x_message_id = base64.urlsafe_b64encode(self._dice.randbytes(16)).decode().rstrip("=")
        if self._ledger:
            people = [(*_ids(one), _recipient(one)) for one in given["personalizations"]]
            self._ledger.note([taken(*person) for person in people])
        if self.keeps_mails:
            self.mails += [mail_of(given, one, x_message_id) for one in given["personalizations"]]
        for one in given["personalizations"]:
            self._plan(given, one, x_message_id)
        return x_message_id

    def _plan(self, given: JSON, one: JSON, x_message_id: str) -> None:
        kind, _, fate = _choice(one).partition(".")
        fate = fate if kind == "sim" else "delivered"
        arguments = {**given.get("custom_args", {}), **one.get("custom_args", {})}
        dice = random.Random(f"{self.seed}:{arguments.get('message_id', _recipient(one))}:{arguments.get('attempt')}")
        happens_at = time.time()
        for event in COURSES.get(fate, COURSES["delivered"]):
            if fate == "late" and event is DELIVERED:
                happens_at += self.late_seconds
            due = happens_at + self.delay_seconds * dice.uniform(0.1, 1)
            fields = {"email": _recipient(one), "timestamp": int(happens_at), **event, **arguments}
            whole = _with_ids(fields, x_message_id, dice)
            self._post_at(due, whole)
            if dice.random() < REPEATED:
                self._post_at(due + self.delay_seconds * dice.random(), whole)

    def _post_at(self, due: float, event: JSON) -> None:
        self._serial += 1
        heapq.heappush(self._due, (due, self._serial, event))

    async def _post_events(self) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while True:
                await asyncio.sleep(TICK_SECONDS)
                due: list[JSON] = []
                while self._due and self._due[0][0] <= time.time():
                    due.append(heapq.heappop(self._due)[2])
                self._dice.shuffle(due)
                for start in range(0, len(due), POST_SIZE):
                    await self._post(session, due[start : start + POST_SIZE])

    async def _post(self, session: aiohttp.ClientSession, events: list[JSON]) -> None:
        """Post a batch, and once more later if that is not answered with success."""
        body = json.dumps(events).encode()
        headers = self.sign(body)
        if self.keeps_mails:
            self.posted.append((headers, body))
        if not self.events_url:
            return
        try:
            async with session.post(
                self.events_url, data=body, headers={**headers, "Content-Type": "application/json"}
            ) as answer:
                ok = answer.status < 300
        except (aiohttp.ClientError, TimeoutError):
            ok = False
        if not ok:
            for event in events:
                self._post_at(time.time() + POST_AGAIN_SECONDS, event)


def check(body: bytes, media_type: str) -> JSON:
    """The request, if SendGrid would take it; raises RefusedError otherwise."""
    if media_type != "application/json":
        raise RefusedError(415, (None, "Content-Type should be application/json."))
    if len(body) > LARGEST:
        raise RefusedError(413, (None, "content too large"))
    try:
        given = json.loads(body)
    except ValueError:
        raise RefusedError(400, (None, "Bad Request")) from None
    if not isinstance(given, dict):
        raise RefusedError(400, (None, "Bad Request"))
    faults = (_faults_of_sender, _faults_of_content, _faults_of_attachments, _faults_of_people)
    if errors := [error for fault in faults for error in fault(given)]:
        raise RefusedError(400, *errors)
    return given


def _faults_of_sender(given: JSON) -> Iterator[tuple[str, str]]:
    sender = given.get("from")
    if not isinstance(sender, dict):
        yield "from", "The from object must be provided for every email send."
    elif not _ADDRESS.fullmatch(str(sender.get("email"))):
        yield "from.email", "The from email does not contain a valid address."
    if "reply_to" in given and not _ADDRESS.fullmatch(str(given["reply_to"].get("email"))):
        yield "reply_to.email", "The reply_to email does not contain a valid address."


def _faults_of_content(given: JSON) -> Iterator[tuple[str, str]]:
    content = given.get("content") or []
    if not given.get("subject") and not all(one.get("subject") for one in given.get("personalizations") or []):
        yield "subject", "The subject is required."
    if not content:
        yield "content", "The content parameter is required, with at least one object."
    if [part.get("type") for part in content] not in ([], ["text/plain"], ["text/html"], ["text/plain", "text/html"]):
        yield "content", "text/plain and text/html may be given once each, in this order."
    for number, part in enumerate(content):
        if not part.get("value"):
            yield f"content.{number}.value", "The content value must be a string at least one character in length."


def _faults_of_attachments(given: JSON) -> Iterator[tuple[str, str]]:
    for number, one in enumerate(given.get("attachments") or []):
        try:
            fits = bool(base64.b64decode(one["content"], validate=True)) and bool(one["filename"])
        except (binascii.Error, KeyError, TypeError):
            fits = False
        if not fits:
            yield f"attachments.{number}.content", "The attachment content must be base64 encoded."


def _faults_of_people(given: JSON) -> Iterator[tuple[str, str]]:
    people = given.get("personalizations")
    if not isinstance(people, list) or not 1 <= len(people) <= 1000:
        yield "personalizations", "There must be 1 to 1000 personalizations."
        return
    for number, one in enumerate(people):
        for where, message in _faults_of_one(one):
            yield f"personalizations.{number}.{where}", message
    addresses = Counter(str(address.get("email")).lower() for one in people for address in one.get("to") or [])
    for email, times in addresses.items():
        if times > 1:
            yield "personalizations", f"Each unique email address should be included once. You have included {email}."


def _faults_of_one(one: JSON) -> Iterator[tuple[str, str]]:
    if not one.get("to"):
        yield "to", "The to array is required for all personalization objects."
    for place, address in enumerate(one.get("to") or []):
        if not _ADDRESS.fullmatch(str(address.get("email"))):
            yield f"to.{place}.email", "Does not contain a valid address."
    for name, value in (one.get("headers") or {}).items():
        if name.lower() in RESERVED or re.search(r"[\r\n]", f"{name}{value}"):
            yield "headers", f"The header {name!r} can't be given."
    for part in ("substitutions", "custom_args"):
        if sum(len(text.encode(errors="replace")) for pair in (one.get(part) or {}).items() for text in pair) > 10_000:
            yield part, f"The {part} may not exceed 10000 bytes."


def mail_of(given: JSON, one: JSON, x_message_id: str) -> Mail:
    """What one person gets, substituted as SendGrid does: tag after tag, in texts and in what was put in before."""

    def substituted(text: str) -> str:
        for tag, value in (one.get("substitutions") or {}).items():
            text = text.replace(tag, value)
        return text

    parts = {part["type"]: substituted(part["value"]) for part in given["content"]}
    message_id, attempt = _ids(one)
    return Mail(
        recipient=_recipient(one),
        message_id=message_id,
        attempt=attempt,
        x_message_id=x_message_id,
        sender=given["from"],
        reply_to=given.get("reply_to"),
        subject=substituted(one.get("subject") or given["subject"]),
        text=parts.get("text/plain", ""),
        html=parts.get("text/html", ""),
        headers={**(given.get("headers") or {}), **(one.get("headers") or {})},
        attachments=tuple(
            (file["filename"], file.get("type", ""), base64.b64decode(file["content"]))
            for file in given.get("attachments") or []
        ),
    )


def _with_ids(event: JSON, x_message_id: str, dice: random.Random) -> JSON:
    """An event with the fields that SendGrid adds to each."""
    return {
        "smtp-id": f"<{x_message_id}@geopod-ismtpd-1>",
        "category": dice.choice(["campaign", ["campaign", "outreach"]]),
        "sg_event_id": base64.urlsafe_b64encode(dice.randbytes(24)).decode(),
        "sg_message_id": f"{x_message_id}.recvd-5645d9c87f-78xvx-1-{dice.randrange(16**8):08X}-14.0",
        **({} if event["event"] in ("processed", "dropped") else {"ip": "203.0.113.7"}),
        **event,
    }


def _recipient(one: JSON) -> str:
    return str(one["to"][0]["email"])


def _ids(one: JSON) -> tuple[str, str]:
    arguments = one.get("custom_args") or {}
    return str(arguments.get("message_id", "")), str(arguments.get("attempt", ""))


def _choice(one: JSON) -> str:
    """`sim.delivered`, `bad.400`, … if the address chose; '' otherwise. `bad.400.7@` is as good as `bad.400@`."""
    local = _recipient(one).partition("@")[0].lower()
    if chosen := _CHOSEN.match(_recipient(one)):
        return f"sim.{chosen[1].lower()}"
    named = re.match(r"bad\.400|bad400\.quiet|wait\.429|error\.500\.taken|error\.500", local)
    return named[0] if named else ""


def _cut(request: web.Request) -> web.StreamResponse:
    """Close the connection without (more of) an answer."""
    if request.transport is not None:
        request.transport.close()
    return web.Response(status=202)


async def _serve(fake: FakeSendGrid) -> None:
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    await fake.start()
    sys.stdout.write(json.dumps({"url": fake.url, "public_key": fake.public_key}) + "\n")
    sys.stdout.flush()
    await over.wait()
    await fake.stop()


def main(arguments: list[str]) -> None:
    """Run until SIGTERM; says its URL and public key on the first line of stdout, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.sendgrid")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--events", default="")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--delay-seconds", type=float, default=1)
    parser.add_argument("--late-seconds", type=float, default=72 * 60, help="after which sim.late@ is delivered")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--private-key-file", type=Path, help="PEM; a new key without it")
    given = parser.parse_args(arguments)
    fake = FakeSendGrid(
        ledger=given.ledger,
        key=given.key,
        events_url=given.events,
        latency_ms=given.latency_ms,
        delay_seconds=given.delay_seconds,
        late_seconds=given.late_seconds,
        seed=given.seed,
        port=given.port,
        keeps_mails=False,
    )
    if given.private_key_file:
        key = load_pem_private_key(given.private_key_file.read_bytes(), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        fake.private_key = key
    asyncio.run(_serve(fake))


if __name__ == "__main__":
    main(sys.argv[1:])

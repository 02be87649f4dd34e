"""Calls of the Twilio provider as its tests make them, and answers that the fake does not give."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import uvloop

from jobs.providers.base import Outcome
from jobs.providers.messages import Content, OutgoingMessage
from jobs.providers.twilio.provider import TwilioAccount, TwilioProvider
from tests.fakes.twilio import ACCOUNT, SERVICE, TOKEN

T = TypeVar("T")
CALLBACK = "http://127.0.0.1:9/webhooks/twilio/status"
VARIABLES = {
    "TWILIO_ACCOUNT_SID": ACCOUNT,
    "TWILIO_AUTH_TOKEN": TOKEN,
    "TWILIO_MESSAGING_SERVICE_SID": SERVICE,
}
ADA = "+12025550100"
SID = "SM" + "0" * 31 + "1"
OTHER_SID = "SM" + "0" * 31 + "2"
NOW = 1_790_000_000_000  # epoch ms


def using(url: str, act: Callable[[TwilioProvider], Awaitable[T]], *, validity_seconds: int = 14_400) -> T:
    """What comes of `act` with an open provider."""

    async def run() -> T:
        account = TwilioAccount.from_variables({**VARIABLES, "TWILIO_API_URL": url})
        async with TwilioProvider(account, CALLBACK, validity_seconds) as provider:
            return await act(provider)

    return uvloop.run(run())


def message(recipient: str = ADA, text: str = "Hi", message_id: int = 7, **values: str) -> OutgoingMessage:
    return OutgoingMessage(message_id, 1, recipient, Content.of_sms(text), values)


def hand_over(url: str, one: OutgoingMessage | None = None) -> Outcome:
    """The outcome of one hand-over."""
    return using(url, lambda provider: provider.send([one or message()]))[0]


@asynccontextmanager
async def server(answer: bytes | None, *, reset: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Whoever comes gets these very bytes and then the connection's end, or with None silence; and what came."""
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(65_536))
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()
        if reset:
            writer.transport.abort()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield "http://{}:{}".format(*listening.sockets[0].getsockname()), came


def raw(status: int, body: bytes | object, **headers: str) -> bytes:
    """An answer of HTTP, its body as it is or as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} So", f"Content-Length: {len(content)}", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def resource(**given: object) -> dict[str, object]:
    """A Message resource."""
    usual = {"sid": SID, "status": "accepted", "error_code": None, "error_message": None, "to": ADA, "body": "Hi"}
    created = "Mon, 21 Sep 2026 14:13:20 +0000"  # NOW
    return {**usual, "messaging_service_sid": SERVICE, "date_created": created, **given}


def refusal(code: object, text: object = "No") -> dict[str, object]:
    return {"code": code, "message": text, "more_info": "https://www.twilio.com/docs/errors/1", "status": 400}

"""A provider that costs next to nothing: answers every POST as Twilio does, after a latency, and counts.

In a process of its own: `python -m tests.bench.stub PORT LATENCY_MS`; GET tells what it has counted.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

BODY = (
    '{{"sid":"SM{number:032x}","status":"accepted","to":"+12025550147","body":"","error_code":null,'
    '"error_message":null,"messaging_service_sid":"MG00000000000000000000000000000000"}}'
)


class Counted:
    """What came so far."""

    posts = 0
    first_at = 0.0
    last_at = 0.0

    def note(self) -> int:
        """Count a POST; returns its number."""
        self.last_at = time.time()
        self.first_at = self.first_at or self.last_at
        self.posts += 1
        return self.posts


class Stub(asyncio.Protocol):
    """One connection, kept open."""

    def __init__(self, counted: Counted, latency: float) -> None:
        self._counted = counted
        self._latency = latency
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, received: bytes) -> None:
        """One request after the other, each answered when its latency is over."""
        self._received += received
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
            if len(self._received) < end + 4 + length:
                return
            self._received = self._received[end + 4 + length :]
            if head.startswith(b"post"):
                self._answer_later(BODY.format(number=self._counted.note()))
            else:
                self._answer(200, json.dumps(vars(self._counted)))

    def _answer_later(self, body: str) -> None:
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._answer, 201, body)
        else:
            self._answer(201, body)

    def _answer(self, status: int, body: str) -> None:
        head = f"HTTP/1.1 {status} OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(f"{head}{body}".encode())


async def serve(port: int, latency_ms: float) -> None:
    """Until the process is ended."""
    counted = Counted()
    server = await asyncio.get_running_loop().create_server(
        lambda: Stub(counted, latency_ms / 1000), "127.0.0.1", port, backlog=1024
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2])))

"""HTTP as hand-overs need it: whatever goes wrong, it is known whether the request may have left.

No request is ever repeated here: no provider has a key by which it would know a repeated one.
"""

import asyncio
import socket
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import AddrInfoType

# No longer than a stop may take: what still connects then has left by the time that nothing may leave any more.
CONNECT_SECONDS = 2
ANSWER_SECONDS = 30  # of silence
WHOLE_SECONDS = 120  # for all of it, so that an answer that comes drop by drop ends too
# Shorter than providers keep idle connections, so that none is closed under a request that just leaves.
KEPT_SECONDS = 5
LONGEST_WAIT = 600.0  # seconds that a provider can ask us to wait; a clock that is wrong must not stop us for hours
ANSWER_LENGTH = 1_000_000  # bytes of an answer that are kept
READ = 65_536
# Only what surely comes before the first byte: whatever else goes wrong may have come after it.
_NEVER_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


class NotSentError(Exception):
    """The request surely never left: no connection came about."""


class LostAnswerError(Exception):
    """The request may have left, and its answer did not come whole."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that came whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def open_session(*, connections: int, headers: Mapping[str, str] | None = None) -> aiohttp.ClientSession:
    """A client with so many connections at most and explicit time-outs; close it when done."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections, keepalive_timeout=KEPT_SECONDS, socket_factory=_impatient_socket
        ),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS),
        headers=headers,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def _impatient_socket(address: AddrInfoType) -> socket.socket:
    """A socket that gives up on a peer which stops reading: aiohttp's time-outs begin once the body is written."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(ANSWER_SECONDS * 1000))
    return made


async def ask(session: aiohttp.ClientSession, method: str, url: str, **given: Any) -> Reply:
    """One request, its answer read whole within `WHOLE_SECONDS`; redirects are not followed.

    Raises NotSentError and LostAnswerError, nothing else. Neither names its cause: aiohttp's errors show the
    request's headers, and these hold credentials.
    """
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            return await _read(session.request(method, url, allow_redirects=False, **given))
    except _NEVER_LEFT as trouble:
        raise NotSentError(_named(trouble)) from None
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as trouble:
        raise LostAnswerError(_named(trouble)) from None


async def _read(request: AbstractAsyncContextManager[aiohttp.ClientResponse]) -> Reply:
    async with request as response:
        pieces, left = [], ANSWER_LENGTH
        async for piece in response.content.iter_chunked(READ):
            pieces.append(piece[:left])
            left -= len(pieces[-1])
        return Reply(response.status, response.headers, b"".join(pieces))


def _named(trouble: Exception) -> str:
    """The fault in a few words, without the address asked for: it may hold an account's name."""
    return type(trouble).__name__

"""Slack to the app: signed HTTP requests, or Socket Mode envelopes, with 3 s to answer."""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from bot.local_slack.core import Core
from bot.local_slack.errors import Document
from bot.local_slack.payloads import TOKEN
from bot.local_slack.workspace import APP_ID, BOT_USER, TEAM_ID

ACK_SECONDS = 3.0
# Events that were not answered are sent again at once, after a minute and after five.
EVENT_RETRY_SECONDS = (0.0, 60.0, 300.0)
# What an app subscribes to for messages, by the kind of conversation.
SUBSCRIPTIONS = {"im": "message.im", "channel": "message.channels"}
LATE, LOST = "operation_timeout", "dispatch_failed"
USER_AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


@dataclass(frozen=True)
class Ack:
    """What the app answered: `error` is Slack's word for no answer or a bad one; `body` is its content."""

    error: str | None = None
    body: Any = None


class Delivery:
    """Sends payloads to the app's request URL, or to its Socket Mode connections when there is no URL."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.request_url: str | None = None
        self.connections: list[web.WebSocketResponse] = []
        self._wires: list[asyncio.BaseTransport | None] = []
        self._awaited: dict[str, asyncio.Future[Any]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """End retries and connections."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self.connections):
            await connection.close()
        if self._session is not None:
            await self._session.close()

    async def send(self, kind: str, payload: Document, name: str) -> Ack:
        """Deliver a `slash_commands` or `interactive` payload and return the app's answer, late ones as errors."""
        began, asked_at = time.monotonic(), self._core.clock.now()
        ack = await self._attempt(kind, payload)
        if self.request_url is None and self._core.faults.take_redelivery():
            await self._attempt(kind, payload)
        if ack.error is None and self._core.clock.now() - asked_at > ACK_SECONDS:
            ack = Ack(LATE)
        self._core.record("out", name, payload, ack.error or ack.body, time.monotonic() - began)
        return ack

    def send_event(self, event: Document) -> None:
        """Deliver an event in the background, again and again when it isn't answered."""
        subscription = SUBSCRIPTIONS.get(event.get("channel_type", ""), event["type"])
        if subscription not in self._core.profile.events:
            return
        authorization = {"team_id": TEAM_ID, "user_id": BOT_USER, "is_bot": True, "enterprise_id": None}
        event_id, now = "Ev0" + secrets.token_hex(5).upper(), int(self._core.clock.now())
        payload: Document = {"type": "event_callback", "token": TOKEN, "team_id": TEAM_ID, "api_app_id": APP_ID}
        payload |= {"event": event, "event_id": event_id, "event_time": now, "authorizations": [authorization]}
        payload |= {"is_ext_shared_channel": False}
        task = asyncio.get_running_loop().create_task(self._send_event(payload))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_event(self, payload: Document) -> None:
        began = time.monotonic()
        ack = await self._attempt("events_api", payload)
        self._core.record("out", payload["event"]["type"], payload, ack.error or ack.body, time.monotonic() - began)
        if ack.error is None and self._core.faults.take_redelivery():
            await self._attempt("events_api", payload, (1, "http_timeout"))
        for number, pause in enumerate(EVENT_RETRY_SECONDS, start=1):
            if ack.error is None:
                return
            await asyncio.sleep(pause)
            reason = "http_timeout" if ack.error == LATE else "http_error"
            ack = await self._attempt("events_api", payload, (number, reason))

    async def _attempt(self, kind: str, payload: Document, retry: tuple[int, str] | None = None) -> Ack:
        if self.request_url is None:
            return await self._over_socket(kind, payload, retry)
        return await self._over_http(self.request_url, kind, payload, retry)

    async def _over_http(self, url: str, kind: str, payload: Document, retry: tuple[int, str] | None) -> Ack:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ACK_SECONDS), trust_env=False)
        body, headers = self.signed(kind, payload)
        if retry is not None:
            headers |= {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]}
        try:
            async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                text = await response.text()
        except TimeoutError:
            return Ack(LATE)
        except aiohttp.ClientError:
            return Ack(LOST)
        if response.status != 200:
            return Ack(LOST)
        if response.content_type != "application/json":
            return Ack(body={"text": text} if text else None)
        try:
            return Ack(body=json.loads(text))
        except ValueError:
            return Ack(LOST)

    def signed(self, kind: str, payload: Document) -> tuple[bytes, dict[str, str]]:
        """The request's body and headers, signed as in docs.slack.dev/authentication/verifying-requests-from-slack."""
        if kind == "events_api":
            body, content_type = json.dumps(payload), "application/json"
        else:
            fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
            body, content_type = urlencode(fields), "application/x-www-form-urlencoded"
        at = str(int(self._core.clock.now()))
        secret = self._core.credentials["signing_secret"].encode()
        signature = "v0=" + hmac.new(secret, f"v0:{at}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"Content-Type": content_type, "User-Agent": USER_AGENT}
        return body.encode(), {**headers, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature}

    async def _over_socket(self, kind: str, payload: Document, retry: tuple[int, str] | None) -> Ack:
        alive = [connection for connection in self.connections if not connection.closed]
        if not alive:
            return Ack(LOST)
        envelope_id = secrets.token_hex(16)
        envelope: Document = {"envelope_id": envelope_id, "payload": payload, "type": kind}
        envelope |= {"accepts_response_payload": kind != "events_api"}
        if kind == "events_api":
            envelope |= {"retry_attempt": retry[0] if retry else 0, "retry_reason": retry[1] if retry else ""}
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._awaited[envelope_id] = answer
        try:
            await secrets.choice(alive).send_json(envelope)
            return Ack(body=await asyncio.wait_for(answer, ACK_SECONDS))
        except TimeoutError:
            return Ack(LATE)
        except ConnectionError:
            return Ack(LOST)
        finally:
            del self._awaited[envelope_id]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One Socket Mode connection of the app, until either side ends it."""
        connection = web.WebSocketResponse(heartbeat=None)
        await connection.prepare(request)
        self.connections.append(connection)
        self._wires.append(request.transport)
        info, count = {"app_id": APP_ID}, len(self.connections)
        try:
            await connection.send_json({"type": "hello", "connection_info": info, "num_connections": count})
            async for message in connection:
                if message.type == aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(message.data))
        finally:
            self.connections.remove(connection)
        return connection

    def _take(self, answer: Document) -> None:
        awaited = self._awaited.get(str(answer.get("envelope_id")))
        if awaited is not None and not awaited.done():
            awaited.set_result(answer.get("payload"))

    def cut(self) -> None:
        """Cut the app's connections without a word, as a broken network does."""
        for wire in self._wires:
            if isinstance(wire, asyncio.Transport):
                wire.abort()
        self._wires.clear()

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask the app to connect anew, as Slack does now and then, and end its connections."""
        for connection in list(self.connections):
            await connection.send_json({"type": "disconnect", "reason": reason, "debug_info": {}})
            await connection.close()

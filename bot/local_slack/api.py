"""The app's side of HTTP: the Web API, uploads, downloads, response URLs and Socket Mode."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from bot.local_slack.arguments import Arguments
from bot.local_slack.core import Core
from bot.local_slack.delivery import Delivery
from bot.local_slack.errors import Document, RateLimitedError, SlackError
from bot.local_slack.faults import Fault
from bot.local_slack.methods import METHODS, files
from bot.local_slack.methods.kinds import Method
from bot.local_slack.responses import post_answer

LINK_SECONDS = 30


class Api:
    """Answers the app's requests as Slack does."""

    def __init__(self, core: Core, delivery: Delivery) -> None:
        self._core = core
        self._delivery = delivery

    def routes(self) -> list[web.RouteDef]:
        """The routes of this side."""
        return [
            web.route("*", "/api/{method}", self.method),
            web.post("/upload/v1/{file_id}/{key}", self.upload),
            web.get("/files-pri/{file_id}/{name}", self.download),
            web.post("/{kind:commands|actions}/{team}/{key}", self.respond),
            web.get("/link/", self.link),
        ]

    async def method(self, request: web.Request) -> web.StreamResponse:
        """One Web API call."""
        name, began = request.match_info["method"], time.monotonic()
        fault = self._core.faults.take(name)
        early = await self._troubled(request, fault)
        if early is not None:
            self._core.record("in", name, {}, f"fault: {early.status}", time.monotonic() - began)
            return early
        given: Mapping[str, Any] = {}
        status, headers = 200, {"x-oauth-scopes": ",".join(self._core.profile.scopes)}
        try:
            given = await self._given(request, name)
            body = {"ok": True, **self._called(name, given, token_of(request, given))}
        except RateLimitedError as refusal:
            body, status = refusal.body(), 429
            headers["Retry-After"] = str(refusal.retry_after)
        except SlackError as refusal:
            body = refusal.body()
        if fault is not None and fault.after_effect:
            cut(request)
        shown = {key: value for key, value in given.items() if key != "token"}
        self._core.record("in", name, shown, body, time.monotonic() - began)
        return web.json_response(body, status=status, headers=headers)

    async def _troubled(self, request: web.Request, fault: Fault | None) -> web.Response | None:
        """Let the ordered trouble happen; the answer if that was all."""
        if fault is None:
            return None
        await asyncio.sleep(fault.delay)
        if fault.cut and not fault.after_effect:
            cut(request)
        if fault.error:
            return web.json_response({"ok": False, "error": fault.error})
        if fault.status == 429:
            headers = {"Retry-After": str(fault.retry_after)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        return web.Response(status=fault.status) if fault.status else None

    async def _given(self, request: web.Request, name: str) -> dict[str, Any]:
        """The call's arguments: from the query, and from a form or JSON."""
        given: dict[str, Any] = dict(request.query)
        if request.content_type == "application/json":
            if name in METHODS and not METHODS[name].takes_json:
                return given
            try:
                body = json.loads(await request.text() or "{}")
            except ValueError:
                raise SlackError("invalid_json") from None
            if not isinstance(body, dict):
                raise SlackError("json_not_object")
            return {**given, **body}
        return {**given, **await request.post()}

    def _called(self, name: str, given: Mapping[str, Any], token: str) -> Document:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        self._allow(method, token)
        call = Arguments(given)
        self._core.limits.count(name, method.per_minute, str(given.get("channel")))
        return method.act(self._core, call)

    def _allow(self, method: Method, token: str) -> None:
        """Raise SlackError unless the token is ours, of the right kind, and has the scope."""
        credentials, scopes = self._core.credentials, self._core.profile.scopes
        if not token:
            raise SlackError("not_authed")
        is_bot = secrets.compare_digest(token.encode(), credentials["bot_token"].encode())
        is_app = secrets.compare_digest(token.encode(), credentials["app_token"].encode())
        if not is_bot and not is_app:
            raise SlackError("invalid_auth")
        if self._core.revoked:
            raise SlackError("token_revoked")
        if is_app != method.app_level:
            raise SlackError("not_allowed_token_type")
        if method.scope is not None and method.scope not in scopes:
            raise SlackError("missing_scope", needed=method.scope, provided=",".join(scopes))

    async def upload(self, request: web.Request) -> web.Response:
        """The bytes of an announced file."""
        fault = self._core.faults.take("upload")
        early = await self._troubled(request, fault)
        if early is not None:
            return early
        content = await request.read()
        try:
            files.receive(self._core, request.match_info["file_id"], request.match_info["key"], content)
        except SlackError as error:
            return web.Response(status=400, text=error.code)
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.Request) -> web.Response:
        """A file by its private URL, for the app's token only."""
        try:
            self._allow(METHODS["files.info"], token_of(request, {}))
            return file_response(self._core, request.match_info["file_id"])
        except SlackError as error:
            return web.Response(status=403, text=error.code)

    async def respond(self, request: web.Request) -> web.Response:
        """An answer by response URL."""
        began = time.monotonic()
        early = await self._troubled(request, self._core.faults.take("response_url"))
        if early is not None:
            return early
        body: Any = None
        answer, status = "ok", 200
        try:
            body = await request.json()
            post_answer(self._core, self._core.tickets.use_response(request.match_info["key"]), body)
        except ValueError:
            answer, status = "invalid_payload", 400
        except SlackError as error:
            answer = json.dumps(error.body())
            status = 404 if error.code in {"used_url", "expired_url", "invalid_url"} else 400
        self._core.record("in", "response_url", body, answer, time.monotonic() - began)
        return web.Response(text=answer, status=status)

    async def link(self, request: web.Request) -> web.StreamResponse:
        """A Socket Mode connection, by the ticket of apps.connections.open, good once within 30 s."""
        ticket = request.query.get("ticket", "")
        kept = self._core.store.get("link", ticket)
        self._core.store.drop("link", ticket)
        if kept is None or self._core.clock.now() - kept["made_at"] > LINK_SECONDS:
            return web.Response(status=403, text="invalid_ticket")
        return await self._delivery.serve(request)


def token_of(request: web.Request, given: Mapping[str, Any]) -> str:
    """The token of the header, else of the arguments."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else str(given.get("token") or "")


def cut(request: web.Request) -> None:
    """Cut the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError


def file_response(core: Core, file_id: str) -> web.Response:
    """The file to save. Raises SlackError when it isn't there."""
    document = files.kept_file(core, file_id)
    name = "".join(character for character in document["name"] if character.isprintable() and character not in '"\\')
    disposition = f'attachment; filename="{name.encode("ascii", "replace").decode()}"'
    headers = {"Content-Disposition": disposition, "X-Content-Type-Options": "nosniff"}
    return web.Response(body=core.store.content(file_id), content_type="application/octet-stream", headers=headers)

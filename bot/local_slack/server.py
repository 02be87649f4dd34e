"""The local Slack as a thing that starts and stops: one thread, one event loop, one port on 127.0.0.1."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.local_slack.api import Api
from bot.local_slack.clock import Clock
from bot.local_slack.core import CREDENTIALS, Core
from bot.local_slack.delivery import Delivery
from bot.local_slack.human import Human
from bot.local_slack.page import Page
from bot.local_slack.profile import AppProfile

HOST = "127.0.0.1"
PORTS_TRIED = 50
STOP_SECONDS = 3
# Of the event loop, after which a connection taken is one that the server knows, and closes: asyncio makes it in one
# round and tells of it in the next; one taken while the listening socket is closed it loses, open.
ROUNDS_TO_BE_KNOWN = 3
UPLOAD_BYTES = 1 << 30
Result = TypeVar("Result")


class LocalSlack:
    """A workspace with one app, kept in `directory`/local_slack.db.

    `start` listens on 127.0.0.1 at `port`, or at the next free one (0: any). Payloads go to `request_url` as signed
    requests, or over Socket Mode when that is None; it may be changed at any time by `deliver_to`.
    """

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        *,
        request_url: str | None = None,
        profile: AppProfile | None = None,
        clock: Clock | None = None,
        limits: bool = True,
    ) -> None:
        self._port = port
        directory.mkdir(parents=True, exist_ok=True)
        self.core = Core(directory / "local_slack.db", profile or AppProfile(), clock or Clock(), limits)
        self.delivery = Delivery(self.core)
        self.human = Human(self.core, self.delivery)
        self.delivery.request_url = request_url
        self.bot_token, self.app_token, self.signing_secret = (self.core.credentials[name] for name in CREDENTIALS)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="local-slack", daemon=True)
        application = web.Application(middlewares=[guard(self.core)], client_max_size=UPLOAD_BYTES)
        application.add_routes(Api(self.core, self.delivery).routes())
        application.add_routes(Page(self.core, self.human, self.delivery).routes())
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)

    @property
    def url(self) -> str:
        """Where the page is."""
        return self.core.workspace.base_url

    @property
    def api_url(self) -> str:
        """The base URL of the Web API, with its last slash."""
        return f"{self.url}/api/"

    @property
    def clock(self) -> Clock:
        """The workspace's clock, which a test may move."""
        return self.core.clock

    def start(self) -> "LocalSlack":
        """Listen. Raises OSError when no port is free."""
        try:
            self._listener = listening(self._port)
        except OSError:
            self.stop()
            raise
        self._thread.start()
        self.call(self._serve())
        return self

    def stop(self) -> None:
        """Stop listening and close the file; within 3 s."""
        if self._thread.is_alive():
            self.call(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_SECONDS)
        self._loop.close()
        self.core.store.close()

    def __enter__(self) -> "LocalSlack":
        return self.start()

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def deliver_to(self, request_url: str | None) -> None:
        """From now on send payloads there; None means Socket Mode."""
        self.delivery.request_url = request_url
        self.do(self.core.changed)

    def call(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run a coroutine of the local Slack from another thread, and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def do(self, work: Callable[[], Result]) -> Result:
        """Run a function on the local Slack's own thread, where its state may be touched."""

        async def run() -> Result:
            return work()

        return self.call(run())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _serve(self) -> None:
        self.core.workspace.base_url = f"http://{HOST}:{self._listener.getsockname()[1]}"
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener).start()

    async def _close(self) -> None:
        self.core.closing = True
        self.core.changed()
        await self.delivery.close()
        self._loop.remove_reader(self._listener)
        for _ in range(ROUNDS_TO_BE_KNOWN):
            await asyncio.sleep(0)
        await self._runner.cleanup()


def listening(first: int) -> socket.socket:
    """A listening socket at port `first`, or at the next free one (0: any). Raises OSError when there is none."""
    last = first + PORTS_TRIED - 1 if first else first
    for port in range(first, last):
        with suppress(OSError):
            return socket.create_server((HOST, port))
    return socket.create_server((HOST, last))


def guard(core: Core) -> Middleware:
    """This machine only: refuses foreign host names, and acts that a page of another origin sends."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        port = core.workspace.base_url.rsplit(":", 1)[-1]
        hosts = {f"{HOST}:{port}", f"localhost:{port}"}
        # slack_sdk's Socket Mode client leaves the port out.
        if request.host not in hosts and (request.path, request.host) != ("/link/", HOST):
            return web.Response(status=403, text="wrong host")
        if request.path == "/ui/act" and request.headers.get("Origin") != f"http://{request.host}":
            return web.Response(status=403, text="wrong origin")
        return await handler(request)

    return check

"""Slack over Socket Mode: while this process leads, it is connected to Slack, whatever happens to the connection."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException

import structlog
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.app import create_bolt_app
from bot.connection import Connection
from models.operations import tallying
from models.queries.slack import OUTAGE, step_after
from models.words import SlackWay, Tally

log = structlog.stdlib.get_logger("signalbox.bot")

LOOK_SECONDS = 1.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0
CLOSE_SECONDS = 2.0
REMEMBERED = 1000


class Ears:
    """A connection to Slack in a thread of its own, made anew whenever it is lost. Trouble is logged, never raised.

    `trouble` is Slack's word for why there is no connection, or `outage`; '' while all is well. Where requests come
    over HTTP these are deaf: nothing is connected.
    """

    def __init__(self, connection: Connection, make_app: Callable[[Connection], App] = create_bolt_app) -> None:
        self.trouble = ""
        self._connection = connection
        self._make_app = make_app
        self._handler: SocketModeHandler | None = None
        self._leads = threading.Event()
        self._ended = threading.Event()
        self._called = threading.Event()  # something is to be done at once
        self._pause = FIRST_PAUSE_SECONDS
        self._heard = Heard()
        self._thread = threading.Thread(target=self._run, name="socket-mode", daemon=True)
        if connection.by_socket:
            self._thread.start()

    def follow(self, leads: bool) -> None:
        """Be connected from now on, or not any more."""
        if leads != self._leads.is_set():
            (self._leads.set if leads else self._leads.clear)()
            self._called.set()

    def close(self) -> None:
        """End the connection; what is being answered is answered. Within 2 s, as the process's end does the rest."""
        self._ended.set()
        self._called.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._called.wait(self._look())
            self._called.clear()
        self._let_go()

    def _look(self) -> float:
        """One look at the connection; returns how many seconds to wait until the next."""
        if not self._leads.is_set():
            self._let_go()
            return LOOK_SECONDS
        if self._handler is not None and alive(self._handler):
            return LOOK_SECONDS
        if self._connected():
            self._pause = FIRST_PAUSE_SECONDS
            return LOOK_SECONDS
        pause, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        return pause

    def _connected(self) -> bool:
        """Connect, and whether that came about."""
        if self._handler is None:
            self._handler = self._made()
        try:
            self._handler.client.connect_to_new_endpoint()
        except SlackApiError as refused:
            answer = refused.response
            return self._failed(str(answer.get("error")) if answer.status_code == 200 else OUTAGE)
        except (SlackClientError, OSError, HTTPException, ValueError) as lost:
            return self._failed(OUTAGE, reason=str(lost))
        if not self._handler.client.is_connected():
            return self._failed(OUTAGE)
        log.info("listening to Slack over Socket Mode")
        self.trouble = ""
        return True

    def _failed(self, error: str, **more: str) -> bool:
        self.trouble = error
        tell = log.warning if error == OUTAGE else log.error
        step = step_after(SlackWay.HEARS, error)
        tell("Slack opens no connection; tries again", error=error, step=step, **more)
        return False

    def _made(self) -> SocketModeHandler:
        # What it would log on a lost connection is said above, with the step to take.
        quiet = logging.getLogger("signalbox.socket_mode")
        quiet.setLevel(logging.CRITICAL)
        made = SocketModeHandler(
            self._make_app(self._connection),
            self._connection.app_token,
            logger=quiet,
            web_client=self._connection.app_client(),
            auto_reconnect_enabled=False,
        )
        made.client.socket_mode_request_listeners = [self._hear]
        return made

    def _hear(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        """Act on an envelope; one that comes again was acted on, so that it is acknowledged and no more."""
        handler = self._handler
        if self._heard.again(request):
            client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        elif handler is not None:
            began = time.perf_counter()
            handler.handle(client, request)  # type: ignore[arg-type]  # bolt names the client's own class
            tallying.observe(Tally.SLACK_ACKS, "socket", time.perf_counter() - began)

    def _let_go(self) -> None:
        if self._handler is None:
            return
        session = self._handler.client.current_session
        if session is not None and session.sock is not None:
            # Else closing waits up to 3 s for a word from Slack.
            with suppress(OSError):
                session.sock.shutdown(socket.SHUT_RDWR)
        self._handler.close()  # type: ignore[no-untyped-call]  # bolt has no types for it
        self._handler = None


class Heard:
    """The last envelopes that were acted on, by what Slack keeps when it sends one again."""

    def __init__(self) -> None:
        self._marks: dict[str, None] = {}
        self._lock = threading.Lock()

    def again(self, request: SocketModeRequest) -> bool:
        """Whether this came before; from now on it did."""
        payload = request.payload
        mark = str(payload.get("event_id") or payload.get("trigger_id") or request.envelope_id)
        with self._lock:
            if mark in self._marks:
                return True
            self._marks[mark] = None
            if len(self._marks) > REMEMBERED:
                del self._marks[next(iter(self._marks))]
            return False


def alive(handler: SocketModeHandler) -> bool:
    """Whether the connection stands. One that was cut takes no ping, and is given up at once."""
    session = handler.client.current_session
    if session is None or not session.is_active():
        return False
    try:
        session.ping()
    except OSError:
        session.disconnect()
        return False
    return True

"""Hosts bolt apps as they are hosted in earnest: Flask's adapter behind a server, or the Socket Mode handler."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from flask import Flask, Response, request
from slack_bolt import App
from slack_bolt.adapter.flask import SlackRequestHandler
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from werkzeug.serving import WSGIRequestHandler, make_server

from bot.local_slack import LocalSlack
from tests.slack_person import eventually


class Quiet(WSGIRequestHandler):
    """Logs no requests."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextmanager
def served(slack: LocalSlack, flask: Flask) -> Iterator[None]:
    """Payloads of the local Slack go to the application's `/slack/events` over HTTP."""
    server = make_server("127.0.0.1", 0, flask, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    slack.deliver_to(f"http://127.0.0.1:{server.port}/slack/events")
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answering(answer: Callable[[], Response]) -> Flask:
    """An application that has nothing but an answer to Slack."""
    flask = Flask(__name__)
    flask.add_url_rule("/slack/events", view_func=answer, methods=["POST"])
    return flask


@contextmanager
def over_http(slack: LocalSlack, app: App) -> Iterator[None]:
    """The app behind bolt's Flask adapter."""
    handler = SlackRequestHandler(app)
    with served(slack, answering(lambda: handler.handle(request))):
        yield


@contextmanager
def over_socket_mode(slack: LocalSlack, app: App) -> Iterator[None]:
    """The app behind bolt's Socket Mode handler."""
    slack.deliver_to(None)
    client = WebClient(token=slack.app_token, base_url=slack.api_url)
    handler = SocketModeHandler(app, slack.app_token, web_client=client)
    handler.connect()  # type: ignore[no-untyped-call]  # bolt has no types for it
    eventually(lambda: slack.delivery.connections)
    try:
        yield
    finally:
        _close(slack, handler)


def _close(slack: LocalSlack, handler: SocketModeHandler) -> None:
    """Close the handler, which waits up to 3 s for a word from Slack: say one."""

    async def say() -> None:
        for connection in list(slack.delivery.connections):
            with suppress(ConnectionError):  # it may just have ended
                await connection.send_json({"type": "hello"})

    closing = threading.Thread(target=handler.close)
    closing.start()
    while closing.is_alive():
        slack.call(say())
        closing.join(0.05)


HOSTS = {"http": over_http, "socket mode": over_socket_mode}

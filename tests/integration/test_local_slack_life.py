"""The local Slack's life: restarts, faults, Socket Mode's connections, and who may talk to it."""

import gc
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.local_slack import AppProfile, Fault, LocalSlack
from tests.bolt_hosts import over_http, over_socket_mode
from tests.counter_app import PROFILE, make_counter
from tests.slack_person import Person, eventually

GENERAL = "C0GENERAL"


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[LocalSlack]:
    with LocalSlack(tmp_path, profile=PROFILE) as running:
        yield running


@pytest.fixture
def client(slack: LocalSlack) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])


def asked(slack: LocalSlack, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    """A request with these headers exactly; the answer's status and body."""
    connection = HTTPConnection("127.0.0.1", int(slack.url.rsplit(":", 1)[1]))
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


class TestRestart:
    def test_conversation_goes_on_where_it_was(self, tmp_path: Path) -> None:
        with LocalSlack(tmp_path, profile=PROFILE) as first, over_http(first, make_counter(first)):
            ben = Person(first, "U0BEN")
            ben.types("/count 4")
            ben.clicks(ben.latest("Counter"), "more", "open")
            ben.clicks(ben.modal(), "name", "half typed")
            secrets, messages, modals = first.core.credentials, ben.messages(), ben.modals()
        with LocalSlack(tmp_path, profile=PROFILE) as second, over_http(second, make_counter(second)):
            ben = Person(second, "U0BEN")
            assert (second.core.credentials, ben.messages(), ben.modals()) == (secrets, messages, modals)
            assert ben.modal()["answers"] == {"name": {"name": "half typed"}}
            ben.clicks(ben.latest("Counter"), "add")
            eventually(lambda: ben.messages()[0]["text"] == "Counter 5")
            ben.submits()
            assert ben.latest("half typed")["ts"] > messages[-1]["ts"]

    def test_names_of_messages_never_repeat(self, tmp_path: Path) -> None:
        with LocalSlack(tmp_path) as first:
            first.clock.advance(3600)
            earlier = first.do(first.core.workspace.new_ts)
        with LocalSlack(tmp_path) as second:
            assert second.do(second.core.workspace.new_ts) > earlier

    def test_taken_port_moves_to_the_next(self, slack: LocalSlack, tmp_path: Path) -> None:
        port = int(slack.url.rsplit(":", 1)[1])
        with LocalSlack(tmp_path / "second", port) as second:
            assert int(second.url.rsplit(":", 1)[1]) > port

    def test_stop_takes_less_than_a_second(self, tmp_path: Path) -> None:
        running = LocalSlack(tmp_path).start()
        watcher = HTTPConnection("127.0.0.1", int(running.url.rsplit(":", 1)[1]))
        watcher.request("GET", "/ui/live")
        watcher.getresponse().fp.readline()
        began = time.monotonic()
        running.stop()
        watcher.close()
        assert time.monotonic() - began < 1

    def test_stop_closes_what_connects_meanwhile(self, tmp_path: Path) -> None:
        for round_ in range(8):
            running = LocalSlack(tmp_path / str(round_)).start()
            with connecting(int(running.url.rsplit(":", 1)[1])) as connected:
                eventually(lambda seen=connected: len(seen) > 100)
                running.stop()
            del running
            gc.collect()  # what is left open is warned of here, which is an error


@contextmanager
def connecting(port: int) -> Iterator[list[socket.socket]]:
    """Clients that connect as fast as they can; those that got through."""
    got: list[socket.socket] = []
    ended = threading.Event()

    def connect() -> None:
        while not ended.is_set():
            with suppress(OSError):
                got.append(socket.create_connection(("127.0.0.1", port)))

    threads = [threading.Thread(target=connect) for _ in range(2)]
    for thread in threads:
        thread.start()
    yield got
    ended.set()
    for thread in threads:
        thread.join()
    for one in got:
        one.close()


class TestFaults:
    def test_429_names_its_wait_and_the_retry_works(self, slack: LocalSlack) -> None:
        slack.core.faults.order(Fault("chat.postMessage", status=429, retry_after=1))
        patient = WebClient(
            token=slack.bot_token, base_url=slack.api_url, retry_handlers=[RateLimitErrorRetryHandler()]
        )
        patient.chat_postMessage(channel=GENERAL, text="a")
        assert len(Person(slack, "U0BEN").messages(GENERAL)) == 1

    def test_server_error_is_answered_so_often(self, slack: LocalSlack, client: WebClient) -> None:
        slack.core.faults.order(Fault("*", times=2, status=503))
        for _ in range(2):
            with pytest.raises(SlackApiError) as caught:
                client.auth_test()
            assert caught.value.response.status_code == 503
        client.auth_test()

    def test_error_by_name_is_answered(self, slack: LocalSlack, client: WebClient) -> None:
        slack.core.faults.order(Fault("auth.test", error="fatal_error"))
        with pytest.raises(SlackApiError, match="fatal_error"):
            client.auth_test()

    @pytest.mark.parametrize(("after_effect", "messages"), [(False, 0), (True, 1)])
    def test_cut_connection_before_or_after_the_work(
        self, slack: LocalSlack, client: WebClient, after_effect: bool, messages: int
    ) -> None:
        slack.core.faults.order(Fault("chat.postMessage", cut=True, after_effect=after_effect))
        with pytest.raises((URLError, ConnectionError)):
            client.chat_postMessage(channel=GENERAL, text="a")
        assert len(Person(slack, "U0BEN").messages(GENERAL)) == messages

    def test_slow_answer_takes_its_time(self, slack: LocalSlack, client: WebClient) -> None:
        slack.core.faults.order(Fault("auth.test", delay=0.2))
        began = time.monotonic()
        client.auth_test()
        assert time.monotonic() - began >= 0.2


def events(slack: LocalSlack) -> tuple[App, list[dict[str, Any]]]:
    """An app that keeps the events it gets, with their retry numbers."""
    app = App(client=WebClient(token=slack.bot_token, base_url=slack.api_url), signing_secret=slack.signing_secret)
    got: list[dict[str, Any]] = []

    @app.event("app_home_opened")
    def keep(body: dict[str, Any], request: Any) -> None:
        got.append({"id": body["event_id"], "retry": request.headers.get("x-slack-retry-num")})

    return app, got


class TestEvents:
    # Socket Mode numbers the first try 0, HTTP does not number it.
    @pytest.mark.parametrize(("host", "first_try"), [(over_http, None), (over_socket_mode, ["0"])])
    def test_ordered_event_comes_twice_with_one_id(self, slack: LocalSlack, host: Any, first_try: Any) -> None:
        app, got = events(slack)
        with host(slack, app):
            slack.core.faults.redeliver()
            Person(slack, "U0BEN").opens_home()
            eventually(lambda: len(got) == 2)
        first, second = sorted(got, key=lambda one: str(one["retry"] or ""))  # an app may take them in any order
        assert (first["id"], first["retry"], second["retry"]) == (second["id"], first_try, ["1"])

    def test_unanswered_event_comes_again(self, slack: LocalSlack) -> None:
        answers = [500, 200]
        got: list[Any] = []

        from flask import Response, request

        from tests.bolt_hosts import answering, served

        def answer() -> Response:
            got.append(request.headers.get("X-Slack-Retry-Num"))
            return Response(status=answers.pop(0))

        with served(slack, answering(answer)):
            Person(slack, "U0BEN").opens_home()
            eventually(lambda: got == [None, "1"])

    def test_event_not_subscribed_to_is_not_sent(self, slack: LocalSlack) -> None:
        slack.core.profile = AppProfile(events=())
        app, got = events(slack)
        with over_http(slack, app):
            ben = Person(slack, "U0BEN")
            ben.opens_home()
            ben.types("/campaign list")
        assert got == []


class TestSocketMode:
    def test_ticket_opens_one_connection(self, slack: LocalSlack) -> None:
        by_app = WebClient(token=slack.app_token, base_url=slack.api_url)
        url = by_app.apps_connections_open(app_token=slack.app_token)["url"]
        path = url.removeprefix(slack.url.replace("http", "ws"))
        slack.clock.advance(31)
        assert asked(slack, "GET", path)[0] == 403
        assert asked(slack, "GET", "/link/?ticket=none")[0] == 403

    def test_app_reconnects_when_slack_asks(self, slack: LocalSlack) -> None:
        with over_socket_mode(slack, make_counter(slack)):
            slack.call(slack.delivery.disconnect())
            eventually(lambda: [one for one in slack.delivery.connections if not one.closed])
            ben = Person(slack, "U0BEN")
            assert ben.types("/count").error is None
            assert ben.latest("Counter")


class TestGuard:
    ACT = {"as": "U0BEN", "act": "say", "channel": GENERAL, "text": "hi"}  # noqa: RUF012 - never changed

    def test_foreign_host_name_is_refused(self, slack: LocalSlack) -> None:
        for path in ("/", "/ui/state?as=U0BEN", "/api/auth.test"):
            assert asked(slack, "GET", path, Host="evil.example")[0] == 403

    @pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
    def test_act_of_a_foreign_page_is_refused(self, slack: LocalSlack, origin: str | None) -> None:
        headers = {} if origin is None else {"Origin": origin}
        assert asked(slack, "POST", "/ui/act", self.ACT, **headers)[0] == 403
        assert Person(slack, "U0BEN").messages(GENERAL) == []

    def test_act_of_the_page_itself_is_done(self, slack: LocalSlack) -> None:
        assert asked(slack, "POST", "/ui/act", self.ACT, Origin=slack.url)[0] == 200
        assert Person(slack, "U0BEN").latest("hi", GENERAL)

    def test_malformed_act_is_refused(self, slack: LocalSlack) -> None:
        for act in ({}, {**self.ACT, "act": "fly"}):
            assert asked(slack, "POST", "/ui/act", act, Origin=slack.url)[0] == 400

    def test_page_loads_nothing_from_elsewhere(self, slack: LocalSlack) -> None:
        assert asked(slack, "GET", "/page/../server.py")[0] == 404
        assert asked(slack, "GET", "/page/none.js")[0] == 404
        code = [file.read_text(encoding="utf-8") for file in Path("bot/local_slack/page").iterdir()]
        assert not [text for text in code if 'src="http' in text or "innerHTML" in text]

    def test_only_this_machine_is_listened_to(self, slack: LocalSlack) -> None:
        assert slack.url.startswith("http://127.0.0.1:")

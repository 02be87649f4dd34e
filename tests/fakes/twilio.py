"""A stand-in for Twilio's Messages API: it keeps what it takes, and tells of it by signed callbacks.

Callbacks (queued, sent, then delivered, undelivered or failed) come within `delay_seconds`, some twice and some
out of order, by chance from the seed. The last four digits of the recipient choose what goes wrong:

    90NN as the simulated provider's numbers (SPEC 10), with codes of Twilio's:
      01 21211, 02 21614, 09 21408, 20 21610: refused at once with HTTP 400
      03 30003, 04 30017 (no SMS meets a full mailbox), 05 30004, 06 30007, 11 30410, 12 30008: undelivered
      07 30001, 08 30036, 10 30002 (which is the account's): failed
      30 silent        31 sent, then silent        70 delivered after `late_seconds`
      50 taken, the connection cut                 51 not taken, the connection cut
      60 HTTP 401 with 20003
    91NN faults of HTTP:
      29 429 the first time (of each message id), then taken
      50 taken, HTTP 500 with 20500                51 not taken, HTTP 500 with 20500
      52 not taken, HTTP 200 with 20500 inside     53 taken, the answer no JSON
      54 taken, the answer empty                   55 not taken, HTTP 503 with 20503

All other numbers are delivered. In a process of its own, `PATCH /fake` with a JSON object sets attributes.
"""

import argparse
import asyncio
import csv
import random
import re
import threading
from base64 import b64encode
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
from aiohttp import web
from twilio.request_validator import RequestValidator

from tests.fakes import ledger
from tests.fakes.ledger import Ledger, Taken

ROOT = "/2010-04-01/Accounts"
ACCOUNT = "AC" + "a" * 32
SERVICE = "MG" + "b" * 32
TOKEN = "fake-token-of-the-account"
SENDER = "+12025550199"

REFUSED = {"9001": 21211, "9002": 21614, "9009": 21408, "9020": 21610}
UNDELIVERED = {"9003": 30003, "9004": 30017, "9005": 30004, "9006": 30007, "9011": 30410, "9012": 30008}
FAILED = {"9007": 30001, "9008": 30036, "9010": 30002}
NOT_TAKEN = {"9060": (401, 20003), "9151": (500, 20500), "9152": (200, 20500), "9155": (503, 20503)}

POSTS = 10_000
TWICE = 0.2
CALLBACK_SECONDS = 15  # how long Twilio waits for an answer
CALLBACK_PAUSES = (0.2, 0.5, 1, 2, 4)  # before it tries again

_CODES = Path(__file__).parents[1] / "fixtures" / "failure_reasons" / "twilio_errors.csv"
with _CODES.open(encoding="utf-8", newline="") as _file:
    TITLES = {int(row["code"]): row["title"] for row in csv.DictReader(_file)}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Message:
    """A message that was taken, as its resource tells of it."""

    sid: str
    to: str
    body: str
    service: str = SERVICE
    status: str = "accepted"
    code: int | None = None
    callback: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def our_ids(self) -> tuple[str, str]:
        """Message id and attempt as the callback's URL carries them."""
        query = parse_qs(urlsplit(self.callback).query)
        return query.get("m", [""])[0], query.get("a", [""])[0]


@dataclass
class FakeTwilio:
    """One account with one messaging service; what is set here may be changed while it runs.

    `posts` are the forms of the last hand-overs, taken or not.
    """

    ledger: Path
    account: str = ACCOUNT
    token: str = TOKEN
    service: str = SERVICE
    latency_ms: float = 0
    delay_seconds: float = 1
    late_seconds: float = 900
    seed: int = 1
    silent: bool = False  # no callbacks at all
    refuses_all: bool = False  # the credential is dead: 401 for everything
    account_status: str = "active"
    url: str = ""
    messages: list[Message] = field(default_factory=list)
    posts: deque[Mapping[str, str]] = field(default_factory=lambda: deque(maxlen=POSTS))
    _courses: set[asyncio.Task[None]] = field(default_factory=set, repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1), repr=False)

    @property
    def under_way(self) -> int:
        """How many messages have callbacks still to come."""
        return len(self._courses)

    def put(self, to: str, body: str, **given: object) -> Message:
        """A message that it has as if it had been taken."""
        message = Message(self._new_sid(), to, body, **given)  # type: ignore[arg-type]
        self.messages.append(message)
        return message

    def app(self) -> web.Application:
        """The API as an application of aiohttp."""
        app = web.Application(middlewares=[self._door])
        app.router.add_post(f"{ROOT}/{{account}}/Messages.json", self._create)
        app.router.add_get(f"{ROOT}/{{account}}/Messages.json", self._list)
        app.router.add_get(f"{ROOT}/{{account}}/Messages/{{sid}}.json", self._fetch)
        app.router.add_get(f"{ROOT}/{{account}}.json", self._fetch_account)
        app.router.add_patch("/fake", self._set)
        app.cleanup_ctx.append(self._life)
        return app

    async def _life(self, _app: web.Application) -> AsyncIterator[None]:
        self._ledger, self._waiting = Ledger(self.ledger), list[tuple[Taken, asyncio.Future[None]]]()
        self._writer: asyncio.Task[None] | None = None
        self._busy_once: set[tuple[str, str]] = set()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALLBACK_SECONDS)) as self._session:
            yield
            for course in self._courses:
                course.cancel()
            await asyncio.gather(*self._courses, return_exceptions=True)
        self._ledger.close()

    @web.middleware
    async def _door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/fake":
            return await handler(request)
        await asyncio.sleep(self.latency_ms / 1000)
        credentials = b64encode(f"{self.account}:{self.token}".encode()).decode()
        if self.refuses_all or request.headers.get("Authorization") != f"Basic {credentials}":
            return error(401, 20003)
        if request.match_info.get("account", self.account) != self.account:
            return error(404, 20404)
        return await handler(request)

    async def _set(self, request: web.Request) -> web.Response:
        for name, value in (await request.json()).items():
            setattr(self, name, value)
        return web.Response(status=204)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.posts.append(form)
        ending = form.get("To", "")[-4:]
        if code := self._complaint(form) or REFUSED.get(ending):
            return error(400, code)
        message = self._message(form)
        if refusal := self._refusal(ending, message):
            return refusal
        if ending == "9051":
            return cut(request)
        self.messages.append(message)
        await self._keep(message)
        if not self.silent and message.callback:
            course = asyncio.create_task(self._run_its_course(message, random.Random(f"{self.seed}:{message.our_ids}")))
            self._courses.add(course)
            course.add_done_callback(self._courses.discard)
        return self._answer(request, ending, message)

    def _complaint(self, form: Mapping[str, str]) -> int | None:
        """The code for what is wrong with a hand-over's form."""
        rules = (
            (21604, "To" in form),
            (21211, re.fullmatch(r"\+[1-9][0-9]{6,14}", form.get("To", ""))),
            (21603, "MessagingServiceSid" in form),
            (21701, form.get("MessagingServiceSid") == self.service),
            (21602, form.get("Body")),
            (21617, len(form.get("Body", "")) <= 1600),
            (90007, re.fullmatch("[0-9]+", (validity := form.get("ValidityPeriod", "36000")))),
            (90007, validity.isdecimal() and 1 <= int(validity) <= 36_000),
            (21609, form.get("StatusCallback", "http://").startswith(("http://", "https://"))),
        )
        return next((code for code, holds in rules if not holds), None)

    def _message(self, form: Mapping[str, str]) -> Message:
        """From a form that is in order."""
        callback = form.get("StatusCallback", "")
        return Message(self._new_sid(), form["To"], form["Body"], self.service, callback=callback)

    def _new_sid(self) -> str:
        return f"SM{next(self._numbers):032x}"

    def _refusal(self, ending: str, message: Message) -> web.Response | None:
        if ending in NOT_TAKEN:
            return error(*NOT_TAKEN[ending])
        if ending != "9129" or (key := (message.to, message.our_ids[0])) in self._busy_once:
            return None
        self._busy_once.add(key)
        return error(429, 20429, headers={"Retry-After": "1", "Twilio-Concurrent-Requests": "101"})

    def _answer(self, request: web.Request, ending: str, message: Message) -> web.StreamResponse:
        answers: dict[str, Callable[[], web.Response]] = {
            "9050": lambda: cut(request),
            "9150": lambda: error(500, 20500),
            "9153": lambda: web.Response(status=201, text="<html>Created</html>", content_type="text/html"),
            "9154": lambda: web.Response(status=201),
        }
        return answers.get(ending, lambda: web.json_response(self._resource(message), status=201))()

    async def _keep(self, message: Message) -> None:
        """In the ledger, durably; what comes while it is written goes into the next writing together."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((ledger.taken(*message.our_ids, message.to), written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await written

    async def _write(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            await asyncio.to_thread(self._ledger.note, [one for one, _ in group])
            for _, written in group:
                written.set_result(None)

    async def _list(self, request: web.Request) -> web.Response:
        to, size, page = request.query.get("To"), int(request.query.get("PageSize", 50)), request.query.get("Page", "0")
        found = [message for message in reversed(self.messages) if to in (None, message.to)]
        start = int(page) * size
        asked = {name: value for name, value in request.query.items() if name not in ("Page", "PageToken")}

        def uri(number: int) -> str:
            token = {"PageToken": f"PA{found[start + size - 1].sid}"} if number else {}
            return f"{request.path}?{urlencode({**asked, 'Page': number, **token})}"

        return web.json_response(
            {
                "messages": [self._resource(message) for message in found[start : start + size]],
                "page": int(page),
                "page_size": size,
                "start": start,
                "end": start + len(found[start : start + size]) - 1,
                "uri": str(request.rel_url),
                "first_page_uri": uri(0),
                "next_page_uri": uri(int(page) + 1) if start + size < len(found) else None,
                "previous_page_uri": uri(0) if int(page) else None,
            }
        )

    async def _fetch(self, request: web.Request) -> web.Response:
        found = [message for message in self.messages if message.sid == request.match_info["sid"]]
        return web.json_response(self._resource(found[0])) if found else error(404, 20404)

    async def _fetch_account(self, _request: web.Request) -> web.Response:
        dates = dict.fromkeys(("date_created", "date_updated"), format_datetime(datetime.now(UTC)))
        names = {"sid": self.account, "owner_account_sid": self.account, "friendly_name": "Signalbox", "type": "Full"}
        # Twilio really gives the token away here.
        return web.json_response({**names, **dates, "status": self.account_status, "auth_token": self.token})

    def _resource(self, message: Message) -> dict[str, object]:
        uri = f"{ROOT}/{self.account}/Messages/{message.sid}"
        created = format_datetime(message.created_at)
        return {
            "sid": message.sid,
            "account_sid": self.account,
            "api_version": "2010-04-01",
            "body": message.body,
            "date_created": created,
            "date_sent": None if message.status in ("accepted", "queued") else created,
            "date_updated": created,
            "direction": "outbound-api",
            "error_code": message.code,
            "error_message": TITLES.get(message.code) if message.code else None,
            "from": None if message.status == "accepted" else SENDER,
            "messaging_service_sid": message.service,
            "num_media": "0",
            "num_segments": "0" if message.status == "accepted" else "1",
            "price": None,
            "price_unit": None,
            "status": message.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": message.to,
            "uri": f"{uri}.json",
        }

    async def _run_its_course(self, message: Message, dice: random.Random) -> None:
        """Its statuses one after another; each callback takes its own time, so that some overtake others."""
        posts = []
        for status, code, seconds in self._course(message.to[-4:], dice):
            await asyncio.sleep(seconds)
            message.status, message.code = status, code
            for _ in range(2 if dice.random() < TWICE else 1):
                fields = self._callback(message)
                posts.append(asyncio.create_task(self._post(message.callback, fields, dice.uniform(0, seconds))))
        await asyncio.gather(*posts)

    def _course(self, ending: str, dice: random.Random) -> Iterator[tuple[str, int | None, float]]:
        """Each status with its code, and the seconds that it takes to come about."""
        if ending == "9030":
            return
        share = self.delay_seconds / 4  # of three statuses, and the way of the last callback
        yield "queued", None, dice.uniform(0, share)
        if ending in FAILED:
            yield "failed", FAILED[ending], dice.uniform(0, share)
            return
        yield "sent", None, dice.uniform(0, share)
        if ending in UNDELIVERED:
            yield "undelivered", UNDELIVERED[ending], dice.uniform(0, share)
        elif ending != "9031":
            yield "delivered", None, self.late_seconds if ending == "9070" else dice.uniform(0, share)

    def _callback(self, message: Message) -> dict[str, str]:
        fields = {
            "AccountSid": self.account,
            "ApiVersion": "2010-04-01",
            "From": SENDER,
            "MessageSid": message.sid,
            "MessageStatus": message.status,
            "MessagingServiceSid": message.service,
            "SmsSid": message.sid,
            "SmsStatus": message.status,
            "To": message.to,
        }
        if message.status in ("delivered", "undelivered"):
            fields["RawDlrDoneDate"] = datetime.now(UTC).strftime("%y%m%d%H%M")
        return {**fields, "ErrorCode": str(message.code)} if message.code else fields

    async def _post(self, url: str, fields: Mapping[str, str], seconds: float) -> None:
        """Tell of a status, `seconds` from now; again and again for a while where nobody is at home."""
        signature = RequestValidator(self.token).compute_signature(url, fields)
        for pause in (seconds, *CALLBACK_PAUSES):
            await asyncio.sleep(pause)
            with suppress(aiohttp.ClientError, TimeoutError):
                headers = {"X-Twilio-Signature": signature, "User-Agent": "TwilioProxy/1.1"}
                async with self._session.post(url, data=fields, headers=headers) as answer:
                    if answer.status < 500:
                        return


def error(status: int, code: int, headers: Mapping[str, str] | None = None) -> web.Response:
    """An error as Twilio words it."""
    body = {
        "code": code,
        "message": TITLES[code],
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status, headers=headers)


def cut(request: web.Request) -> web.Response:
    """No answer: the connection ends."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


@contextmanager
def running(fake: FakeTwilio) -> Iterator[FakeTwilio]:
    """The fake in a thread, on a free port of 127.0.0.1; its `url` says where."""
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop, runner = asyncio.Event(), web.AppRunner(fake.app(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = "http://{}:{}".format(*runner.addresses[0])
        started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="fake-twilio")
    thread.start()
    loop, stop = started.result(10)
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def main() -> None:
    """The fake as a process, until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="A stand-in for Twilio's Messages API on 127.0.0.1.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--account", default=ACCOUNT)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--service", default=SERVICE)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--delay-seconds", type=float, default=1)
    parser.add_argument("--late-seconds", type=float, default=900)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--silent", action="store_true", help="send no callbacks")
    given = vars(parser.parse_args())
    port = given.pop("port")
    web.run_app(FakeTwilio(**given).app(), host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main()

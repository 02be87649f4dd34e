"""The fake Twilio against Twilio itself: its official SDK reads it, its official description judges it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests
import uvloop
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from jobs.providers.twilio.provider import TwilioAccount, TwilioProvider
from models.rules.verdicts import Word
from tests.fakes import ledger
from tests.fakes.twilio import ACCOUNT, ROOT, SERVICE, TOKEN, FakeTwilio, running
from tests.integration.twilio_calls import ADA, CALLBACK, hand_over, message
from tests.processes import ROOT as HOUSE
from tests.processes import free_port, until

DESCRIPTION = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "openapi" / "twilio_messages.openapi.json").read_text(encoding="utf-8")
)
MESSAGES = "/2010-04-01/Accounts/{AccountSid}/Messages.json"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeTwilio]:
    with running(FakeTwilio(tmp_path / "taken.txt", silent=True)) as fake:
        yield fake


class Redirected(TwilioHttpClient):
    """The SDK's own HTTP, with another address for Twilio."""

    def __init__(self, url: str) -> None:
        super().__init__(timeout=10)
        self.url = url

    def request(self, method: str, url: str, *args: Any, **given: Any) -> Response:
        return super().request(method, url.replace("https://api.twilio.com", self.url), *args, **given)


@contextmanager
def sdk(fake: FakeTwilio, token: str = TOKEN) -> Iterator[Client]:
    """The official SDK's client, talking to the fake."""
    redirected = Redirected(fake.url)
    with closing(redirected.session):
        yield Client(ACCOUNT, token, http_client=redirected)


def described(part: Any) -> Any:
    """A part of an OpenAPI 3.0 description as JSON Schema: references resolved, `nullable` spelt out."""
    if isinstance(part, list):
        return [described(one) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return described(DESCRIPTION["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]])
    schema = {name: described(value) for name, value in part.items() if name != "format"}
    return {"anyOf": [schema, {"type": "null"}]} if part.get("nullable") else schema


def check_answer(method: str, status: int, answer: object) -> None:
    """Fails unless the official description has such an answer."""
    schema = DESCRIPTION["paths"][MESSAGES][method]["responses"][str(status)]["content"]["application/json"]["schema"]
    jsonschema.validate(answer, described(schema))


class TestOfficialClient:
    def test_it_sends_lists_and_fetches(self, fake: FakeTwilio) -> None:
        with sdk(fake) as client:
            sent = client.messages.create(to=ADA, messaging_service_sid=SERVICE, body="Hi 💥", validity_period=60)
            for number in range(60):
                fake.put(ADA, f"{number}")
            fake.put("+12025550101", "to somebody else")
            assert (sent.sid, sent.status, sent.body) == (fake.messages[0].sid, "accepted", "Hi 💥")
            assert sent.date_created.replace(microsecond=0) == fake.messages[0].created_at.replace(microsecond=0)
            listed = client.messages.list(to=ADA, page_size=25)
            assert [one.sid for one in listed] == [one.sid for one in reversed(fake.messages) if one.to == ADA]
            assert client.messages(sent.sid).fetch().messaging_service_sid == SERVICE
            assert client.api.v2010.accounts(ACCOUNT).fetch().status == "active"

    @pytest.mark.parametrize(
        ("given", "status", "code"),
        [
            ({"to": "0151"}, 400, 21211),
            ({"to": "+12025559020"}, 400, 21610),
            ({"to": "+12025559129"}, 429, 20429),
            ({"to": "+12025559151"}, 500, 20500),
            ({"to": "+12025559155"}, 503, 20503),
            ({"body": ""}, 400, 21602),
            ({"body": "x" * 1601}, 400, 21617),
            ({"messaging_service_sid": "MG" + "0" * 32}, 400, 21701),
            ({"validity_period": 36_001}, 400, 90007),
            ({"status_callback": "ftp://x"}, 400, 21609),
        ],
    )
    def test_it_raises_what_the_fake_refuses(
        self, fake: FakeTwilio, given: dict[str, object], status: int, code: int
    ) -> None:
        with sdk(fake) as client, pytest.raises(TwilioRestException) as refused:
            client.messages.create(**{"to": ADA, "body": "Hi", "messaging_service_sid": SERVICE, **given})
        assert (refused.value.status, refused.value.code) == (status, code)
        assert fake.messages == []

    def test_wrong_token_lets_nobody_in(self, fake: FakeTwilio) -> None:
        with sdk(fake, token="wrong") as client, pytest.raises(TwilioRestException) as refused:
            client.messages("SM" + "0" * 32).fetch()
        assert (refused.value.status, refused.value.code) == (401, 20003)


class TestDescription:
    @pytest.mark.parametrize("ending", ["0100", "9001", "9020", "9060", "9129", "9150", "9155"])
    def test_answers_to_a_hand_over_are_described(self, fake: FakeTwilio, ending: str) -> None:
        form = {"To": f"+1202555{ending}", "MessagingServiceSid": SERVICE, "Body": "Hi"}
        answer = requests.post(f"{fake.url}{ROOT}/{ACCOUNT}/Messages.json", form, auth=(ACCOUNT, TOKEN), timeout=10)
        check_answer("post", answer.status_code, answer.json())

    @pytest.mark.parametrize("status", ["accepted", "sent", "delivered", "failed"])
    def test_lists_are_described(self, fake: FakeTwilio, status: str) -> None:
        fake.put(ADA, "Hi", status=status, code=30003 if status == "failed" else None)
        answer = requests.get(f"{fake.url}{ROOT}/{ACCOUNT}/Messages.json", auth=(ACCOUNT, TOKEN), timeout=10)
        assert len(answer.json()["messages"]) == 1
        check_answer("get", answer.status_code, answer.json())

    def test_made_up_answers_are_not_described(self) -> None:
        for wrong in ({"status": "flown"}, {"sid": "SM1"}, {"error_code": "30003"}):
            with pytest.raises(jsonschema.ValidationError):
                check_answer("post", 201, wrong)

    def test_our_form_has_only_fields_that_are_described(self, fake: FakeTwilio) -> None:
        hand_over(fake.url)
        content = DESCRIPTION["paths"][MESSAGES]["post"]["requestBody"]["content"]
        form: Mapping[str, object] = {**fake.posts[0], "ValidityPeriod": int(fake.posts[0]["ValidityPeriod"])}
        schema = content["application/x-www-form-urlencoded"]["schema"]
        assert set(form) <= set(schema["properties"])
        jsonschema.validate(form, described(schema))


class TestProcess:
    def test_what_it_took_survives_its_death(self, tmp_path: Path) -> None:
        port, taken = free_port(), tmp_path / "taken.txt"
        words = ["--port", str(port), "--ledger", str(taken), "--account", ACCOUNT, "--token", TOKEN]
        words += ["--service", SERVICE, "--latency-ms", "0", "--delay-seconds", "1", "--seed", "1", "--silent"]
        url = f"http://127.0.0.1:{port}"
        with subprocess.Popen([sys.executable, "-m", "tests.fakes.twilio", *words], cwd=HOUSE) as process:
            until(lambda: hand_over(url).word is Word.ACCEPTED, what="the fake")
            requests.patch(f"{url}/fake", json={"refuses_all": True}, timeout=10).raise_for_status()
            assert hand_over(url, message(message_id=8)).word is Word.NOT_SENT
            os.kill(process.pid, signal.SIGKILL)
        assert [entry[1:] for entry in ledger.read(taken)] == [("7", "1", ADA)]

    def test_it_ends_when_it_is_told_to(self, tmp_path: Path) -> None:
        port = free_port()
        words = ["--port", str(port), "--ledger", str(tmp_path / "taken.txt")]
        with subprocess.Popen([sys.executable, "-m", "tests.fakes.twilio", *words], cwd=HOUSE) as process:
            until(lambda: hand_over(f"http://127.0.0.1:{port}").word is Word.ACCEPTED, what="the fake")
            process.terminate()
            assert process.wait(10) == 0


class TestLedger:
    def test_many_at_once_are_all_written_before_their_answers(self, fake: FakeTwilio) -> None:
        async def run() -> list[bool]:
            async with TwilioProvider(TwilioAccount(ACCOUNT, TOKEN, SERVICE, fake.url), CALLBACK, 60) as provider:
                return await asyncio.gather(*(one(provider, number) for number in range(1, 301)))

        async def one(provider: TwilioProvider, number: int) -> bool:
            (outcome,) = await provider.send([message(message_id=number)])
            return outcome.word is Word.ACCEPTED and str(number) in {entry[1] for entry in ledger.read(fake.ledger)}

        assert all(uvloop.run(run()))
        assert sorted(int(entry.message_id) for entry in ledger.read(fake.ledger)) == list(range(1, 301))

"""The Twilio provider over real HTTP: against the fake, and against servers that answer as no Twilio would."""

import asyncio
import json
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import uvloop

from jobs.providers import http
from jobs.providers.base import AccountCheck, Doubt, Outcome, Provider
from jobs.providers.twilio import provider as twilio
from jobs.providers.twilio.provider import TwilioAccount, TwilioProvider
from models.clock import now_ms
from models.errors import NotConfiguredError
from models.rules.verdicts import Word
from models.words import Channel, FailureReason, RetryClass, Scope
from tests.fakes import ledger
from tests.fakes.twilio import ACCOUNT, SERVICE, TOKEN, FakeTwilio, running
from tests.integration.twilio_calls import (
    ADA,
    CALLBACK,
    NOW,
    SID,
    VARIABLES,
    hand_over,
    message,
    raw,
    refusal,
    resource,
    server,
    using,
)
from tests.processes import free_port

CODES_OF_NO_KIND: list[object] = [True, [], {"code": 21211}, 1.5, 0, ""]
NAUGHTY = json.loads((Path(__file__).parents[1] / "fixtures" / "naughty_strings.json").read_text(encoding="utf-8"))
BAD, PERHAPS, LIKELY, NEVER = (
    RetryClass.POINTLESS,
    RetryClass.MAY_HAVE_ARRIVED,
    RetryClass.LIKELY,
    RetryClass.NEVER,
)


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeTwilio]:
    with running(FakeTwilio(tmp_path / "taken.txt", silent=True)) as fake:
        yield fake


def check(url: str) -> AccountCheck:
    return using(url, lambda provider: provider.check_account())


def answered_with(answer: bytes | None, *, reset: bool = False, scheme: str = "http") -> tuple[Outcome, list[bytes]]:
    """The outcome of a hand-over that is answered with these bytes, and what came over the line."""

    async def run() -> tuple[Outcome, list[bytes]]:
        async with server(answer, reset=reset) as (url, came):
            account = TwilioAccount(ACCOUNT, TOKEN, SERVICE, url.replace("http", scheme))
            async with TwilioProvider(account, CALLBACK, 14_400) as provider:
                return (await provider.send([message()]))[0], came

    return uvloop.run(run())


def summary(outcome: Outcome) -> tuple[object, ...]:
    return outcome.word, outcome.reason, outcome.retry_class, outcome.scope is Scope.ACCOUNT, outcome.code


class TestAccount:
    def test_variables_name_the_account(self) -> None:
        account = TwilioAccount.from_variables(VARIABLES)
        assert account == TwilioAccount(ACCOUNT, TOKEN, SERVICE, "https://api.twilio.com")

    def test_slash_at_the_end_of_the_address_does_not_matter(self) -> None:
        account = TwilioAccount.from_variables({**VARIABLES, "TWILIO_API_URL": "http://127.0.0.1:8/"})
        assert account.api_url == "http://127.0.0.1:8"

    @pytest.mark.parametrize("name", VARIABLES)
    @pytest.mark.parametrize("value", ["", "tok\nen", "tök", "\udcff"])
    def test_variable_that_is_missing_or_rubbish_is_named(self, name: str, value: str) -> None:
        with pytest.raises(NotConfiguredError, match=name):
            TwilioAccount.from_variables({**VARIABLES, name: value})

    @pytest.mark.parametrize(
        "url", ["api.twilio.com", "localhost:80", "ftp://x", "http://", "http://u:p@x", "http://x?y", "http://x y", "/"]
    )
    def test_address_that_is_none_is_refused(self, url: str) -> None:
        with pytest.raises(NotConfiguredError, match="TWILIO_API_URL"):
            TwilioAccount.from_variables({**VARIABLES, "TWILIO_API_URL": url})

    def test_provider_says_what_it_takes(self) -> None:
        provider: Provider = TwilioProvider(TwilioAccount.from_variables(VARIABLES), None, 14_400)
        said = (provider.name, provider.channel, provider.batch_size, provider.concurrency, provider.speed)
        assert said == ("twilio", Channel.SMS, 1, 100, None)


class TestHandOver:
    def test_what_was_taken_has_its_sid_and_is_in_the_ledger(self, fake: FakeTwilio) -> None:
        outcome = hand_over(fake.url)
        (taken,) = fake.messages
        assert (outcome.word, outcome.provider_id) == (Word.ACCEPTED, taken.sid)
        assert [entry[1:] for entry in ledger.read(fake.ledger)] == [("7", "1", ADA)]

    def test_form_has_our_ids_in_the_callback(self, fake: FakeTwilio) -> None:
        hand_over(fake.url, message(text="Hi {{name}}", name="Ada"))
        assert list(fake.posts) == [
            {
                "To": ADA,
                "MessagingServiceSid": SERVICE,
                "Body": "Hi Ada",
                "ValidityPeriod": "14400",
                "StatusCallback": f"{CALLBACK}?m=7&a=1",
            }
        ]

    def test_without_a_url_no_callback_is_asked_for(self, fake: FakeTwilio) -> None:
        async def run() -> None:
            async with TwilioProvider(TwilioAccount(ACCOUNT, TOKEN, SERVICE, fake.url), None, 60) as provider:
                await provider.send([message()])

        uvloop.run(run())
        assert "StatusCallback" not in fake.posts[0]

    @pytest.mark.parametrize(("asked", "sent"), [(0, "1"), (1, "1"), (36_000, "36000"), (36_001, "36000")])
    def test_validity_stays_within_what_twilio_allows(self, fake: FakeTwilio, asked: int, sent: str) -> None:
        using(fake.url, lambda provider: provider.send([message()]), validity_seconds=asked)
        assert fake.posts[0]["ValidityPeriod"] == sent

    def test_a_batch_gets_one_outcome_each_in_its_order(self, fake: FakeTwilio) -> None:
        batch = [message(message_id=8), message(message_id=5), message("+1", message_id=6)]
        outcomes = using(fake.url, lambda provider: provider.send(batch))
        assert [outcome.message for outcome in outcomes] == batch
        assert [outcome.word for outcome in outcomes] == [Word.ACCEPTED, Word.ACCEPTED, Word.FAILED]

    @pytest.mark.parametrize(
        ("ending", "said", "taken"),
        [
            ("9000", (Word.ACCEPTED, None, None, False, ""), True),
            ("9001", (Word.FAILED, FailureReason.INVALID_RECIPIENT, BAD, False, "21211"), False),
            ("9002", (Word.FAILED, FailureReason.UNSUPPORTED_RECIPIENT, BAD, False, "21614"), False),
            ("9009", (Word.FAILED, FailureReason.CONFIGURATION, BAD, False, "21408"), False),
            ("9020", (Word.OPTED_OUT, None, NEVER, False, "21610"), False),
            ("9050", (Word.UNKNOWN, None, None, False, ""), True),
            ("9051", (Word.UNKNOWN, None, None, False, ""), False),
            ("9060", (Word.NOT_SENT, FailureReason.CONFIGURATION, BAD, True, "20003"), False),
            ("9150", (Word.UNKNOWN, None, None, False, "20500"), True),
            ("9151", (Word.UNKNOWN, None, None, False, "20500"), False),
            ("9152", (Word.UNKNOWN, None, None, False, "20500"), False),
            ("9153", (Word.UNKNOWN, None, None, False, "HTTP 201"), True),
            ("9154", (Word.UNKNOWN, None, None, False, "HTTP 201"), True),
            ("9155", (Word.UNKNOWN, None, None, False, "20503"), False),
        ],
    )
    def test_every_answer_of_the_fake_has_its_word(
        self, fake: FakeTwilio, ending: str, said: tuple[object, ...], taken: bool
    ) -> None:
        outcome = hand_over(fake.url, message(f"+1202555{ending}"))
        assert summary(outcome) == said
        assert (not outcome.unmapped, len(fake.posts), len(ledger.read(fake.ledger))) == (True, 1, taken)

    def test_busy_twilio_says_how_long_to_wait_and_takes_it_later(self, fake: FakeTwilio) -> None:
        busy, later = (hand_over(fake.url, message("+12025559129")) for _ in range(2))
        assert summary(busy) == (Word.NOT_SENT, FailureReason.RATE_LIMITED, LIKELY, False, "20429")
        assert (busy.retry_after, busy.text) == (1.0, "Twilio-Concurrent-Requests: 101; Too Many Requests")
        assert later.word is Word.ACCEPTED

    def test_dead_credential_is_the_accounts_refusal(self, fake: FakeTwilio) -> None:
        fake.refuses_all = True
        assert summary(hand_over(fake.url)) == (Word.NOT_SENT, FailureReason.CONFIGURATION, BAD, True, "20003")
        assert fake.messages == []


class TestAnswers:
    """Answers that the fake does not give, byte for byte."""

    @pytest.mark.parametrize(
        ("status", "body", "word", "reason", "code"),
        [
            (200, resource(), Word.ACCEPTED, None, ""),
            (201, resource(status="sent"), Word.ACCEPTED, None, ""),
            (201, resource(status="flown"), Word.ACCEPTED, None, ""),
            (201, resource(status="failed", error_code=30007), Word.FAILED, FailureReason.CONTENT_REJECTED, "30007"),
            (201, resource(status="undelivered", error_code=21610), Word.OPTED_OUT, None, "21610"),
            (201, resource(status="failed"), Word.FAILED, FailureReason.UNKNOWN, ""),
            (201, resource(status="canceled"), Word.FAILED, FailureReason.CONFIGURATION, "canceled"),
            (400, refusal("21614"), Word.FAILED, FailureReason.UNSUPPORTED_RECIPIENT, "21614"),
            (400, refusal(21612), Word.FAILED, FailureReason.UNREACHABLE, "21612"),
            (404, refusal(21211), Word.FAILED, FailureReason.INVALID_RECIPIENT, "21211"),
            (429, refusal(21211), Word.NOT_SENT, FailureReason.INVALID_RECIPIENT, "21211"),
            (400, refusal(20429), Word.NOT_SENT, FailureReason.RATE_LIMITED, "20429"),
            (429, refusal(63038), Word.NOT_SENT, FailureReason.RATE_LIMITED, "63038"),
            (400, refusal(21611), Word.FAILED, FailureReason.RATE_LIMITED, "21611"),
            (429, b"slow down", Word.NOT_SENT, FailureReason.RATE_LIMITED, "HTTP 429"),
        ],
    )
    def test_code_says_why_and_the_status_of_http_whether_it_was_surely_not_sent(
        self, status: int, body: object, word: Word, reason: FailureReason | None, code: str
    ) -> None:
        outcome, came = answered_with(raw(status, body))
        assert summary(outcome)[:2] == (word, reason)
        assert (outcome.code, outcome.scope, outcome.unmapped) == (code, Scope.MESSAGE, False)
        assert outcome.provider_id == (SID if status <= 201 else "")
        assert len(came) == 1

    @pytest.mark.parametrize(
        ("status", "body", "code"),
        [
            (401, b"", "HTTP 401"),
            (403, b"<html>", "HTTP 403"),
            (404, refusal(None), "HTTP 404"),
            (404, refusal(20404), "20404"),
            (400, refusal(20003), "20003"),
            (403, refusal(20005), "20005"),
        ],
    )
    def test_account_is_refused_by_code_or_by_status(self, status: int, body: object, code: str) -> None:
        outcome, _ = answered_with(raw(status, body))
        assert (outcome.word, outcome.scope, outcome.code) == (Word.NOT_SENT, Scope.ACCOUNT, code)
        assert outcome.reason in (FailureReason.CONFIGURATION, FailureReason.INSUFFICIENT_FUNDS)
        assert not outcome.unmapped

    @pytest.mark.parametrize(
        ("status", "body", "code"),
        [(400, refusal(21999), "21999"), (410, refusal("new"), "new"), (413, b"<html>", "HTTP 413")]
        + [(400, refusal(code), "HTTP 400") for code in CODES_OF_NO_KIND],
    )
    def test_refusal_that_no_table_knows_is_unmapped(self, status: int, body: object, code: str) -> None:
        outcome, _ = answered_with(raw(status, body))
        assert summary(outcome) == (Word.FAILED, FailureReason.UNKNOWN, PERHAPS, False, code)
        assert outcome.unmapped

    def test_account_refused_with_a_new_code_is_listed_as_unmapped(self) -> None:
        outcome, _ = answered_with(raw(401, refusal(20999)))
        assert (outcome.scope, outcome.code, outcome.unmapped) == (Scope.ACCOUNT, "20999", True)

    def test_message_that_failed_at_once_with_a_new_code_is_unmapped(self) -> None:
        outcome, _ = answered_with(raw(201, resource(status="failed", error_code=39999)))
        assert summary(outcome) == (Word.FAILED, FailureReason.UNKNOWN, PERHAPS, False, "39999")
        assert outcome.unmapped

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (201, {}),
            (201, [resource()]),
            (201, b"null"),
            (201, b"\xff\xfe"),
            (201, b"[" * 200_000),
            (201, b'{"sid": ' + b"9" * 5000 + b"}"),
            (201, resource(sid=None)),
            (201, resource(sid=f"{SID}\n")),
            (201, resource(sid="AC" + SID[2:])),
            (201, resource(status=None)),
            (202, resource()),
            (204, b""),
            (302, resource()),
            (400, refusal(20500)),
            (500, b""),
            (500, refusal(20003)),
            (500, refusal(21211)),
            (503, refusal(21610)),
            (500, refusal(21999)),
            (502, b"<html>Bad gateway</html>"),
            (503, refusal(20429)),
            (599, refusal(None)),
        ],
    )
    def test_doubtful_answer_leaves_it_unknown(self, status: int, body: object) -> None:
        outcome, came = answered_with(raw(status, body))
        assert (outcome.word, outcome.reason, outcome.scope) == (Word.UNKNOWN, None, Scope.MESSAGE)
        assert len(came) == 1

    def test_redirect_is_not_followed(self) -> None:
        outcome, came = answered_with(raw(307, b"", Location="/elsewhere"))
        assert (outcome.word, outcome.code, len(came)) == (Word.UNKNOWN, "HTTP 307", 1)

    @pytest.mark.parametrize(
        ("given", "kept"),
        [
            ("x" * 600, "x" * 500),
            ("a\0b\n  c", "a b c"),
            ("half \ud800", "half ?"),
            (["a"], ""),
            (None, ""),
        ],
    )
    def test_text_is_kept_as_a_database_can_hold_it(self, given: object, kept: str) -> None:
        assert answered_with(raw(400, refusal(21211, given)))[0].text == kept

    def test_long_code_is_cut(self) -> None:
        assert answered_with(raw(400, refusal("7" * 900)))[0].code == "7" * 32

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [("0", 0.0), ("120", 120.0), ("Mon, 21 Sep 2026 14:13:20 GMT", 20.0), ("Mon, 21 Sep 2020 14:13:20 GMT", 0.0)]
        + [("999999999", 600.0), ("Mon, 21 Sep 2037 14:13:20 GMT", 600.0)]  # a clock that is wrong
        + [
            (rubbish, None)
            for rubbish in ("soon", "-1", "1e9", "9" * 400, "Mon, 21 Sep 2026 14:13:20 +99999999999999999999")
        ],
    )
    def test_busy_twilio_names_seconds_or_a_date(
        self, header: str, seconds: float | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("jobs.providers.twilio.words.now_ms", lambda: NOW - 20_000)
        assert answered_with(raw(429, b"", Retry_After=header))[0].retry_after == seconds


class TestConnection:
    def test_nobody_listens_so_nothing_was_sent(self) -> None:
        outcome = hand_over(f"http://127.0.0.1:{free_port()}")
        assert (outcome.word, outcome.text) == (Word.NOT_SENT, "Twilio can't be reached: ClientConnectorError")

    def test_name_that_does_not_resolve_means_nothing_was_sent(self) -> None:
        assert hand_over("http://twilio.invalid").word is Word.NOT_SENT

    @pytest.mark.parametrize("answer", [b"no TLS", None])
    def test_no_tls_means_nothing_was_sent(self, answer: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "CONNECT_SECONDS", 0.2)
        assert answered_with(answer, scheme="https")[0].word is Word.NOT_SENT

    def test_no_answer_in_time_leaves_it_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http, "ANSWER_SECONDS", 0.2)
        outcome, came = answered_with(None)
        assert (outcome.word, outcome.text) == (Word.UNKNOWN, "Twilio's answer was lost: SocketTimeoutError")
        assert len(came) == 1

    WHOLE = raw(201, resource())
    HEAD = len(WHOLE) - len(json.dumps(resource()))

    @pytest.mark.parametrize("reset", [False, True])
    @pytest.mark.parametrize("position", [0, 1, 9, 20, HEAD - 1, HEAD, HEAD + 1, len(WHOLE) - 1])
    def test_answer_cut_anywhere_leaves_it_unknown(self, position: int, reset: bool) -> None:
        outcome, came = answered_with(self.WHOLE[:position], reset=reset)
        assert outcome.word is Word.UNKNOWN
        assert len(came) == 1

    def test_whole_answer_counts_though_the_connection_ends(self) -> None:
        assert answered_with(self.WHOLE)[0].word is Word.ACCEPTED

    def test_answer_without_a_length_counts_only_if_it_is_whole(self) -> None:
        endless = self.WHOLE.replace(b"Content-Length", b"X-Length")
        assert answered_with(endless)[0].word is Word.ACCEPTED
        assert answered_with(endless[:-1])[0].word is Word.UNKNOWN

    def test_kept_connection_that_ends_is_not_tried_again(self, fake: FakeTwilio) -> None:
        batch = [message(), message("+12025559050", message_id=8), message(message_id=9)]
        outcomes = using(fake.url, lambda provider: provider.send(batch))
        assert [outcome.word for outcome in outcomes] == [Word.ACCEPTED, Word.UNKNOWN, Word.ACCEPTED]
        assert [entry.message_id for entry in ledger.read(fake.ledger)] == ["7", "8", "9"]


class TestTexts:
    def test_naughty_strings_arrive_as_they_are(self, fake: FakeTwilio) -> None:
        batch = [message(f"+1202555{place:04}", text, place) for place, text in enumerate(NAUGHTY, 2000)]
        batch += [message(f"+1202666{one.message_id:04}", "{{x}}", one.message_id + 3000, x=one.body) for one in batch]
        texts = {one.message_id: one.body for one in batch}

        async def act(provider: TwilioProvider) -> list[Sequence[Outcome]]:
            return await asyncio.gather(*(provider.send([one]) for one in batch))

        outcomes = [outcome for (outcome,) in using(fake.url, act)]
        arrived = {int(one["StatusCallback"].split("m=")[1].split("&")[0]): one["Body"] for one in fake.posts}
        assert arrived == texts
        assert {outcome.word for outcome in outcomes if outcome.message.body} == {Word.ACCEPTED}
        doubts = [Doubt(one.message_id, 1, one.recipient, one.body, now_ms()) for one in batch if one.body]
        looked_up = using(fake.url, lambda provider: provider.look_up(doubts, bound=set[str]().intersection, at=NOW))
        sids = {outcome.message.message_id: outcome.provider_id for outcome in outcomes}
        assert all(found.event and found.event.provider_id == sids[found.doubt.message_id] for found in looked_up)

    def test_half_a_character_is_refused_here(self, fake: FakeTwilio) -> None:
        outcome = hand_over(fake.url, message(text="Hi {{name}}", name="\ud83d"))
        assert summary(outcome) == (Word.FAILED, FailureReason.CONTENT_REJECTED, BAD, False, "")
        assert (len(fake.posts), outcome.unmapped) == (0, False)


class TestAccountCheck:
    def test_account_that_may_send_passes(self, fake: FakeTwilio) -> None:
        assert check(fake.url) == AccountCheck()

    def test_dead_credential_refuses_and_names_the_variables(self, fake: FakeTwilio) -> None:
        fake.refuses_all = True
        said = check(fake.url)
        assert "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" in said.refusal
        assert said.warning == ""

    @pytest.mark.parametrize("status", ["suspended", "closed"])
    def test_account_that_is_suspended_or_closed_refuses(self, fake: FakeTwilio, status: str) -> None:
        fake.account_status = status
        assert f"account is {status}" in check(fake.url).refusal

    @pytest.mark.parametrize(
        ("status", "body", "refused"),
        [
            (403, b"", True),
            (403, refusal(20005), True),
            (400, refusal(10001), True),
            (404, refusal(20404), False),
            (429, b"", False),
            (500, b"", False),
            (500, {"status": "active"}, False),
            (302, b"", False),
            (200, b"<html>", False),
            (200, {"status": "odd"}, False),
            (200, {"status": ["active"]}, False),
        ],
    )
    def test_other_answers_refuse_or_warn(self, status: int, body: object, refused: bool) -> None:
        async def run() -> AccountCheck:
            async with (
                server(raw(status, body)) as (url, _),
                TwilioProvider(TwilioAccount(ACCOUNT, TOKEN, SERVICE, url), None, 60) as provider,
            ):
                return await provider.check_account()

        said = uvloop.run(run())
        assert (bool(said.refusal), bool(said.warning)) == (refused, not refused)

    def test_nobody_at_home_warns(self) -> None:
        assert "ClientConnectorError" in check(f"http://127.0.0.1:{free_port()}").warning

    def test_slow_answer_warns_within_two_seconds(self, fake: FakeTwilio, monkeypatch: pytest.MonkeyPatch) -> None:
        assert twilio.CHECK_SECONDS == 2
        monkeypatch.setattr(twilio, "CHECK_SECONDS", 0.1)
        fake.latency_ms = 5_000
        since = time.monotonic()
        assert "no answer within" in check(fake.url).warning
        assert time.monotonic() - since < 2


class TestSecret:
    def test_token_is_in_nothing_that_is_said(self, fake: FakeTwilio) -> None:
        account = TwilioAccount.from_variables({**VARIABLES, "TWILIO_API_URL": fake.url})
        said: list[object] = [account, TwilioProvider(account, CALLBACK, 60)]
        endings = ("9000", "9001", "9020", "9050", "9060", "9129", "9150", "9152", "9153", "9155")
        said += [hand_over(fake.url, message(f"+1202555{ending}")) for ending in endings]
        said += [hand_over(f"http://127.0.0.1:{free_port()}"), check(fake.url)]
        fake.refuses_all = True
        said += [hand_over(fake.url), check(fake.url)]
        for variables in ({**VARIABLES, "TWILIO_ACCOUNT_SID": ""}, {**VARIABLES, "TWILIO_API_URL": TOKEN}):
            with pytest.raises(NotConfiguredError) as refused:
                TwilioAccount.from_variables(variables)
            said += [str(refused.value), repr(refused.value)]
        told = " ".join(map(repr, said))
        assert ACCOUNT in told
        assert TOKEN not in told
        assert b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode() not in told

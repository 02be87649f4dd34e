"""SendGrid over real HTTP: what each person gets, what every answer means, how a refused batch is taken apart."""

import base64
import json
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvloop
from jsonschema import Draft202012Validator
from sendgrid import SendGridAPIClient
from sendgrid.helpers.eventwebhook import EventWebhook
from sendgrid.helpers.mail import Mail as OfficialMail

from jobs.providers import http
from jobs.providers.base import UNMAPPED, AccountCheck, Outcome, Provider
from jobs.providers.messages import Attachment, Content, OutgoingMessage
from jobs.providers.sendgrid import provider as sendgrid
from jobs.providers.sendgrid.provider import SendGridAccount, SendGridProvider
from jobs.providers.sendgrid.webhooks import is_signed, parse_receipts
from models.clock import now_ms
from models.rules.preferences import Preference
from models.rules.verdicts import AttemptState, Event, Word, judge
from models.words import Channel, FailureReason, Scope
from tests.fakes import ledger
from tests.fakes.sendgrid import COURSES, SIGNATURE, TIMESTAMP, FakeSendGrid, Mail, Scripted
from tests.processes import ROOT, free_port, until

FIXTURES = ROOT / "tests" / "fixtures"
NAUGHTY: list[str] = json.loads((FIXTURES / "naughty_strings.json").read_text(encoding="utf-8"))
KEY = "SG.secret-key.of-the-account"
HTML = '<p id="{{name}}">Hi {{name}} of {{ City }} &amp; {{missing}}</p><a href="{{unsubscribe_url}}">Out</a>{{name}}'
LINK = "https://example.org/u/token-"


def content(subject: str = "Hi {{name}}, {{missing}}", html: str = HTML, **more: Any) -> Content:
    return Content.of_email(subject=subject, html=html, from_address="Ada <ada@example.org>", **more)


PLAIN = content()


def message(number: int, recipient: str = "", of: Content = PLAIN, **values: str) -> OutgoingMessage:
    known = {"name": f"N{number}", "city": "Bonn", "unsubscribe_url": f"{LINK}{number}", **values}
    return OutgoingMessage(number, 1, recipient or f"p{number}@example.com", of, known)


def messages(*recipients: str) -> list[OutgoingMessage]:
    return [message(number, recipient) for number, recipient in enumerate(recipients, start=1)]


def people(count: int, **named: str) -> list[OutgoingMessage]:
    """So many messages; `p7="bad.400@example.com"` gives the seventh another address."""
    return [message(number, named.get(f"p{number}", "")) for number in range(1, count + 1)]


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeSendGrid]:
    with FakeSendGrid(ledger=tmp_path / "ledger", key=KEY, delay_seconds=0.05) as running:
        yield running


def provider_at(fake: FakeSendGrid | str) -> SendGridProvider:
    return SendGridProvider(SendGridAccount(KEY, fake if isinstance(fake, str) else fake.url))


def satisfies(provider: SendGridProvider) -> Provider:
    """For the type checker."""
    return provider


def send(fake: FakeSendGrid | str, *batches: Sequence[OutgoingMessage]) -> list[Outcome]:
    """The outcomes of batches handed over one after the other."""

    async def hand_over() -> list[Outcome]:
        async with satisfies(provider_at(fake)) as provider:
            return [outcome for batch in batches for outcome in await provider.send(batch)]

    outcomes = uvloop.run(hand_over())
    assert [outcome.message for outcome in outcomes] == [one for batch in batches for one in batch]
    assert KEY not in repr(outcomes)
    return outcomes


def words(outcomes: Sequence[Outcome]) -> Counter[Word]:
    return Counter(outcome.word for outcome in outcomes)


def sent(fake: FakeSendGrid) -> list[ledger.Taken]:
    assert fake.ledger is not None
    return ledger.read(fake.ledger)


def assert_arrived(fake: FakeSendGrid, expected: Sequence[OutgoingMessage]) -> dict[str, Mail]:
    """Each got exactly what the message says, once; returns the mails by message id."""
    mails = {mail.message_id: mail for mail in fake.mails}
    assert len(mails) == len(fake.mails) == len(expected)
    for one in expected:
        mail = mails[str(one.message_id)]
        assert (mail.recipient, mail.attempt) == (one.recipient, "1")
        assert (mail.subject, mail.html, mail.text) == (one.subject, one.body, one.text)
    assert [taken.message_id for taken in sent(fake)] == [mail.message_id for mail in fake.mails]
    return mails


class TestMail:
    def test_each_person_gets_exactly_their_message(self, fake: FakeSendGrid) -> None:
        batch = people(100)
        outcomes = send(fake, batch)
        mails = assert_arrived(fake, batch)
        assert len(fake.requests) == 1
        assert {outcome.provider_id for outcome in outcomes} == {mails["1"].x_message_id}
        assert words(outcomes) == {Word.ACCEPTED: 100}
        assert "Hi N7 of Bonn &amp; {{missing}}" in mails["7"].html
        assert mails["7"].subject == "Hi N7, {{missing}}"

    def test_naughty_values_arrive_as_they_are(self, fake: FakeSendGrid) -> None:
        batch = [message(number, name=value, city=value[::-1]) for number, value in enumerate(NAUGHTY, start=1)]
        send(fake, *(batch[start : start + 100] for start in range(0, len(batch), 100)))
        assert_arrived(fake, batch)

    def test_naughty_templates_arrive_as_they_are(self, fake: FakeSendGrid) -> None:
        batch = []
        for start in range(0, len(NAUGHTY), 5):
            text = " {{name}}".join(NAUGHTY[start : start + 5])
            of = content(subject=f"s{text}{{{{CITY}}}}", html=f"<p>{text}</p>{{{{name}}}}")
            batch.append(message(start, of=of, city=NAUGHTY[-start]))
        send(fake, batch[:60], batch[60:])
        assert_arrived(fake, batch)

    @pytest.mark.parametrize(
        "subject", ["{{a}}", "Hi{{a}}you", "Hi {{a}} you", " {{a}}{{b}} ", "{{b}}\n{{a}}", "a\r\nBcc: x", "{{A }}{{a}}"]
    )
    def test_a_subject_is_one_line_whatever_is_put_in(self, fake: FakeSendGrid, subject: str) -> None:
        values = ["x", " ", " x ", "x\r\nBcc: eve@example.com\r\n\r\nbody", "\0\x85\u2028", "{{b}}", "", "x  y", "\t"]
        of = content(subject=subject)
        batch = [message(number, of=of, a=value, b=value[::-1]) for number, value in enumerate(values)]
        send(fake, batch)
        for mail in assert_arrived(fake, batch).values():
            assert len(mail.subject.splitlines()) <= 1
            assert set(mail.headers) == {"List-Unsubscribe", "List-Unsubscribe-Post"}

    def test_no_value_is_put_into_another(self, fake: FakeSendGrid) -> None:
        batch = [
            message(1, name="{{city}}", city="{{name}} {{ City }}", missing="{{unsubscribe_url}}"),
            message(2, name="<b>&amp;</b>", city='"onclick="x', missing="&lt;"),
        ]
        send(fake, batch)
        tags = [tag for one in fake.requests[0]["personalizations"] for tag in one["substitutions"]]
        later = [message(3, name=" ".join(tags), city=tags[0], missing=tags[-1])]
        send(fake, later)
        assert_arrived(fake, [*batch, *later])
        assert not set(tags) & set(fake.requests[1]["personalizations"][0]["substitutions"])

    def test_a_field_without_a_value_leaves_its_placeholder_as_written(self, fake: FakeSendGrid) -> None:
        of = content(subject="{{Name}}", html="<p>{{ Name }} {{name}} {{&}} {{ unsubscribe_url }}</p>")
        batch = [message(1, of=of, name=""), OutgoingMessage(2, 1, "b@example.com", of, {})]
        send(fake, batch)
        mails = assert_arrived(fake, batch)
        assert mails["2"].html == "<p>{{ Name }} {{name}} {{&}} {{ unsubscribe_url }}</p>"
        assert mails["2"].headers == {}

    def test_sendgrid_learns_nothing_of_a_person_but_our_ids(self, fake: FakeSendGrid) -> None:
        send(fake, people(2))
        for number, one in enumerate(fake.requests[0]["personalizations"], start=1):
            assert set(one) == {"to", "custom_args", "substitutions", "headers"}
            assert one["to"] == [{"email": f"p{number}@example.com"}]
            assert one["custom_args"] == {"message_id": str(number), "attempt": "1"}
            assert one["headers"] == {
                "List-Unsubscribe": f"<{LINK}{number}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            }

    def test_links_stay_as_they_are_and_nothing_is_added(self, fake: FakeSendGrid) -> None:
        send(fake, people(1))
        enabled = {name: setting["enable"] for name, setting in fake.requests[0]["tracking_settings"].items()}
        assert enabled == dict.fromkeys(("click_tracking", "open_tracking", "subscription_tracking"), False)

    @pytest.mark.parametrize(
        ("written", "taken"),
        [
            ("ada@example.org", {"email": "ada@example.org"}),
            ("Ada <ada@example.org>", {"email": "ada@example.org", "name": "Ada"}),
            ('"Ada, Countess" <ada@example.org>', {"email": "ada@example.org", "name": "Ada, Countess"}),
            ('"Ada\r\nBcc: x" <ada@example.org>', {"email": "ada@example.org", "name": "Ada Bcc: x"}),
        ],
    )
    def test_a_sender_may_have_a_name(self, fake: FakeSendGrid, written: str, taken: dict[str, str]) -> None:
        of = Content.of_email(subject="s", html="<p>x</p>", from_address=written, reply_to=written)
        send(fake, [message(1, of=of)])
        assert (fake.mails[0].sender, fake.mails[0].reply_to) == (taken, taken)

    def test_without_words_there_is_no_text_part(self, fake: FakeSendGrid) -> None:
        batch = [message(1, of=content(subject="s", html='<img src="x">'))]
        assert words(send(fake, batch)) == {Word.ACCEPTED: 1}
        assert [part["type"] for part in fake.requests[0]["content"]] == ["text/html"]
        assert_arrived(fake, batch)

    def test_attachments_come_whole_and_are_encoded_once(
        self, fake: FakeSendGrid, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        large, encoded = bytes(range(256)) * 16_000, []
        files = (Attachment("a\r\nb.pdf", "application/pdf", large), Attachment("ü.txt", "text/plain", b"x"))
        of, encode = content(attachments=files), base64.b64encode

        def note(raw: bytes) -> bytes:
            encoded.append(raw)
            return encode(raw)

        monkeypatch.setattr(base64, "b64encode", note)
        batch = [message(1, of=of), message(2, "P1@example.com", of=of), message(3, "p1@example.com", of=of)]
        assert words(send(fake, batch[:2], batch[2:])) == {Word.ACCEPTED: 3}
        assert encoded.count(large) == encoded.count(b"x") == 1
        for mail in assert_arrived(fake, batch).values():
            assert mail.attachments == (("a b.pdf", "application/pdf", large), ("ü.txt", "text/plain", b"x"))

    def test_every_request_keeps_to_the_official_description(self, fake: FakeSendGrid) -> None:
        of = content(reply_to="Ben <ben@example.org>", attachments=(Attachment("a", "text/plain", b"x"),))
        send(fake, [message(1), message(2, of=of), message(3, name="x" * 20_000), message(4, "p1@example.com")])
        described = json.loads((FIXTURES / "openapi" / "sendgrid_mail.openapi.json").read_text(encoding="utf-8"))
        schema = described["components"]["requestBodies"]["PostMailSend"]["content"]["application/json"]["schema"]
        judge_of = Draft202012Validator({**schema, "components": described["components"]})
        assert len(fake.requests) == 4
        assert [fault.message for request in fake.requests for fault in judge_of.iter_errors(request)] == []


class TestRequests:
    def test_the_same_address_goes_in_another_request(self, fake: FakeSendGrid) -> None:
        batch = messages("a@example.com", "b@example.com", "A@example.com", "a@EXAMPLE.com", "b@example.com")
        assert words(send(fake, batch)) == {Word.ACCEPTED: 5}
        assert sorted(len(request["personalizations"]) for request in fake.requests) == [1, 2, 2]
        assert_arrived(fake, batch)

    @pytest.mark.parametrize("letter", ["x", "ü", "💌", '"', "\\", "\0", "&"])
    def test_who_has_too_many_values_goes_alone(self, fake: FakeSendGrid, letter: str) -> None:
        of = content(subject="s", html="<p>{{name}}</p>")
        batch = [message(number, of=of, name=letter * (number * 400)) for number in range(1, 25)]
        assert words(send(fake, batch)) == {Word.ACCEPTED: 24}
        assert_arrived(fake, batch)
        sizes = sorted(len(request["personalizations"]) for request in fake.requests)
        assert 0 < sizes[-1] < 24
        assert sizes[:-1] == [1] * (24 - sizes[-1])

    def test_each_content_goes_in_a_request_of_its_own(self, fake: FakeSendGrid) -> None:
        other = content(subject="other", html="<p>other</p>")
        batch = [message(1), message(2, of=other), message(3), message(4, of=other)]
        send(fake, batch)
        assert len(fake.requests) == 2
        assert_arrived(fake, batch)

    def test_an_empty_batch_asks_nothing(self, fake: FakeSendGrid) -> None:
        assert send(fake, []) == []
        assert fake.requests == []


OTHER = (UNMAPPED.reason, Scope.MESSAGE)
CONFIGURATION = FailureReason.CONFIGURATION
DOUBT = (FailureReason.PROVIDER_ERROR, Scope.MESSAGE)
ERRORS = b'{"errors": [{"message": "the reason", "field": null, "help": null}]}'


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "body", "word", "told"),
        [
            (202, b"", Word.ACCEPTED, (None, Scope.MESSAGE)),
            (202, b"what", Word.ACCEPTED, (None, Scope.MESSAGE)),
            (400, ERRORS, Word.FAILED, (CONFIGURATION, Scope.MESSAGE)),
            (401, ERRORS, Word.NOT_SENT, (CONFIGURATION, Scope.ACCOUNT)),
            (403, b"", Word.NOT_SENT, (CONFIGURATION, Scope.ACCOUNT)),
            (404, b"<html>", Word.NOT_SENT, (CONFIGURATION, Scope.ACCOUNT)),
            (405, ERRORS, Word.FAILED, OTHER),
            (413, ERRORS, Word.FAILED, (FailureReason.CONTENT_REJECTED, Scope.MESSAGE)),
            (418, b"", Word.FAILED, OTHER),
            (429, ERRORS, Word.NOT_SENT, (FailureReason.RATE_LIMITED, Scope.MESSAGE)),
            *((status, ERRORS, Word.UNKNOWN, DOUBT) for status in (200, 201, 302, 307, 500, 503)),
            (204, b"", Word.UNKNOWN, DOUBT),
            (200, b'{"errors": []}', Word.UNKNOWN, DOUBT),
            (500, b"\xff" * 2_000_000, Word.UNKNOWN, DOUBT),
        ],
    )
    def test_each_has_its_word(
        self, fake: FakeSendGrid, status: int, body: bytes, word: Word, told: tuple[FailureReason | None, Scope]
    ) -> None:
        fake.scripted.append(Scripted(status, body, {"Location": f"{fake.url}/v3/mail/send"}))
        (outcome,) = send(fake, people(1))
        assert (outcome.word, (outcome.reason, outcome.scope)) == (word, told)
        assert outcome.text == ("the reason" if body is ERRORS else "")
        assert outcome.code == str(status)
        assert outcome.unmapped is (told is OTHER)
        assert len(fake.requests) == 1

    def test_the_accounts_refusal_of_a_batch_counts_once(self, fake: FakeSendGrid) -> None:
        fake.accepts = False
        outcomes = send(fake, people(100))
        assert words(outcomes) == {Word.NOT_SENT: 100}
        assert [outcome.scope for outcome in outcomes] == [Scope.ACCOUNT, *[Scope.MESSAGE] * 99]
        assert {(outcome.code, outcome.text[:12]) for outcome in outcomes} == {("401", "The provided")}

    def test_one_address_may_be_refused_for_the_account(self, fake: FakeSendGrid) -> None:
        assert words(send(fake, people(3, p2="sim.account@example.com"))) == {Word.NOT_SENT: 3}
        assert sent(fake) == []

    def test_a_busy_sendgrid_says_how_long_to_wait(self, fake: FakeSendGrid) -> None:
        batch = people(3, p2="wait.429@example.com")
        first, second = send(fake, batch), send(fake, batch)
        assert words(first) == {Word.NOT_SENT: 3}
        assert all(0 < (outcome.retry_after or 0) <= 2 for outcome in first)
        assert words(second) == {Word.ACCEPTED: 3}
        assert_arrived(fake, batch)

    @pytest.mark.parametrize(
        ("recipient", "taken"),
        [
            *(("error.500@example.com", 0), ("error.500.taken@example.com", 3)),
            *(("sim.lost@example.com", 3), ("sim.lostnever@example.com", 0)),
        ],
    )
    def test_a_fault_leaves_all_of_the_request_in_doubt(self, fake: FakeSendGrid, recipient: str, taken: int) -> None:
        outcomes = send(fake, people(3, p2=recipient))
        assert words(outcomes) == {Word.UNKNOWN: 3}
        assert len(sent(fake)) == taken
        assert len(fake.requests) == 1

    def test_an_answer_cut_anywhere_leaves_it_open(self, fake: FakeSendGrid) -> None:
        answer = b"HTTP/1.1 202 Accepted\r\nX-Message-Id: %s\r\nContent-Length: 0\r\n\r\n" % (b"x" * 22)

        async def hand_over() -> list[Word]:
            said = []
            async with provider_at(fake) as provider:
                for length in range(len(answer) + 1):
                    fake.cut_answer_at = length
                    said += [outcome.word for outcome in await provider.send([message(length)])]
            return said

        said = uvloop.run(hand_over())
        assert said == [Word.UNKNOWN] * len(answer) + [Word.ACCEPTED]
        assert len(sent(fake)) == len(answer) + 1

    def test_an_answer_that_never_comes_leaves_it_open(
        self, fake: FakeSendGrid, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "ANSWER_SECONDS", 0.2)
        fake.latency_ms = 1000
        outcomes = send(fake, people(2))
        assert words(outcomes) == {Word.UNKNOWN: 2}
        assert {outcome.code for outcome in outcomes} == {"lost_answer"}

    def test_a_server_that_does_not_read_holds_nobody_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sendgrid, "REQUEST_SECONDS", 0.3)
        of = content(attachments=(Attachment("a", "text/plain", bytes(12_000_000)),))

        async def hand_over() -> Sequence[Outcome]:
            with socket.create_server(("127.0.0.1", 0)) as deaf:
                async with provider_at(f"http://127.0.0.1:{deaf.getsockname()[1]}") as provider:
                    return await provider.send([message(1, of=of)])

        assert words(uvloop.run(hand_over())) == {Word.UNKNOWN: 1}

    def test_without_a_connection_nothing_was_sent(self) -> None:
        outcomes = send(f"http://127.0.0.1:{free_port()}", people(3))
        assert words(outcomes) == {Word.NOT_SENT: 3}
        assert {outcome.scope for outcome in outcomes} == {Scope.MESSAGE}
        assert {outcome.code for outcome in outcomes} == {"no_connection"}

    def test_a_key_that_comes_back_is_not_kept(self, fake: FakeSendGrid) -> None:
        fake.scripted.append(Scripted(400, ERRORS.replace(b"the reason", f"bad {KEY}".encode())))
        (outcome,) = send(fake, people(1))
        assert outcome.text == "bad (key)"


def failed(outcomes: Sequence[Outcome]) -> list[int]:
    """Ids of the messages that failed."""
    return [outcome.message.message_id for outcome in outcomes if outcome.word is Word.FAILED]


class TestRefusedBatch:
    """Some of a hundred are bad, and SendGrid refuses them all."""

    NAMED, QUIET = "bad.400.{}@example.com", "bad400.quiet.{}@example.com"

    def batch(self, address: str, *bad: int) -> list[OutgoingMessage]:
        return people(100, **{f"p{number}": address.format(number) for number in bad})

    @pytest.mark.parametrize("bad", [(1,), (57,), (100,), (1, 100), (20, 21, 22, 90)])
    def test_rows_that_are_named_are_left_out_at_once(self, fake: FakeSendGrid, bad: tuple[int, ...]) -> None:
        batch = self.batch(self.NAMED, *bad)
        outcomes = send(fake, batch)
        assert failed(outcomes) == list(bad)
        assert len(fake.requests) == 2
        assert_arrived(fake, [one for one in batch if one.message_id not in bad])
        told = {(outcome.text, outcome.reason) for outcome in outcomes if outcome.word is Word.FAILED}
        assert told == {("Does not contain a valid address.", CONFIGURATION)}

    @pytest.mark.parametrize(
        ("bad", "requests"),
        [((1,), 15), ((57,), 15), ((100,), 15), ((1, 100), 27), ((3, 4), 17), ((9, 30, 60, 90), 47)],
    )
    def test_rows_that_are_not_named_are_found_by_halving(
        self, fake: FakeSendGrid, bad: tuple[int, ...], requests: int
    ) -> None:
        batch = self.batch(self.QUIET, *bad)
        outcomes = send(fake, batch)
        assert failed(outcomes) == list(bad)
        assert len(fake.requests) <= requests
        assert_arrived(fake, [one for one in batch if one.message_id not in bad])

    def test_all_that_are_named_take_one_request(self, fake: FakeSendGrid) -> None:
        assert words(send(fake, self.batch(self.NAMED, *range(1, 101)))) == {Word.FAILED: 100}
        assert len(fake.requests) == 1

    def test_when_all_are_refused_alike_it_stops_searching(self, fake: FakeSendGrid) -> None:
        outcomes = send(fake, self.batch(self.QUIET, *range(1, 101)))
        assert words(outcomes) == {Word.FAILED: 3, Word.NOT_SENT: 97}
        assert len(fake.requests) <= 11
        assert sent(fake) == []

    def test_named_one_at_a_time_it_stops_too(self, fake: FakeSendGrid) -> None:
        first = b'{"errors": [{"message": "no", "field": "personalizations.0.headers"}]}'
        fake.scripted.extend([Scripted(400, first)] * 4)
        outcomes = send(fake, people(100))
        assert failed(outcomes) == [1, 2, 3]
        assert words(outcomes)[Word.NOT_SENT] == 97
        assert len(fake.requests) == 3

    def test_a_row_that_is_not_there_is_searched_for(self, fake: FakeSendGrid) -> None:
        fake.scripted.append(Scripted(400, b'{"errors": [{"message": "no", "field": "personalizations.7.to"}]}'))
        assert words(send(fake, people(4))) == {Word.ACCEPTED: 4}
        assert [len(request["personalizations"]) for request in fake.requests] == [4, 2, 2]

    def test_a_wrong_sender_is_the_accounts_refusal(self, fake: FakeSendGrid) -> None:
        of = Content.of_email(subject="s", html="<p>x</p>", from_address="nobody")
        outcomes = send(fake, [message(number, of=of) for number in range(1, 101)])
        assert words(outcomes) == {Word.NOT_SENT: 100}
        assert [outcome.scope for outcome in outcomes].count(Scope.ACCOUNT) == 1
        assert outcomes[0].text == "The from email does not contain a valid address."
        assert fake.requests == []

    def test_a_wrong_content_is_asked_about_once(self, fake: FakeSendGrid) -> None:
        fake.scripted.append(Scripted(400, b'{"errors": [{"message": "no", "field": "content.0.value"}]}'))
        assert words(send(fake, people(100))) == {Word.FAILED: 100}
        assert len(fake.requests) == 1

    def test_what_is_too_large_is_halved(self, fake: FakeSendGrid) -> None:
        fake.scripted.append(Scripted(413, ERRORS))
        batch = people(100)
        assert words(send(fake, batch)) == {Word.ACCEPTED: 100}
        assert [len(request["personalizations"]) for request in fake.requests] == [100, 50, 50]
        assert_arrived(fake, batch)

    @pytest.mark.parametrize(("status", "word"), [(429, Word.NOT_SENT), (401, Word.NOT_SENT), (500, Word.UNKNOWN)])
    def test_after_trouble_the_parts_left_are_not_sent(self, fake: FakeSendGrid, status: int, word: Word) -> None:
        fake.scripted.extend([Scripted(400, ERRORS), Scripted(status, ERRORS, {"Retry-After": "7"})])
        outcomes = send(fake, people(4))
        assert [outcome.word for outcome in outcomes] == [word, word, Word.NOT_SENT, Word.NOT_SENT]
        assert {outcome.retry_after for outcome in outcomes} == ({7.0} if status == 429 else {None})
        assert len(fake.requests) == 2
        assert sent(fake) == []


def checked(fake: FakeSendGrid | str) -> AccountCheck:
    async def check() -> AccountCheck:
        async with provider_at(fake) as one:
            return await one.check_account()

    return uvloop.run(check())


class TestAccount:
    def test_a_key_that_may_send_is_fine(self, fake: FakeSendGrid) -> None:
        assert checked(fake) == AccountCheck()
        fake.scopes = []
        assert "Mail Send" in checked(fake).warning

    def test_a_key_that_is_not_let_in_is_refused(self, fake: FakeSendGrid) -> None:
        fake.accepts = False
        assert "SENDGRID_API_KEY" in checked(fake).refusal

    def test_silence_only_warns_and_soon(self, fake: FakeSendGrid, monkeypatch: pytest.MonkeyPatch) -> None:
        assert sendgrid.CHECK_SECONDS == 2  # SPEC 1
        monkeypatch.setattr(sendgrid, "CHECK_SECONDS", 0.1)
        fake.latency_ms = 1000
        assert "no answer" in checked(fake).warning
        assert "no answer" in checked(f"http://127.0.0.1:{free_port()}").warning


# What becomes of an address that chooses, once all its events came: status and reason.
FATES = {
    "delivered": ("delivered", None),
    **{f"failed.{reason}": ("failed", reason.value) for reason in FailureReason},
    "failed.unsupported_recipient": ("failed", "invalid_recipient"),
    "optedout": ("opted_out", None),
    "silent": ("sending", None),
    "sent": ("sending", None),
    "deferred": ("delivered", None),
    "lost": ("delivered", None),
    "lostnever": ("sending", None),
    "account": ("not_sent", None),
    "late": ("sending", None),
}


class TestEvents:
    def test_every_fate_ends_as_it_should(self, fake: FakeSendGrid) -> None:
        batch = messages(*(f"sim.{fate}@example.com" for fate in FATES))
        outcomes = send(fake, *([one] for one in batch))
        awaited = sum(len(COURSES[fate]) for fate in FATES) - 1  # one comes too late
        until(lambda: len({event["sg_event_id"] for event in posted(fake)}) >= awaited, what="events")
        states = {one.message_id: AttemptState("sending", 0) for one in batch}
        for event in (*(outcome.event(at=now_ms()) for outcome in outcomes), *receipts(fake)):
            states[event.message_id] = judge(Channel.EMAIL, states[event.message_id], event)
        ends = {fate: (states[number].status, states[number].failure_reason) for number, fate in enumerate(FATES, 1)}
        assert ends == FATES

    def test_events_come_repeated_signed_and_with_sendgrids_fields(self, fake: FakeSendGrid) -> None:
        send(fake, people(100))
        until(lambda: len(posted(fake)) > 220, what="events")
        counts = Counter(event["sg_event_id"] for event in posted(fake))
        assert set(counts.values()) >= {1, 2}
        for event in posted(fake):
            assert event["sg_message_id"].startswith(fake.mails[0].x_message_id)
            assert {"email", "timestamp", "smtp-id", "category", "event"} <= set(event)
        for headers, body in fake.posted:
            assert is_signed(fake.public_key, headers, body, now_ms())
            official = EventWebhook(fake.public_key)
            assert official.verify_signature(body.decode(), headers[SIGNATURE], headers[TIMESTAMP])
            assert not is_signed(fake.public_key, headers, body + b" ", now_ms())


def posted(fake: FakeSendGrid) -> list[Mapping[str, Any]]:
    return [event for _, body in list(fake.posted) for event in json.loads(body)]


def receipts(fake: FakeSendGrid) -> list[Event]:
    words = [word for headers, body in fake.posted for word in parse_receipts(headers, body, now_ms())]
    return [word for word in words if not isinstance(word, Preference)]


@contextmanager
def receiver(answer: Callable[[], int]) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A URL that takes posts, and what it got."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answer())
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Taker) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/events", got
        server.shutdown()
        thread.join()


class TestOfficialClient:
    def test_it_can_send_to_the_fake(self, fake: FakeSendGrid) -> None:
        mail = OfficialMail("ada@example.org", "ben@example.com", "Subject", "text", "<p>html</p>")
        answer = SendGridAPIClient(KEY, host=fake.url).send(mail)
        assert (answer.status_code, answer.headers["X-Message-Id"]) == (202, fake.mails[0].x_message_id)
        assert (fake.mails[0].subject, fake.mails[0].text) == ("Subject", "text")

    def test_as_a_process_it_posts_until_somebody_listens(self, tmp_path: Path) -> None:
        answers = iter([503, 503])
        with receiver(lambda: next(answers, 204)) as (url, got):
            arguments = ["--ledger", str(tmp_path / "ledger"), "--key", KEY, "--events", url, "--delay-seconds", "0.1"]
            command = [sys.executable, "-m", "tests.fakes.sendgrid", *arguments]
            with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                running = json.loads(process.stdout.readline())
                assert words(send(running["url"], people(3))) == {Word.ACCEPTED: 3}
                until(lambda: len(got) > 3, what="posts")
                process.send_signal(signal.SIGTERM)
                assert process.wait(5) == 0
        assert [taken.message_id for taken in ledger.read(tmp_path / "ledger")] == ["1", "2", "3"]
        assert all(is_signed(running["public_key"], headers, body, now_ms()) for headers, body in got)

"""Mails as a server receives them: nothing of a message is lost, added or read as a command. And the fake itself."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from jobs.providers.base import Outcome
from jobs.providers.messages import Attachment, OutgoingMessage, one_line
from models.rules.verdicts import Word
from models.words import FailureReason, Scope
from tests.fakes import ledger
from tests.fakes.smtp import FakeSmtp, Received
from tests.integration.smtp_sending import LINK, content, hand_over, message, provider_at, run
from tests.processes import ROOT, until

NAUGHTY: list[str] = json.loads((ROOT / "tests/fixtures/naughty_strings.json").read_text(encoding="utf-8"))
ODD = [
    "=?utf-8?q?looks_encoded?=",
    "NUL\0 and \x01 others \x7f",
    "line\rline\nline\r\nline",
    "vertical\x0btab form\x0cfeed",
    "next\x85line, line\u2028separator, paragraph\u2029separator",
    "file\x1cgroup\x1drecord\x1e",
    ".\n..\n.\r\n",
    "\nFrom me\nFrom: me@example.com",
    "trailing   \n   leading",
    "word" * 500,
    "ü" * 500,
    "a b " * 300,
]


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeSmtp]:
    """A server; its ledger is `tmp_path / "ledger"`."""
    with FakeSmtp(tmp_path / "ledger") as started:
        yield started


def received(fake: FakeSmtp, *messages: OutgoingMessage) -> list[Received]:
    """What arrives of messages that go out all at once, in their order."""

    async def go() -> list[Outcome]:
        async with provider_at(fake.url) as provider:
            answers = await asyncio.gather(*(provider.send([one]) for one in messages))
        return [outcome for answer in answers for outcome in answer]

    fake.mails.clear()
    ids = [outcome.provider_id for outcome in run(go()) if outcome.word is Word.DELIVERED]
    assert len(ids) == len(messages)
    return sorted(fake.mails, key=lambda mail: ids.index(str(mail.mail["Message-ID"])))


def receive(fake: FakeSmtp, sent: OutgoingMessage) -> EmailMessage:
    (one,) = received(fake, sent)
    return one.mail


def text_of(mail: EmailMessage, kind: str) -> str:
    """Its plain or HTML text, lines ended as Python ends them."""
    part = mail.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return as_lines(part.get_content())


def as_lines(text: str) -> str:
    """A mail has one way to end lines, and its last one is ended."""
    return re.sub("\r\n|\r", "\n", text).rstrip("\n") + "\n"


class TestText:
    @pytest.mark.parametrize("hides", [set(), {"8BITMIME", "SMTPUTF8"}], ids=["8-bit", "7-bit"])
    def test_every_naughty_string_arrives_as_it_was_sent(self, fake: FakeSmtp, hides: set[str]) -> None:
        fake.hides = hides
        campaign = content(subject="To {{Value}}!", html="<p title='{{value}}'>{{value}}</p>\n<p>ü\n.\n{{value}}</p>")
        strings = [*NAUGHTY, *ODD]
        sent = [message(of=campaign, message_id=number, value=value) for number, value in enumerate(strings)]
        for one, mail in zip(sent, received(fake, *sent), strict=True):
            assert mail.mail["Subject"] == one.subject
            assert text_of(mail.mail, "plain") == as_lines(one.text)
            assert text_of(mail.mail, "html") == as_lines(one.body)
            assert mail.content.isascii() or not hides
            assert max(len(line) for line in mail.content.split(b"\r\n")) <= 998
            assert b"\0" not in mail.content
            assert mail.mail.defects == []

    def test_eight_bits_are_announced_where_they_are_sent(self, fake: FakeSmtp) -> None:
        plain, eight = received(fake, message(message_id=1), message(of=content(html="<p>Zoë</p>"), message_id=2))
        assert (plain.content.isascii(), eight.content.isascii()) == (True, False)
        assert ("BODY=8BITMIME" in plain.options, "BODY=8BITMIME" in eight.options) == (False, True)

    def test_long_line_arrives_whole(self, fake: FakeSmtp) -> None:
        html = f"<p>{'x' * 50_000}</p>"
        assert text_of(receive(fake, message(of=content(html=html))), "html") == f"{html}\n"

    def test_mail_has_a_text_and_an_html_part(self, fake: FakeSmtp) -> None:
        mail = receive(fake, message(of=content(html="<p>Hello <b>you</b></p>")))
        assert mail.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
        assert [part.get_content_charset() for part in mail.iter_parts()] == ["utf-8", "utf-8"]


class TestHeaders:
    def test_mail_says_who_writes_to_whom(self, fake: FakeSmtp) -> None:
        mail = receive(fake, message(of=content(reply_to="desk@example.com")))
        assert (mail["From"], mail["To"], mail["Reply-To"]) == (
            "news@example.com",
            "zoe@example.org",
            "desk@example.com",
        )
        assert abs(parsedate_to_datetime(mail["Date"]) - datetime.now(UTC)) < timedelta(minutes=1)

    def test_recipient_can_unsubscribe_by_one_click(self, fake: FakeSmtp) -> None:
        mail = receive(fake, message())
        assert mail["List-Unsubscribe"] == f"<{LINK}>"
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert f"List-Unsubscribe: <{LINK}>\r\n".encode() in fake.mails[0].content

    def test_message_id_is_the_same_each_time_and_another_for_each_attempt(self, fake: FakeSmtp) -> None:
        keys = [(1, 1), (1, 1), (1, 2), (2, 1)]
        outcomes = hand_over(fake, *(message(message_id=number, attempt=attempt) for number, attempt in keys))
        ids = [str(mail.mail["Message-ID"]) for mail in fake.mails]
        assert ids == [f"<{number}.{attempt}.signalbox@example.com>" for number, attempt in keys]
        assert ids == [outcome.provider_id for outcome in outcomes]

    @pytest.mark.parametrize(
        "break_", ["\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
    )
    def test_no_value_can_add_a_header(self, fake: FakeSmtp, break_: str) -> None:
        evil = f"x{break_}Bcc: victim@example.org{break_}{break_}<p>body"
        attachment = Attachment(f"a{evil}.txt", "text/plain", b"-")
        campaign = content(subject="To {{value}}", attachments=(attachment,))
        mail = receive(fake, message(of=campaign, value=evil, unsubscribe_url=f"{LINK}{evil}"))
        assert mail["Bcc"] is None
        assert mail["Subject"] == one_line(f"To {evil}")
        assert len(mail.items()) == 9
        (part,) = mail.iter_attachments()
        assert part.get_filename() == one_line(f"a{evil}.txt")
        assert [mail.recipient for mail in fake.mails] == ["zoe@example.org"]


class TestAddresses:
    @pytest.mark.parametrize(
        ("recipient", "on_the_wire", "needs_utf8"),
        [
            ("o'brien+a=b@example.org", "o'brien+a=b@example.org", False),
            ("zoe@bücher.example", "zoe@xn--bcher-kva.example", False),
            ("zoë@example.org", "zoë@example.org", True),
            ("用户@例え.example", "用户@xn--r8jz45g.example", True),
        ],
    )
    def test_address_goes_out_as_the_server_understands_it(
        self, fake: FakeSmtp, recipient: str, on_the_wire: str, needs_utf8: bool
    ) -> None:
        (mail,) = received(fake, message(recipient))
        assert (mail.recipient, mail.mail["To"]) == (on_the_wire, on_the_wire)
        assert ("SMTPUTF8" in mail.options) == needs_utf8

    def test_address_that_the_server_can_not_take_is_the_rows_failure(self, fake: FakeSmtp) -> None:
        fake.hides = {"SMTPUTF8"}
        refused, taken = hand_over(fake, message("zoë@example.org"), message("zoe@bücher.example", message_id=8))
        assert (refused.word, refused.reason) == (Word.FAILED, FailureReason.UNSUPPORTED_RECIPIENT)
        assert (taken.word, fake.connections) == (Word.DELIVERED, 1)

    @pytest.mark.parametrize("ours", [{"sender": "zoë@example.com"}, {"reply_to": "zoë@example.com"}])
    def test_sender_that_the_server_can_not_take_is_the_accounts(self, fake: FakeSmtp, ours: dict[str, str]) -> None:
        fake.hides = {"SMTPUTF8"}
        (outcome,) = hand_over(fake, message(of=content(**ours)))
        assert (outcome.word, outcome.scope, outcome.reason) == (
            Word.NOT_SENT,
            Scope.ACCOUNT,
            FailureReason.CONFIGURATION,
        )

    @pytest.mark.parametrize(
        "recipient",
        [
            "",
            "zoe",
            "@example.org",
            "zoe@",
            "zoe@example.org> SIZE=1",
            "zoe@example.org>\r\nRCPT TO:<victim@example.org",
            "zoe@example.org\nx",
            "zoe@example.org\0",
            "zoe@exam\u2028ple.org",
            "z<o>e@example.org",
            "zoe@ü..example",
            "zoe@" + "ü" * 70 + ".example",
        ],
    )
    def test_what_is_no_address_reaches_no_command(self, fake: FakeSmtp, recipient: str) -> None:
        (outcome,) = hand_over(fake, message(recipient))
        assert (outcome.word, outcome.reason) == (Word.FAILED, FailureReason.INVALID_RECIPIENT)
        assert fake.commands == []

    def test_sender_that_is_no_address_is_the_accounts(self, fake: FakeSmtp) -> None:
        (outcome,) = hand_over(fake, message(of=content(sender="news")))
        assert (outcome.word, outcome.scope, fake.commands) == (Word.NOT_SENT, Scope.ACCOUNT, [])


class TestAttachments:
    def test_files_arrive_byte_for_byte(self, fake: FakeSmtp) -> None:
        files = (
            Attachment("Größe & more.pdf", "application/pdf", bytes(range(256)) * 400),
            Attachment("notes.txt", "text/plain", b"a\nb\r\n\xff"),
            Attachment("page.html", "text/html", b"<p>.\n.\n</p>"),
            Attachment("empty", "application/octet-stream", b""),
            Attachment("letter.eml", "message/rfc822", b"Subject: x\n\ny"),
            Attachment("odd", "nonsense", b"\r\n.\r\n"),
        )
        mail = receive(fake, message(of=content(attachments=files)))
        assert mail.get_content_type() == "multipart/mixed"
        arrived = [(part.get_filename(), part.get_payload(decode=True)) for part in mail.iter_attachments()]
        assert arrived == [(file.name, file.content) for file in files]
        types = [part.get_content_type() for part in mail.iter_attachments()]
        assert types == [
            "application/pdf",
            "text/plain",
            "text/html",
            "application/octet-stream",
            "application/octet-stream",
            "application/octet-stream",
        ]

    def test_too_large_a_mail_is_refused_before_it_is_sent(self, fake: FakeSmtp) -> None:
        large = Attachment("large.bin", "application/octet-stream", bytes(1_000_000))
        (outcome,) = hand_over(fake, message(of=content(attachments=(large,))))
        assert (outcome.word, outcome.reason) == (Word.FAILED, FailureReason.CONTENT_REJECTED)
        assert fake.commands == ["EHLO", "QUIT"]


class TestFake:
    def test_it_runs_as_a_process_too(self, tmp_path: Path) -> None:
        command = [sys.executable, "-m", "tests.fakes.smtp", "--port", "0", "--ledger", str(tmp_path / "ledger")]
        login = ["--user", "u", "--password", "p", "--latency-ms", "1", "--seed", "2"]
        with subprocess.Popen([*command, *login], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            port = process.stdout.readline().split()[-1]
            (outcome,) = hand_over(f"smtp://u:p@127.0.0.1:{port}", message(message_id=5, attempt=2))
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
        assert outcome.word is Word.DELIVERED
        assert [(line.message_id, line.attempt) for line in ledger.read(tmp_path / "ledger")] == [("5", "2")]

    @pytest.mark.parametrize(
        ("fate", "word", "reason"),
        [
            ("delivered", Word.DELIVERED, None),
            ("silent", Word.DELIVERED, None),
            *(
                (f"failed.{reason}", Word.FAILED, reason)
                for reason in FailureReason
                if reason not in (FailureReason.UNSUPPORTED_RECIPIENT, FailureReason.INSUFFICIENT_FUNDS)
            ),
            ("account", Word.NOT_SENT, FailureReason.CONFIGURATION),
            ("lost", Word.UNKNOWN, None),
            ("lostnever", Word.UNKNOWN, None),
        ],
    )
    def test_simulated_recipients_get_their_fate(
        self, fake: FakeSmtp, fate: str, word: Word, reason: FailureReason | None
    ) -> None:
        (outcome,) = hand_over(fake, message(f"sim.{fate}@example.org"))
        assert (outcome.word, outcome.reason) == (word, reason)
        until(lambda: fake.open_connections == 0)

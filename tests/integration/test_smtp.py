"""The SMTP provider against a mail server that errs: what each stage says of a message, and what arrives."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jobs.providers.base import AccountCheck, Outcome, Provider
from jobs.providers.smtp import connection as smtp_connection
from jobs.providers.smtp.connection import SmtpAccount
from jobs.providers.smtp.provider import SmtpProvider
from models.errors import NotConfiguredError
from models.rules.verdicts import Word
from models.words import Channel, FailureReason, RetryClass, Scope
from tests.fakes import ledger
from tests.fakes.smtp import Certificate, FakeSmtp, make_certificate
from tests.integration.smtp_sending import content, hand_over, message, provider_at, run
from tests.processes import until

PASSWORD = "p@ss wörd/1"
NOT_SENT, UNKNOWN, FAILED, DELIVERED = Word.NOT_SENT, Word.UNKNOWN, Word.FAILED, Word.DELIVERED
Fake = Callable[..., FakeSmtp]


def check(fake: FakeSmtp, certificate: Certificate | None = None) -> AccountCheck:
    return run(provider_at(fake.url, certificate).check_account())


def satisfies(provider: SmtpProvider) -> Provider:
    """For the type checker."""
    return provider


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Fake]:
    """Starts servers; their ledger is `tmp_path / "ledger"`."""
    started: list[FakeSmtp] = []

    def _start(**given: Any) -> FakeSmtp:
        started.append(FakeSmtp(tmp_path / "ledger", **given).__enter__())
        return started[-1]

    yield _start
    for fake in started:
        fake.__exit__()


@pytest.fixture
def fake(start: Fake) -> FakeSmtp:
    return start()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONNECT_SECONDS", "COMMAND_SECONDS", "CONTENT_SECONDS"):
        monkeypatch.setattr(smtp_connection, name, 0.2)


class TestStages:
    def test_accepted_mail_is_delivered(self, fake: FakeSmtp, tmp_path: Path) -> None:
        (outcome,) = hand_over(fake, message(message_id=12, attempt=3))
        assert (outcome.word, outcome.provider_id) == (DELIVERED, "<12.3.signalbox@example.com>")
        (line,) = ledger.read(tmp_path / "ledger")
        assert (line.message_id, line.attempt, line.recipient) == ("12", "3", "zoe@example.org")

    @pytest.mark.parametrize(
        ("recipient", "reason", "retry_class", "code"),
        [
            ("c452-4_2_2", FailureReason.MAILBOX_FULL, RetryClass.LIKELY, "452 4.2.2"),
            ("c550-5_1_1", FailureReason.INVALID_RECIPIENT, RetryClass.POINTLESS, "550 5.1.1"),
            ("c550", FailureReason.INVALID_RECIPIENT, RetryClass.POINTLESS, "550"),
            ("c421-4_7_0", FailureReason.RATE_LIMITED, RetryClass.LIKELY, "421 4.7.0"),
            ("b451-4_3_0", FailureReason.UNREACHABLE, RetryClass.LIKELY, "451 4.3.0"),
            ("b554-5_7_1", FailureReason.BLOCKED, RetryClass.POINTLESS, "554 5.7.1"),
            ("b421", FailureReason.UNREACHABLE, RetryClass.LIKELY, "421"),
            ("d550-5_7_1", FailureReason.BLOCKED, RetryClass.POINTLESS, "550 5.7.1"),
            ("d451-4_7_1", FailureReason.BLOCKED, RetryClass.LIKELY, "451 4.7.1"),
            ("d421", FailureReason.UNREACHABLE, RetryClass.LIKELY, "421"),
            ("c571", FailureReason.UNKNOWN, RetryClass.MAY_HAVE_ARRIVED, "571"),
        ],
    )
    def test_refused_mail_has_failed(
        self, fake: FakeSmtp, recipient: str, reason: FailureReason, retry_class: RetryClass, code: str
    ) -> None:
        refused, next_one = hand_over(fake, message(f"{recipient}@example.org"), message(message_id=8))
        assert (refused.word, refused.reason, refused.retry_class) == (FAILED, reason, retry_class)
        assert (refused.scope, refused.code, refused.unmapped) == (Scope.MESSAGE, code, False)
        assert refused.text.endswith("as was asked for")
        assert next_one.word is DELIVERED
        assert fake.connections == (2 if code.startswith("421") else 1)

    @pytest.mark.parametrize(
        ("sender", "word", "scope", "reason"),
        [
            ("m452-4_3_1", FAILED, Scope.MESSAGE, FailureReason.UNREACHABLE),
            ("m421", FAILED, Scope.MESSAGE, FailureReason.UNREACHABLE),
            ("m552-5_3_4", FAILED, Scope.MESSAGE, FailureReason.CONTENT_REJECTED),
            ("m554-5_7_1", FAILED, Scope.MESSAGE, FailureReason.BLOCKED),
            ("m450-4_1_1", FAILED, Scope.MESSAGE, FailureReason.CONFIGURATION),
            ("m553-5_1_8", NOT_SENT, Scope.ACCOUNT, FailureReason.CONFIGURATION),
            ("m550-5_1_1", NOT_SENT, Scope.ACCOUNT, FailureReason.CONFIGURATION),
            ("m550", NOT_SENT, Scope.ACCOUNT, FailureReason.CONFIGURATION),
            ("m530-5_7_0", NOT_SENT, Scope.ACCOUNT, FailureReason.CONFIGURATION),
        ],
    )
    def test_refused_sender(self, fake: FakeSmtp, sender: str, word: Word, scope: Scope, reason: FailureReason) -> None:
        (outcome,) = hand_over(fake, message(of=content(sender=f"{sender}@example.com")))
        assert (outcome.word, outcome.scope, outcome.reason) == (word, scope, reason)
        assert fake.mails == []

    @pytest.mark.parametrize(
        ("sender", "recipient", "word", "is_stored"),
        [
            ("cut.mail", "zoe", NOT_SENT, False),
            ("odd.mail", "zoe", NOT_SENT, False),
            ("news", "cut.rcpt", NOT_SENT, False),
            ("news", "odd.rcpt", NOT_SENT, False),
            ("news", "cut.data", NOT_SENT, False),
            ("news", "odd.data", NOT_SENT, False),
            ("news", "lostnever", UNKNOWN, False),
            ("news", "lost", UNKNOWN, True),
            ("news", "odd", UNKNOWN, True),
        ],
    )
    def test_lost_connection(
        self, fake: FakeSmtp, tmp_path: Path, sender: str, recipient: str, word: Word, is_stored: bool
    ) -> None:
        lost = message(f"{recipient}@example.org", content(sender=f"{sender}@example.com"))
        outcome, next_one = hand_over(fake, lost, message(message_id=8))
        assert (outcome.word, outcome.reason, outcome.scope) == (word, None, Scope.MESSAGE)
        assert next_one.word is DELIVERED
        assert [line.message_id for line in ledger.read(tmp_path / "ledger")] == ["7", "8"][not is_stored :]
        assert fake.connections == 2

    @pytest.mark.usefixtures("impatient")
    @pytest.mark.parametrize(
        ("sender", "recipient", "word"),
        [
            ("slow.mail", "zoe", NOT_SENT),
            ("news", "slow.rcpt", NOT_SENT),
            ("news", "slow.data", NOT_SENT),
            ("news", "slow", UNKNOWN),
        ],
    )
    def test_late_answer(self, fake: FakeSmtp, sender: str, recipient: str, word: Word) -> None:
        late = message(f"{recipient}@example.org", content(sender=f"{sender}@example.com"))
        outcome, next_one = hand_over(fake, late, message(message_id=8))
        assert (outcome.word, outcome.code, next_one.word) == (word, "timeout", DELIVERED)

    @pytest.mark.parametrize("recipient", ["cut.rcpt", "cut.data"])
    @pytest.mark.parametrize(("attempt", "word"), [(2, NOT_SENT), (3, FAILED)])
    def test_recipient_at_whom_the_server_always_hangs_up_does_not_go_round_for_ever(
        self, fake: FakeSmtp, recipient: str, attempt: int, word: Word
    ) -> None:
        (outcome,) = hand_over(fake, message(f"{recipient}@example.org", attempt=attempt))
        assert outcome.word is word
        assert outcome.retry_class is (RetryClass.LIKELY if word is FAILED else None)

    def test_account_refused_at_the_recipient_is_no_failure_of_the_row(self, fake: FakeSmtp) -> None:
        (outcome,) = hand_over(fake, message("c530@example.org"))
        assert (outcome.word, outcome.scope) == (NOT_SENT, Scope.ACCOUNT)

    def test_long_text_of_the_server_is_cut(self, fake: FakeSmtp) -> None:
        fake.greeting = f"554 {'no ' * 300}"
        (outcome,) = hand_over(fake, message())
        assert len(outcome.text) == 500

    def test_text_that_is_no_utf_8_can_be_kept(self, fake: FakeSmtp) -> None:
        fake.greeting = b"554 5.7.1 f\xfcr Unbefugte".decode("utf-8", "surrogateescape")
        (outcome,) = hand_over(fake, message())
        assert outcome.text == "5.7.1 f\N{REPLACEMENT CHARACTER}r Unbefugte"


class TestConnecting:
    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]

        (outcome,) = hand_over(f"smtp://127.0.0.1:{port}", message())
        assert (outcome.word, outcome.scope, outcome.code) == (NOT_SENT, Scope.MESSAGE, "connect_refused")

    @pytest.mark.usefixtures("impatient")
    def test_server_that_never_greets(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            (outcome,) = hand_over(f"smtp://127.0.0.1:{server.getsockname()[1]}", message())
        assert (outcome.word, outcome.code) == (NOT_SENT, "timeout")

    @pytest.mark.parametrize("greeting", ["421 4.3.2 too busy", "554 5.7.1 go away", "hello"])
    def test_server_that_does_not_want_us_has_refused_nobody(self, fake: FakeSmtp, greeting: str) -> None:
        fake.greeting = greeting
        (outcome,) = hand_over(fake, message())
        assert (outcome.word, outcome.scope, outcome.reason) == (NOT_SENT, Scope.MESSAGE, None)

    def test_name_that_no_server_has(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def unknown(*_: object, **__: object) -> object:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        async def go() -> Sequence[Outcome]:
            monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown, raising=False)
            return await provider_at("smtp://mail.invalid").send([message()])

        (outcome,) = asyncio.run(go())
        assert (outcome.word, outcome.code) == (NOT_SENT, "connect_refused")


class TestTls:
    def test_starttls_is_used_wherever_it_is_offered(self, start: Fake, certificate: Certificate) -> None:
        fake = start(starttls=certificate.server)
        (outcome,) = hand_over(fake, message(), certificate=certificate)
        assert outcome.word is DELIVERED
        assert fake.commands[:3] == ["EHLO", "EHLO", "MAIL"]
        assert fake.encrypted == [True]

    def test_smtps_is_tls_from_the_first_byte(self, start: Fake, certificate: Certificate) -> None:
        fake = start(tls=certificate.server, user="signalbox", password=PASSWORD)
        (outcome,) = hand_over(fake, message(), certificate=certificate)
        assert (outcome.word, fake.logins) == (DELIVERED, [("PLAIN", True)])

    @pytest.mark.parametrize("side", ["starttls", "tls"])
    def test_certificate_that_nobody_vouches_for_is_not_trusted(
        self, start: Fake, certificate: Certificate, side: str
    ) -> None:
        fake = start(user="signalbox", password=PASSWORD, **{side: certificate.server})
        (outcome,) = hand_over(fake, message())
        assert (outcome.word, outcome.scope, outcome.code) == (NOT_SENT, Scope.MESSAGE, "tls_error")
        assert "certificate" in outcome.text.lower()
        assert (fake.logins, fake.mails) == ([], [])

    def test_certificate_of_another_server_is_not_trusted(self, start: Fake, tmp_path: Path) -> None:
        others = make_certificate(tmp_path, address="127.0.0.2")
        (outcome,) = hand_over(start(starttls=others.server), message(), certificate=others)
        assert (outcome.word, outcome.code) == (NOT_SENT, "tls_error")

    def test_server_that_speaks_no_tls_where_it_should(self, fake: FakeSmtp) -> None:
        (outcome,) = hand_over(f"smtps://127.0.0.1:{fake.port}", message())
        assert (outcome.word, outcome.scope, fake.mails) == (NOT_SENT, Scope.MESSAGE, [])

    @pytest.mark.usefixtures("impatient")
    def test_handshake_that_never_ends(self, start: Fake, certificate: Certificate) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"smtps://127.0.0.1:{server.getsockname()[1]}"
            (outcome,) = hand_over(url, message(), certificate=certificate)
        assert (outcome.word, outcome.code) == (NOT_SENT, "timeout")


class TestLogin:
    def test_right_password_lets_in(self, start: Fake) -> None:
        fake = start(user="us%er@example.com", password=PASSWORD)
        (outcome,) = hand_over(fake, message())
        assert (outcome.word, fake.logins) == (DELIVERED, [("PLAIN", False)])

    def test_wrong_password_is_the_accounts_refusal_and_is_tried_once(self, start: Fake) -> None:
        fake = start(user="signalbox", password=PASSWORD)
        url = fake.url.replace("signalbox:", "signalbox:not-")
        (outcome,) = hand_over(url, message())
        assert (outcome.word, outcome.scope, outcome.reason) == (NOT_SENT, Scope.ACCOUNT, FailureReason.CONFIGURATION)
        assert outcome.code == "535 5.7.8"
        assert len(fake.logins) == 1

    @pytest.mark.parametrize(
        ("answer", "scope"),
        [
            ("535 5.7.139 basic authentication is disabled", Scope.ACCOUNT),
            ("550 5.7.1 account suspended", Scope.ACCOUNT),
            ("454 4.7.0 try again later", Scope.MESSAGE),
            ("421 4.7.0 too many logins", Scope.MESSAGE),
            ("hello", Scope.MESSAGE),
        ],
    )
    def test_only_a_lasting_refusal_is_the_accounts(self, start: Fake, answer: str, scope: Scope) -> None:
        fake = start(user="signalbox", password=PASSWORD)
        fake.login_answer = answer
        (outcome,) = hand_over(fake, message())
        assert (outcome.word, outcome.scope, fake.mails) == (NOT_SENT, scope, [])

    def test_login_by_login_where_plain_is_not_offered(self, start: Fake) -> None:
        fake = start(user="signalbox", password=PASSWORD)
        fake.auth = "LOGIN XOAUTH2"
        (outcome,) = hand_over(fake, message())
        assert (outcome.word, fake.logins) == (DELIVERED, [("LOGIN", False)])

    @pytest.mark.parametrize("auth", ["", "XOAUTH2"])
    def test_server_that_offers_no_login_by_password(self, start: Fake, auth: str) -> None:
        fake = start(user="signalbox", password=PASSWORD)
        fake.auth = auth
        (outcome,) = hand_over(fake, message())
        assert (outcome.word, outcome.scope, fake.logins) == (NOT_SENT, Scope.ACCOUNT, [])

    @pytest.mark.parametrize("side", ["starttls", "tls"])
    def test_password_leaves_this_machine_under_tls(self, start: Fake, tmp_path: Path, side: str) -> None:
        address = _address_that_others_can_see()
        certificate = make_certificate(tmp_path, address)
        fake = start(user="signalbox", password=PASSWORD, host=address, **{side: certificate.server})
        (outcome,) = hand_over(fake, message(), certificate=certificate)
        assert (outcome.word, fake.logins) == (DELIVERED, [("PLAIN", True)])

    def test_password_never_leaves_this_machine_without_tls(self, start: Fake) -> None:
        address = _address_that_others_can_see()
        fake = start(user="signalbox", password=PASSWORD, host=address)
        (outcome,) = hand_over(fake, message())
        assert (outcome.word, outcome.scope, outcome.code) == (NOT_SENT, Scope.ACCOUNT, "tls_error")
        assert fake.logins == []
        assert check(fake).warning
        without_login = f"smtp://{address}:{fake.port}"
        (outcome,) = hand_over(without_login, message())
        assert outcome.code == "530 5.7.0"

    @pytest.mark.parametrize("shown", ["plain", "on the wire"])
    def test_no_secret_shows_even_when_the_server_repeats_it(self, start: Fake, shown: str) -> None:
        fake = start(user="signalbox", password="hunter2-hunter2")
        secret = {"plain": "hunter2-hunter2", "on the wire": "AHNpZ25hbGJveABodW50ZXIyLWh1bnRlcjI="}[shown]
        fake.login_answer = f"535 5.7.8 unknown: {secret}"
        provider = provider_at(fake.url)
        (outcome,) = run(provider.send([message()]))
        shows = f"{outcome!r} {run(provider.check_account())!r} {provider!r} {vars(provider)!r}"
        assert "5.7.8 unknown: …" in shows
        assert secret not in shows
        assert "hunter2" not in shows


def _address_that_others_can_see() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as finder:
        try:
            finder.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but its loopback")
        address: str = finder.getsockname()[0]
        return address


class TestConnections:
    def test_one_connection_serves_many_messages(self, fake: FakeSmtp) -> None:
        outcomes = hand_over(fake, *(message(message_id=number) for number in range(5)))
        assert {outcome.word for outcome in outcomes} == {DELIVERED}
        assert (fake.connections, fake.commands.count("EHLO"), fake.commands[-1]) == (1, 1, "QUIT")

    def test_never_more_than_ten_at_once(self, fake: FakeSmtp) -> None:
        fake.latency_ms = 5

        async def go() -> int:
            async with provider_at(fake.url) as provider:
                await asyncio.gather(*(provider.send([message(message_id=number)]) for number in range(60)))
                return fake.open_connections

        assert (run(go()), fake.connections, len(fake.mails)) == (10, 10, 60)
        until(lambda: fake.open_connections == 0)

    def test_connection_is_renewed_after_100_messages(self, fake: FakeSmtp) -> None:
        hand_over(fake, *(message(message_id=number) for number in range(201)))
        assert Counter(mail.connection for mail in fake.mails) == {1: 100, 2: 100, 3: 1}

    def test_server_that_ends_sessions_itself_loses_nothing(self, fake: FakeSmtp) -> None:
        fake.close_after = 3

        async def go() -> list[Word]:
            words = []
            async with provider_at(fake.url) as provider:
                for number in range(10):
                    words += [outcome.word for outcome in await provider.send([message(message_id=number)])]
                    await _until(partial(_are_open, fake, bool((number + 1) % 3)))
            return words

        assert run(go()) == [DELIVERED] * 10
        assert fake.connections == 4

    def test_connection_closed_while_idle_is_not_used_again(self, fake: FakeSmtp) -> None:
        async def go() -> list[Word]:
            async with provider_at(fake.url) as provider:
                first = await provider.send([message(message_id=1)])
                await asyncio.to_thread(fake.hang_up)
                second = await provider.send([message(message_id=2)])
            return [outcome.word for outcome in (*first, *second)]

        assert run(go()) == [DELIVERED, DELIVERED]
        assert fake.connections == 2

    @pytest.mark.parametrize("sender", ["cut.mail", "m421-4_4_2"])
    def test_connection_given_up_just_as_mail_is_on_its_way(self, fake: FakeSmtp, sender: str) -> None:
        stale = message(message_id=2, of=content(sender=f"{sender}@example.com"))
        words = [outcome.word for outcome in hand_over(fake, message(message_id=1), stale, message(message_id=3))]
        assert words == [DELIVERED, NOT_SENT, DELIVERED]
        assert fake.connections == 2

    def test_refused_mail_is_forgotten_before_the_next(self, fake: FakeSmtp) -> None:
        hand_over(fake, message("c550@example.org"), message(message_id=8))
        assert fake.commands == ["EHLO", "MAIL", "RCPT", "RSET", "MAIL", "RCPT", "CONTENT", "QUIT"]

    def test_nothing_is_handed_over_twice_whatever_happens(self, fake: FakeSmtp, tmp_path: Path) -> None:
        names = ["lost", "lostnever", "cut.rcpt", "cut.data", "odd", "c421", "d421", "d451-4_3_0", "zoe"]
        messages = [message(f"{names[n % len(names)]}@example.org", message_id=n) for n in range(90)]

        async def go() -> list[Outcome]:
            async with provider_at(fake.url) as provider:
                answers = await asyncio.gather(*(provider.send([one]) for one in messages))
            return [outcome for answer in answers for outcome in answer]

        outcomes = run(go())
        stored = Counter(int(line.message_id) for line in ledger.read(tmp_path / "ledger"))
        assert set(stored.values()) == {1}
        assert [outcome.message for outcome in outcomes] == messages
        for outcome in outcomes:
            may_be_stored = outcome.word in (DELIVERED, UNKNOWN)
            must_be_stored = outcome.word is DELIVERED
            assert must_be_stored <= (outcome.message.message_id in stored) <= may_be_stored

    def test_hand_over_that_is_cancelled_leaves_no_connection_behind(self, fake: FakeSmtp) -> None:
        async def go() -> list[Word]:
            async with provider_at(fake.url) as provider:
                task = asyncio.create_task(provider.send([message("slow@example.org", message_id=1)]))
                await _until(lambda: "CONTENT" in fake.commands)
                task.cancel()
                await asyncio.wait([task])
                return [outcome.word for outcome in await provider.send([message(message_id=2)])]

        assert run(go()) == [DELIVERED]
        assert [mail.connection for mail in fake.mails] == [1, 2]


def _are_open(fake: FakeSmtp, count: int) -> bool:
    return fake.open_connections == count


async def _until(look: Callable[[], object]) -> None:
    await asyncio.to_thread(until, look)


class TestCheckAccount:
    def test_server_that_lets_us_in(self, start: Fake) -> None:
        fake = start(user="signalbox", password=PASSWORD)
        assert check(fake) == AccountCheck()
        assert (fake.commands, fake.mails) == (["EHLO", "QUIT"], [])

    def test_refused_login_refuses_and_names_the_variable(self, start: Fake) -> None:
        fake = start(user="signalbox", password=PASSWORD)
        fake.login_answer = "535 5.7.8 no"
        found = check(fake)
        assert "SMTP_URL" in found.refusal
        assert "535 5.7.8 no" in found.refusal_in_full
        assert "535" not in found.refusal
        assert not found.warning

    @pytest.mark.parametrize("greeting", ["421 4.3.2 busy", "554 no service", "hello"])
    def test_anything_else_warns(self, fake: FakeSmtp, greeting: str) -> None:
        fake.greeting = greeting
        found = check(fake)
        assert not found.refusal
        assert "SMTP_URL" in found.warning

    def test_temporary_refusal_of_the_login_warns(self, start: Fake) -> None:
        fake = start(user="signalbox", password=PASSWORD)
        fake.login_answer = "454 4.7.0 later"
        assert (check(fake).refusal, bool(check(fake).warning)) == ("", True)

    def test_wrong_certificate_warns(self, start: Fake, certificate: Certificate) -> None:
        assert "certificate" in check(start(starttls=certificate.server)).warning.lower()

    def test_silence_warns_within_two_seconds(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            began = time.monotonic()
            found = run(provider_at(f"smtp://127.0.0.1:{server.getsockname()[1]}").check_account())
        assert found.warning
        assert time.monotonic() - began < 2


class TestUrl:
    @pytest.mark.parametrize(
        ("url", "account"),
        [
            ("smtp://u:p@mail.example:2525", SmtpAccount("mail.example", 2525, False, "u", "p")),
            ("smtp://mail.example", SmtpAccount("mail.example", 587, False)),
            ("smtps://mail.example/", SmtpAccount("mail.example", 465, True)),
            ("smtp://[::1]:25", SmtpAccount("::1", 25, False)),
            (
                "smtps://me%40example.com:a%3Ab%2Fc%40d%20%C3%BC@mail.example",
                SmtpAccount("mail.example", 465, True, "me@example.com", "a:b/c@d ü"),
            ),
        ],
    )
    def test_url_is_taken_apart(self, url: str, account: SmtpAccount) -> None:
        assert SmtpAccount.from_url(url) == account

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "mail.example:587",
            "http://mail.example",
            "smtp://",
            "smtp://:587",
            "smtp://secret:secret@",
            "smtp://secret@mail.example",
            "smtp://:secret@mail.example",
            "smtp://u:secret@mail.example:99999",
            "smtp://u:secret@mail.example:0",
            "smtp://u:secret/secret@mail.example",
            "smtp://u:secret@mail.example/path",
            "smtp://u:secret@mail.example?tls=no",
            "smtp://u:secret@mail.example#x",
            "smtp://u:sec ret@mail.example",
            "smtp://u:%FFsecret@mail.example",
            "smtp://u:secret@mail..example",
        ],
    )
    def test_anything_else_is_refused_by_name_and_without_its_secret(self, url: str) -> None:
        with pytest.raises(NotConfiguredError) as caught:
            SmtpAccount.from_url(url)
        assert "SMTP_URL" in str(caught.value)
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None

    def test_account_does_not_show_its_password(self) -> None:
        account = SmtpAccount.from_url("smtp://signalbox:hunter2@mail.example")
        assert (account.password, "hunter2" in repr(account)) == ("hunter2", False)
        assert "hunter2" not in repr(replace(account, port=25))


class TestProvider:
    def test_it_is_one(self) -> None:
        provider = satisfies(provider_at("smtp://mail.example"))
        assert (provider.name, provider.channel, provider.batch_size) == ("smtp", Channel.EMAIL, 1)
        assert (provider.concurrency, provider.speed) == (10, None)

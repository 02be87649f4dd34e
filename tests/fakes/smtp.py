"""A mail server on 127.0.0.1 that errs as addresses ask it to, in a test's own process or as one by itself.

`python -m tests.fakes.smtp --port P --ledger F [--user U --password P] [--latency-ms 0] [--seed 1]`

| Local part | What the server does |
|---|---|
| `c452-4_2_2`, `b…`, `d…` | answers RCPT (c), DATA (b) or the mail itself (d) with 452 4.2.2 |
| `m550-5_1_8` (sender) | answers MAIL with it |
| `cut.mail` (sender), `cut.rcpt`, `cut.data` | hangs up instead of answering that command |
| `lost` | stores the mail and hangs up without an answer; `lostnever` hangs up without storing it |
| `slow.mail` (sender), `slow.rcpt`, `slow.data` | answers that command after `slow_seconds` |
| `slow` | stores the mail and answers after `slow_seconds` |
| `odd.mail` (sender), `odd.rcpt`, `odd.data`, `odd` | answers with what is no SMTP; `odd` stores the mail before |
| `sim.NAME` (SPEC 10) | refuses as a server would that means NAME; what SMTP can't say is taken |

What it takes is in the ledger before it answers.
"""

import argparse
import asyncio
import random
import re
import signal
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.ledger import Ledger, taken

TAKEN = "250 2.0.0 Ok: queued"
OUR_ID = re.compile(r"<(\d+)\.(\d+)\.signalbox@")
_REPLY = re.compile(r"([mcbd])(\d{3})(?:-(\d)_(\d+)_(\d+))?")
_STAGES = {"m": "mail", "c": "rcpt", "b": "data", "d": "content"}
_SIMULATED = {
    "sim.failed.invalid_recipient": "c550-5_1_1",
    "sim.failed.unreachable": "c450-4_2_1",
    "sim.failed.mailbox_full": "c452-4_2_2",
    "sim.failed.blocked": "d554-5_7_1",
    "sim.failed.content_rejected": "d554-5_6_0",
    "sim.failed.rate_limited": "c450-4_7_0",
    "sim.failed.expired": "d451-4_4_7",
    "sim.failed.configuration": "d550-5_7_26",
    "sim.failed.provider_error": "c451-4_5_0",
    "sim.failed.unknown": "c550-5_2_4",
    "sim.account": "c530",
    "sim.lost": "lost",
    "sim.lostnever": "lostnever",
}


class Fault(NamedTuple):
    """What to do at a stage (mail, rcpt, data, content): `cut`, `slow`, `odd`, `never`, or a reply."""

    stage: str
    act: str


def fault_of(address: str) -> Fault | None:
    """What an address asks for."""
    name = address.partition("@")[0].lower()
    name = _SIMULATED.get(name, name)
    if reply := _REPLY.fullmatch(name):
        enhanced = f" {reply[3]}.{reply[4]}.{reply[5]}" if reply[3] else ""
        return Fault(_STAGES[reply[1]], f"{reply[2]}{enhanced} as was asked for")
    act, _, stage = name.partition(".")
    if name in ("lost", "lostnever"):
        return Fault("content", {"lost": "cut", "lostnever": "never"}[name])
    if act in ("cut", "slow", "odd") and stage in ("", "mail", "rcpt", "data"):
        return Fault(stage or "content", act)
    return None


@dataclass(frozen=True)
class Received:
    """One mail as it came in; `connection` counts from 1."""

    connection: int
    sender: str
    recipient: str
    options: tuple[str, ...]
    content: bytes

    @cached_property
    def mail(self) -> EmailMessage:
        """It, read by the standard library."""
        return message_from_bytes(self.content, policy=policy.SMTPUTF8)


class FakeSmtp:
    """The server; its public attributes may be changed while it runs.

    `greeting` is said instead of 220, and then it hangs up; `hides` are extensions that EHLO leaves out; after
    `close_after` mails a connection is closed; `auth` are the ways to log in; `login_answer` is what every login gets.
    """

    def __init__(
        self,
        ledger: Path,
        *,
        user: str = "",
        password: str = "",
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        latency_ms: float = 0,
        seed: int = 1,
    ) -> None:
        self.greeting = ""
        self.hides: set[str] = set()
        self.close_after: int | None = None
        self.login_answer = ""
        self.auth = "PLAIN LOGIN" if user else ""
        self.slow_seconds = 5.0
        self.latency_ms = latency_ms
        self.mails: list[Received] = []
        self.commands: list[str] = []
        self.logins: list[tuple[str, bool]] = []  # mechanism, and whether nobody could listen
        self.sessions: list[_Session] = []
        self._ledger = Ledger(ledger)
        self._user, self._password = user, password
        self._starttls, self._tls = starttls, tls
        self._dice = random.Random(seed)
        self._controller = _Controller(self, self._session, hostname=host, port=port, ssl_context=tls)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self._controller.stop()
        self._ledger.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._controller.port

    @property
    def url(self) -> str:
        """As SMTP_URL wants it."""
        login = f"{quote(self._user, safe='')}:{quote(self._password, safe='')}@" if self._user else ""
        return f"{'smtps' if self._tls else 'smtp'}://{login}{self._controller.hostname}:{self.port}"

    @property
    def connections(self) -> int:
        """How many there have been that said EHLO."""
        return len(self.sessions)

    @property
    def open_connections(self) -> int:
        """How many of them are open."""
        return sum(session.is_open for session in self.sessions)

    @property
    def encrypted(self) -> list[bool]:
        """Whether each of them is, or was at its end."""
        return [bool(session.session and session.session.ssl) for session in self.sessions]

    def hang_up(self) -> None:
        """Close all connections, as a server does that is tired of idle ones."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self._controller.loop).result(5)

    async def _hang_up(self) -> None:
        for session in self.sessions:
            session.hang_up()
        await asyncio.gather(*(session.closed.wait() for session in self.sessions))

    def _session(self) -> "_Session":
        return _Session(
            self,
            hostname="mail.example",
            data_size_limit=1_000_000,
            enable_SMTPUTF8=True,
            tls_context=self._starttls,
            auth_require_tls=False,
            authenticator=self._authenticate,
            loop=self._controller.loop,
        )

    def _authenticate(
        self, _server: SMTP, session: Session, _envelope: Envelope, mechanism: str, login: Any
    ) -> AuthResult:
        self.logins.append((mechanism, bool(session.ssl or self._tls)))
        if self.login_answer:
            return AuthResult(success=False, handled=False, message=self.login_answer)
        is_right = (login.login.decode(), login.password.decode()) == (self._user, self._password)
        return AuthResult(success=is_right, handled=False)

    async def handle_EHLO(  # noqa: N802  # aiosmtpd's name, like those below
        self, server: "_Session", session: Session, _envelope: Envelope, hostname: str, replies: list[str]
    ) -> list[str]:
        self.commands.append("EHLO")
        session.host_name = hostname
        if server not in self.sessions:
            self.sessions.append(server)
        hidden = {*self.hides, "AUTH"}
        shown = [reply for reply in replies if reply[4:].split(" ")[0] not in hidden]
        return [*shown[:-1], f"250-AUTH {self.auth}", shown[-1]] if self.auth else shown

    async def handle_MAIL(  # noqa: N802
        self, server: "_Session", session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.commands.append("MAIL")
        if self._user and not session.authenticated:
            return "530 5.7.0 Authentication required"
        if refusal := await server.act("mail", address):
            return refusal
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(  # noqa: N802
        self, server: "_Session", _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        self.commands.append("RCPT")
        if refusal := await server.act("rcpt", address):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(  # noqa: N802
        self, server: "_Session", _session: Session, envelope: Envelope
    ) -> str:
        self.commands.append("CONTENT")
        recipient = envelope.rcpt_tos[0]
        fault = fault_of(recipient)
        act = fault.act if fault and fault.stage == "content" else ""
        if act in ("", "cut", "slow", "odd"):
            self._take(server, envelope)
        answer = await server.act("content", recipient)
        await asyncio.sleep(self.latency_ms / 1000 * self._dice.uniform(0.5, 1.5))
        if self.close_after and server.taken >= self.close_after:
            server.hang_up_soon()
        return answer or TAKEN

    async def handle_RSET(self, *_: object) -> str:  # noqa: N802
        self.commands.append("RSET")
        return "250 2.0.0 Ok"

    async def handle_QUIT(self, *_: object) -> str:  # noqa: N802
        self.commands.append("QUIT")
        return "221 2.0.0 Bye"

    def _take(self, server: "_Session", envelope: Envelope) -> None:
        content = bytes(envelope.original_content or b"")
        ours = OUR_ID.search(content.decode("utf-8", "replace"))
        message_id, attempt = ours.groups() if ours else ("", "")
        self._ledger.note([taken(message_id, attempt, recipient) for recipient in envelope.rcpt_tos])
        server.taken += 1
        self.mails += [
            Received(
                self.sessions.index(server) + 1,
                str(envelope.mail_from),
                recipient,
                tuple(envelope.mail_options),
                content,
            )
            for recipient in envelope.rcpt_tos
        ]


class _Session(SMTP):
    """One connection; `taken` counts its mails."""

    def __init__(self, fake: FakeSmtp, **given: Any) -> None:
        super().__init__(fake, **given)
        self.taken = 0
        self.closed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return not self.closed.is_set()

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.closed.set()

    async def push(self, status: str | bytes) -> None:
        """Lone surrogates stand for bytes that are no UTF-8."""
        await super().push(status.encode("utf-8", "surrogateescape") if isinstance(status, str) else status)

    async def _handle_client(self) -> None:
        fake: FakeSmtp = self.event_handler
        if not fake.greeting:
            await super()._handle_client()
            return
        await self.push(fake.greeting)
        self.hang_up()

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        assert self.envelope is not None
        recipient = self.envelope.rcpt_tos[0] if self.envelope.rcpt_tos else ""
        if refusal := await self.act("data", recipient):
            await self.push(refusal)
        else:
            await super().smtp_DATA(arg)

    async def act(self, stage: str, address: str) -> str:
        """Do what the address asks for at this stage; the reply, '' for the usual one."""
        fault = fault_of(address)
        if fault is None or fault.stage != stage:
            return ""
        if fault.act in ("cut", "never"):
            self.transport.abort()  # type: ignore[union-attr]  # it is one that can
            await asyncio.Event().wait()  # the lost connection cancels this
        if fault.act == "slow":
            await asyncio.sleep(self.event_handler.slow_seconds)
            return ""
        return "well, hello" if fault.act == "odd" else fault.act

    def hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def hang_up_soon(self) -> None:
        """After the answer that is just being given."""
        self.loop.call_soon(self.hang_up)


class _Controller(Controller):
    """Listens on a free port when it is given 0, and makes sessions of ours."""

    def __init__(self, fake: FakeSmtp, make_session: Callable[[], SMTP], **given: Any) -> None:
        super().__init__(fake, **given)
        self._make_session = make_session

    def factory(self) -> SMTP:
        return self._make_session()

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd's is untyped


class Certificate(NamedTuple):
    """A server's side of TLS, and a client's that trusts it and nobody else."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def make_certificate(directory: Path, address: str = "127.0.0.1") -> Certificate:
    """A self-made certificate for an IP address, valid for a day; its files go into `directory`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests of Signalbox")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_KEY_USAGE, critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = directory / f"{certificate.serial_number}.pem"
    path.write_bytes(secret + pem)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    return Certificate(server, ssl.create_default_context(cadata=pem.decode()))


_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def main() -> None:
    """Serve until SIGTERM or SIGINT; the port is printed once it listens."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.smtp")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--seed", type=int, default=1)
    given = vars(parser.parse_args())
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with FakeSmtp(given.pop("ledger"), **given) as fake:
        print(f"listening on {fake.port}", flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()

"""One session with a mail server (SMTP, RFC 5321), its stages told apart."""

import ipaddress
import re
import socket
import ssl
from asyncio import WriteTransport, timeout
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import IntEnum
from typing import cast
from urllib.parse import unquote, urlsplit

import aiosmtplib

from jobs.providers.messages import OutgoingMessage
from jobs.providers.smtp.codes import NO_CONNECTION, TIMED_OUT, TLS_ERROR
from jobs.providers.smtp.mail import Envelope, as_data, compose
from models.errors import NotConfiguredError

CONNECT_SECONDS = 10
COMMAND_SECONDS = 60  # RFC 5321 section 4.5.3.2 asks for 5 minutes; until then nothing has been sent
CONTENT_SECONDS = 600  # RFC 5321 section 4.5.3.2.6: a shorter wait takes mail that arrived for lost
QUIT_SECONDS = 0.5
MESSAGES_PER_CONNECTION = 100  # several relays end a session there, and close it in mid-command

CUT, NO_SMTP, NO_LOGIN = "connection_lost", "no_smtp_reply", "no_login"  # codes of our own, beside those of the table

_LOGINS = ("plain", "login", "cram-md5")  # one try at the first that is offered: failed ones lock accounts
_PORTS = {"smtp": 587, "smtps": 465}  # RFC 6409, RFC 8314
_BAD_URL = (
    "SMTP_URL must be smtp://user:password@host:587 or smtps://user:password@host:465, the user and password with "
    "special characters percent-encoded, or without both."
)


class Stage(IntEnum):
    """How far a hand-over has come."""

    CONNECTION = 1
    LOGIN = 2
    KEPT = 3  # a connection that served before is made ready
    MAIL = 4
    RCPT = 5
    DATA = 6
    CONTENT = 7


class RefusedError(Exception):
    """The server said no: with a reply code, or one of our codes where it leaves us no safe way."""

    def __init__(self, stage: Stage, code: str, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.stage, self.code, self.text = stage, code, text


class LostError(Exception):
    """The connection did not come about or is no longer of use; the code is one of ours."""

    def __init__(self, stage: Stage, code: str, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.stage, self.code, self.text = stage, code, text


class Utf8RefusedError(Exception):
    """The mail needs SMTPUTF8 (RFC 6531) for its addresses, and the server does not offer it."""


@dataclass(frozen=True, slots=True)
class SmtpAccount:
    """Where mail is handed in, and as whom; `tls` is TLS from the first byte, else STARTTLS if it is offered."""

    host: str
    port: int
    tls: bool
    username: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_url(cls, url: str) -> "SmtpAccount":
        """From `smtp://user:pass@host:587` or `smtps://…`; raises NotConfiguredError naming SMTP_URL."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
            host.encode("idna")
            username = unquote(parts.username or "", errors="strict")
            password = unquote(parts.password or "", errors="strict")
        except ValueError:
            raise NotConfiguredError(_BAD_URL) from None  # its own words quote the password
        has_more = parts.path.strip("/") or parts.query or parts.fragment or re.search(r"[\s\0-\x1f]", url)
        if parts.scheme not in _PORTS or not host or port == 0 or bool(username) != bool(password) or has_more:
            raise NotConfiguredError(_BAD_URL)
        return cls(host, port or _PORTS[parts.scheme], parts.scheme == "smtps", username, password)

    def blotted(self, text: str) -> str:
        """`text` without the password, plain or as it goes over the wire: some servers repeat what they refuse."""
        if not self.password:
            return text
        plain = f"\0{self.username}\0{self.password}"
        for secret in (b64encode(plain.encode()).decode(), b64encode(self.password.encode()).decode(), self.password):
            text = text.replace(secret, "…")
        return text


class _Client(aiosmtplib.SMTP):
    """Closes at once: taking leave of TLS needs the server's help, and would outlive the loop."""

    def close(self) -> None:
        transport = self.transport
        super().close()
        if transport is not None:
            cast("WriteTransport", transport).abort()


class Connection:
    """One session with the server, opened once and used for one hand-over at a time."""

    def __init__(self, account: SmtpAccount, tls: ssl.SSLContext) -> None:
        self._account = account
        self._client = _Client(
            hostname=account.host,
            port=account.port,
            local_hostname=_our_name(),
            timeout=COMMAND_SECONDS,
            use_tls=account.tls,
            start_tls=False,  # done here, for its stage to be known
            tls_context=tls,
        )
        self._stage = Stage.CONNECTION  # how far the present hand-over has come
        self._hand_overs = 0
        self._in_transaction = False

    @property
    def is_open(self) -> bool:
        """Whether neither side has closed it, as far as is known."""
        return self._client.is_connected

    @property
    def is_worn(self) -> bool:
        """Whether it has served long enough."""
        return self._hand_overs >= MESSAGES_PER_CONNECTION

    async def open(self) -> None:
        """Connect, encrypt if the server can, log in; raises RefusedError and LostError."""
        with self._faults_named():
            await self._client.connect(timeout=CONNECT_SECONDS)
            await self._client.ehlo()
            if not self._account.tls and self._client.supports_extension("starttls"):
                await self._client.starttls()
                await self._client.ehlo()
            if self._account.username:
                self._stage = Stage.LOGIN
                await self._log_in()

    async def hand_over(self, message: OutgoingMessage, envelope: Envelope) -> str:
        """The server's words when it took the mail; raises RefusedError, LostError and Utf8RefusedError."""
        if not (envelope.is_ascii or self._client.supports_extension("smtputf8")):
            raise Utf8RefusedError("The mail server can't take addresses with such letters (no SMTPUTF8).")
        takes_8_bits = self._client.supports_extension("8bitmime")
        mail = compose(message, envelope, at=datetime.now(UTC), eight_bit=takes_8_bits)
        with self._faults_named():
            await self._make_ready()
            sender, recipient = envelope.sender.encode(), envelope.recipient.encode()
            await self._command(Stage.MAIL, b"MAIL", b"FROM:<%b>" % sender, *self._options(mail, envelope))
            await self._command(Stage.RCPT, b"RCPT", b"TO:<%b>" % recipient)
            await self._command(Stage.DATA, b"DATA", expected=3)
            text = await self._send_content(as_data(mail))
        self._in_transaction = False
        return text

    async def leave(self) -> None:
        """Take leave if the connection still stands, and close it."""
        # Nothing depends on the answer, and a server may close without one.
        with suppress(aiosmtplib.SMTPException, OSError):
            async with timeout(QUIT_SECONDS):
                await self._client.quit()
        self.drop()

    def drop(self) -> None:
        """Close without a word."""
        self._client.close()

    async def _log_in(self) -> None:
        if not self._is_private():
            raise RefusedError(Stage.LOGIN, TLS_ERROR, "The mail server offers no TLS, so no password was sent.")
        methods = {
            "plain": self._client.auth_plain,
            "login": self._client.auth_login,
            "cram-md5": self._client.auth_crammd5,
        }
        offered = [methods[name] for name in _LOGINS if name in self._client.server_auth_methods]
        if not offered:
            raise RefusedError(Stage.LOGIN, NO_LOGIN, "The mail server offers no login by password.")
        await offered[0](self._account.username, self._account.password)

    def _is_private(self) -> bool:
        """Whether nobody between us and the server can listen."""
        if self._client.get_transport_info("sslcontext") is not None:
            return True
        return ipaddress.ip_address(self._client.get_transport_info("peername")[0].partition("%")[0]).is_loopback

    async def _make_ready(self) -> None:
        """Let the server forget a mail that it refused; what goes wrong here is no mail's fault."""
        self._stage = Stage.KEPT
        if self._in_transaction:
            await self._command(Stage.KEPT, b"RSET")
        self._in_transaction = True
        self._hand_overs += 1

    def _options(self, mail: bytes, envelope: Envelope) -> Iterator[bytes]:
        if self._client.supports_extension("size"):
            yield b"SIZE=%d" % len(mail)  # RFC 1870: too large a mail is refused before it is sent
        if not mail.isascii():
            yield b"BODY=8BITMIME"  # RFC 6152
        if not envelope.is_ascii:
            yield b"SMTPUTF8"

    async def _command(self, stage: Stage, *words: bytes, expected: int = 2) -> None:
        """Send a command; `expected` is the first digit of a good reply."""
        self._stage = stage
        reply = await self._client.execute_command(*words)
        if reply.code // 100 != expected:
            raise self._bad_reply(reply.code, reply.message)

    async def _send_content(self, content: bytes) -> str:
        """By hand: the library's own `data` doesn't tell a cut before the mail was sent from one after it."""
        protocol = self._client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("closed before the mail was sent")
        protocol.write(content)
        self._stage = Stage.CONTENT
        reply = await protocol.read_response(timeout=CONTENT_SECONDS)
        if reply.code // 100 != 2:
            raise self._bad_reply(reply.code, reply.message)
        return reply.message

    @contextmanager
    def _faults_named(self) -> Iterator[None]:
        """Turn the library's faults into ours, with the stage at which they came."""
        try:
            yield
        except aiosmtplib.SMTPResponseException as reply:
            raise self._bad_reply(reply.code, reply.message) from reply
        except TimeoutError as late:
            raise LostError(self._stage, TIMED_OUT, _words_of(late)) from late
        except (aiosmtplib.SMTPException, OSError) as fault:
            raise LostError(self._stage, self._code_of(fault), _words_of(fault)) from fault

    def _bad_reply(self, code: int, text: str) -> RefusedError | LostError:
        if 400 <= code < 600:
            return RefusedError(self._stage, str(code), self._account.blotted(text))
        return LostError(self._stage, NO_SMTP, self._account.blotted(text))

    def _code_of(self, fault: Exception) -> str:
        if isinstance(fault, ssl.SSLError) or isinstance(fault.__cause__, ssl.SSLError):
            return TLS_ERROR
        return NO_CONNECTION if isinstance(fault, aiosmtplib.SMTPConnectError) else CUT


def _our_name() -> str:
    """What EHLO calls us: this machine's full name, else an address literal as smtplib does (RFC 5321, 4.1.4)."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def _words_of(fault: Exception) -> str:
    return str(fault) or type(fault).__name__

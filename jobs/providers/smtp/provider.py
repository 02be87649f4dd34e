"""Email over a mail server of one's own (SMTP, RFC 5321), and what each stage of it says of the message.

| Stage | Refused (4xx, 5xx) | Connection cut, time-out, no SMTP reply |
|---|---|---|
| Connection, greeting, EHLO, STARTTLS | not sent | not sent |
| Login | not sent; 5xx, or no safe way to log in: the account's refusal | not sent |
| RSET of a kept connection | not sent | not sent |
| MAIL | the row's failure; some codes are the account's refusal; 421 on a kept connection: not sent | not sent |
| RCPT, DATA | the row's failure; some codes are the account's refusal | not sent; the third time the row's failure |
| The mail itself | as for RCPT | unknown: the server may have it (RFC 1047) |

A server that gives a kept connection up may say 421 just when MAIL is on its way; that says nothing of the mail.
No server may deliver a mail whose last line it has not seen, so a cut before that is surely not sent. But one that
hangs up on a recipient each time would keep it going round for ever: from the third attempt on it counts as if the
server had said 451 (RFC 5321 section 3.8).

TLS that does not come about is no connection (SPEC 2). The table's `tls_error` is the account's all the same: here it
is that of a password which can't be sent in safety.

No mail is handed over a second time here, there are no receipts, and what the server accepts is Delivered (SPEC 2).
"""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Self

from jobs.providers.base import UNMAPPED, AccountCheck, Meaning, Outcome
from jobs.providers.messages import OutgoingMessage, one_line
from jobs.providers.smtp.codes import REPLY, enhanced_in, meaning_of
from jobs.providers.smtp.connection import (
    Connection,
    LostError,
    RefusedError,
    SmtpAccount,
    Stage,
    Utf8RefusedError,
)
from jobs.providers.smtp.mail import Envelope, UnfitAddressError, message_id_of
from models.config import Config
from models.rules.verdicts import Word
from models.words import Channel, FailureReason, RetryClass, Scope

NAME = "smtp"
CHECK_SECONDS = 1.5  # with the leave-taking within the 2 s of SPEC 1
CONNECTIONS = 10
CUTS_FORGIVEN = 2  # attempts
TEXT_LENGTH = 500  # characters of a server's text that are kept

NO_SMTPUTF8, UNFIT_ADDRESS, HELD_BACK = "no_smtputf8", "unfit_address", "held_back"  # codes of our own
CLOSING = "421"
_OUR_FAULT = Meaning(FailureReason.CONFIGURATION, RetryClass.POINTLESS, Scope.ACCOUNT)


class SmtpProvider:
    """Satisfies `jobs.providers.base.Provider`. `tls` replaces the system's certificates, for a private one."""

    name = NAME
    channel = Channel.EMAIL
    batch_size = 1
    concurrency = CONNECTIONS

    def __init__(self, account: SmtpAccount, *, tls: ssl.SSLContext | None = None) -> None:
        self._account = account
        self._tls = tls or ssl.create_default_context()
        self._kept: list[Connection] = []
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._holds_back = False

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """As the environment names it. Raises NotConfiguredError."""
        return cls(SmtpAccount.from_url(config.variables["SMTP_URL"]))

    @property
    def speed(self) -> float | None:
        """No limit of its own: the server says when it is too much."""
        return None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        kept, self._kept = self._kept, []
        await asyncio.gather(*(connection.leave() for connection in kept))

    async def send(self, batch: Sequence[OutgoingMessage]) -> Sequence[Outcome]:
        """Hand over one after the other."""
        return [await self._hand_over(message) for message in batch]

    def hold_back(self) -> None:
        """Mails that wait for a connection are not sent, also when it opens."""
        self._holds_back = True

    async def check_account(self) -> AccountCheck:
        """Connect and log in. Only a refused login refuses."""
        connection = self._new_connection()
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await connection.open()
        except RefusedError as refusal:
            said = _quoted(str(refusal))
            if refusal.stage is Stage.LOGIN and refusal.code.startswith("5"):
                return AccountCheck(refusal="The mail server refuses the login in SMTP_URL.", said=said)
            return AccountCheck(warning=f"The mail server in SMTP_URL does not let us in now: {said}")
        except LostError as loss:
            return AccountCheck(warning=f"The mail server in SMTP_URL can't be reached: {_quoted(loss.text)}")
        except TimeoutError:
            return AccountCheck(warning=f"The mail server in SMTP_URL did not answer within {CHECK_SECONDS} s.")
        finally:
            await connection.leave()
        return AccountCheck()

    async def _hand_over(self, message: OutgoingMessage) -> Outcome:
        try:
            envelope = Envelope.of(message)
        except UnfitAddressError as unfit:
            return _unfit(message, UNFIT_ADDRESS, str(unfit), FailureReason.INVALID_RECIPIENT, is_ours=unfit.is_ours)
        async with self._room:
            connection = await self._free_connection()
            try:
                outcome = await self._through(connection, message, envelope)
                if connection.is_open:
                    self._kept.append(connection)
            finally:
                if connection not in self._kept:
                    connection.drop()
        return outcome

    async def _through(self, connection: Connection, message: OutgoingMessage, envelope: Envelope) -> Outcome:
        was_kept = connection.is_open
        try:
            if not was_kept:
                await connection.open()
            if self._holds_back:
                return Outcome(message, Word.NOT_SENT, code=HELD_BACK, text="held back by a stop")
            text = await connection.hand_over(message, envelope)
        except RefusedError as refusal:
            if refusal.stage < Stage.MAIL or refusal.code == CLOSING:
                connection.drop()
            return _refused(message, refusal, was_kept=was_kept)
        except LostError as loss:
            connection.drop()
            return _lost(message, loss)
        except Utf8RefusedError as refusal:
            is_ours = not envelope.our_addresses_are_ascii
            return _unfit(message, NO_SMTPUTF8, str(refusal), FailureReason.UNSUPPORTED_RECIPIENT, is_ours=is_ours)
        provider_id = message_id_of(message, envelope.domain)
        return Outcome(message, Word.DELIVERED, text=_quoted(text), provider_id=provider_id)

    async def _free_connection(self) -> Connection:
        """A kept one that is still there, else a new one, to be opened."""
        await asyncio.sleep(0)  # a close that has come meanwhile is seen first
        while self._kept:
            connection = self._kept.pop()
            if connection.is_worn:
                await connection.leave()
            elif connection.is_open:
                return connection
        return self._new_connection()

    def _new_connection(self) -> Connection:
        return Connection(self._account, self._tls)


def _quoted(text: str) -> str:
    """What is kept of a server's text: one line of characters that every database takes."""
    return one_line(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))[:TEXT_LENGTH]


def _refused(message: OutgoingMessage, refusal: RefusedError, *, was_kept: bool) -> Outcome:
    enhanced = enhanced_in(refusal.text)
    code, text = f"{refusal.code} {enhanced}".strip(), _quoted(refusal.text)
    if refusal.stage is Stage.LOGIN and not refusal.code.startswith("4"):
        return _meant(message, _OUR_FAULT, code, text)
    if refusal.stage < Stage.MAIL or (refusal.stage is Stage.MAIL and refusal.code == CLOSING and was_kept):
        return Outcome(message, Word.NOT_SENT, code=code, text=text)
    meaning = _meaning(refusal, enhanced)
    return _meant(message, meaning or UNMAPPED, code, text, unmapped=meaning is None)


def _meaning(refusal: RefusedError, enhanced: str) -> Meaning | None:
    """By the tables, but for what the command that was refused tells better."""
    by_reply = REPLY.get(refusal.code)
    if by_reply and by_reply.scope is Scope.ACCOUNT:
        return by_reply  # 530 mostly comes as "530 5.7.0", which without its reply code is any policy's
    meaning = meaning_of(refusal.code, enhanced, refusal.text)
    if refusal.stage is Stage.MAIL and meaning and meaning.reason is FailureReason.INVALID_RECIPIENT:
        # The only address that the server has heard is the sender's.
        return _OUR_FAULT if refusal.code.startswith("5") else meaning._replace(reason=FailureReason.CONFIGURATION)
    return meaning


def _meant(message: OutgoingMessage, meaning: Meaning, code: str, text: str, *, unmapped: bool = False) -> Outcome:
    word = Word.FAILED if meaning.reason else Word.OPTED_OUT
    if meaning.scope is Scope.ACCOUNT:
        word = Word.NOT_SENT
    return Outcome(message, word, meaning.reason, meaning.retry_class, meaning.scope, code, text, unmapped=unmapped)


def _unfit(message: OutgoingMessage, code: str, text: str, reason: FailureReason, *, is_ours: bool) -> Outcome:
    """An address that can't be used: the recipient's is the row's failure, the campaign's own the account's."""
    return _meant(message, _OUR_FAULT if is_ours else Meaning(reason, RetryClass.POINTLESS), code, text)


def _lost(message: OutgoingMessage, loss: LostError) -> Outcome:
    code, text = loss.code, _quoted(loss.text)
    if loss.stage is Stage.CONTENT:
        return Outcome(message, Word.UNKNOWN, code=code, text=_quoted(f"No answer to the mail: {loss.text}"))
    if loss.stage >= Stage.RCPT and message.attempt > CUTS_FORGIVEN:
        return _meant(message, REPLY["451"], code, text)
    return Outcome(message, Word.NOT_SENT, code=code, text=text)

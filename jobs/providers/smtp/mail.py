"""An email as it goes over the wire: addresses that fit SMTP's commands, headers, text, HTML and attachments."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

import idna

from jobs.providers.messages import Attachment, OutgoingMessage, one_line

# The library folds long words of a header into encoded words (a URL is then none any more) and reads what looks
# like one as if it were encoded. These we write ourselves.
_WRITTEN_HERE = frozenset({"Message-ID", "Subject", "List-Unsubscribe", "List-Unsubscribe-Post"})
_PLAIN_SUBJECT_LENGTH = 66  # with its name within the 78 characters of RFC 5322 section 2.1.1
_URL_CHARACTERS = ":/?#[]@!$&'()*+,;=%~"  # RFC 3986's reserved ones and the percent sign stay as they are
# White space, control characters and angle brackets would end the address in a command or a header.
_UNFIT_FOR_COMMAND = re.compile("[\\s<>\0-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BARE = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
_COMPOSITE = frozenset({"message", "multipart"})  # may not be base64 (RFC 2045 section 6.4)


class UnfitAddressError(ValueError):
    """An address that no SMTP command can carry; `is_ours` tells the campaign's from the recipient's."""

    def __init__(self, *, is_ours: bool) -> None:
        super().__init__("The sender's address is unfit for mail." if is_ours else "The address is unfit for mail.")
        self.is_ours = is_ours


@dataclass(frozen=True, slots=True)
class Envelope:
    """The addresses as the wire wants them: domains in ASCII, local parts as they were written."""

    sender: str
    recipient: str
    reply_to: str

    @classmethod
    def of(cls, message: OutgoingMessage) -> "Envelope":
        """Raises UnfitAddressError."""
        content = message.content
        return cls(
            sender=_on_the_wire(content.from_address, is_ours=True),
            recipient=_on_the_wire(message.recipient, is_ours=False),
            reply_to=_on_the_wire(content.reply_to, is_ours=True) if content.reply_to else "",
        )

    @property
    def domain(self) -> str:
        """The sender's."""
        return self.sender.rpartition("@")[2]

    @property
    def our_addresses_are_ascii(self) -> bool:
        """Whether the campaign's own addresses need no SMTPUTF8 (RFC 6531)."""
        return self.sender.isascii() and self.reply_to.isascii()

    @property
    def is_ascii(self) -> bool:
        """Whether the mail needs no SMTPUTF8."""
        return self.our_addresses_are_ascii and self.recipient.isascii()


def message_id_of(message: OutgoingMessage, domain: str) -> str:
    """The mail's Message-ID: the same however often it is asked for, another for each attempt."""
    return f"<{message.message_id}.{message.attempt}.signalbox@{domain}>"


def compose(message: OutgoingMessage, envelope: Envelope, *, at: datetime, eight_bit: bool) -> bytes:
    """The mail in full, with CRLF line ends, dated `at`.

    Without `eight_bit` all of it is ASCII, headers with addresses that are not excepted.
    """
    policy = _POLICY.clone(cte_type="8bit" if eight_bit else "7bit", utf8=not envelope.is_ascii)
    mail = EmailMessage(policy=policy)
    _write_headers(mail, message, envelope, at)
    mail.set_content(message.text, cte=_encoding_for(message.text))
    mail.add_alternative(message.body, subtype="html", cte=_encoding_for(message.body))
    for attachment in message.content.attachments:
        _attach(mail, attachment)
    return _BARE.sub(b"\r\n", mail.as_bytes())


def as_data(mail: bytes) -> bytes:
    """What follows DATA: leading dots doubled, and the line that ends it (RFC 5321 section 4.5.2)."""
    ended = mail if mail.endswith(b"\r\n") else mail + b"\r\n"
    return _LEADING_DOT.sub(b"..", ended) + b".\r\n"


class _Policy(EmailPolicy):
    """Leaves the headers that are written here as they are."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        return (name, value) if name in _WRITTEN_HERE else super().header_store_parse(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        return f"{name}: {value}\r\n".encode() if name in _WRITTEN_HERE else super().fold_binary(name, value)


_POLICY = _Policy(linesep="\r\n")


def _write_headers(mail: EmailMessage, message: OutgoingMessage, envelope: Envelope, at: datetime) -> None:
    mail["Message-ID"] = message_id_of(message, envelope.domain)
    mail["Date"] = format_datetime(at)
    mail["From"] = _mailbox(envelope.sender)
    mail["To"] = _mailbox(envelope.recipient)
    if envelope.reply_to:
        mail["Reply-To"] = _mailbox(envelope.reply_to)
    mail["Subject"] = _subject(message.subject)
    if url := quote(message.unsubscribe_url, safe=_URL_CHARACTERS):
        mail["List-Unsubscribe"] = f"<{url}>"  # RFC 2369
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058


def _mailbox(address: str) -> Address:
    local_part, _, domain = address.rpartition("@")
    return Address(username=local_part, domain=domain)


def _subject(subject: str) -> str:
    """As it is, or in encoded words (RFC 2047) when it is long, not plain ASCII, or looks like one."""
    is_plain = subject.isascii() and subject.isprintable() and "=?" not in subject
    if is_plain and len(subject) <= _PLAIN_SUBJECT_LENGTH:
        return subject
    return Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n")


def _encoding_for(text: str) -> str | None:
    """The library's choice, but for NUL, which may not travel as it is (RFC 5322 section 2.2)."""
    return "base64" if "\0" in text else None


def _attach(mail: EmailMessage, attachment: Attachment) -> None:
    maintype, _, subtype = attachment.media_type.partition("/")
    if not subtype or maintype in _COMPOSITE:
        maintype, subtype = "application", "octet-stream"
    name = one_line(attachment.name)
    mail.add_attachment(attachment.content, maintype=maintype, subtype=subtype, filename=name)


def _on_the_wire(address: str, *, is_ours: bool) -> str:
    local_part, at, domain = address.rpartition("@")
    if not (at and local_part and domain) or _UNFIT_FOR_COMMAND.search(address):
        raise UnfitAddressError(is_ours=is_ours)
    try:
        return local_part + at + (domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii"))
    except UnicodeError as unfit:  # idna's own error is one
        raise UnfitAddressError(is_ours=is_ours) from unfit

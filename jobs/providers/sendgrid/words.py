"""What SendGrid's words mean: a copy of `failure_reasons/sendgrid_reasons.csv`, and its rules in words.

Names of events, classifications and drop reasons: twilio.com/docs/sendgrid/for-developers/tracking-events/event;
answers to a request: twilio.com/docs/sendgrid/api-reference/mail-send/errors.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jobs.providers.base import UNMAPPED, AccountCheck, Meaning, Outcome
from jobs.providers.http import LONGEST_WAIT, Reply
from jobs.providers.messages import OutgoingMessage
from jobs.providers.smtp import codes as smtp_codes
from models.rules.verdicts import Word
from models.words import FailureReason, OptOutSource, RetryClass, Scope

_LIKELY = RetryClass.LIKELY
_MAY_HAVE_ARRIVED = RetryClass.MAY_HAVE_ARRIVED
_POINTLESS = RetryClass.POINTLESS

TEXT_LENGTH = 500

EVENTS: Mapping[str, Word] = {
    "processed": Word.ACCEPTED,
    "deferred": Word.DEFERRED,
    "delivered": Word.DELIVERED,
    "bounce": Word.FAILED,
    "dropped": Word.FAILED,
    # Who reads a mail has got it; the event that said so may have been missed.
    "open": Word.DELIVERED,
    "click": Word.DELIVERED,
}


class Stance(NamedTuple):
    """What an event says of a person's will; the message keeps its status."""

    refuses: bool
    source: OptOutSource


STANCES: Mapping[str, Stance] = {
    "spamreport": Stance(refuses=True, source=OptOutSource.COMPLAINT),
    "unsubscribe": Stance(refuses=True, source=OptOutSource.PROVIDER),
    "group_unsubscribe": Stance(refuses=True, source=OptOutSource.PROVIDER),
    "group_resubscribe": Stance(refuses=False, source=OptOutSource.PROVIDER),
}

_OPTED_OUT = Meaning(None, RetryClass.NEVER)
DROPS: Mapping[str, Meaning] = {
    "bounced address": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "invalid": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "spam reporting address": _OPTED_OUT,
    "unsubscribed address": _OPTED_OUT,
    "spam content": Meaning(FailureReason.CONTENT_REJECTED, _POINTLESS),
    "recipient list over package quota": Meaning(FailureReason.INSUFFICIENT_FUNDS, _LIKELY, Scope.ACCOUNT),
    "invalid smtpapi header": Meaning(FailureReason.CONFIGURATION, _POINTLESS),
}

CLASSIFICATIONS: Mapping[str, Meaning] = {
    "invalid address": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "content": Meaning(FailureReason.CONTENT_REJECTED, _POINTLESS),
    "reputation": Meaning(FailureReason.BLOCKED, _POINTLESS),
    # The documents spell it both ways.
    "technical failure": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "technical": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "frequency or volume too high": Meaning(FailureReason.RATE_LIMITED, _LIKELY),
}
# The text decides which of the two it is.
MAILBOX_UNAVAILABLE = "mailbox unavailable"
MAILBOX_FULL = Meaning(FailureReason.MAILBOX_FULL, _LIKELY)
MAILBOX_AWAY = Meaning(FailureReason.UNREACHABLE, _LIKELY)
# The mail server's own words decide, and what is here if they say nothing; older events have no classification.
UNCLASSIFIED = frozenset({"", "unclassified"})
UNCLASSIFIED_BOUNCE = Meaning(FailureReason.UNKNOWN, _MAY_HAVE_ARRIVED)
UNCLASSIFIED_BLOCK = Meaning(FailureReason.BLOCKED, _POINTLESS)
GAVE_UP = Meaning(FailureReason.EXPIRED, _LIKELY)  # after 72 h of trying

_FULL = re.compile(r"\bfull\b|quota|\b[45]\.2\.2\b", re.IGNORECASE)
_GAVE_UP = re.compile(r"\bexpired\b|\b72 ?h", re.IGNORECASE)
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_REPLY = re.compile(r"[245]\d\d")


def kept(text: str, length: int = TEXT_LENGTH) -> str:
    """A text from outside as it is kept: cut, and without what no database takes (NUL, halves of surrogate pairs)."""
    return text.replace("\0", " ").encode(errors="replace").decode()[:length]


def meaning_of_drop(reason: str) -> Meaning | None:
    """Why SendGrid itself did not even try; None when no table knows."""
    return DROPS.get(reason.strip().casefold())


def meaning_of_bounce(*, kind: str, classification: str, status: str, reason: str) -> Meaning | None:
    """Why the receiving server refused; None for a classification that no table knows.

    `kind` is the event's type (`blocked` is a refusal after which SendGrid does not suppress the address),
    `status` the SMTP code if the event has one, `reason` the server's words. The scope is always the
    message's: a stranger's server that says "authenticate" says nothing of our account.
    """
    blocked = kind == "blocked"
    name = classification.strip().casefold()
    if blocked and _GAVE_UP.search(reason):
        return GAVE_UP
    if name == MAILBOX_UNAVAILABLE:
        return MAILBOX_FULL if _FULL.search(f"{status} {reason}") else MAILBOX_AWAY
    if name in CLASSIFICATIONS:
        return CLASSIFICATIONS[name]
    if name not in UNCLASSIFIED and not blocked:
        return None
    said = meaning_of_reply(status, reason)
    if blocked and (said is None or said.reason is FailureReason.UNKNOWN):
        return UNCLASSIFIED_BLOCK
    return said or UNCLASSIFIED_BOUNCE


def meaning_of_reply(status: str, text: str) -> Meaning | None:
    """What a mail server's words mean for the message, by the tables of SMTP; None when no rule matches."""
    enhanced, reply = _codes(status, text)
    found = smtp_codes.meaning_of(reply, enhanced, text)
    return found and found._replace(scope=Scope.MESSAGE)


def smtp_code(status: str, text: str) -> str:
    """The most telling SMTP code that an event names: enhanced before reply code; '' if there is none."""
    enhanced, reply = _codes(status, text)
    return enhanced or reply


def _codes(status: str, text: str) -> tuple[str, str]:
    """Enhanced and reply code; '' for what is not there.

    `x.0.0` tells nothing but the first digit: the text may hold the server's own, better code.
    """
    enhanced = status if _ENHANCED.fullmatch(status) else ""
    if not enhanced or enhanced.endswith(".0.0"):
        enhanced = smtp_codes.enhanced_in(text) or enhanced
    reply = status if _REPLY.fullmatch(status) else smtp_codes.reply_code_in(text)
    return enhanced, reply


class Answer(NamedTuple):
    """What an answer to a hand-over means for those whom the request was for."""

    word: Word
    meaning: Meaning | None = None


_ACCOUNT = Answer(Word.NOT_SENT, Meaning(FailureReason.CONFIGURATION, _POINTLESS, Scope.ACCOUNT))
ANSWERS: Mapping[int, Answer] = {
    202: Answer(Word.ACCEPTED),
    400: Answer(Word.FAILED, Meaning(FailureReason.CONFIGURATION, _POINTLESS)),
    401: _ACCOUNT,
    403: _ACCOUNT,
    404: _ACCOUNT,
    413: Answer(Word.FAILED, Meaning(FailureReason.CONTENT_REJECTED, _POINTLESS)),
    429: Answer(Word.NOT_SENT, Meaning(FailureReason.RATE_LIMITED, _LIKELY)),
}
IN_DOUBT = Answer(Word.UNKNOWN, Meaning(FailureReason.PROVIDER_ERROR, _MAY_HAVE_ARRIVED))
NO_CONNECTION = Answer(Word.NOT_SENT, Meaning(FailureReason.PROVIDER_ERROR, _LIKELY))
DIVISIBLE = frozenset({400, 413})  # one recipient may be the reason why a hundred were refused
_OTHER_REFUSAL = Answer(Word.FAILED, UNMAPPED)


def answer_of(status: int, refusal: "Refusal | None" = None) -> Answer:
    """What an HTTP status means, with what a refused request's errors are about.

    Anything unforeseen but a refusal (4xx) leaves the outcome in doubt.
    """
    if status == 400 and refusal is not None and refusal.of_sender:
        return _ACCOUNT
    if status in ANSWERS:
        return ANSWERS[status]
    return _OTHER_REFUSAL if 400 <= status < 500 else IN_DOUBT


_ROW = re.compile(r"personalizations\.(\d{1,4})(?:\.|$)")
_OF_THE_SENDER = frozenset({"from", "reply_to", "reply_to_list"})
_OF_EVERYBODY = frozenset(
    {"subject", "content", "attachments", "headers", "tracking_settings", "mail_settings", "categories"}
)
_SENDER_WORDS = re.compile(r"sender identity|api key|authorization", re.IGNORECASE)


@dataclass(frozen=True)
class Refusal:
    """What a refused request's errors are about.

    `text` is all that they say; `rows` the text by index of the personalizations they name. With
    `of_sender` nothing can be sent from this address or key, with `of_everybody` the shared part is wrong.
    """

    text: str
    rows: Mapping[int, str] = field(default_factory=dict)
    of_sender: bool = False
    of_everybody: bool = False


def refusal_of(body: bytes) -> Refusal:
    """Read `{"errors": [{"message", "field", "help"}]}`; whatever is not that says nothing."""
    errors = list(_errors(body))
    rows: dict[int, list[str]] = {}
    for where, message in errors:
        if named := _ROW.match(where):
            rows.setdefault(int(named[1]), []).append(message)
    return Refusal(
        kept("; ".join(dict.fromkeys(message for _, message in errors if message))),
        {index: kept("; ".join(messages)) for index, messages in rows.items()},
        of_sender=any(_is_of_sender(*error) for error in errors),
        of_everybody=any(_first(where) in _OF_EVERYBODY for where, _ in errors),
    )


def _is_of_sender(where: str, message: str) -> bool:
    if _first(where) in _OF_THE_SENDER:
        return True
    return not _ROW.match(where) and _SENDER_WORDS.search(message) is not None


def _first(where: str) -> str:
    return where.partition(".")[0]


def _errors(body: bytes) -> Iterator[tuple[str, str]]:
    """Field and message of each error."""
    for error in _objects(_member(_parsed(body), "errors")):
        where, message = error.get("field"), error.get("message")
        yield (where if isinstance(where, str) else ""), (message if isinstance(message, str) else "")


def _parsed(body: bytes) -> Any:
    """None for what is no JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _member(answer: Any, name: str) -> Any:
    return answer.get(name) if isinstance(answer, dict) else None


def _objects(listed: Any) -> Iterator[dict[str, Any]]:
    return (one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, dict))


@dataclass(frozen=True, slots=True)
class Said:
    """What came of one request; `refusal` is set when one of many may be the reason."""

    answer: Answer
    code: str
    text: str
    provider_id: str = ""
    retry_after: float | None = None
    refusal: Refusal | None = None

    def outcome(self, message: OutgoingMessage, *, text: str = "") -> Outcome:
        """That of one message, in `text`'s words if it was named."""
        meaning = self.answer.meaning
        return Outcome(
            message,
            self.answer.word,
            reason=meaning.reason if meaning else None,
            retry_class=meaning.retry_class if meaning else None,
            scope=meaning.scope if meaning else Scope.MESSAGE,
            code=self.code,
            text=text or self.text,
            provider_id=self.provider_id,
            retry_after=self.retry_after,
            unmapped=meaning is UNMAPPED,
        )

    def not_sent(self, message: OutgoingMessage) -> Outcome:
        """That of a message which did not go because of what was said of others."""
        return Outcome(message, Word.NOT_SENT, code=self.code, text=self.text, retry_after=self.retry_after)


_EPOCH_SECONDS = re.compile(r"\d{10}(?:\.\d*)?")
_SECONDS = re.compile(r"\d{1,6}(?:\.\d*)?")


def wait_of(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait after a 429, from X-RateLimit-Reset (epoch seconds) or Retry-After; None if neither tells.

    `now` is epoch seconds. Source: twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits
    """
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if _EPOCH_SECONDS.fullmatch(reset) and float(reset) > now:
        return min(float(reset) - now, LONGEST_WAIT)
    after = headers.get("Retry-After", "").strip()
    return min(float(after), LONGEST_WAIT) if _SECONDS.fullmatch(after) else None


def account_check(reply: Reply | None) -> AccountCheck:
    """What the answer to `GET /v3/scopes` says of the key, None if there was none: only 401 and 403 refuse (SPEC 1)."""
    if reply and reply.status in (401, 403):
        return AccountCheck(refusal=f"SendGrid refuses SENDGRID_API_KEY (HTTP {reply.status}): set a valid key.")
    scopes = _member(_parsed(reply.body), "scopes") if reply and reply.status == 200 else None
    if not isinstance(scopes, list):
        told = f"HTTP {reply.status}" if reply else "no answer"
        return AccountCheck(warning=f"SendGrid did not tell whether SENDGRID_API_KEY may send mail ({told}).")
    if "mail.send" not in scopes:
        return AccountCheck(warning="SENDGRID_API_KEY may not send mail, it seems: give the key Mail Send access.")
    return AccountCheck()

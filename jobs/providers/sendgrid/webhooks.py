"""What SendGrid posts to us: the signature that says it was SendGrid, and the events themselves.

Events come at least once, in no order, for 24 h (`sg_event_id` tells repeats). None of that matters here:
the verdict table gives the same end whatever the order and the number, so nothing is remembered.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from jobs.providers.base import UNMAPPED, Meaning, Post, Webhook
from jobs.providers.sendgrid.words import (
    EVENTS,
    STANCES,
    kept,
    meaning_of_bounce,
    meaning_of_drop,
    meaning_of_reply,
    smtp_code,
)
from models.rules.preferences import Preference
from models.rules.verdicts import Event, Word
from models.words import Channel, Scope

CODE_LENGTH = 100
OLDEST_EVENT = 7 * 24 * 3_600_000  # ms before its arrival; SendGrid repeats events for 24 h

SIGNATURE = "x-twilio-email-event-webhook-signature"
TIMESTAMP = "x-twilio-email-event-webhook-timestamp"
# SendGrid repeats a post for 24 h, and does not say whether it signs it anew: a narrower window could lose some.
OLDEST_SIGNATURE = 25 * 3_600_000  # ms
CLOCKS_APART = 5 * 60_000  # ms

_SECONDS = re.compile(r"\d{1,12}", re.ASCII)
_ID = re.compile(r"\d{1,18}", re.ASCII)
_PEM_LINE = re.compile(r"-----[A-Z ]+-----")


def parse_receipts(_headers: Mapping[str, str], body: bytes, received_at: int) -> Sequence[Event | Preference]:
    """What the events of one POST say of our messages and of people; `received_at` is epoch ms.

    Events of others' mail and names that we don't know are left out. An event with anything wrong in it
    costs only itself. Raises ValueError for a body that is no JSON array.
    """
    try:
        events: Any = json.loads(body)
    except RecursionError as fault:
        raise ValueError("not a post of SendGrid's: nested too deeply") from fault
    if isinstance(events, list):
        words = (_word(given, received_at) for given in events if isinstance(given, dict))
        return [word for word in words if word is not None]
    raise ValueError(f"not a post of SendGrid's: {type(events).__name__} instead of an array")


def _word(given: Mapping[str, Any], received_at: int) -> Event | Preference | None:
    name = _said(given, "event")
    if name in STANCES:  # when somebody said it decides which of their words is the last
        return _preference(given, name, _moment(given.get("timestamp"), received_at))
    message_id, attempt = _id(given.get("message_id")), _id(given.get("attempt"))
    if name not in EVENTS or message_id is None or attempt is None:
        return None
    return _event(given, name, (message_id, attempt), received_at)  # SPEC 2 counts from its arrival


def _preference(given: Mapping[str, Any], name: str, at: int) -> Preference | None:
    recipient, stance = _said(given, "email"), STANCES[name]
    return Preference(Channel.EMAIL, recipient, stance.refuses, stance.source, at) if "@" in recipient else None


def _event(given: Mapping[str, Any], name: str, ids: tuple[int, int], at: int) -> Event:
    status, text = _said(given, "status"), _said(given, "reason") or _said(given, "response")
    told = _told(given, name, status, text)
    return Event(
        *ids,
        told.word,
        at,
        reason=told.meaning.reason if told.meaning else None,
        retry_class=told.meaning.retry_class if told.meaning else None,
        scope=told.meaning.scope if told.meaning else Scope.MESSAGE,
        code=told.code[:CODE_LENGTH],
        text=text,
        provider_id=_said(given, "sg_message_id")[:CODE_LENGTH],
        unmapped=told.unmapped,
    )


class _Told(NamedTuple):
    """What one event tells, in our words."""

    word: Word
    code: str
    meaning: Meaning | None = None
    unmapped: bool = False


def _told(given: Mapping[str, Any], name: str, status: str, text: str) -> _Told:
    word = EVENTS[name]
    if word is not Word.FAILED:
        meaning = meaning_of_reply(status, text) if word is Word.DEFERRED else None
        return _Told(word, smtp_code(status, text), meaning)
    meaning, code = _failure(given, name, status, text)
    if meaning is None:
        return _Told(word, code, UNMAPPED, unmapped=True)
    return _Told(word if meaning.reason else Word.OPTED_OUT, code, meaning)


def _failure(given: Mapping[str, Any], name: str, status: str, text: str) -> tuple[Meaning | None, str]:
    """What a bounce or a drop means, and the code that says so.

    A drop has no code but its reason: no mail server was asked, and the status is SendGrid's own. Of a
    classification that no table knows, itself is the code.
    """
    if name == "dropped":
        return meaning_of_drop(text), text
    classification = _said(given, "bounce_classification")
    meaning = meaning_of_bounce(kind=_said(given, "type"), classification=classification, status=status, reason=text)
    return meaning, (smtp_code(status, text) if meaning else "") or classification


def _said(given: Mapping[str, Any], name: str) -> str:
    """A field's text; '' if it is none."""
    value = given.get(name)
    return kept(value.strip()) if isinstance(value, str) else ""


def _id(value: object) -> int | None:
    """One of our ids as custom_args bring it back: digits, or a number."""
    digits = str(value) if isinstance(value, str | int) else ""
    return int(digits) if _ID.fullmatch(digits) else None


def _moment(seconds: object, received_at: int) -> int:
    """An event's time in epoch ms: never after its arrival, and its arrival if it is absent or absurd."""
    digits = str(seconds).partition(".")[0] if isinstance(seconds, str | int | float) else ""
    at = int(digits) * 1000 if _SECONDS.fullmatch(digits) else received_at
    return at if received_at - OLDEST_EVENT < at < received_at else received_at


def is_signed(public_key: str, headers: Mapping[str, str], body: bytes, now: int) -> bool:
    """Whether SendGrid signed `body` (as it came, before anything parses it) within the last 25 h.

    ECDSA over P-256 and SHA-256 of timestamp and body. `public_key` is base64 DER as SendGrid shows it, or PEM;
    `now` is epoch ms. Anything malformed is False. Source:
    twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
    """
    lowered = {name.lower(): value for name, value in headers.items()}
    key, timestamp = _key(public_key), lowered.get(TIMESTAMP, "")
    if key is None or not _SECONDS.fullmatch(timestamp):
        return False
    if not now - OLDEST_SIGNATURE <= int(timestamp) * 1000 <= now + CLOCKS_APART:
        return False
    try:
        signature = base64.b64decode(lowered.get(SIGNATURE, ""), validate=True)
        key.verify(signature, timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_from_sendgrid(variables: Mapping[str, str], post: Post, now: int) -> bool:
    return is_signed(variables.get("SENDGRID_WEBHOOK_PUBLIC_KEY", ""), post.headers, post.body, now)


EVENT_WEBHOOK = Webhook("/webhooks/sendgrid/events", "sendgrid", _is_from_sendgrid, parse_receipts)


@lru_cache(maxsize=8)
def _key(public_key: str) -> ec.EllipticCurvePublicKey | None:
    """The key read once; None for what is no P-256 key."""
    letters = "".join(_PEM_LINE.sub("", public_key).split())
    try:
        key = load_der_public_key(base64.b64decode(letters, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1" else None

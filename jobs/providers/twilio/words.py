"""What Twilio says, in our words: its answers to hand-overs and checks, its Message resources, its statuses.

Sources: https://www.twilio.com/docs/messaging/api/message-resource and
https://www.twilio.com/docs/usage/twilios-response. All is read with distrust: whatever comes gives some word, and
never an exception.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from jobs.providers.base import UNMAPPED, AccountCheck, Meaning, Outcome
from jobs.providers.http import LONGEST_WAIT, Reply
from jobs.providers.messages import OutgoingMessage, one_line
from jobs.providers.twilio.codes import meaning_of
from models.clock import now_ms
from models.rules.verdicts import Word
from models.words import FailureReason, RetryClass, Scope

TEXT_LENGTH = 500
CODE_LENGTH = 32

# Until `sent` no carrier has taken it. Twilio's other statuses (receiving, received, partially_delivered) say
# nothing of an SMS of ours.
STATUSES: Mapping[str, Word] = {
    "accepted": Word.ACCEPTED,
    "scheduled": Word.ACCEPTED,
    "queued": Word.ACCEPTED,
    "sending": Word.ACCEPTED,
    "sent": Word.SENT,
    "delivered": Word.DELIVERED,
    "read": Word.DELIVERED,
    "undelivered": Word.FAILED,
    "failed": Word.FAILED,
    "canceled": Word.FAILED,
}
# Only somebody with access to the Twilio account can cancel: it is not the recipient's or a carrier's doing,
# and as nothing was sent, a retry is as good as a first try.
CANCELLED = Meaning(FailureReason.CONFIGURATION, RetryClass.LIKELY)

# What a refusal means whose code says nothing.
MEANINGS_BY_STATUS: Mapping[int, Meaning] = {
    401: Meaning(FailureReason.CONFIGURATION, RetryClass.POINTLESS, Scope.ACCOUNT),
    403: Meaning(FailureReason.CONFIGURATION, RetryClass.POINTLESS, Scope.ACCOUNT),
    404: Meaning(FailureReason.CONFIGURATION, RetryClass.POINTLESS, Scope.ACCOUNT),
    429: Meaning(FailureReason.RATE_LIMITED, RetryClass.LIKELY),
}
NOT_TAKEN = "20429"  # https://www.twilio.com/docs/api/errors/20429: the request was not processed
PERHAPS_TAKEN = frozenset({"20500", "20503"})  # https://www.twilio.com/docs/api/errors/20500: it may have been

SUSPENDED_CODES = frozenset({"10001", "20005"})
ACCOUNT_REFUSALS = {
    "suspended": "The Twilio account is suspended: its balance or a notice in Twilio's console says why.",
    "closed": "The Twilio account is closed: set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN to one that is open.",
}

SID = re.compile(r"(SM|MM)[0-9a-fA-F]{32}")


class Told(NamedTuple):
    """What a status or a code says of an attempt, in the fields of Outcome and Event."""

    word: Word
    reason: FailureReason | None = None
    retry_class: RetryClass | None = None
    scope: Scope = Scope.MESSAGE
    code: str = ""
    unmapped: bool = False


class Resource(NamedTuple):
    """A Message resource; `created_at` is epoch ms, 0 if it names no date."""

    sid: str
    status: str
    code: str
    text: str
    to: object
    body: object
    service_sid: object
    created_at: int


def told_by(status: str, code: str) -> Told | None:
    """What a Message's status says; None for one that is none of ours. `code` tells why it failed, if it did."""
    word = STATUSES.get(status)
    if word is not Word.FAILED:
        return Told(word) if word else None
    if status == "canceled":
        return Told(word, *CANCELLED, code=code or status)
    known = meaning_of(code)
    meaning = known or UNMAPPED
    unmapped = known is None and code != ""
    return Told(_word_for(meaning), *meaning, code=code, unmapped=unmapped)


def outcome_of(message: OutgoingMessage, reply: Reply) -> Outcome:
    """What Twilio's answer makes of a hand-over. A Message that failed at once tells so itself."""
    said = object_in(reply.body)
    resource = resource_in(said)
    if reply.status not in (200, 201) or resource is None:
        return _refusal(message, reply, said)
    told = told_by(resource.status, resource.code)
    if told is None or told.word not in (Word.FAILED, Word.OPTED_OUT):
        return Outcome(message, Word.ACCEPTED, provider_id=resource.sid)
    return Outcome(message, **told._asdict(), text=resource.text, provider_id=resource.sid)


def account_check_of(reply: Reply) -> AccountCheck:
    """What Twilio's answer about the account makes of a run."""
    said = object_in(reply.body)
    standing = str(said.get("status")) if reply.status == 200 else ""
    if code_in(said.get("code")) in SUSPENDED_CODES:
        standing = "suspended"
    if standing in ACCOUNT_REFUSALS:
        return AccountCheck(refusal=ACCOUNT_REFUSALS[standing])
    if reply.status in (401, 403):
        return AccountCheck(
            refusal=f"Twilio does not let us in (HTTP {reply.status}): check that TWILIO_ACCOUNT_SID and "
            "TWILIO_AUTH_TOKEN belong together and are still valid."
        )
    return AccountCheck() if standing == "active" else unchecked(f"its answer was HTTP {reply.status}")


def unchecked(trouble: str) -> AccountCheck:
    """Whether the account may send is not known, because of `trouble`."""
    return AccountCheck(warning=f"Twilio could not be asked whether the account may send: {trouble}.")


def resource_in(given: object) -> Resource | None:
    """The Message resource that a JSON value is; None if it is none."""
    if not isinstance(given, dict):
        return None
    sid, status = given.get("sid"), given.get("status")
    if not (isinstance(sid, str) and SID.fullmatch(sid) and isinstance(status, str)):
        return None
    return Resource(
        sid,
        status,
        code=code_in(given.get("error_code")),
        text=text_in(given.get("error_message")),
        to=given.get("to"),
        body=given.get("body"),
        service_sid=given.get("messaging_service_sid"),
        created_at=_moment_in(given.get("date_created")),
    )


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object that an answer is; an empty one if it is anything else."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def code_in(given: object) -> str:
    """An error code as we keep it; '' for none."""
    is_code = isinstance(given, int | str) and not isinstance(given, bool)
    return text_in(str(given))[:CODE_LENGTH] if is_code and given not in (0, "0") else ""


def text_in(given: object) -> str:
    """A text of Twilio's on one line, cut, and such that a database can hold it; '' for what is no text."""
    return one_line(given.encode("utf-8", "replace").decode())[:TEXT_LENGTH] if isinstance(given, str) else ""


def _refusal(message: OutgoingMessage, reply: Reply, said: Mapping[str, object]) -> Outcome:
    code = code_in(said.get("code"))
    known = meaning_of(code)
    meaning = known or MEANINGS_BY_STATUS.get(reply.status, UNMAPPED)
    word = _refused(reply.status, code, meaning)
    told = Told(word) if word is Word.UNKNOWN else Told(word, *meaning)
    load = reply.headers.get("Twilio-Concurrent-Requests")
    texts = (f"Twilio-Concurrent-Requests: {load}" if load else "", said.get("message"))
    return Outcome(
        message,
        **told._replace(
            code=code or f"HTTP {reply.status}",
            unmapped=known is None and (code != "" or word is Word.FAILED),
        )._asdict(),
        text=text_in("; ".join(text for text in texts if text and isinstance(text, str))),
        retry_after=_seconds_in(reply.headers.get("Retry-After", "")),
    )


def _refused(status: int, code: str, meaning: Meaning) -> Word:
    """The word for an answer that is no Message. Only what was surely not sent is NOT_SENT: with a 5xx nothing is."""
    if not 400 <= status < 500 or code in PERHAPS_TAKEN:
        return Word.UNKNOWN
    if status == 429 or code == NOT_TAKEN or meaning.scope is Scope.ACCOUNT:
        return Word.NOT_SENT
    return _word_for(meaning)


def _word_for(meaning: Meaning) -> Word:
    return Word.FAILED if meaning.reason else Word.OPTED_OUT


def _moment_in(given: object) -> int:
    """A date as RFC 2822 writes it, in epoch ms; 0 if it is none."""
    try:
        moment = parsedate_to_datetime(str(given))
    except (ValueError, OverflowError):
        return 0
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _seconds_in(header: str) -> float | None:
    """How long `Retry-After` asks to wait: it is a number of seconds, or a date (RFC 9110, 10.2.3)."""
    if re.fullmatch(r"[0-9]{1,9}", header):
        return min(LONGEST_WAIT, float(header))
    moment = _moment_in(header)
    return min(LONGEST_WAIT, max(0.0, (moment - now_ms()) / 1000)) if moment else None

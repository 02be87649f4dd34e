"""What Twilio posts to us: status callbacks, inbound messages, and the signature over either.

Sources: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status,
https://www.twilio.com/docs/messaging/guides/webhook-request and
https://www.twilio.com/docs/usage/webhooks/webhooks-security.
"""

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

from jobs.providers.base import Post, Webhook
from jobs.providers.twilio.words import SID, code_in, text_in, told_by
from models.rules.preferences import Preference
from models.rules.verdicts import Event
from models.words import Channel, OptOutSource

# https://help.twilio.com/articles/223134027: the words that Twilio itself acts on.
STOP_WORDS = frozenset({"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"})
START_WORDS = frozenset({"START", "UNSTOP", "YES"})
OPT_OUT_TYPES = frozenset({"STOP", "START", "HELP"})

HASHES = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}

_ID = re.compile(r"[0-9]{1,18}")  # so long it fits a 64-bit column
_NUMBER = re.compile(r"\+[1-9][0-9]{1,14}")  # E.164


def parse_receipts(headers: Mapping[str, str], body: bytes, received_at: int) -> Sequence[Event]:
    """The event of one status callback; none for a status that says nothing of a message of ours.

    Our ids are in the query of the URL that was posted to, which stands as `query` among `headers`. Raises
    ValueError for what is no status callback of ours. `RawDlrDoneDate` is not used: it has whole minutes only
    and no time zone.
    """
    query, fields = _fields(headers.get("query", "").encode("utf-8", "replace")), _fields(body)
    message_id, attempt = query.get("m", ""), query.get("a", "")
    if not (_ID.fullmatch(message_id) and _ID.fullmatch(attempt)):
        raise ValueError("the query of the URL does not carry our ids")
    sid, status = fields.get("MessageSid", ""), fields.get("MessageStatus", "")
    if not (SID.fullmatch(sid) and status):
        raise ValueError("not a status callback: its MessageSid or MessageStatus is missing or wrong")
    told = told_by(status, code_in(fields.get("ErrorCode")))
    if told is None:
        return []
    text = text_in(fields.get("ErrorMessage"))
    return [Event(int(message_id), int(attempt), at=received_at, text=text, provider_id=sid, **told._asdict())]


def parse_inbound(_headers: Mapping[str, str], body: bytes, received_at: int) -> Sequence[Preference]:
    """Whether the sender of an inbound message refuses or wants messages; nothing if it says neither.

    With Advanced Opt-Out Twilio says so itself, as `OptOutType`; else the whole message must be one of its
    default words. Raises ValueError for what is no inbound message, and for a word that no phone number says: it has
    no place on the list.
    """
    fields = _fields(body)
    if not fields.get("From"):
        raise ValueError("not an inbound message: it has no From")
    word = _word(fields.get("OptOutType", ""))
    if word not in OPT_OUT_TYPES:
        word = _word(fields.get("Body", ""))
    if word not in STOP_WORDS | START_WORDS:
        return []
    if not _NUMBER.fullmatch(fields["From"]):
        raise ValueError("not an SMS of somebody's: its From is no number as +12025550100")
    return [Preference(Channel.SMS, fields["From"], word in STOP_WORDS, OptOutSource.INBOUND, received_at)]


def is_signed(token: str, url: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether Twilio signed this POST with `token`; `url` is the full one that it was told, query included.

    Signed are the URL and all fields of the form. A body that is no form is vouched for by its SHA-256 in the
    query. Twilio may or may not have counted a port in, so both ways are right. Nothing in it tells when it was
    signed: a repeated request is signed as well as the first.
    """
    given = {name.lower(): value for name, value in headers.items()}
    algorithm = HASHES.get(_algorithm(given.get("x-twilio-webhooks-signature-settings", "")))
    signature = given.get("x-twilio-signature", "").encode("utf-8", "replace")
    try:
        spellings, fields = _spellings(url), _signed_fields(url, body)
    except ValueError:  # such a URL nobody was told
        return False
    if not token or algorithm is None or fields is None:
        return False
    return any(
        hmac.compare_digest(_signature(token, spelling + fields, algorithm), signature) for spelling in spellings
    )


def _is_from_twilio(variables: Mapping[str, str], post: Post, _now: int) -> bool:
    return is_signed(variables.get("TWILIO_AUTH_TOKEN", ""), post.url, post.headers, post.body)


STATUS = Webhook("/webhooks/twilio/status", "twilio", _is_from_twilio, parse_receipts)
# What is kept of inbound messages stands beside the receipts, under a name of its own. Twilio wants TwiML from this
# webhook; an empty one sends no reply of ours to a STOP.
INBOUND = Webhook(
    "/webhooks/twilio/inbound",
    "twilio_inbound",
    _is_from_twilio,
    parse_inbound,
    answer='<?xml version="1.0" encoding="UTF-8"?><Response/>',
)


def _word(text: str) -> str:
    return text.strip().upper()


def _fields(form: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(form.decode(), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise ValueError("not a form in UTF-8") from None


def _signature(token: str, signed: str, algorithm: str) -> bytes:
    return b64encode(hmac.digest(token.encode(), signed.encode("utf-8", "replace"), algorithm))


def _algorithm(settings: str) -> str:
    """From `key=…,algorithm=…`. Without such a header it is the oldest one, as in the official SDK (9.13)."""
    for setting in settings.split(","):
        name, _, value = setting.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def _spellings(url: str) -> tuple[str, str]:
    """The URL as it is, and with its port left out or the scheme's own put in; ValueError if it is none."""
    parts = urlsplit(url)
    own = 443 if parts.scheme == "https" else 80
    host = parts.netloc.rpartition(":")[0] if parts.port else f"{parts.netloc}:{own}"
    return url, urlunsplit(parts._replace(netloc=host))


def _signed_fields(url: str, body: bytes) -> str | None:
    """What of the body is signed along with the URL; None if it is not the body that the URL vouches for."""
    digests = parse_qs(urlsplit(url).query).get("bodySHA256")
    if digests:
        is_same = hmac.compare_digest(hashlib.sha256(body).hexdigest().encode(), digests[0].encode("utf-8", "replace"))
        return "" if is_same else None
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
    return "".join(name + value for name, value in sorted(set(fields)))

"""What a mail server's words mean: a copy of `failure_reasons/smtp_reasons.csv`, and its rules in words.

The order is RFC 3463's use: the enhanced code says most, then the reply code, then the text, and last what
went wrong on our own side of the line. Within a table the first match wins; `*` stands for any digits.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from jobs.providers.base import Meaning
from models.words import FailureReason, RetryClass, Scope

_LIKELY = RetryClass.LIKELY
_MAY_HAVE_ARRIVED = RetryClass.MAY_HAVE_ARRIVED
_POINTLESS = RetryClass.POINTLESS

# The table names no retry class for the account's refusals. In a bounce that comes later such a code is the
# message's failure: pointless, as the tables of other providers say for the same.
_ACCOUNT = Meaning(FailureReason.CONFIGURATION, _POINTLESS, Scope.ACCOUNT)

# Enhanced status codes: RFC 3463 and the IANA registry "SMTP Enhanced Status Codes" (2024-12-06).
ENHANCED: Mapping[str, Meaning] = {
    "4.2.2": Meaning(FailureReason.MAILBOX_FULL, _LIKELY),
    "5.2.2": Meaning(FailureReason.MAILBOX_FULL, _LIKELY),
    "5.1.1": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "4.1.1": Meaning(FailureReason.INVALID_RECIPIENT, _LIKELY),
    "5.1.2": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "5.1.3": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "5.1.4": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "5.1.6": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "5.1.7": _ACCOUNT,
    "5.1.8": _ACCOUNT,
    "5.1.10": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "5.1.0": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "4.1.8": Meaning(FailureReason.CONFIGURATION, _LIKELY),
    "5.2.1": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "4.2.1": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "5.2.3": Meaning(FailureReason.CONTENT_REJECTED, _POINTLESS),
    "5.2.4": Meaning(FailureReason.UNKNOWN, _MAY_HAVE_ARRIVED),
    "4.3.1": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "4.3.2": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "5.3.4": Meaning(FailureReason.CONTENT_REJECTED, _POINTLESS),
    "4.3.*": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "5.3.*": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "4.4.7": Meaning(FailureReason.EXPIRED, _LIKELY),
    "5.4.7": Meaning(FailureReason.EXPIRED, _LIKELY),
    "5.4.4": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "5.4.6": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "4.4.*": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "5.4.*": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "4.5.3": Meaning(FailureReason.RATE_LIMITED, _LIKELY),
    "5.5.3": Meaning(FailureReason.CONFIGURATION, _POINTLESS),
    "4.5.*": Meaning(FailureReason.PROVIDER_ERROR, _LIKELY),
    "5.5.*": Meaning(FailureReason.PROVIDER_ERROR, _MAY_HAVE_ARRIVED),
    "4.6.*": Meaning(FailureReason.CONTENT_REJECTED, _POINTLESS),
    "5.6.*": Meaning(FailureReason.CONTENT_REJECTED, _POINTLESS),
    "4.7.0": Meaning(FailureReason.RATE_LIMITED, _LIKELY),
    "4.7.1": Meaning(FailureReason.BLOCKED, _LIKELY),
    "4.7.28": Meaning(FailureReason.RATE_LIMITED, _LIKELY),
    "5.7.1": Meaning(FailureReason.BLOCKED, _POINTLESS),
    "5.7.8": _ACCOUNT,
    "5.7.9": _ACCOUNT,
    "5.7.20": Meaning(FailureReason.CONFIGURATION, _POINTLESS),
    "5.7.23": Meaning(FailureReason.CONFIGURATION, _POINTLESS),
    "5.7.25": Meaning(FailureReason.CONFIGURATION, _POINTLESS),
    "5.7.26": Meaning(FailureReason.CONFIGURATION, _POINTLESS),
    "5.7.27": Meaning(FailureReason.CONFIGURATION, _POINTLESS),
    "5.7.*": Meaning(FailureReason.BLOCKED, _POINTLESS),
    "4.7.*": Meaning(FailureReason.BLOCKED, _LIKELY),
}

# Reply codes: RFC 5321 section 4.2, RFC 4954 section 6, RFC 7504.
REPLY: Mapping[str, Meaning] = {
    "421": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "450": Meaning(FailureReason.UNREACHABLE, _LIKELY),
    "451": Meaning(FailureReason.PROVIDER_ERROR, _LIKELY),
    "452": Meaning(FailureReason.MAILBOX_FULL, _LIKELY),
    "454": Meaning(FailureReason.PROVIDER_ERROR, _LIKELY),
    "530": _ACCOUNT,
    "534": _ACCOUNT,
    "535": _ACCOUNT,
    "550": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "551": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "552": Meaning(FailureReason.MAILBOX_FULL, _LIKELY),
    "553": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "554": Meaning(FailureReason.BLOCKED, _POINTLESS),
    "555": Meaning(FailureReason.CONFIGURATION, _POINTLESS),
    "556": Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
    "5**": Meaning(FailureReason.UNKNOWN, _MAY_HAVE_ARRIVED),
    "4**": Meaning(FailureReason.UNKNOWN, _LIKELY),
}

# What our own side notices, by the codes that we give it. A reply lost after DATA is in the CSV too, without a
# meaning: nobody knows what became of it.
NO_CONNECTION, TIMED_OUT, TLS_ERROR, NO_SUCH_DOMAIN = "connect_refused", "timeout", "tls_error", "dns_nxdomain"
LOCAL: Mapping[str, Meaning] = {
    NO_CONNECTION: Meaning(FailureReason.PROVIDER_ERROR, _LIKELY),
    TIMED_OUT: Meaning(FailureReason.PROVIDER_ERROR, _LIKELY),
    TLS_ERROR: _ACCOUNT,
    NO_SUCH_DOMAIN: Meaning(FailureReason.INVALID_RECIPIENT, _POINTLESS),
}


class _Wording(NamedTuple):
    """Words in a text, and what they mean where a code leaves it to the text."""

    words: re.Pattern[str]
    meaning: Meaning


def _wording(words: str, reason: FailureReason, retry_class: RetryClass) -> _Wording:
    return _Wording(re.compile(words, re.IGNORECASE), Meaning(reason, retry_class))


_FULL = _wording(r"\b(full|quota)\b", FailureReason.MAILBOX_FULL, _LIKELY)
_TOO_BIG = _wording(r"\btoo (big|large|long)\b|message size|size limit", FailureReason.CONTENT_REJECTED, _POINTLESS)
_TOO_MANY = _wording(r"too many (recipients|messages|connections)", FailureReason.RATE_LIMITED, _LIKELY)
# Lists of senders have "spam" in their names and texts; what they refuse is the sender, not this text.
_LISTED = _wording(
    r"(black|block|deny)[ -]?list|dnsbl|\brbl\b|spamhaus|spamcop|reputation|client host|your (ip|host|server)\b",
    FailureReason.BLOCKED,
    _POINTLESS,
)
_CONTENT = _wording(
    r"\bspam(my)?\b|unsolicited|\bcontent\b|\bvirus|malware|phishing", FailureReason.CONTENT_REJECTED, _POINTLESS
)
_BLOCKED = _wording(r"\bblocked\b|\bbanned\b", FailureReason.BLOCKED, _POINTLESS)

# The CSV's rules in words: for these codes the text decides, in this order; '' is a text without any code.
_BY_TEXT: Mapping[str, tuple[_Wording, ...]] = {
    "5.7.1": (_LISTED, _CONTENT),
    "452": (_TOO_MANY,),
    "550": (_FULL, _LISTED, _CONTENT, _BLOCKED),
    "552": (_TOO_BIG,),
    "554": (_LISTED, _CONTENT),
    "": (_FULL, _TOO_BIG, _TOO_MANY, _LISTED, _CONTENT, _BLOCKED),
}

# Where servers put an enhanced code: first in the text, after the reply code, after "#" or after "status".
# Anywhere else three numbers are a version or part of an address. Subjects go from 0 to 7 (RFC 3463).
_ENHANCED = re.compile(
    r"(?:^\s*|\b[245]\d\d[ -]\s*|#\s?|\bstatus(?: code)?[:=]?\s)([245]\.[0-7]\.\d{1,3})(?![\w-]|\.\d)", re.IGNORECASE
)
_REPLY = re.compile(r"^\s*([245]\d\d)(?=[ -]|$)")


def meaning_of(code: str, enhanced: str, text: str) -> Meaning | None:
    """What a refusal means; None when no rule matches.

    `code` is the reply code or one of `LOCAL`; codes that are not given are looked for in `text`.
    """
    enhanced = enhanced or enhanced_in(text)
    code = code or reply_code_in(text)
    if found := _match(ENHANCED, enhanced):
        return _by_text(enhanced, text) or found
    if found := _match(REPLY, code):
        return _by_text(code, text) or found
    return (None if code or enhanced else _by_text("", text)) or LOCAL.get(code)


def enhanced_in(text: str) -> str:
    """The enhanced status code in a server's text, with or without the reply code before it; '' if there is none."""
    found = _ENHANCED.search(text)
    return found[1] if found else ""


def reply_code_in(text: str) -> str:
    """The reply code with which a server's text begins; '' if it begins with none."""
    found = _REPLY.match(text)
    return found[1] if found else ""


def _match(table: Mapping[str, Meaning], code: str) -> Meaning | None:
    return next((meaning for pattern, meaning in table.items() if _fits(pattern, code)), None)


def _fits(pattern: str, code: str) -> bool:
    """`4.3.*` fits 4.3 and any number, `5**` any three digits that begin with 5."""
    if "*" not in pattern:
        return pattern == code
    digits = r"\d+" if "." in pattern else r"\d"
    return re.fullmatch(re.escape(pattern).replace(r"\*", digits), code) is not None


def _by_text(code: str, text: str) -> Meaning | None:
    wordings = _BY_TEXT.get(code, ())
    return next((meaning for words, meaning in wordings if words.search(text)), None)

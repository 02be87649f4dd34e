"""Destinations of messages: the check of what a contacts file gives, opt-out keys, masking.

A recipient is kept and sent as it was written; nothing here changes one.
"""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

import idna
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from models.words import Channel

# phonenumbers needs over 1,000 patterns for the numbers of all countries, and `re` keeps 512. Without a cache
# of its own it compiles them over and over for a list from everywhere, and takes eight times as long.
phonenumbers.enable_pattern_cache()

# What stands where the recipient of a message stood whom we were asked to forget.
FORGOTTEN = "forgotten"


class Refusal(StrEnum):
    """Why a row of a contacts file becomes no contact."""

    EMPTY = "empty"
    SPREADSHEET = "spreadsheet"
    HIDDEN_CHARACTERS = "hidden_characters"
    NO_PLUS = "no_plus"
    PUNCTUATION = "punctuation"
    NOT_A_NUMBER = "not_a_number"
    TRUNK_PREFIX = "trunk_prefix"
    NOT_POSSIBLE = "not_possible"
    NO_AT_SIGN = "no_at_sign"
    SPACES = "spaces"
    INVALID_DOMAIN = "invalid_domain"
    INVALID_ADDRESS = "invalid_address"
    FIELD_TOO_LONG = "field_too_long"
    TOO_MANY_CELLS = "too_many_cells"
    OPEN_QUOTE = "open_quote"


REFUSAL_LABELS = {
    Refusal.EMPTY: "No destination",
    Refusal.SPREADSHEET: 'Damaged by a spreadsheet (6.14E+10, a .0 at the end, ="…", a leading apostrophe)',
    Refusal.HIDDEN_CHARACTERS: "Invisible characters, or digits other than 0 to 9",
    Refusal.NO_PLUS: "No + and country code in front",
    Refusal.PUNCTUATION: "Spaces, dashes, dots or brackets in the number",
    Refusal.NOT_A_NUMBER: "Letters or signs that are not part of a phone number",
    Refusal.TRUNK_PREFIX: "A national prefix after the country code (such as the 0 in +440…)",
    Refusal.NOT_POSSIBLE: "No country has numbers of this length under this code",
    Refusal.NO_AT_SIGN: "No @ in the address",
    Refusal.SPACES: "Spaces in or around the address",
    Refusal.INVALID_DOMAIN: "No valid mail domain after the @",
    Refusal.INVALID_ADDRESS: "Not a valid email address (RFC 5322)",
    Refusal.FIELD_TOO_LONG: "A cell is longer than 10 KB",
    Refusal.TOO_MANY_CELLS: "More cells than the file has columns",
    Refusal.OPEN_QUOTE: "A cell holds what look like other rows: a quote is left open",
}


class Judgement(NamedTuple):
    """What the check says of a recipient: refused and why, doubtful (imported and counted), or neither."""

    refusal: Refusal | None = None
    doubtful: bool = False


GOOD = Judgement()
DOUBTFUL = Judgement(doubtful=True)

E164 = re.compile(r"\+[1-9][0-9]{1,14}")
PLUS_AND_DIGITS = re.compile(r"\+[0-9]+")
DAMAGED = re.compile(r"""['=].*|[+]?\d+(?:[.,]\d+)?[eE][+]?\d+|[+]?\d+[.,]00?|\#+""", re.DOTALL)
WRITTEN_NUMBER = re.compile(r"[\s(]*[+]?[\d\s().\-\u2010-\u2015/]*")
# A narrow part of RFC 5322's dot-atom, which email-validator accepts in front of any good domain.
PLAIN_LOCAL_PART = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")
# RFC 5321 with erratum 1690, the limit that email-validator applies (bytes).
LONGEST_ADDRESS = 254


def judge(channel: Channel, recipient: str) -> Judgement:
    """Check one recipient by `phonenumbers` (E.164) or `email-validator` (RFC 5322, without DNS).

    Numbers and domains reserved for fiction and documentation pass: such a number is at worst possible
    but not valid, hence doubtful, and email-validator follows RFC 6761 in not treating `example`,
    `example.com`, `.net` and `.org` as special (it does refuse `.test`, `.invalid`, `.local`, …).
    """
    return _judge_number(recipient) if channel is Channel.SMS else _judge_address(recipient)


def _judge_number(recipient: str) -> Judgement:
    if not E164.fullmatch(recipient):
        return Judgement(_malformed_number(recipient))
    number = _as_written(recipient)
    if number and phonenumbers.is_valid_number(number):
        return GOOD
    try:
        read = phonenumbers.parse(recipient, None)
    except phonenumbers.NumberParseException:
        return Judgement(Refusal.NOT_POSSIBLE)
    if not phonenumbers.is_possible_number(read):
        return Judgement(Refusal.NOT_POSSIBLE)
    # The library reads over a national prefix. Such a number is not E.164, and two ways of
    # writing one number would be two contacts.
    return DOUBTFUL if read == number else Judgement(Refusal.TRUNK_PREFIX)


def _as_written(recipient: str) -> phonenumbers.PhoneNumber | None:
    """The number that these digits are in E.164; half the time of `phonenumbers.parse`, which knows other forms."""
    for length in (1, 2, 3):  # no country code is the beginning of another
        country_code, national = int(recipient[1 : 1 + length]), recipient[1 + length :]
        if country_code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE and national:
            zeros = len(national) - len(national[:-1].lstrip("0")) - 1
            return phonenumbers.PhoneNumber(
                country_code=country_code,
                national_number=int(national),
                italian_leading_zero=True if zeros else None,
                number_of_leading_zeros=zeros if zeros > 1 else None,
            )
    return None


def _malformed_number(recipient: str) -> Refusal:
    text = recipient.strip()
    if not text:
        return Refusal.EMPTY
    if is_damaged(text):
        return Refusal.SPREADSHEET
    if _has_hidden(recipient):
        return Refusal.HIDDEN_CHARACTERS
    if PLUS_AND_DIGITS.fullmatch(recipient):
        return Refusal.NOT_POSSIBLE
    if not WRITTEN_NUMBER.fullmatch(text) or not any(map(str.isdigit, text)):
        return Refusal.NOT_A_NUMBER
    return Refusal.PUNCTUATION if "+" in text else Refusal.NO_PLUS


def is_damaged(number: str) -> bool:
    """Whether it is a number as a spreadsheet leaves it, whose digits may be nobody's or somebody else's."""
    return DAMAGED.fullmatch(number.strip()) is not None


def _has_hidden(text: str) -> bool:
    """Whether it holds a control or format character, an unusual space, or a digit other than 0 to 9."""
    return any(
        unicodedata.category(character) in {"Cc", "Cf", "Co", "Cn", "Zl", "Zp", "Zs", "Nd"}
        for character in text
        if character not in " 0123456789"
    )


def _judge_address(recipient: str) -> Judgement:
    local_part, _, domain = recipient.partition("@")
    if PLAIN_LOCAL_PART.fullmatch(local_part):
        longest = _domain_length(domain)
        if not longest:
            return Judgement(_malformed_address(recipient))
        if len(local_part) + 1 + longest <= LONGEST_ADDRESS:
            return GOOD
    return GOOD if _is_address(recipient) else Judgement(_malformed_address(recipient))


@lru_cache(maxsize=65_536)
def _domain_length(domain: str) -> int:
    """Bytes of a mail domain in its longest form (as written, normalised, IDNA); 0 if it is refused.

    Exact: after a plain local part email-validator looks at the domain by itself, then at the whole length.
    """
    try:
        address = validate_email(f"a@{domain}", check_deliverability=False)
    except EmailNotValidError:
        return 0
    return max(len(form.encode()) for form in (domain, address.domain, address.ascii_domain))


def _is_address(recipient: str) -> bool:
    try:
        validate_email(recipient, check_deliverability=False)
    except EmailNotValidError:
        return False
    return True


def _malformed_address(recipient: str) -> Refusal:
    text = recipient.strip()
    if not text:
        return Refusal.EMPTY
    if text[0] in "'=" or text.strip("#") == "":
        return Refusal.SPREADSHEET
    if "@" not in text:
        return Refusal.NO_AT_SIGN
    if any(not character.isdigit() and _has_hidden(character) for character in recipient):
        return Refusal.HIDDEN_CHARACTERS
    if " " in recipient:
        return Refusal.SPACES
    domain = text.rpartition("@")[2]
    return Refusal.INVALID_ADDRESS if _domain_length(domain) else Refusal.INVALID_DOMAIN


def opt_out_key(channel: Channel, recipient: str) -> str:
    """The form under which the opt-out list and the search for repeats know a recipient.

    Email: NFC and lower case with the domain in IDNA's ASCII form. SMS: the E.164 number itself.
    The key of a key is the key. Never raises: what is no address gets a key of its own.
    """
    if channel is Channel.SMS:
        return recipient
    if recipient.isascii():
        return recipient.lower()
    local_part, at, domain = recipient.rpartition("@")
    return _folded(local_part) + at + _ascii_domain(_folded(domain))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())


@lru_cache(maxsize=65_536)
def _ascii_domain(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except UnicodeError:  # idna's own error is one
        return domain


def forgotten_key(message_id: int) -> str:
    """What stands for the opt-out key of a person who was forgotten: no key of anybody, another in each message."""
    return f"{FORGOTTEN} {message_id}"


def is_forgotten(recipient_key: str) -> bool:
    """Whether the key stands for somebody who was forgotten."""
    return recipient_key.startswith(f"{FORGOTTEN} ")


def mask(recipient: str) -> str:
    """The recipient as people see it who may not see addresses: `+1555***1234`, `a***@x.com`.

    Of a number at most the first four and last four digits are shown, and at least three never are.
    """
    if recipient == FORGOTTEN:
        return recipient
    local_part, at, domain = recipient.rpartition("@")
    if at:
        return f"{local_part[:1]}***@{domain}"
    digits = recipient.removeprefix("+")
    last = min(4, max(0, len(digits) - 3))
    first = min(4, max(0, len(digits) - 3 - last))
    plus = recipient[: len(recipient) - len(digits)]
    return f"{plus}{digits[:first]}***{digits[len(digits) - last :]}"

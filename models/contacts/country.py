"""The offer of SPEC 3 to read numbers without country code as those of one country; off unless taken."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import phonenumbers

from models.addresses import E164

SAMPLES = 5
# Spaces (also those that a web page puts between digits), dashes, brackets, dots.
WRITTEN_NUMBER = re.compile(r"[+]?[0-9 \u00a0\u202f().\-\u2010-\u2015]+")
PUNCTUATION = re.compile(r"[^+0-9]")


@dataclass(frozen=True)
class CountryOffer:
    """How many cells could be read as numbers of the country, and the first five as they are and would be."""

    count: int
    samples: tuple[tuple[str, str], ...]


def is_country(code: str) -> bool:
    """Whether this is a two-letter country code (ISO 3166) in capitals that has phone numbers."""
    return code in phonenumbers.SUPPORTED_REGIONS


def offer_country(values: Iterable[str], country: str) -> CountryOffer:
    """Count the values that reading as numbers of `country` would change.

    Costs about 50 µs a value that isn't written in E.164, so a whole large file is work for a job.
    """
    count, samples = 0, []
    for value in values:
        number = read_as_number(value, country)
        if number is None:
            continue
        count += 1
        if count <= SAMPLES:
            samples.append((value, number))
    return CountryOffer(count, tuple(samples))


def read_as_number(value: str, country: str) -> str | None:
    """The E.164 number that a person in `country` would have meant by the value.

    None for a value in E.164 already, for one with anything but digits, spaces, dashes, brackets and dots,
    and where the result would not be possible. A value with `+` keeps the country that it names.
    """
    if E164.fullmatch(value) or not WRITTEN_NUMBER.fullmatch(value):
        return None
    try:
        number = phonenumbers.parse(PUNCTUATION.sub("", value), country)
    except phonenumbers.NumberParseException:
        return None
    # Exactly possible: a local number without its area code can't be dialled from elsewhere.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))

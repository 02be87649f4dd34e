"""The offer of SPEC 3 to read numbers without country code as those of one country; off unless taken."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import phonenumbers

from models.addresses import E164, is_damaged

SAMPLES = 5
MOST_TRIED = 10_000  # numbers: half a second; all of a large file would take a quarter of a minute
# Spaces (also those that a web page puts between digits), dashes, brackets, dots.
WRITTEN_NUMBER = re.compile(r"[+]?[0-9 \u00a0\u202f().\-\u2010-\u2015]+")
PUNCTUATION = re.compile(r"[^+0-9]")


@dataclass(frozen=True)
class CountryOffer:
    """How many cells could be read as numbers of the country, and the first five as they are and would be.

    `first` is how many that are refused as they are were tried, where there are more; None when all were.
    """

    count: int
    samples: tuple[tuple[str, str], ...]
    first: int | None = None


def is_country(code: str) -> bool:
    """Whether this is a two-letter country code (ISO 3166) in capitals that has phone numbers."""
    return code in phonenumbers.SUPPORTED_REGIONS


@cache
def country_names() -> Mapping[str, str]:
    """The English names of all countries that have phone numbers, by code, in the order of the names."""
    names, locales = {}, _locales()
    for code in phonenumbers.SUPPORTED_REGIONS:
        by_language = locales.get(code, {})
        name = by_language.get("en", "")
        # "*aa" stands for "as in the language aa".
        names[code] = by_language.get(name[1:], "") if name.startswith("*") else name
    return dict(sorted(((code, name or code) for code, name in names.items()), key=lambda named: named[1]))


def _locales() -> Mapping[str, Mapping[str, str]]:
    """The library's names of each country by language.

    Its module is run by itself: to import it is to import the package around it, which takes 100 MB and 0.4 s for
    the prefixes of all places of the world.
    """
    spec = spec_from_file_location(
        "phonenumbers.geodata.locale", Path(phonenumbers.__file__).parent / "geodata" / "locale.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    locales: Mapping[str, Mapping[str, str]] = module.LOCALE_DATA
    return locales


def offer_country(values: Iterable[str], country: str) -> CountryOffer:
    """Count the values that reading as numbers of `country` would change.

    Each that isn't written in E.164 costs about 50 µs, so only so many of these are tried.
    """
    tried = count = 0
    samples: list[tuple[str, str]] = []
    for value in values:
        if not _may_be_national(value):
            continue
        if tried == MOST_TRIED:
            return CountryOffer(count, tuple(samples), first=tried)
        tried += 1
        number = read_as_number(value, country)
        if number is None:
            continue
        count += 1
        if count <= SAMPLES:
            samples.append((value, number))
    return CountryOffer(count, tuple(samples))


def read_as_number(value: str, country: str) -> str | None:
    """The E.164 number that a person in `country` would have meant by the value.

    None for a value in E.164 already, for one with anything but digits, spaces, dashes, brackets and dots, for one
    damaged by a spreadsheet (the 0 of a `.0` would make it somebody else's), and where the result would not be
    possible. A value with `+` keeps the country that it names.
    """
    if not _may_be_national(value):
        return None
    try:
        number = phonenumbers.parse(PUNCTUATION.sub("", value), country)
    except phonenumbers.NumberParseException:
        return None
    # Exactly possible: a local number without its area code can't be dialled from elsewhere.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _may_be_national(value: str) -> bool:
    return WRITTEN_NUMBER.fullmatch(value) is not None and not E164.fullmatch(value) and not is_damaged(value)

"""The layout of a contacts file, told from its beginning: separator and header row."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice

SEPARATORS = (",", ";", "\t", "|")
NUMBER_IN_EXPONENTS = re.compile(r"[+]?\d+(?:[.,]\d+)?[eE][+]?\d+")
ADDRESS = re.compile(r"[^\s@,;|]+@[^\s@,;|]+")


def separator_of(beginning: str) -> str:
    """The one under which most rows have a destination as a cell, then the same number of cells."""
    return max(SEPARATORS, key=partial(_fit, beginning))


def _fit(beginning: str, separator: str) -> tuple[int, int, int]:
    rows = list(islice(_rows_while_sound(beginning, separator), 200))
    destinations = sum(any(map(looks_like_destination, row)) for row in rows)
    widths = Counter(len(row) for row in rows if len(row) > 1)
    width, agreeing = widths.most_common(1)[0] if widths else (0, 0)
    return destinations, agreeing, width


def _rows_while_sound(beginning: str, separator: str) -> Iterator[list[str]]:
    """The rows up to the first that this separator can't read; the beginning may also end within a row."""
    reader = csv.reader(io.StringIO(beginning, newline=""), delimiter=separator, strict=True)
    with suppress(csv.Error):
        yield from reader


def looks_like_destination(cell: str) -> bool:
    """Whether it has the shape of a number or address, however badly written: so it is no header."""
    text = cell.strip().strip("='\"")
    if "@" in text:
        return ADDRESS.fullmatch(text) is not None
    if NUMBER_IN_EXPONENTS.fullmatch(text):
        return True
    digits = sum(map(str.isdigit, text))
    return digits >= 7 and not any(character.isalpha() or character in SEPARATORS for character in text)


def is_header(row: Sequence[str]) -> bool:
    """Whether nothing in a file's first row is shaped like a destination."""
    return not any(map(looks_like_destination, row))

"""Reading a contacts file whole, as a stream: what is in it, then its rows."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import NoReturn

from models.contacts.layout import is_header, separator_of
from models.contacts.text import Source, encoding_of, open_text, refuse_other_kinds
from models.errors import UnreadableFileError

MAX_ROWS = 300_000
MAX_COLUMNS = 200
SAMPLE_ROWS = 5
# Characters. Twice what 200 cells of 10 KB take; bounds the memory that one row without an end can use.
MAX_ROW_LENGTH = 4_000_000
BEGINNING = 64 * 1024

Row = tuple[int, list[str]]
"""The number of the line in the file where a row begins, from 1, and its cells as written."""


@dataclass(frozen=True)
class Examined:
    """What a file that could be read to its end holds; `rows` leaves out header and blank lines."""

    encoding: str
    delimiter: str
    has_header: bool
    columns: tuple[str, ...]
    sample: tuple[tuple[str, ...], ...]
    rows: int


def examine(source: Source, file_name: str, *, header: bool | None = None) -> Examined:
    """Read the file to its end and tell its encoding, layout, columns, first rows and number of rows.

    `header` overrides whether the first row is one. A file of a header alone has 0 rows and is no error.
    Raises UnreadableFileError with the one sentence for the operator: not .csv, another kind of file, empty,
    no known encoding, a NUL, a quote left open, over 50 MB, 300,000 rows, 200 columns or 131,072 characters
    in a cell.
    """
    refuse_other_kinds(source, file_name)
    encoding = encoding_of(source)
    delimiter = separator_of(_beginning(source, encoding))
    records = (cells for _, cells in _records(source, encoding, delimiter))
    first = next(records, None)
    if first is None:
        raise UnreadableFileError("The file has no contacts: it is empty.")
    has_header = is_header(first) if header is None else header
    rows = records if has_header else chain([first], records)
    sample = tuple(map(tuple, islice(rows, SAMPLE_ROWS)))
    columns = _column_names(first) if has_header else _column_names([""] * max(map(len, sample)))
    return Examined(encoding, delimiter, has_header, columns, sample, len(sample) + _count(rows, len(sample)))


def contact_rows(source: Source, examined: Examined) -> Iterator[Row]:
    """The rows of contacts of an examined file, in order; raises UnreadableFileError as `examine` does."""
    records = _records(source, examined.encoding, examined.delimiter)
    return islice(records, 1 if examined.has_header else 0, None)


def _beginning(source: Source, encoding: str) -> str:
    text = open_text(source, encoding).read(BEGINNING)
    if len(text) < BEGINNING:
        return text
    whole_lines = text[: max(text.rfind("\n"), text.rfind("\r")) + 1]
    return whole_lines or text


def _column_names(header: list[str]) -> tuple[str, ...]:
    """The header's cells; a blank one is named by its place, as are all columns of a file without header."""
    return tuple(cell.strip() or f"Column {place}" for place, cell in enumerate(header, start=1))


def _count(rows: Iterator[list[str]], before: int) -> int:
    count = 0
    for count, _ in enumerate(rows, start=1):
        if before + count > MAX_ROWS:
            raise UnreadableFileError(f"The file has more than {MAX_ROWS:,} contacts: split it into several campaigns.")
    return count


def _records(source: Source, encoding: str, delimiter: str) -> Iterator[Row]:
    """All rows but blank lines."""
    lines = _Lines(open_text(source, encoding))
    # Unless strict, csv takes the rest of the file into a cell whose quote stays open, without an error.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        begins = lines.begin_row()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            _refuse(error, begins, lines.number)
        if len(cells) > MAX_COLUMNS:
            raise UnreadableFileError(f"Line {begins} has {len(cells):,} columns; {MAX_COLUMNS} can be read.")
        if cells:
            yield begins, cells


class _Lines:
    """The lines of a text for csv, counted; stops at what csv would take without a word."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._row_length = 0
        self.number = 0

    def begin_row(self) -> int:
        """Note that a row is over; the number of the line in which the next begins."""
        self._row_length = 0
        return self.number + 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_ROW_LENGTH)
        if not line:
            raise StopIteration
        self.number += 1
        self._row_length += len(line)
        if self._row_length >= MAX_ROW_LENGTH:
            raise UnreadableFileError(
                f"The row up to line {self.number} is over {MAX_ROW_LENGTH // 1_000_000} MB long: "
                "a quote is left open, or the file is no table of contacts."
            )
        if "\0" in line:
            raise UnreadableFileError(f"Line {self.number} holds a NUL character: save the contacts as CSV again.")
        return line


def _refuse(error: csv.Error, begins: int, ends: int) -> NoReturn:
    """Say in an operator's words what csv found wrong in the row between two lines."""
    if "unexpected end" in str(error):
        raise UnreadableFileError(f"A quote is opened in line {begins} and never closed: close it or double it.")
    if "field larger" in str(error):
        raise UnreadableFileError(
            f"A cell that begins in line {begins} is longer than {csv.field_size_limit():,} characters: "
            "probably its quote is never closed."
        )
    raise UnreadableFileError(
        f"Line {ends} goes on after a closing quote"
        + (f", in a row that begins in line {begins}" if begins < ends else "")
        + ": a quote is left open there, or one inside a cell isn't doubled."
    )

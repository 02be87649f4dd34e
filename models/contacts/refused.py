"""Refused rows as a CSV file that a person mends and imports again."""

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from models.addresses import REFUSAL_LABELS, Refusal
from models.csv_cells import neutralise


class RefusedRow(NamedTuple):
    """A row that became no contact: the line where it begins, why, and its cells as written."""

    line: int
    refusal: Refusal
    cells: Sequence[str]


def refused_header(columns: Iterable[str]) -> bytes:
    """The beginning of the file: byte order mark and header."""
    return BOM_UTF8 + _line(["line", "reason", *columns])


def refused_line(row: RefusedRow) -> bytes:
    """One row of the file, in UTF-8 with CRLF; no cell of it runs as a formula in a spreadsheet."""
    return _line([str(row.line), REFUSAL_LABELS[row.refusal], *row.cells])


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(map(neutralise, cells))
    return text.getvalue().encode()

"""Cells of the CSV files that people open in a spreadsheet."""

import re
from collections.abc import Iterable

# OWASP ASVS 1.2.10, and the full-width signs that some spreadsheets take for the plain ones. Blanks and
# invisible characters in front don't stop a spreadsheet.
FORMULA = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
PHONE_NUMBER = re.compile(r"\+[0-9]{6,15}")


def neutralise(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula: it gets a leading `'` where one would.

    A bare phone number passes unchanged: as a formula it only is that number, and a quoted one could not be
    imported again.
    """
    if PHONE_NUMBER.fullmatch(cell) or not FORMULA.match(cell):
        return cell
    return "'" + cell


def neutralised(cells: Iterable[str]) -> list[str]:
    """Cells, each so; those that begin with a letter or a digit, as most do, need no closer look."""
    return [cell if not cell or cell[0].isalnum() else neutralise(cell) for cell in cells]

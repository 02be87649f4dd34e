"""What a request brings, as far as it makes sense: what was typed into a form, and what the address asks for."""

from enum import StrEnum
from typing import TypeVar

from flask import request

from admin.numbers import whole_number

Word = TypeVar("Word", bound=StrEnum)
RECIPIENT = 320  # characters; no recipient is longer


def typed(field: str, *, longest: int = 2_000_000) -> str:
    """What a form's field holds: browsers send line ends as CRLF, and no database keeps a NUL."""
    return request.form.get(field, "")[:longest].replace("\r\n", "\n").replace("\0", "")


def text_of(name: str, *, longest: int) -> str:
    """A text of the address."""
    return request.args.get(name, "")[:longest].replace("\0", "")


def number_of(name: str) -> int | None:
    """A whole number of the address, None for anything else."""
    return whole_number(request.args.get(name, ""))


def word_of(name: str, words: type[Word]) -> str | None:
    """One of our words from the address, None for any other."""
    given = request.args.get(name, "")
    return given if given in list(words) else None

"""Long lists in a URL: which stretch is asked for, and the links to the ones beside it."""

from enum import StrEnum
from typing import Any, TypeVar

from flask import request, url_for

from models.queries.ledgers import Edge, Stretch

Word = TypeVar("Word", bound=StrEnum)


def edge_of_request() -> Edge:
    """The stretch that the URL asks for; what makes no sense is left out."""
    return Edge(older_than=number_of("older"), newer_than=number_of("newer"))


def number_of(name: str) -> int | None:
    """A whole number from the URL, None for anything else."""
    given = request.args.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None


def word_of(name: str, words: type[Word]) -> str | None:
    """One of our words from the URL, None for any other."""
    given = request.args.get(name, "")
    return given if given in list(words) else None


def edges(endpoint: str, stretch: Stretch, **wanted: object) -> dict[str, str]:
    """The links to the newer and the older stretch, '' where there is none, with the filter that is `wanted`."""
    given: dict[str, Any] = {name: value for name, value in wanted.items() if value}
    rows = stretch.rows
    return {
        "newer_url": url_for(endpoint, **given, newer=rows[0].id) if stretch.newer and rows else "",
        "older_url": url_for(endpoint, **given, older=rows[-1].id) if stretch.older and rows else "",
    }

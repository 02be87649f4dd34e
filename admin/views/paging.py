"""Long lists in a URL: which stretch is asked for, and the links to the ones beside it."""

from typing import Any

from flask import url_for

from admin.views.given import number_of
from models.queries.ledgers import Edge, Stretch


def edge_of_request() -> Edge:
    """The stretch that the URL asks for; what makes no sense is left out."""
    return Edge(older_than=number_of("older"), newer_than=number_of("newer"))


def edges(endpoint: str, stretch: Stretch, **wanted: object) -> dict[str, str]:
    """The links to the newer and the older stretch, '' where there is none, with the filter that is `wanted`."""
    given: dict[str, Any] = {name: value for name, value in wanted.items() if value}
    rows = stretch.rows
    return {
        "newer_url": url_for(endpoint, **given, newer=rows[0].id) if stretch.newer and rows else "",
        "older_url": url_for(endpoint, **given, older=rows[-1].id) if stretch.older and rows else "",
    }

"""A look at the rows themselves, past all code of ours: what the database says, on either engine."""

import re
from typing import Any

import apsw
import psycopg


class Rows:
    """A read-only connection to the database of a product, made at the first question."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: apsw.Connection | psycopg.Connection[Any] | None = None

    def __call__(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that a query with `?` for its values finds."""
        if self._connection is None:
            self._connection = self._connect()
        if isinstance(self._connection, apsw.Connection):
            return list(self._connection.execute(sql, values))
        marked = re.sub(r"\?", "%s", sql)
        return self._connection.execute(marked, values).fetchall()

    def close(self) -> None:
        """Let go; the next question connects anew."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> apsw.Connection | psycopg.Connection[Any]:
        if self._url.startswith("sqlite"):
            connection = apsw.Connection(self._url.removeprefix("sqlite:///"))
            connection.pragma("query_only", True)
            connection.set_busy_timeout(5000)
            return connection
        return psycopg.connect(self._url, autocommit=True)

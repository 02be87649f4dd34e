"""Where the local Slack keeps what must outlive a restart: documents and file contents in one SQLite file."""

import json
import sqlite3
from pathlib import Path

from bot.local_slack.errors import Document

SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL, key TEXT NOT NULL, parent TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS documents_by_parent ON documents (kind, parent, key);
CREATE TABLE IF NOT EXISTS contents (key TEXT PRIMARY KEY, content BLOB NOT NULL);
"""


class Store:
    """Documents by kind and key, each under a parent. Every change is committed before the call returns."""

    def __init__(self, path: Path) -> None:
        # Opened by whoever starts the server, used by its loop alone from then on.
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        self._connection.close()

    def get(self, kind: str, key: str) -> Document | None:
        """The document, or None."""
        row = self._connection.execute("SELECT body FROM documents WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else json.loads(row[0])

    def put(self, kind: str, key: str, document: Document, parent: str = "") -> None:
        """Keep the document, in the place of an earlier one of that key."""
        self._connection.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", (kind, key, parent, json.dumps(document))
        )

    def drop(self, kind: str, key: str) -> None:
        """Forget the document, if it is there."""
        self._connection.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def children(self, kind: str, parent: str = "", newest: int = -1) -> list[Document]:
        """The documents under a parent in the order of their keys; with `newest` the last so many."""
        rows = self._connection.execute(
            "SELECT body FROM documents WHERE kind = ? AND parent = ? ORDER BY key DESC LIMIT ?", (kind, parent, newest)
        ).fetchall()
        return [json.loads(row[0]) for row in reversed(rows)]

    def put_content(self, key: str, content: bytes) -> None:
        """Keep a file's content."""
        self._connection.execute("INSERT OR REPLACE INTO contents VALUES (?, ?)", (key, content))

    def content(self, key: str) -> bytes | None:
        """A file's content, or None."""
        row = self._connection.execute("SELECT content FROM contents WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def drop_content(self, key: str) -> None:
        self._connection.execute("DELETE FROM contents WHERE key = ?", (key,))

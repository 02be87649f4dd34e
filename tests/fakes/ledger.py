"""What a fake provider took, written to disk before it answers: the judge of *never twice* and *never lost*."""

import os
import time
from pathlib import Path
from typing import NamedTuple


class Taken(NamedTuple):
    """One message that a provider took; `at` is epoch seconds, the ids are those that rode along ('' if none)."""

    at: float
    message_id: str
    attempt: str
    recipient: str


class Ledger:
    """A file of lines that are synced before `note` returns; several processes may read it meanwhile."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, taken: list[Taken]) -> None:
        """Write down what was taken, durably, all in one write."""
        lines = "".join(f"{one.at:.3f} {one.message_id} {one.attempt} {one.recipient}\n" for one in taken)
        os.write(self._file, lines.encode())
        os.fdatasync(self._file)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def taken(message_id: str, attempt: str, recipient: str) -> Taken:
    """What is taken now."""
    return Taken(time.time(), message_id or "-", attempt or "-", recipient)


def read(path: Path) -> list[Taken]:
    """All that was taken so far; a line that is just being written is left out."""
    text = path.read_text() if path.exists() else ""
    lines = text.splitlines(keepends=True)
    found = [line.rstrip("\n").split(" ", 3) for line in lines if line.endswith("\n")]
    return [Taken(float(at), message_id, attempt, recipient) for at, message_id, attempt, recipient in found]

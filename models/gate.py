"""The write gate: one fair queue for all write transactions on one SQLite file.

SQLite lets one writer in at a time and wakes the others by polling, which starves small writers: with
three bulk writers a web write took 4 s at p99 and some died "database is locked". Behind this gate the
same write waits its turn. Two lock files make it fair: who wants to write waits at the *turnstile*, and
holds it until the *gate* opens, so a bulk writer that has just left can't slip in before those who wait.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class WriteGate:
    """A lock across processes and threads; not re-entrant. `longest_hold` is in seconds, for this process."""

    def __init__(self, database_file: Path) -> None:
        self._turnstile = database_file.with_name(database_file.name + ".turnstile")
        self._gate = database_file.with_name(database_file.name + ".gate")
        self._local = threading.local()
        self.longest_hold = 0.0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for one's turn, then keep every other writer out."""
        turnstile, gate = (file.descriptor for file in self._files())
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
        finally:
            fcntl.flock(turnstile, fcntl.LOCK_UN)
        since = time.perf_counter()
        try:
            yield
        finally:
            self.longest_hold = max(self.longest_hold, time.perf_counter() - since)
            fcntl.flock(gate, fcntl.LOCK_UN)

    def _files(self) -> "tuple[_LockFile, _LockFile]":
        """This thread's own open files: a lock belongs to an open file, so sharing one would let two in."""
        if getattr(self._local, "owner", None) != os.getpid():
            self._local.files = (_LockFile(self._turnstile), _LockFile(self._gate))
            self._local.owner = os.getpid()
        files: tuple[_LockFile, _LockFile] = self._local.files
        return files


class _LockFile:
    """An open file that closes when its thread has ended and nobody knows it any more."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __del__(self) -> None:
        os.close(self.descriptor)

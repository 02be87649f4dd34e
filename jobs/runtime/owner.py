"""One owner of `var/` per process name: a kernel lock that ends with the last process of its family.

Forked children inherit the lock, so it is free only when they are gone too.
"""

import fcntl
import os
import time
from pathlib import Path

from jobs.runtime import parents
from jobs.runtime.stopping import Stop
from models.errors import NotConfiguredError

# After a kill -9 the family of the one before needs up to this long to notice and end; a start in that
# time waits for it rather than being refused.
WAIT_SECONDS = parents.POLL_SECONDS + parents.HONCHO_GRACE_SECONDS + 0.75
POLL_SECONDS = 0.05


def prepare(var: Path) -> None:
    """Make `var/` (mode 0700) and its folder of locks; raises NotConfiguredError when that can't be done."""
    try:
        var.mkdir(mode=0o700, parents=True, exist_ok=True)
        (var / "locks").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise NotConfiguredError(f"SIGNALBOX_VAR is {var}, which can't be used: {error.strerror}.") from error


def take(var: Path, name: str, stop: Stop, *, seconds: float = WAIT_SECONDS) -> int:
    """Become the owner of `name` in `var` and return the descriptor that holds it; closing it lets go.

    Raises NotConfiguredError naming the process that owns it, when it still does after `seconds`.
    """
    prepare(var)
    descriptor = os.open(_path(var, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + seconds
    while not _lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() >= deadline or stop.wait(POLL_SECONDS):
            owner = _written(descriptor)
            os.close(descriptor)
            raise NotConfiguredError(_refusal(var, name, owner))
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def holder(var: Path, name: str) -> int | None:
    """The process id that owns `name`, as long as it or a child of its lives; None when nobody does."""
    try:
        descriptor = os.open(_path(var, name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return None if _lock(descriptor, fcntl.LOCK_SH) else _written(descriptor)
    finally:
        os.close(descriptor)


def _path(var: Path, name: str) -> Path:
    return var / "locks" / f"{name}.lock"


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _written(descriptor: int) -> int:
    """The owner's process id; 0 in the instant between its lock and its writing."""
    return int(os.pread(descriptor, 20, 0) or b"0")


def _refusal(var: Path, name: str, owner: int) -> str:
    return (
        f"{var} is in use by process {owner} ({name}): stop that one first, "
        "or give this one a folder of its own in SIGNALBOX_VAR."
    )

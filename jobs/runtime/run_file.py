"""`run.json` in `var/`: the real addresses of what runs, with the secrets to reach it (mode 0600).

A process killed outright leaves its section behind; `living` tells such a one from the real thing.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.runtime import owner

Section = Mapping[str, Any]

# Which process publishes a section, by its Procfile name.
PUBLISHERS = {"web": "web", "redis": "redis", "slack_local": "bot"}


def publish(var: Path, section: str, **values: Any) -> None:
    """Replace one section: `web` and `redis` have url, port, pid; this process is noted as its `owner`."""
    with _updating(var) as sections:
        sections[section] = {**values, "owner": os.getpid()}


def withdraw(var: Path, section: str) -> None:
    """Take one section out; done on a clean stop, and at the start before the new one is known."""
    with _updating(var) as sections:
        sections.pop(section, None)


def read(var: Path) -> dict[str, Section]:
    """All sections as they stand, stale ones too."""
    try:
        sections: dict[str, Section] = json.loads(_path(var).read_text())
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError:
        # Only a power cut can leave half a file; every process publishes anew at its start.
        return {}
    return sections


def living(var: Path, section: str) -> Section | None:
    """A section whose publisher still runs, None otherwise."""
    values = read(var).get(section)
    if values is None or values["owner"] != owner.holder(var, PUBLISHERS[section]):
        return None
    return values


def write_secret(path: Path, text: str) -> None:
    """Write a file that others see whole or not at all, and only its owner can read."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    new.replace(path)


@contextmanager
def _updating(var: Path) -> Iterator[dict[str, Section]]:
    owner.prepare(var)
    lock = os.open(var / "locks" / "run.json.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sections = read(var)
        yield sections
        write_secret(_path(var), json.dumps(sections, indent=2) + "\n")
    finally:
        os.close(lock)


def _path(var: Path) -> Path:
    return var / "run.json"

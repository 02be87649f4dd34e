"""The process table, as far as we need it: who started us, and whether it still lives."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

PROC = Path("/proc")


@dataclass(frozen=True)
class Ancestor:
    """One process; `started` tells it from a later one with the same id."""

    pid: int
    parent: int
    started: str
    command: tuple[str, ...]


def look_up(pid: int) -> Ancestor | None:
    """The process `pid`; None when there is none, or it has ended and waits to be reaped."""
    return _from_proc(pid) if sys.platform == "linux" else _from_ps(pid)


def honcho_above(pid: int) -> Ancestor | None:
    """The main honcho process that `pid` was started by; None when it wasn't.

    honcho forks one runner per Procfile line (same command line as itself, or one of multiprocessing's
    where that forks from a server), which starts a shell, which starts us.
    """
    found = None
    for ancestor in _above(pid):
        if is_honcho(ancestor.command):
            found = ancestor
        elif not is_between(ancestor.command):
            break
    return found


def is_honcho(command: Sequence[str]) -> bool:
    """Whether a command line is honcho's: `honcho …`, `python …/honcho …` or `python -m honcho …`."""
    words = list(command)
    if words and PurePath(words[0]).name.startswith("python"):
        words = _after_options(words[1:])
    return bool(words) and PurePath(words[0]).name == "honcho"


def is_between(command: Sequence[str]) -> bool:
    """Whether a command line may stand between honcho and us: `sh -c …`, or a helper of multiprocessing."""
    shell = len(command) > 1 and PurePath(command[0]).name in {"sh", "dash", "bash"} and command[1] == "-c"
    return shell or any("multiprocessing" in word for word in command[1:])


def _above(pid: int) -> Iterator[Ancestor]:
    own = look_up(pid)
    while own is not None and own.parent > 1:
        own = look_up(own.parent)
        if own is not None:
            yield own


def _after_options(words: list[str]) -> list[str]:
    """What an interpreter's command line runs: its script or module, and the arguments."""
    while words and words[0].startswith("-") and words[0] != "-m":
        words = words[2:] if words[0] in {"-X", "-W"} else words[1:]
    return words[1:] if words and words[0] == "-m" else words


def _from_proc(pid: int) -> Ancestor | None:
    """proc(5): in /proc/PID/stat, fields 3, 4 and 22 are state, parent and start; field 2 may hold blanks."""
    try:
        fields = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in "ZX":
        return None
    return Ancestor(pid, int(fields[1]), fields[19], tuple(os.fsdecode(word) for word in words[:-1]))


def _from_ps(pid: int) -> Ancestor | None:
    """ps(1) of macOS and the BSDs; blanks inside an argument are lost, which does no harm here."""
    asked = ["ps", "-ww", "-o", "ppid=,stat=,lstart=,command=", "-p", str(pid)]
    line = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    found = re.fullmatch(r"(\d+)\s+(\S+)\s+((?:\S+\s+){4}\S+)\s+(.*)", line, re.DOTALL)
    if found is None or found[2].startswith("Z"):
        return None
    return Ancestor(pid, int(found[1]), " ".join(found[3].split()), tuple(found[4].split()))

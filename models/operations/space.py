"""Room on the disk, asked for before work that fills it: what can't be written can't be sent either."""

import shutil
import tempfile
from pathlib import Path

from models.config import current
from models.errors import NoSpaceError

RESERVE = 200 << 20  # bytes that stay free, so that sending and receipts go on
# Measured on SQLite: a contact takes 125 bytes and more in tables and indexes, ten times the shortest line of a CSV;
# the write-ahead log may hold the same once more for a while.
IMPORT_FACTOR = 20
# A row of an export has 54 bytes and its custom fields; stored, it is compressed to less than half.
EXPORT_ROW, STORED_ROW = 200, 100


def require_for_import(size: int) -> None:
    """Raise NoSpaceError unless contacts of a file of so many bytes have room in the database."""
    if current().on_sqlite:
        _require(IMPORT_FACTOR * size, current().var, "importing this file")


def require_for_export(rows: int) -> None:
    """Raise NoSpaceError unless an export of so many rows has room, while it is made and when it is stored."""
    if current().on_sqlite:
        _require(STORED_ROW * rows, current().var, "this export")
    _require(EXPORT_ROW * rows, Path(tempfile.gettempdir()), "this export", spare=0)  # nothing else waits for that disk


def free_bytes(folder: Path) -> int:
    """What is free on the disk where `folder` lies."""
    return shutil.disk_usage(folder).free


def readable(size: int) -> str:
    """A number of bytes as people say it: `1.2 GB`."""
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{max(1, round(size / 1e6))} MB" if size else "0 MB"


def _require(needed: int, folder: Path, what: str, *, spare: int = RESERVE) -> None:
    free = free_bytes(folder)
    if free < needed + spare:
        stays = f" and {readable(spare)} must stay free" if spare else ""
        raise NoSpaceError(
            f"There is too little room for {what}: it needs about {readable(needed)}{stays}, but the disk of {folder} "
            f"has {readable(free)} free. Make room there, then try again."
        )

"""Which cells run: a few by default, all of them under `python -m tests.long`."""

import os
from collections.abc import Sequence
from typing import TypeVar

Cell = TypeVar("Cell")

LONG = os.environ.get("SIGNALBOX_LONG") == "1"
ONLY_LONG = "runs with python -m tests.long"
SOAK_ROWS = int(os.environ.get("SIGNALBOX_SOAK_ROWS", "300000"))


def cells(by_default: Sequence[Cell], more: Sequence[Cell] = ()) -> list[Cell]:
    """Those to collect now."""
    return [*by_default, *more] if LONG else list(by_default)

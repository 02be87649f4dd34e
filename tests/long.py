"""The long forms of the fault tests, with what each took and measured.

`python -m tests.long [PYTEST-OPTION …]` runs all crash cells; `python -m tests.long simulate --seeds N` tells so many
simulations.
"""

import os
import sys

import pytest

from tests.property import simulate

# Loaded as a plugin, `cells` reads the environment before tests/conftest.py clears it.
OPTIONS = ("-p", "tests.crash.cells", "-m", "crash", "--durations=0", "--durations-min=1")


def main(words: list[str]) -> int:
    """Run what is named, all crash cells by default; returns the exit code."""
    if words[:1] == ["simulate"]:
        return simulate.main(words[1:])
    os.environ["SIGNALBOX_LONG"] = "1"
    return pytest.main([*OPTIONS, "tests/crash", *words])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

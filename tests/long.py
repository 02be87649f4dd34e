"""The long forms of the fault tests, with what each took and measured.

python -m tests.long [FILE …] [PYTEST-OPTION …]   all crash cells, or those of some files
python -m tests.long simulate [--seeds N | --seed N] [--postgresql]
python -m tests.long soak [ROWS]                  one campaign, 300,000 rows by default
"""

import os
import sys

import pytest

from tests.property import simulate

# Loaded as a plugin, `cells` reads the environment before tests/conftest.py clears it.
OPTIONS = ("-p", "tests.crash.cells", "-m", "crash", "--durations=0", "--durations-min=1")


def main(words: list[str]) -> int:
    """Run what is named; returns the exit code."""
    if words[:1] == ["simulate"]:
        return simulate.main(words[1:])
    os.environ["SIGNALBOX_LONG"] = "1"
    if words[:1] == ["soak"]:
        os.environ["SIGNALBOX_SOAK_ROWS"] = (words[1:] or ["300000"])[0]
        words = ["tests/crash/test_soak.py"]
    elif not any(word.startswith("tests/") for word in words):
        words = ["tests/crash", *words]
    return pytest.main([*OPTIONS, *words])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

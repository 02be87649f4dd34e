"""The long form of the crash tests: `python -m tests.long [PYTEST-OPTION …]`, with what each took and measured."""

import os
import sys

import pytest

# Loaded as a plugin, `cells` reads the environment before tests/conftest.py clears it.
OPTIONS = ("-p", "tests.crash.cells", "-m", "crash", "--durations=0", "--durations-min=1")


def main() -> int:
    """Run all crash cells; returns pytest's exit code."""
    os.environ["SIGNALBOX_LONG"] = "1"
    return pytest.main([*OPTIONS, "tests/crash", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())

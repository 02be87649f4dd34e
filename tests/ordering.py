"""In which order tests run side by side."""

import pytest


def longest_first(items: list[pytest.Item]) -> None:
    """By their time-outs, so that in the end no process works on while the others have nothing left."""
    items.sort(key=lambda item: -_longest_seconds(item))


def _longest_seconds(item: pytest.Item) -> float:
    mark = item.get_closest_marker("timeout")
    return float(mark.args[0]) if mark else 0.0

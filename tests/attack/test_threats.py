"""The table of threats points to tests that there are."""

import re
from pathlib import Path

import pytest

from tests.attack.threats import THREATS, Threat

TESTS = Path(__file__).parents[1]


def test_every_threat_has_its_number() -> None:
    assert list(THREATS) == list(range(1, 27))


@pytest.mark.parametrize("threat", THREATS.values(), ids=lambda threat: threat.name)
def test_threat_is_proven_or_said_not_to_apply(threat: Threat) -> None:
    assert threat.tests or threat.not_here
    for test in threat.tests:
        file, _, name = test.partition("::")
        assert re.search(rf"(def|class) {name or 'test_'}", (TESTS / file).read_text(encoding="utf-8")), test

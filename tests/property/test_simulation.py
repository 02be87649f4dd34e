"""72 virtual hours of whole campaigns, for a few seeds; `python -m tests.long simulate` tells as many as one likes."""

import pytest

from tests.property.simulation import tell

SEEDS = 10
ON_BOTH = 3


@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_72_hours_pass_as_they_must(seed: int) -> None:
    assert tell(seed).teller.life.ledger, "nothing was handed over"


@pytest.fixture(scope="module")
def earlier() -> list[list[str]]:
    """What happened in the tests before."""
    return []


@pytest.mark.both_engines
@pytest.mark.usefixtures("installation")
def test_a_seed_tells_the_same_on_either_engine(engine: str, earlier: list[list[str]]) -> None:
    earlier.append(tell(ON_BOTH).facts)
    assert earlier[-1] == earlier[0]


@pytest.mark.usefixtures("installation")
def test_what_fails_says_how_to_tell_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.property.teller.settle", lambda events, **given: None)  # answers are forgotten
    with pytest.raises(AssertionError) as failed:
        tell(ON_BOTH)
    assert failed.value.__notes__[0].startswith(f"python -m tests.long simulate --seed {ON_BOTH}\n")

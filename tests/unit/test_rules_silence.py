"""Silence of a provider, to the second on either side."""

from dataclasses import replace

import pytest

from models.rules.silence import LONGEST, Sounds, silence_of
from models.words import Phase, Silence

NOW = 1_750_000_000_000
SENDING = Sounds(Phase.RUNNING, "twilio", queued=10, sending=5, started_at=NOW, accepted_at=None, unheard_since=None)


def after(wait: int, sounds: Sounds, scale: float = 1) -> Silence | None:
    return silence_of(sounds, now=NOW + wait, scale=scale)


@pytest.mark.parametrize("accepted_at", [None, NOW])
def test_nothing_accepted_for_five_minutes_is_noticed(accepted_at: int | None) -> None:
    sounds = replace(SENDING, started_at=NOW if accepted_at is None else NOW - 1, accepted_at=accepted_at)
    assert after(LONGEST - 1000, sounds) is None
    assert after(LONGEST, sounds) is Silence.NOTHING_ACCEPTED


@pytest.mark.parametrize("phase", sorted(set(Phase) - {Phase.RUNNING}))
def test_nothing_need_be_accepted_of_a_campaign_that_does_not_run(phase: Phase) -> None:
    assert after(LONGEST, replace(SENDING, phase=phase)) is None


def test_nothing_need_be_accepted_with_an_empty_queue() -> None:
    assert after(LONGEST, replace(SENDING, queued=0)) is None


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.HELD, Phase.STOPPING])
def test_receipts_owed_for_five_minutes_are_noticed(phase: Phase) -> None:
    sounds = replace(SENDING, phase=phase, queued=0, unheard_since=NOW)
    assert after(LONGEST - 1000, sounds) is None
    assert after(LONGEST, sounds) is Silence.NO_RECEIPTS


def test_smtp_owes_no_receipts() -> None:
    assert after(LONGEST, replace(SENDING, queued=0, provider="smtp", unheard_since=NOW)) is None


def test_nobody_owes_receipts_of_what_is_settled() -> None:
    assert after(LONGEST, replace(SENDING, queued=0, sending=0, unheard_since=NOW)) is None


def test_the_scale_divides_the_five_minutes() -> None:
    assert after(LONGEST // 60 - 100, SENDING, scale=60) is None
    assert after(LONGEST // 60, SENDING, scale=60) is Silence.NOTHING_ACCEPTED

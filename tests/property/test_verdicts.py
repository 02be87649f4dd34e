"""Receipts may come twice, in any order, early or late: the end state is the same (SPEC 2)."""

from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.verdicts import AttemptState, Event, Word, is_verdict, judge
from models.words import Channel, FailureReason, RetryClass

START = AttemptState("sending", claimed_at=0)
MOMENTS = {"claimed_at", "handed_over_at", "progress_at", "event_at", "verdict_at"}
LONGEST = 6


def said(word: Word, *, answers: bool = False, reason: FailureReason | None = None, code: str = "") -> Event:
    retry_class = RetryClass.LIKELY if reason is FailureReason.BLOCKED else None
    return Event(
        1, 1, word, 0, answers=answers, reason=reason, retry_class=retry_class, code=code, provider_id="P1" * answers
    )


BLOCKED = said(Word.FAILED, reason=FailureReason.BLOCKED, code="30007")
UNMAPPED = said(Word.FAILED, reason=FailureReason.UNKNOWN, code="99")
VERDICTS = [said(Word.DELIVERED), BLOCKED, UNMAPPED, said(Word.OPTED_OUT, code="21610")]
PROGRESS = {
    Channel.SMS: [said(Word.ACCEPTED), said(Word.SENT)],
    Channel.EMAIL: [said(Word.ACCEPTED), said(Word.DEFERRED, code="450")],
}
# What the hand-over itself may have been answered with; one answer each, but a lost one may be found again.
ANSWERS = {
    "accepted": [said(Word.ACCEPTED, answers=True)],
    "lost, then found": [said(Word.UNKNOWN, answers=True), said(Word.ACCEPTED, answers=True)],
    "refused": [said(Word.FAILED, answers=True, reason=FailureReason.BLOCKED, code="21612")],
    "opted out": [said(Word.OPTED_OUT, answers=True, code="21610")],
}


def seen(state: AttemptState) -> tuple[object, ...]:
    """All of a state but the moments, which are those of arrival."""
    return tuple(value for name, value in state._asdict().items() if name not in MOMENTS)


def ends(channel: Channel, events: Sequence[Event], longest: int) -> Iterator[tuple[tuple[int, ...], AttemptState]]:
    """Every sequence of up to `longest` of the events, repeats included, with the state in which it ends."""

    def grow(order: tuple[int, ...], state: AttemptState) -> Iterator[tuple[tuple[int, ...], AttemptState]]:
        yield order, state
        if len(order) < longest:
            for number, event in enumerate(events):
                yield from grow((*order, number), judge(channel, state, event))

    return grow((), START)


def differing(channel: Channel, events: Sequence[Event], longest: int = LONGEST) -> dict[tuple[object, ...], object]:
    """Orders of the same words that end differently, with two of the ends; empty if all is well."""
    first: dict[frozenset[int], tuple[object, ...]] = {}
    found: dict[tuple[object, ...], object] = {}
    for order, state in ends(channel, events, longest):
        end = first.setdefault(frozenset(order), seen(state))
        if end != seen(state):
            found[tuple(events[number].word.value for number in order)] = (end, seen(state))
    return found


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("channel", Channel)
def test_every_order_of_six_words_ends_the_same(channel: Channel, answer: str) -> None:
    longest = LONGEST if answer == "accepted" else 5
    assert differing(channel, [*ANSWERS[answer], *PROGRESS[channel], *VERDICTS], longest) == {}


@pytest.mark.parametrize("channel", Channel)
def test_verdicts_after_an_answer_not_sent_end_the_same(channel: Channel) -> None:
    deferral = [event for event in PROGRESS[channel] if event.word is Word.DEFERRED]
    assert differing(channel, [said(Word.NOT_SENT, answers=True), *deferral, *VERDICTS]) == {}


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize(
    "pair",
    [
        [said(Word.FAILED, code="9"), said(Word.FAILED, reason=FailureReason.UNKNOWN, code="1")],
        [said(Word.FAILED, code="9"), said(Word.FAILED, code="1")],
        [said(Word.OPTED_OUT, code="21610"), said(Word.OPTED_OUT, code="30004")],
        [said(Word.DELIVERED, code="250"), said(Word.DELIVERED)],
    ],
    ids=["failed, reason unknown", "failed, no reason", "opted out", "delivered"],
)
def test_two_tellings_of_one_verdict_end_the_same(channel: Channel, pair: list[Event]) -> None:
    assert differing(channel, pair) == {}


@pytest.mark.parametrize("channel", Channel)
def test_the_strongest_word_that_was_said_decides(channel: Channel) -> None:
    strongest = {
        Channel.SMS: ("opted_out", "delivered", "failed"),
        Channel.EMAIL: ("opted_out", "failed", "delivered", "retrying"),
    }[channel]
    events = [*PROGRESS[channel], *VERDICTS]
    named = {Word.DEFERRED: "retrying"}
    for order, state in ends(channel, events, 4):
        words = {named.get(events[number].word, events[number].word.value) for number in order}
        assert state.status == next((word for word in strongest if word in words), "sending")


RECEIPTS = st.builds(
    Event,
    message_id=st.just(1),
    attempt=st.just(1),
    word=st.sampled_from([Word.ACCEPTED, Word.SENT, Word.DEFERRED, Word.DELIVERED, Word.FAILED, Word.OPTED_OUT]),
    at=st.integers(0, 9),
    reason=st.sampled_from([None, *FailureReason]),
    code=st.sampled_from(["", "1", "9", "30007"]),
    text=st.sampled_from(["", "a", "b"]),
)
CHANNELS = st.sampled_from(list(Channel))


def settled(channel: Channel, events: Sequence[Event]) -> AttemptState:
    state = START
    for event in events:
        state = judge(channel, state, event)
    return state


@given(
    channel=CHANNELS, events=st.lists(RECEIPTS, max_size=6), shuffled=st.randoms(use_true_random=False), again=st.data()
)
def test_any_mixture_ends_the_same_however_it_arrives(
    channel: Channel, events: list[Event], shuffled: Random, again: st.DataObject
) -> None:
    repeated = events + (again.draw(st.lists(st.sampled_from(events), max_size=4)) if events else [])
    shuffled.shuffle(repeated)
    assert seen(settled(channel, repeated)) == seen(settled(channel, events))


@given(channel=CHANNELS, events=st.lists(RECEIPTS, max_size=8))
def test_verdict_is_never_taken_back(channel: Channel, events: list[Event]) -> None:
    state, over = START, False
    for event in events:
        state = judge(channel, state, event)
        assert not over or is_verdict(state)
        over = is_verdict(state)

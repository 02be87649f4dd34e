"""Words about one hand-over in every order, with repeats: where its message ends, by the rules and on real rows.

`test_verdicts` does the same for what an attempt stands at; here it is about the message, and about our own
time-outs in between.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import permutations, product
from typing import NamedTuple

import pytest

from models.operations.settling import settle
from models.rules.standing import standing_after
from models.rules.verdicts import NOT_SENT, AttemptState, Event, Word, judge
from models.words import Channel, FailureReason, MessageStatus, Phase, RetryClass
from tests.factories import NOW, claim, make_campaign, rows_of, run, statuses

LONGEST = 6
ON_ROWS = 4  # with repeats; without, all six
MINUTE = 60_000

ACCEPTED, SENT, DEFERRED = Word.ACCEPTED, Word.SENT, Word.DEFERRED
DELIVERED, FAILED, OPTED_OUT = Word.DELIVERED, Word.FAILED, Word.OPTED_OUT
RECEIPTS = {
    Channel.SMS: (ACCEPTED, SENT, DELIVERED, FAILED, OPTED_OUT),
    Channel.EMAIL: (ACCEPTED, DEFERRED, DELIVERED, FAILED, OPTED_OUT),
}
TIME_OUTS = {Channel.SMS: (Word.ASSUMED, Word.UNCONFIRMED), Channel.EMAIL: (Word.UNCONFIRMED, Word.EXPIRED)}
VERDICTS = frozenset({DELIVERED, FAILED, OPTED_OUT})
ATTEMPTS = ("sending", "retrying", "delivered", "assumed_delivered", "failed", "opted_out", "unconfirmed")
STRONGER_THAN_DELIVERED = {Channel.SMS: {OPTED_OUT}, Channel.EMAIL: {FAILED, OPTED_OUT}}


class End(NamedTuple):
    """Where an attempt and its message stand."""

    attempt: str
    message: str


class Said(NamedTuple):
    """A receipt, or with `answers` the hand-over's own answer."""

    word: Word
    answers: bool = False

    def event(self, message_id: int = 1, at: int = 0) -> Event:
        """As the product is told; each word has its own code, so that it shows whose telling was kept."""
        reason = FailureReason.BLOCKED if self.word is FAILED else None
        return Event(
            message_id,
            1,
            self.word,
            at,
            answers=self.answers,
            reason=reason,
            retry_class=RetryClass.LIKELY if reason else None,
            code=f"code of {self.word}" if self.word in VERDICTS else "",
        )


def ends(
    channel: Channel, begins: tuple[AttemptState, str], said: Sequence[Said], longest: int
) -> Iterator[tuple[tuple[Said, ...], End]]:
    """Every order of up to `longest` of these words, repeats included, and where it ends."""
    events = [(one, one.event()) for one in said]

    def grow(order: tuple[Said, ...], state: AttemptState, status: str) -> Iterator[tuple[tuple[Said, ...], End]]:
        yield order, End(state.status, status)
        if len(order) < longest:
            for one, event in events:
                after = judge(channel, state, event)
                stands = standing_after(status, state.status, after.status, Phase.RUNNING)
                yield from grow((*order, one), after, stands or status)

    return grow((), *begins)


def by_words(found: Iterable[tuple[tuple[Said, ...], End]]) -> dict[frozenset[Word], set[End]]:
    """All ends to which the same words have come."""
    grouped: dict[frozenset[Word], set[End]] = defaultdict(set)
    for order, end in found:
        grouped[frozenset(one.word for one in order)].add(end)
    return grouped


def several(ends_of: dict[frozenset[Word], set[End]]) -> dict[frozenset[Word], set[End]]:
    """Those words whose end depends on their order."""
    return {words: found for words, found in ends_of.items() if len(found) > 1}


def receipts_of(channel: Channel) -> list[Said]:
    return [Said(word) for word in RECEIPTS[channel]]


@pytest.mark.parametrize("channel", Channel)
def test_a_message_with_its_provider_ends_the_same_in_every_order(channel: Channel) -> None:
    begins = AttemptState("sending", claimed_at=0), "sending"
    found = by_words(ends(channel, begins, [Said(ACCEPTED, answers=True), *receipts_of(channel)], LONGEST))
    assert len(found) == 2**5
    assert several(found) == {}
    assert {(end.attempt, end.message) for one in found.values() for end in one} == {
        (status, status) for status in {end.attempt for one in found.values() for end in one}
    }


@pytest.mark.parametrize("channel", Channel)
def test_our_time_outs_in_between_do_not_matter_once_the_provider_has_spoken(channel: Channel) -> None:
    begins = AttemptState("sending", claimed_at=0), "sending"
    time_outs = [Said(word) for word in TIME_OUTS[channel]]
    without = by_words(ends(channel, begins, receipts_of(channel), 5))
    for words, found in by_words(ends(channel, begins, [*receipts_of(channel), *time_outs], 5)).items():
        heard = words - set(TIME_OUTS[channel])
        if heard & VERDICTS:
            assert found == without[heard], words


@pytest.mark.parametrize("channel", Channel)
def test_our_time_outs_alone_end_the_waiting_and_nothing_else(channel: Channel) -> None:
    begins = AttemptState("sending", claimed_at=0), "sending"
    for word in TIME_OUTS[channel]:
        (end,) = by_words(ends(channel, begins, [Said(word)], 3))[frozenset({word})]
        assert end.message == ("sending" if word is Word.EXPIRED else word.value)


# What an attempt may stand at while its message waits to be sent once more, or was cancelled then.
LEFT_AT = {
    Channel.SMS: [(NOT_SENT, 0), ("failed", 0), ("unconfirmed", 1)],
    Channel.EMAIL: [(NOT_SENT, 0), ("failed", 0), ("failed", 1), ("unconfirmed", 1), ("retrying", 0)],
}
WAITING = [(channel, *left) for channel in Channel for left in LEFT_AT[channel]]


@pytest.mark.parametrize("waits", ["queued", "cancelled"])
@pytest.mark.parametrize(("channel", "stands", "timed_out"), WAITING)
def test_a_message_that_waits_for_its_next_attempt_ends_by_delivered_alone(
    channel: Channel, stands: str, timed_out: int, waits: str
) -> None:
    """The attempt ends the same in every order. Whether the retry is dropped does, too, unless the provider says
    both Delivered and something stronger: then it is dropped if the verdict was Delivered for a while (SPEC 2)."""
    begins = AttemptState(stands, claimed_at=0, timed_out=timed_out), waits
    for words, found in by_words(ends(channel, begins, receipts_of(channel), LONGEST)).items():
        assert len({end.attempt for end in found}) == 1
        messages = {end.message for end in found}
        if DELIVERED not in words or (channel is Channel.EMAIL and (stands, timed_out) == ("failed", 0)):
            assert messages == {waits}
        elif words & STRONGER_THAN_DELIVERED[channel]:
            assert messages <= {waits, *(end.attempt for end in found)}
        else:
            assert messages == {"delivered"}


@pytest.mark.parametrize("phase", Phase)
def test_no_receipt_queues_a_message(phase: Phase) -> None:
    begins = [status for status in MessageStatus if status not in ("waiting", "queued")]
    for message, before, after in product(begins, [*ATTEMPTS, NOT_SENT], ATTEMPTS):
        assert standing_after(message, before, after, phase) not in ("waiting", "queued")


def orders(said: Sequence[Said]) -> list[tuple[Said, ...]]:
    """Every order of some or all of the words, and with repeats those of a few."""
    without = [order for length in range(1, len(said) + 1) for order in permutations(said, length)]
    repeated = [order for length in range(2, ON_ROWS + 1) for order in product(said, repeat=length)]
    return [*without, *(order for order in repeated if len(set(order)) < len(order))]


def story(row: dict[str, object]) -> tuple[object, ...]:
    """What a message's row says, but for its moments."""
    return row["status"], row["failure_reason"], row["retry_class"], row["provider_code"], row["due_at"] is None


@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one by one"])
@pytest.mark.parametrize("channel", Channel)
def test_rows_end_the_same_in_every_order(channel: Channel, at_once: bool) -> None:
    """Each order has a message of its own; all of them are settled together, or each word in a batch of its own."""
    said = [Said(ACCEPTED, answers=True), *receipts_of(channel)]
    tried = orders(said)
    campaign_id = make_campaign(channel, len(tried))
    run(campaign_id)
    claimed = claim(campaign_id, limit=len(tried))
    for batch in batches(tried, [one.message_id for one in claimed], at_once=at_once):
        settle(batch, now=NOW + MINUTE, scale=1)
    found = {row["id"]: story(row) for row in rows_of("messages")}
    ended: dict[frozenset[Said], set[tuple[object, ...]]] = defaultdict(set)
    for one, order in zip(claimed, tried, strict=True):
        ended[frozenset(order)].add(found[one.message_id])
    assert len(ended) == 2 ** len(said) - 1
    assert {words: stories for words, stories in ended.items() if len(stories) > 1} == {}
    assert statuses(campaign_id) == Counter(status for status, *_ in found.values())
    refusing = {one.recipient for one, order in zip(claimed, tried, strict=True) if Said(OPTED_OUT) in order}
    assert {row["recipient_key"] for row in rows_of("opt_outs")} == refusing


def batches(tried: Sequence[Sequence[Said]], ids: Collection[int], *, at_once: bool) -> list[list[Event]]:
    """The events, all in one list or the first words first."""
    events = [
        (place, one.event(message_id, NOW + MINUTE))
        for message_id, order in zip(ids, tried, strict=True)
        for place, one in enumerate(order)
    ]
    if at_once:
        return [[event for _, event in events]]
    return [[event for place, event in events if place == number] for number in range(LONGEST)]

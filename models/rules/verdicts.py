"""The one verdict table: what an answer, a receipt, a look-up or a time-out does to an attempt (SPEC 2).

An attempt's states are ranked, per channel, and only a higher rank replaces a lower one. So the end state
is the highest that was ever said, whatever the order in which words came and however often. The single
step down is *surely not sent*, which is only believed of an attempt about which nothing else is known.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from models.words import WITH_PROVIDER, Channel, FailureReason, MessageStatus, RetryClass, Scope

NOT_SENT = "not_sent"
# The attempt that stands in a test's hand-overs: attempts of messages are counted from 1.
OF_A_TEST = 0


class Word(StrEnum):
    """What may be said of an attempt, by whomever."""

    NOT_SENT = "not_sent"  # surely not handed over
    UNKNOWN = "unknown"  # handed over or not, nobody can tell
    ACCEPTED = "accepted"  # the provider has it
    SENT = "sent"  # the provider passed it on
    DEFERRED = "deferred"  # the receiving server asked to wait; the provider tries on
    DELIVERED = "delivered"
    FAILED = "failed"
    OPTED_OUT = "opted_out"
    ASSUMED = "assumed_delivered"  # our time-out
    EXPIRED = "expired"  # our time-out of a deferred one
    UNCONFIRMED = "unconfirmed"  # our time-out


class HandOverAnswer(StrEnum):
    """What came of the hand-over itself."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Event:
    """One word about one attempt.

    `at` is epoch milliseconds; `answers` is true when this is the hand-over's own answer (or the end of
    waiting for one); `code` and `text` are the provider's own, and `unmapped` says that no table of ours knows
    the code.
    """

    message_id: int
    attempt: int
    word: Word
    at: int
    answers: bool = False
    reason: FailureReason | None = None
    retry_class: RetryClass | None = None
    scope: Scope = Scope.MESSAGE
    code: str = ""
    text: str = ""
    provider_id: str = ""
    segments: int | None = None
    unmapped: bool = False


class AttemptState(NamedTuple):
    """What is known of one attempt, named as the columns of its row; times in epoch milliseconds.

    A tuple, since one is made for each word of a provider's: a dataclass takes several times as long.
    """

    status: str
    claimed_at: int
    answer: str | None = None
    progress: str | None = None
    timed_out: int = 0  # 1 when the verdict is our own time-out
    failure_reason: str | None = None
    retry_class: str | None = None
    provider_code: str | None = None
    provider_text: str | None = None
    provider_id: str | None = None
    lookups: int = 0
    lost_as: str | None = None  # how the answer was lost; None while no provider's word says so
    handed_over_at: int | None = None
    progress_at: int | None = None
    event_at: int | None = None
    verdict_at: int | None = None


# (status, by our own time-out) from weakest to strongest.
_ORDER: dict[Channel, tuple[tuple[str, bool], ...]] = {
    Channel.SMS: (
        (NOT_SENT, False),
        (MessageStatus.SENDING, False),
        (MessageStatus.UNCONFIRMED, True),
        (MessageStatus.ASSUMED_DELIVERED, True),
        (MessageStatus.FAILED, False),
        (MessageStatus.DELIVERED, False),
        (MessageStatus.OPTED_OUT, False),
    ),
    Channel.EMAIL: (
        (NOT_SENT, False),
        (MessageStatus.SENDING, False),
        (MessageStatus.UNCONFIRMED, True),
        (MessageStatus.RETRYING, False),
        (MessageStatus.FAILED, True),
        (MessageStatus.DELIVERED, False),
        (MessageStatus.FAILED, False),
        (MessageStatus.OPTED_OUT, False),
    ),
}
_RANK = {channel: {state: rank for rank, state in enumerate(order)} for channel, order in _ORDER.items()}

_BECOMES: dict[Word, tuple[str, bool]] = {
    Word.DEFERRED: (MessageStatus.RETRYING, False),
    Word.DELIVERED: (MessageStatus.DELIVERED, False),
    Word.FAILED: (MessageStatus.FAILED, False),
    Word.OPTED_OUT: (MessageStatus.OPTED_OUT, False),
    Word.ASSUMED: (MessageStatus.ASSUMED_DELIVERED, True),
    Word.EXPIRED: (MessageStatus.FAILED, True),
    Word.UNCONFIRMED: (MessageStatus.UNCONFIRMED, True),
}
# Our time-outs end a waiting; they say nothing of an attempt that waits for nothing, or for something else.
_ENDS_WAITING: dict[Word, str] = {
    Word.ASSUMED: MessageStatus.SENDING,
    Word.UNCONFIRMED: MessageStatus.SENDING,
    Word.EXPIRED: MessageStatus.RETRYING,
}
_PROGRESS: dict[str | None, int] = {Word.ACCEPTED: 1, Word.SENT: 2}
_ANSWERS = {
    Word.NOT_SENT: HandOverAnswer.NOT_SENT,
    Word.UNKNOWN: HandOverAnswer.UNKNOWN,
    Word.FAILED: HandOverAnswer.REFUSED,
    Word.OPTED_OUT: HandOverAnswer.REFUSED,
}


def judge(channel: Channel, state: AttemptState, event: Event) -> AttemptState:
    """The attempt's state after `event`; the same object when nothing changes."""
    answered = _answered(state, event) if event.answers else state
    if event.word is Word.NOT_SENT:
        return _not_sent(answered, event)
    waits = _ENDS_WAITING.get(event.word, answered.status) == answered.status
    ranked = _ranked(channel, answered, event) if event.word in _BECOMES and waits else answered
    return _progressed(ranked, event)


def is_verdict(state: AttemptState) -> bool:
    """Whether the attempt is over with a verdict, the provider's or our own."""
    return state.status not in WITH_PROVIDER and state.status != NOT_SENT


def _answered(state: AttemptState, event: Event) -> AttemptState:
    """Note the hand-over's answer; an answer replaces none or `unknown`, never another answer."""
    answer = _ANSWERS.get(event.word, HandOverAnswer.ACCEPTED)
    if answer is HandOverAnswer.UNKNOWN and event.text:
        lost_as = min(event.text, state.lost_as or event.text)
        state = state if lost_as == state.lost_as else state._replace(lost_as=lost_as)
    if state.answer not in (None, HandOverAnswer.UNKNOWN) or answer == state.answer:
        return state
    handed_over_at = state.handed_over_at if answer is HandOverAnswer.UNKNOWN else event.at
    return state._replace(
        answer=answer.value,
        handed_over_at=handed_over_at,
        provider_id=event.provider_id or state.provider_id,
    )


def _not_sent(state: AttemptState, event: Event) -> AttemptState:
    if state.status != MessageStatus.SENDING or state.progress:
        return state
    return state._replace(
        status=NOT_SENT,
        verdict_at=event.at,
        provider_code=event.code or None,
        provider_text=event.text or None,
    )


def _progressed(state: AttemptState, event: Event) -> AttemptState:
    """Note how far it came. The first arrival of each step counts, and an answer is no receipt."""
    moved = state._replace(provider_id=event.provider_id) if event.provider_id and not state.provider_id else state
    if event.answers or event.word in (Word.UNKNOWN, Word.ASSUMED, Word.EXPIRED, Word.UNCONFIRMED):
        return moved
    if moved.status in WITH_PROVIDER and event.at > (moved.event_at or 0):
        moved = moved._replace(event_at=event.at)
    if _PROGRESS.get(event.word, 0) > _PROGRESS.get(state.progress, 0):
        moved = moved._replace(progress=event.word.value, progress_at=event.at)
    return moved


def _ranked(channel: Channel, state: AttemptState, event: Event) -> AttemptState:
    status, timed_out = _BECOMES[event.word]
    rank = _RANK[channel]
    new, old = rank.get((status, timed_out), -1), rank[state.status, bool(state.timed_out)]
    told = _telling(event, timed_out=timed_out) if status == MessageStatus.FAILED else (None, None)
    words = (event.code or None, event.text or None)
    known = (state.failure_reason, state.retry_class), (state.provider_code, state.provider_text)
    if new < old or (new == old and _weight(told, words) >= _weight(*known)):
        return state
    return state._replace(
        status=str(status),
        timed_out=int(timed_out),
        failure_reason=told[0],
        retry_class=told[1],
        provider_code=words[0],
        provider_text=words[1],
        verdict_at=state.verdict_at if new == old else event.at if status not in WITH_PROVIDER else None,
    )


_Pair = tuple[str | None, str | None]


def _telling(event: Event, *, timed_out: bool) -> _Pair:
    """Reason and retry class of a failure, filled in where the event names none."""
    reason = event.reason or (FailureReason.EXPIRED if timed_out else FailureReason.UNKNOWN)
    return str(reason), str(event.retry_class or RetryClass.MAY_HAVE_ARRIVED)


def _weight(told: _Pair, words: _Pair) -> tuple[bool, tuple[str, ...]]:
    """Of two tellings of one state the lighter stays, whatever the order: a known reason, then the smallest words."""
    return told[0] == FailureReason.UNKNOWN, tuple(word or "" for word in (*told, *words))

"""When to stop waiting for a word about an attempt, and what it is then (SPEC 2's table of time-outs).

All durations are milliseconds before scaling; `scale` (TIME_SCALE) divides them.
"""

from dataclasses import dataclass

from models.providers import GIVES_NO_RECEIPTS, LOOKS_UP
from models.rules.verdicts import AttemptState, HandOverAnswer, Word
from models.words import Channel, MessageStatus

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LEASE = 30_000
LEASE_RENEWAL = 10_000
SMS_RECEIPT = 10 * MINUTE
VALIDITY = 4 * HOUR  # what we ask Twilio for; it allows up to 10 h
EMAIL_EVENT = 60 * MINUTE
DEFERRED = 73 * HOUR  # SendGrid tries on for 72 h
LOOKUP_GAP = MINUTE
LOOKUPS = 2
ANSWER = 10 * MINUTE  # the longest in which an answer may still come or be looked up
BEAT_LOST = MINUTE  # without a sign of life from who is at a job, after which somebody else goes on; not scaled


@dataclass(frozen=True)
class Deadline:
    """Until when to wait (epoch ms), and the word that follows."""

    at: int
    word: Word


def deadline(channel: Channel, provider: str, state: AttemptState, scale: float) -> Deadline | None:
    """What an attempt waits for; None when it is over, or its answer is still to come (its lease decides)."""
    if state.status == MessageStatus.RETRYING:
        return _after(_hand_over(state), DEFERRED, scale, Word.EXPIRED)
    if state.status != MessageStatus.SENDING:
        return None
    if state.answer is None and state.progress is None:
        return None
    return _sms(provider, state, scale) if channel is Channel.SMS else _email(provider, state, scale)


def given_up_by(channel: Channel, state: AttemptState, scale: float) -> int:
    """The latest moment (epoch ms) until which an attempt may be Sending, whatever comes of it until then.

    What is heard short of a verdict puts the end off, each step once: a receipt that Twilio has an SMS in its queue
    makes ten minutes four hours, and one that it is sent, at the end of these, adds ten more minutes.
    """
    if state.progress == Word.SENT:
        return (state.progress_at or state.claimed_at) + int(SMS_RECEIPT / scale)
    handed_over_at = state.handed_over_at or state.claimed_at + int(ANSWER / scale)
    if channel is Channel.SMS:
        return handed_over_at + int((VALIDITY + 2 * SMS_RECEIPT) / scale)
    if state.progress is None:
        return handed_over_at + int(2 * EMAIL_EVENT / scale)
    return max(handed_over_at, state.event_at or 0) + int(EMAIL_EVENT / scale)


def is_answer_overdue(state: AttemptState) -> bool:
    """Whether what is due is the lease of a hand-over that nothing was heard of."""
    return state.status == MessageStatus.SENDING and state.answer is None and state.progress is None


def _sms(provider: str, state: AttemptState, scale: float) -> Deadline:
    if state.progress == Word.SENT:
        return _after(state.progress_at or state.claimed_at, SMS_RECEIPT, scale, Word.ASSUMED)
    if state.progress == Word.ACCEPTED:
        return _after(_hand_over(state), VALIDITY + SMS_RECEIPT, scale, Word.UNCONFIRMED)
    if state.answer == HandOverAnswer.UNKNOWN:
        if provider in LOOKS_UP and state.lookups >= LOOKUPS:
            return Deadline(state.claimed_at, Word.UNCONFIRMED)
        return _after(_hand_over(state), SMS_RECEIPT, scale, Word.UNCONFIRMED)
    return _after(_hand_over(state), SMS_RECEIPT, scale, Word.ASSUMED)


def _email(provider: str, state: AttemptState, scale: float) -> Deadline:
    if state.answer == HandOverAnswer.UNKNOWN and provider in GIVES_NO_RECEIPTS:
        return Deadline(state.claimed_at, Word.UNCONFIRMED)
    return _after(max(_hand_over(state), state.event_at or 0), EMAIL_EVENT, scale, Word.UNCONFIRMED)


def _hand_over(state: AttemptState) -> int:
    return state.handed_over_at or state.claimed_at


def _after(since: int, wait: int, scale: float, word: Word) -> Deadline:
    return Deadline(since + int(wait / scale), word)

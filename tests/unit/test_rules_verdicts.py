"""The verdict table of SPEC 2, per channel: what each word makes of an attempt in each state."""

from dataclasses import replace

import pytest

from models.rules.verdicts import NOT_SENT, AttemptState, Event, HandOverAnswer, Word, is_verdict, judge
from models.words import Channel, FailureReason, MessageStatus, RetryClass

AT = 1_000_000
SENDING = "sending"
BY_TIME = "failed by time-out"
ANSWERS = {Word.NOT_SENT, Word.UNKNOWN}
TIME_OUTS = {Word.ASSUMED, Word.EXPIRED, Word.UNCONFIRMED}

# State before -> {word: state after}; a word that is not listed changes nothing. Time-outs are only ever
# about what is Sending or Retrying, so they are listed nowhere else.
SMS = {
    SENDING: {
        Word.NOT_SENT: NOT_SENT,
        Word.DELIVERED: "delivered",
        Word.FAILED: "failed",
        Word.OPTED_OUT: "opted_out",
        Word.ASSUMED: "assumed_delivered",
        Word.UNCONFIRMED: "unconfirmed",
    },
    NOT_SENT: {Word.DELIVERED: "delivered", Word.FAILED: "failed", Word.OPTED_OUT: "opted_out"},
    "unconfirmed": {Word.DELIVERED: "delivered", Word.FAILED: "failed", Word.OPTED_OUT: "opted_out"},
    "assumed_delivered": {Word.DELIVERED: "delivered", Word.FAILED: "failed", Word.OPTED_OUT: "opted_out"},
    "failed": {Word.DELIVERED: "delivered", Word.OPTED_OUT: "opted_out"},
    "delivered": {Word.OPTED_OUT: "opted_out"},
    "opted_out": {},
}
EMAIL = {
    SENDING: {
        Word.NOT_SENT: NOT_SENT,
        Word.DEFERRED: "retrying",
        Word.DELIVERED: "delivered",
        Word.FAILED: "failed",
        Word.OPTED_OUT: "opted_out",
        Word.UNCONFIRMED: "unconfirmed",
    },
    NOT_SENT: {
        Word.DEFERRED: "retrying",
        Word.DELIVERED: "delivered",
        Word.FAILED: "failed",
        Word.OPTED_OUT: "opted_out",
    },
    "unconfirmed": {
        Word.DEFERRED: "retrying",
        Word.DELIVERED: "delivered",
        Word.FAILED: "failed",
        Word.OPTED_OUT: "opted_out",
    },
    "retrying": {
        Word.DELIVERED: "delivered",
        Word.FAILED: "failed",
        Word.OPTED_OUT: "opted_out",
        Word.EXPIRED: BY_TIME,
    },
    BY_TIME: {Word.DELIVERED: "delivered", Word.FAILED: "failed", Word.OPTED_OUT: "opted_out"},
    "delivered": {Word.FAILED: "failed", Word.OPTED_OUT: "opted_out"},
    "failed": {Word.OPTED_OUT: "opted_out"},
    "opted_out": {},
}
TABLES = {Channel.SMS: SMS, Channel.EMAIL: EMAIL}
# Words that no rule ever says on a channel.
UNSAID = {Channel.SMS: {Word.DEFERRED, Word.EXPIRED}, Channel.EMAIL: {Word.ASSUMED}}
CELLS = [
    (channel, before, word, after.get(word, before))
    for channel, table in TABLES.items()
    for before, after in table.items()
    for word in Word
    if word not in UNSAID[channel] and (channel, before, word) != (Channel.EMAIL, SENDING, Word.EXPIRED)
]


def state(named: str) -> AttemptState:
    """An attempt in this state, about which nothing more is known."""
    if named == BY_TIME:
        return AttemptState("failed", AT, timed_out=True, failure_reason="expired", retry_class="may_have_arrived")
    timed_out = named in ("unconfirmed", "assumed_delivered")
    reason = ("unknown", "may_have_arrived") if named == "failed" else (None, None)
    return AttemptState(named, AT, timed_out=timed_out, failure_reason=reason[0], retry_class=reason[1])


def name_of(attempt: AttemptState) -> str:
    return BY_TIME if attempt.status == "failed" and attempt.timed_out else attempt.status


def without_arrival(attempt: AttemptState) -> AttemptState:
    return attempt._replace(event_at=None)


def event(word: Word, **details: object) -> Event:
    said = Event(1, 1, word, AT + 5, answers=word in ANSWERS)
    return replace(said, **details)  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(("channel", "before", "word", "after"), CELLS)
def test_word_makes_of_a_state_what_the_table_says(channel: Channel, before: str, word: Word, after: str) -> None:
    assert name_of(judge(channel, state(before), event(word))) == after


@pytest.mark.parametrize("channel", Channel)
def test_word_said_again_later_changes_nothing_more(channel: Channel) -> None:
    once = {
        (before, word): judge(channel, state(before), event(word)) for at, before, word, _ in CELLS if at is channel
    }
    again = {key: judge(channel, attempt, event(key[1], at=AT + 99)) for key, attempt in once.items()}
    assert {key: without_arrival(attempt) for key, attempt in again.items()} == {
        key: without_arrival(attempt) for key, attempt in once.items()
    }


@pytest.mark.parametrize("channel", Channel)
def test_unchanged_state_is_the_same_object(channel: Channel) -> None:
    """What settling goes by: a repeated receipt must write nothing and count nothing again."""
    once = {
        (before, word): judge(channel, state(before), event(word)) for at, before, word, _ in CELLS if at is channel
    }
    anew = [key for key, attempt in once.items() if judge(channel, attempt, event(key[1])) is not attempt]
    assert anew == []


@pytest.mark.parametrize("channel", Channel)
def test_every_state_that_a_message_can_have_is_in_the_table(channel: Channel) -> None:
    never_attempted = {MessageStatus.WAITING, MessageStatus.QUEUED, MessageStatus.CANCELLED}
    of_the_other = {Channel.SMS: MessageStatus.RETRYING, Channel.EMAIL: MessageStatus.ASSUMED_DELIVERED}[channel]
    named = {name for name in TABLES[channel] if name not in (NOT_SENT, BY_TIME)}
    assert named == set(MessageStatus) - never_attempted - {of_the_other}


def test_failure_keeps_reason_class_and_the_providers_words() -> None:
    failed = judge(
        Channel.SMS,
        state(SENDING),
        event(
            Word.FAILED, reason=FailureReason.BLOCKED, retry_class=RetryClass.POINTLESS, code="30007", text="Filtered"
        ),
    )
    assert (failed.failure_reason, failed.retry_class) == ("blocked", "pointless")
    assert (failed.provider_code, failed.provider_text, failed.verdict_at) == ("30007", "Filtered", AT + 5)


def test_failure_without_a_reason_is_unknown_and_may_have_arrived() -> None:
    failed = judge(Channel.SMS, state(SENDING), event(Word.FAILED))
    assert (failed.failure_reason, failed.retry_class) == ("unknown", "may_have_arrived")


def test_expired_deferral_has_the_reason_expired() -> None:
    expired = judge(Channel.EMAIL, state("retrying"), event(Word.EXPIRED))
    assert (expired.failure_reason, expired.timed_out) == ("expired", True)


def test_delivery_over_a_failure_takes_its_reason_away() -> None:
    failed = judge(Channel.SMS, state(SENDING), event(Word.FAILED, reason=FailureReason.BLOCKED, code="30007"))
    delivered = judge(Channel.SMS, failed, event(Word.DELIVERED))
    assert (delivered.failure_reason, delivered.retry_class, delivered.provider_code) == (None, None, None)


def test_known_reason_replaces_an_unknown_one_only() -> None:
    unknown = judge(Channel.SMS, state(SENDING), event(Word.FAILED, code="99"))
    known = judge(Channel.SMS, unknown, event(Word.FAILED, reason=FailureReason.BLOCKED, code="30007"))
    assert (known.failure_reason, known.provider_code) == ("blocked", "30007")
    assert judge(Channel.SMS, known, event(Word.FAILED, code="99")).provider_code == "30007"


@pytest.mark.parametrize("progress", [Word.ACCEPTED, Word.SENT])
def test_answer_not_sent_is_not_believed_after_a_receipt(progress: Word) -> None:
    seen = judge(Channel.SMS, state(SENDING), event(progress))
    assert judge(Channel.SMS, seen, event(Word.NOT_SENT)).status == SENDING


def test_answer_not_sent_after_unknown_is_believed() -> None:
    unknown = judge(Channel.SMS, state(SENDING), event(Word.UNKNOWN))
    assert judge(Channel.SMS, unknown, event(Word.NOT_SENT)).status == NOT_SENT


ANSWERED = [
    (Word.ACCEPTED, HandOverAnswer.ACCEPTED),
    (Word.DELIVERED, HandOverAnswer.ACCEPTED),
    (Word.FAILED, HandOverAnswer.REFUSED),
    (Word.OPTED_OUT, HandOverAnswer.REFUSED),
    (Word.NOT_SENT, HandOverAnswer.NOT_SENT),
    (Word.UNKNOWN, HandOverAnswer.UNKNOWN),
]


@pytest.mark.parametrize(("word", "answer"), ANSWERED)
def test_answer_is_noted_with_its_moment(word: Word, answer: HandOverAnswer) -> None:
    answered = judge(Channel.EMAIL, state(SENDING), event(word, answers=True))
    assert answered.answer == answer
    assert answered.handed_over_at == (None if answer is HandOverAnswer.UNKNOWN else AT + 5)


@pytest.mark.parametrize("first", [word for word, answer in ANSWERED if answer is not HandOverAnswer.UNKNOWN])
@pytest.mark.parametrize("second", [word for word, _ in ANSWERED])
def test_first_sure_answer_stands(first: Word, second: Word) -> None:
    answered = judge(Channel.EMAIL, state(SENDING), event(first, answers=True))
    assert judge(Channel.EMAIL, answered, event(second, answers=True, at=AT + 9)).answer == answered.answer


def test_sure_answer_replaces_unknown() -> None:
    unknown = judge(Channel.SMS, state(SENDING), event(Word.UNKNOWN))
    accepted = judge(Channel.SMS, unknown, event(Word.ACCEPTED, answers=True, provider_id="SM1"))
    assert (accepted.answer, accepted.handed_over_at, accepted.provider_id) == ("accepted", AT + 5, "SM1")


def test_receipt_before_the_answer_keeps_both() -> None:
    seen = judge(Channel.SMS, state(SENDING), event(Word.DELIVERED))
    answered = judge(Channel.SMS, seen, event(Word.ACCEPTED, answers=True, provider_id="SM1"))
    assert (answered.status, answered.answer, answered.provider_id) == ("delivered", "accepted", "SM1")


def test_progress_notes_the_furthest_step_and_its_first_arrival() -> None:
    sent = judge(Channel.SMS, state(SENDING), event(Word.SENT, at=AT + 7))
    again = judge(Channel.SMS, sent, event(Word.SENT, at=AT + 9))
    earlier_step = judge(Channel.SMS, again, event(Word.ACCEPTED, at=AT + 11))
    assert (earlier_step.progress, earlier_step.progress_at, earlier_step.event_at) == ("sent", AT + 7, AT + 11)


@pytest.mark.parametrize("word", TIME_OUTS)
def test_our_own_words_are_no_events_of_the_providers(word: Word) -> None:
    assert judge(Channel.EMAIL, state("retrying"), event(word)).event_at is None


@pytest.mark.parametrize(
    ("named", "over"),
    [(SENDING, False), ("retrying", False), (NOT_SENT, False), *((name, True) for name in SMS if name != SENDING)],
)
def test_verdict_is_what_ends_an_attempt(named: str, over: bool) -> None:
    assert is_verdict(state(named)) == (over and named != NOT_SENT)

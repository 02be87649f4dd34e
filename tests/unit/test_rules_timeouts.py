"""When to stop waiting: each row of SPEC 2's table of time-outs, per channel and provider."""

from typing import Any

import pytest

from models.rules.timeouts import Deadline, deadline, given_up_by, is_answer_overdue
from models.rules.verdicts import NOT_SENT, AttemptState, Event, Word, judge
from models.words import Channel

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
CLAIMED, HANDED_OVER, HEARD = 10 * HOUR, 11 * HOUR, 12 * HOUR


def sending(**known: Any) -> AttemptState:
    return AttemptState("sending", CLAIMED, **known)


ACCEPTED: dict[str, Any] = {"answer": "accepted", "handed_over_at": HANDED_OVER}
SENT = {"progress": "sent", "progress_at": HEARD, "event_at": HEARD}
SHORT_OF_SENT = {"progress": "accepted", "progress_at": HEARD, "event_at": HEARD}
UNKNOWN = {"answer": "unknown"}
S, E = Channel.SMS, Channel.EMAIL

# channel, provider, what is known, counted from, after, becomes
ROWS = [
    (S, "twilio", {**ACCEPTED, **SENT}, HEARD, 10 * MINUTE, Word.ASSUMED),
    (S, "twilio", SENT, HEARD, 10 * MINUTE, Word.ASSUMED),
    (S, "twilio", {**UNKNOWN, **SENT}, HEARD, 10 * MINUTE, Word.ASSUMED),
    (S, "twilio", ACCEPTED, HANDED_OVER, 10 * MINUTE, Word.ASSUMED),
    (S, "simulated", ACCEPTED, HANDED_OVER, 10 * MINUTE, Word.ASSUMED),
    (S, "twilio", {**ACCEPTED, **SHORT_OF_SENT}, HANDED_OVER, 4 * HOUR + 10 * MINUTE, Word.UNCONFIRMED),
    (S, "twilio", SHORT_OF_SENT, CLAIMED, 4 * HOUR + 10 * MINUTE, Word.UNCONFIRMED),
    (S, "twilio", UNKNOWN, CLAIMED, 10 * MINUTE, Word.UNCONFIRMED),
    (S, "twilio", {**UNKNOWN, "lookups": 1}, CLAIMED, 10 * MINUTE, Word.UNCONFIRMED),
    (S, "twilio", {**UNKNOWN, "lookups": 2}, CLAIMED, 0, Word.UNCONFIRMED),
    (S, "simulated", UNKNOWN, CLAIMED, 10 * MINUTE, Word.UNCONFIRMED),
    (E, "sendgrid", ACCEPTED, HANDED_OVER, 60 * MINUTE, Word.UNCONFIRMED),
    (E, "sendgrid", {**ACCEPTED, **SHORT_OF_SENT}, HEARD, 60 * MINUTE, Word.UNCONFIRMED),
    (E, "sendgrid", SHORT_OF_SENT, HEARD, 60 * MINUTE, Word.UNCONFIRMED),
    (E, "sendgrid", UNKNOWN, CLAIMED, 60 * MINUTE, Word.UNCONFIRMED),
    (E, "simulated", UNKNOWN, CLAIMED, 60 * MINUTE, Word.UNCONFIRMED),
    (E, "smtp", UNKNOWN, CLAIMED, 0, Word.UNCONFIRMED),
]


@pytest.mark.parametrize("scale", [1, 30])
@pytest.mark.parametrize(("channel", "provider", "known", "since", "wait", "word"), ROWS)
def test_sending_waits_as_long_as_its_row_says(
    channel: Channel, provider: str, known: dict[str, Any], since: int, wait: int, word: Word, scale: float
) -> None:
    assert deadline(channel, provider, sending(**known), scale) == Deadline(since + int(wait / scale), word)


# What an attempt may still be told, each step once, and when it is given up if each comes at the last moment.
STEPS = {S: (Word.ACCEPTED, Word.SENT), E: (Word.ACCEPTED,)}
PROVIDER = {S: "twilio", E: "sendgrid"}


@pytest.mark.parametrize("scale", [1, 30])
@pytest.mark.parametrize("told", [0, 1, 2])
@pytest.mark.parametrize("known", [ACCEPTED, UNKNOWN])
@pytest.mark.parametrize("channel", Channel)
def test_attempt_is_given_up_by_its_latest_moment_whatever_is_heard(
    channel: Channel, known: dict[str, Any], told: int, scale: float
) -> None:
    state, moments = sending(**known), []
    for word in (None, *STEPS[channel][:told]):
        if word:
            waits = deadline(channel, PROVIDER[channel], state, scale)
            assert waits
            state = judge(channel, state, Event(1, 1, word, waits.at - 1))
        moments.append(given_up_by(channel, state, scale))
    last = deadline(channel, PROVIDER[channel], state, scale)
    assert last
    assert last.at <= min(moments)
    if told == 2 or (told, channel) == (1, E):
        assert moments[-1] == last.at


@pytest.mark.parametrize("scale", [1, 30])
@pytest.mark.parametrize(("handed_over", "since"), [({"handed_over_at": HANDED_OVER}, HANDED_OVER), ({}, CLAIMED)])
def test_deferral_expires_73_hours_after_the_hand_over(handed_over: dict[str, Any], since: int, scale: float) -> None:
    state = sending(**handed_over)._replace(status="retrying", progress="accepted", event_at=HEARD)
    assert deadline(E, "sendgrid", state, scale) == Deadline(since + int(73 * HOUR / scale), Word.EXPIRED)


@pytest.mark.parametrize("channel", Channel)
def test_answer_still_to_come_is_a_matter_of_the_lease(channel: Channel) -> None:
    assert deadline(channel, "simulated", sending(), 1) is None
    assert is_answer_overdue(sending())


@pytest.mark.parametrize("known", [ACCEPTED, UNKNOWN, SENT, SHORT_OF_SENT])
def test_nothing_is_overdue_once_something_was_heard(known: dict[str, Any]) -> None:
    assert not is_answer_overdue(sending(**known))


@pytest.mark.parametrize("status", ["delivered", "assumed_delivered", "failed", "opted_out", "unconfirmed", NOT_SENT])
@pytest.mark.parametrize("channel", Channel)
def test_what_is_over_waits_for_nothing(channel: Channel, status: str) -> None:
    assert deadline(channel, "simulated", sending(**ACCEPTED)._replace(status=status), 1) is None

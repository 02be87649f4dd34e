"""How often a person's retry recovered a message, counted by the failure that was retried (SPEC 5)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.database import execute_many, marks, select
from models.rules.verdicts import AttemptState, is_verdict
from models.words import RECOVERED, Channel

LOOK_UP_SLICE = 1000


class RetriedAttempt(NamedTuple):
    """An attempt of a message that was retried, before and after a settling."""

    message_id: int
    number: int
    channel: Channel
    before: AttemptState
    after: AttemptState


def note_recoveries(attempts: Sequence[RetriedAttempt]) -> None:
    """Count what became of `attempts`, within their settling's transaction; a verdict that changes is counted anew."""
    changes = [(attempt, _change(attempt)) for attempt in attempts]
    changed = [(attempt, change) for attempt, change in changes if change != (0, 0)]
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for start in range(0, len(changed), LOOK_UP_SLICE):
        part = changed[start : start + LOOK_UP_SLICE]
        failures = _failures_before({attempt.message_id: attempt.number for attempt, _ in part})
        for attempt, (over, recovered) in part:
            if failure := failures.get(attempt.message_id):
                total = sums[attempt.channel, *failure]
                total[0] += over
                total[1] += recovered
    execute_many(
        "INSERT INTO recoveries (channel, failure_reason, retry_class, retried, recovered) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (channel, failure_reason, retry_class) DO UPDATE SET "
        "retried = recoveries.retried + excluded.retried, recovered = recoveries.recovered + excluded.recovered",
        sorted((*key, *n) for key, n in sums.items() if any(n)),  # in one order for all, as counters are
    )


def _change(attempt: RetriedAttempt) -> tuple[int, int]:
    """How many more attempts are over, and how many more recovered their message."""
    before, after = attempt.before, attempt.after
    over = is_verdict(after) - is_verdict(before)
    return over, (after.status in RECOVERED) - (before.status in RECOVERED)


def _failures_before(numbers: Mapping[int, int]) -> dict[int, tuple[str, str]]:
    """The failure (reason, class) that each message's attempt `numbers` follows; none where that was in doubt."""
    latest: dict[int, tuple[int, tuple[str, str]]] = {}
    for message_id, number, *failure in select(
        "SELECT message_id, number, failure_reason, retry_class FROM attempts "
        f"WHERE message_id IN ({marks(list(numbers))}) AND status NOT IN ('sending', 'not_sent')",
        *numbers,
    ):
        if latest.get(message_id, _NONE)[0] < number < numbers[message_id]:
            latest[message_id] = number, (failure[0], failure[1])
    return {message_id: failure for message_id, (_, failure) in latest.items() if failure[0]}


_NONE = (0, ("", ""))

"""How often a person's retry recovered a message, counted by the failure that was retried (SPEC 5)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from models.database import execute_many, marks, select
from models.rules.verdicts import AttemptState, is_verdict
from models.words import RECOVERED, Channel

LOOK_UP_SLICE = 1000


class Retried(NamedTuple):
    """An attempt of a message that was retried, before and after a settling."""

    message_id: int
    number: int
    channel: Channel
    before: AttemptState
    after: AttemptState

    @property
    def change(self) -> tuple[int, int]:
        """How many more attempts are over, and how many more recovered their message."""
        (over, recovered), (was_over, had_recovered) = (_counts(state) for state in (self.after, self.before))
        return over - was_over, recovered - had_recovered


def note_recoveries(attempts: Sequence[Retried]) -> None:
    """Count what became of `attempts`, within their settling's transaction; a verdict that changes is counted anew."""
    changed = [attempt for attempt in attempts if any(attempt.change)]
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for start in range(0, len(changed), LOOK_UP_SLICE):
        part = changed[start : start + LOOK_UP_SLICE]
        failures = _failures_before(part)
        for attempt in part:
            if failure := failures.get(attempt.message_id):
                for place, n in enumerate(attempt.change):
                    sums[attempt.channel, *failure][place] += n
    execute_many(
        "INSERT INTO recoveries (channel, failure_reason, retry_class, retried, recovered) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (channel, failure_reason, retry_class) DO UPDATE SET "
        "retried = recoveries.retried + excluded.retried, recovered = recoveries.recovered + excluded.recovered",
        sorted((*key, *n) for key, n in sums.items() if any(n)),  # in one order for all, as counters are
    )


def _counts(state: AttemptState) -> tuple[int, int]:
    return int(is_verdict(state)), int(state.status in RECOVERED)


def _failures_before(attempts: Sequence[Retried]) -> dict[int, tuple[str, str]]:
    """The failure (reason, class) that each attempt follows, by the message's id; none where it was in doubt."""
    numbers = {attempt.message_id: attempt.number for attempt in attempts}
    found: list[tuple[Any, ...]] = select(
        "SELECT message_id, number, failure_reason, retry_class FROM attempts "
        f"WHERE message_id IN ({marks(attempts)}) AND status NOT IN ('sending', 'not_sent') ORDER BY number",
        *numbers,
    )
    latest = {row[0]: row[2:] for row in found if row[1] < numbers[row[0]]}
    return {message_id: (reason, retry_class) for message_id, (reason, retry_class) in latest.items() if reason}

"""The failure guard: a run in which too much fails is held before the rest is burnt (SPEC 7)."""

from models.rules.verdicts import AttemptState
from models.words import FailureReason, MessageStatus

WINDOW = 500
LIMIT = 50
ACCOUNT_REFUSALS = 5

FAILED_MARK = "f"
OTHER_MARK = "."
_LIST_FAULTS = frozenset({FailureReason.INVALID_RECIPIENT, FailureReason.UNSUPPORTED_RECIPIENT})


def guard_mark(state: AttemptState, retries: int) -> str:
    """How a verdict counts for the guard: '' when it counts neither way.

    Retries, our own time-outs, and faults of the list (a wrong number, a landline) say nothing about
    whether the campaign's sending works.
    """
    if retries or state.timed_out or state.failure_reason in _LIST_FAULTS:
        return ""
    return FAILED_MARK if state.status == MessageStatus.FAILED else OTHER_MARK


def slide(window: str, marks: str) -> str:
    """The last verdicts, newest at the end."""
    return (window + marks)[-WINDOW:]


def trips(window: str) -> bool:
    """Whether the campaign is to be held."""
    return window.count(FAILED_MARK) >= LIMIT

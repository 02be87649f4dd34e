"""Work that a job does and that another job goes on with when the first gives no sign of life any more."""

from collections.abc import Callable

from models.database import execute, refusal_in, transaction
from models.errors import CampaignError
from models.rules.timeouts import BEAT_LOST
from models.words import WorkState

OUR_FAULT = "A fault of ours stopped it, and the log tells which. Try again, and report it if that ends alike."

# Work that nobody is at; the value is `now - BEAT_LOST`.
LEFT_ALONE = "(state = 'queued' OR (state = 'running' AND COALESCE(beat_at, 0) < ?))"


def take(table: str, work_id: int, *, now: int) -> bool:
    """Take on a row of `imports`, `exports` or `look_ups`; False when it has ended, or somebody is at it.

    Whoever asked for work to do it at once has it running from the first, and takes it on as not started.
    """
    with transaction():
        return bool(
            execute(
                f"UPDATE {table} SET state = 'running', started_at = ?, beat_at = ? "
                f"WHERE id = ? AND ({LEFT_ALONE} OR (state = 'running' AND started_at IS NULL))",
                now,
                now,
                work_id,
                now - BEAT_LOST,
            )
        )


class EndedByWhatStopsIt:
    """Has `end` keep what stops the work in the block, which is raised on: else it would be begun anew for ever.

    Trouble of the database itself ends nothing: the work is gone on with once that is over.
    """

    def __init__(self, end: Callable[[WorkState, str], object]) -> None:
        self._end = end

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, fault: BaseException | None, _trace: object) -> None:
        if isinstance(fault, CampaignError):
            self._end(WorkState.REFUSED, str(fault))
        elif isinstance(fault, Exception) and not refusal_in(fault):
            self._end(WorkState.FAILED, _told(fault))


def _told(fault: Exception) -> str:
    """An operator's sentence. Of the system's own there is only the temporary file, on a disk that may be full."""
    return f"Its file could not be written: {fault.strerror}." if isinstance(fault, OSError) else OUR_FAULT

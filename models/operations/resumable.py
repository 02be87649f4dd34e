"""Work that a job does and that another job goes on with when the first gives no sign of life any more."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from models.database import refusal_in
from models.errors import CampaignError
from models.words import WorkState

OUR_FAULT = "A fault of ours stopped it, and the log tells which. Try again, and report it if that ends alike."


@contextmanager
def ended_by_what_stops_it(end: Callable[[WorkState, str], object]) -> Iterator[None]:
    """Have `end` keep what stops the work in the block, and raise it on: else it would be begun anew for ever.

    Trouble of the database itself ends nothing: the work is gone on with once that is over.
    """
    try:
        yield
    except CampaignError as refused:
        end(WorkState.REFUSED, str(refused))
        raise
    except Exception as fault:
        if not refusal_in(fault):
            end(WorkState.FAILED, _told(fault))
        raise


def _told(fault: Exception) -> str:
    """An operator's sentence. Of the system's own there is only the temporary file, on a disk that may be full."""
    return f"Its file could not be written: {fault.strerror}." if isinstance(fault, OSError) else OUR_FAULT

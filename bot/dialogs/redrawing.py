"""Who ticks box after box is faster than the answers: of several redrawings of a dialog the newest comes last."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

REMEMBERED = 1000  # dialogs; more are never open at once


@dataclass
class _Dialog:
    newest: float = 0.0
    showing: Lock = field(default_factory=Lock)


class Redrawings:
    """Knows of each dialog's newest turn, within this process. `at` is Slack's time of the act, in seconds."""

    def __init__(self) -> None:
        self._dialogs: dict[str, _Dialog] = {}
        self._lock = Lock()

    def begin(self, view_id: str, at: float) -> None:
        """A turn came; those before it need not be shown any more."""
        dialog = self._of(view_id)
        dialog.newest = max(dialog.newest, at)

    @contextmanager
    def show(self, view_id: str, at: float) -> Iterator[bool]:
        """One at a time: whether this turn is still the newest, so that it is to be shown."""
        dialog = self._of(view_id)
        with dialog.showing:
            yield at >= dialog.newest

    def _of(self, view_id: str) -> _Dialog:
        with self._lock:
            dialog = self._dialogs.setdefault(view_id, _Dialog())
            while len(self._dialogs) > REMEMBERED:
                del self._dialogs[next(iter(self._dialogs))]
            return dialog

"""Posts in Slack that a fault of ours keeps from being brought up to date: they rest, and the others' turn comes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.outgoing.web_api import stops_all
from jobs.runtime.faults import contained
from models.tables import SlackPost

REST = 30_000  # ms until the next try: each is logged as an error


class Resting:
    """Remembers which posts rest. Nobody misses that after a restart: then they are tried at once."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._until: dict[int, int] = {}

    def rests(self, post: SlackPost) -> bool:
        """Whether its last try ended by a fault, a while ago."""
        return self._clock() < self._until.get(post.id, 0)

    @contextmanager
    def tried(self, post: SlackPost) -> Iterator[None]:
        """A fault in the block ends the block alone, and lets the post rest."""
        with contained(f"{post.kind} in Slack", known=stops_all, subject_id=post.subject_id) as unit:
            yield
        if unit.faulty:
            self._until[post.id] = self._clock() + REST
        else:
            self._until.pop(post.id, None)

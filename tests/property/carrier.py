"""A provider as a simulation has it: it answers by its mood, and tells of what it took late, twice or never."""

import random
from typing import NamedTuple

from tests.property.life import HOUR, MINUTE, SECOND, Told

ACCEPTED, DELIVERED, UNKNOWN = Told("accepted"), Told("delivered"), Told("unknown")
NOT_SENT, ACCOUNT = Told("not_sent"), Told("not_sent", account=True)
FAILED = (Told("failed", "blocked"), Told("failed", "invalid_recipient"))
OPTED_OUT = Told("opted_out")

# How a mood answers: taken and said so; taken but the answer is a 500 or lost; a 500 and not taken; 429 or no
# connection; the account's refusal; this one's failure; this one opted out.
TAKES, TAKES_SILENTLY, LOSES, BUSY, REFUSES_ALL, FAILS, REFUSED = range(7)
MOODS = {
    "fair": (80, 3, 2, 5, 1, 7, 2),
    "busy": (20, 0, 0, 80, 0, 0, 0),
    "broken": (10, 45, 45, 0, 0, 0, 0),
    "away": (0, 0, 0, 100, 0, 0, 0),
    "closed": (5, 0, 0, 0, 95, 0, 0),
}
TENDENCY = (12, 2, 2, 1, 1)
COURSES = (  # of receipts, for what it has taken
    (Told("sent"), DELIVERED),
    (ACCEPTED, Told("sent"), DELIVERED),
    (Told("sent"), FAILED[0]),
    (Told("sent"),),
    (ACCEPTED,),
    (),
    (Told("deferred"), DELIVERED),
    (DELIVERED, FAILED[1]),
    (Told("deferred"), OPTED_OUT),
    (Told("failed", "unknown", account=True),),
)
OFTEN = (50, 20, 6, 4, 3, 6, 4, 2, 1, 1)
DELAYS = (SECOND, 20 * SECOND, 5 * MINUTE, 3 * HOUR, 60 * HOUR)
SOON = (30, 30, 15, 15, 10)


class Receipt(NamedTuple):
    """What it will tell, in so many milliseconds."""

    after: int
    told: Told


class Taken(NamedTuple):
    """What came of one hand-over: the answer, in so many milliseconds, and what is told of it later."""

    answer: Told
    after: int
    receipts: list[Receipt]


class Carrier:
    """One channel's provider. `has` is what it took: message id and attempt."""

    def __init__(self, dice: random.Random) -> None:
        self.has: set[tuple[int, int]] = set()
        self._dice = dice
        self._mood = "fair"

    @property
    def takes(self) -> bool:
        """Whether it takes most of what it is handed."""
        return self._mood == "fair"

    def change_mood(self) -> None:
        """As it likes, mostly fair."""
        self._mood = self._dice.choices(list(MOODS), TENDENCY)[0]

    def take(self, key: tuple[int, int], *, smtp: bool) -> Taken:
        """Answer a hand-over. `smtp` tells no more after that, and what it takes is delivered."""
        dice = self._dice
        assert key not in self.has, f"{key} was handed over twice"
        kind = dice.choices(range(7), MOODS[self._mood])[0]
        answers = (DELIVERED if smtp else ACCEPTED, UNKNOWN, UNKNOWN, NOT_SENT, ACCOUNT, dice.choice(FAILED), OPTED_OUT)
        if kind in (TAKES, TAKES_SILENTLY):
            self.has.add(key)
        after = dice.randint(1, 30 * SECOND if kind in (TAKES_SILENTLY, LOSES) else 600)
        return Taken(answers[kind], after, [] if smtp or key not in self.has else self._receipts())

    def _receipts(self) -> list[Receipt]:
        """In any order, for delays have nothing to do with each other; some twice."""
        course = self._dice.choices(COURSES, OFTEN)[0]
        told = [word for word in course for _ in range(self._dice.choice((1, 1, 1, 2)))]
        return [Receipt(self._dice.randint(1, self._dice.choices(DELAYS, SOON)[0]), word) for word in told]

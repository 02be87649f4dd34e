"""kill -9 at ten named points of a message's way, with each provider on each engine.

Nobody gets it twice, nothing is lost, and what the killed process had in its hands is settled in time: as what the
provider took, or as Unconfirmed.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jobs.clock import LEASE_SECONDS
from jobs.runtime.leading import ASKED_EVERY_SECONDS
from tests import engines
from tests.crash import mortal, promises
from tests.crash.carriers import DELAY_SECONDS, KINDS, Carrier, carrier_at, contacts
from tests.crash.cells import cells
from tests.crash.conftest import Figure, MakeProduct
from tests.crash.mortal import CLOCK, SEAMS, Death
from tests.crash.product import Product
from tests.crash.stray_events import post_delivered
from tests.fakes.sendgrid import FakeSendGrid
from tests.processes import until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]

POINTS = (
    "before_claim",
    "after_claim",
    "in_request",
    "after_answer",
    "before_commit",
    "in_commit",
    "after_commit",
    "in_recovery",
    "in_sweep",
    "in_receipts",
)
TURNS = 3  # of each cell in the long form
# A cell is a point, a provider and an engine; those of one test share a product, one campaign after the other.
CELLS: list[tuple[str, str, tuple[str, ...]]] = cells(
    [
        (engines.SQLITE, "twilio", ("after_claim", "in_recovery", "in_receipts")),
        (engines.SQLITE, "sendgrid", ("in_request", "in_commit", "in_sweep")),
        (engines.POSTGRESQL, "smtp", ("before_claim", "after_answer", "before_commit")),
        (engines.POSTGRESQL, "twilio", ("in_commit", "after_commit", "in_request")),
    ],
    [
        (engine, provider, (point,) * TURNS)
        for engine in (engines.SQLITE, engines.POSTGRESQL)
        for provider in KINDS
        for point in POINTS
    ],
)

# How many rows a campaign has, and at the how-manieth pass of a point somebody dies, in turn: in the middle of it.
ROWS = {"twilio": 250, "sendgrid": 1000, "smtp": 200}
PASSES = {
    "twilio": {"hand-over": (40, 100, 70), "claim": (2, 3, 2), "commit": (2, 3, 2), "post": (2, 4, 3)},
    "sendgrid": {"hand-over": (2, 3, 1), "claim": (2, 1, 2), "commit": (1, 1, 1), "post": (1, 3, 2)},
    "smtp": {"hand-over": (15, 40, 25), "claim": (3, 8, 5), "commit": (3, 8, 5), "post": (1, 1, 1)},
}
PASSED_FOR_EACH = {
    "before_claim": "claim",
    **dict.fromkeys(("after_claim", "in_request", "after_answer"), "hand-over"),
    **dict.fromkeys(("before_commit", "in_commit", "after_commit"), "commit"),
    "in_receipts": "post",
}
WITHOUT_RECEIPTS = ("smtp", "in_receipts")  # a provider used before has late ones
INTO_REQUEST_SECONDS = (0.05, 0.1, 0.02)  # of an answer that takes 0.15
# What leaves something to recover. SendGrid's events settle what it took; without any it would take an hour.
LEAVES_DOUBTS = {"twilio": "after_claim", "sendgrid": "after_answer", "smtp": "after_claim"}
QUIET_SECONDS, DEATH_SECONDS, END_SECONDS = 60.0, 60.0, 120.0
# What TIME_SCALE doesn't divide: a fork, a job's way through its queue, a sweep's turn, on a machine that is busy.
UNSCALED_SECONDS = 2.0
# Nor how long a dead clock's lease keeps the next one from its work.
CLOCK_SECONDS = LEASE_SECONDS + ASKED_EVERY_SECONDS


@dataclass
class Ride:
    """One campaign in which somebody dies at `point`.

    Where that is the clock, honcho ends, all is down for `down_seconds`, and its lease lasts until `dead_lease`.
    """

    product: Product
    carrier: Carrier
    point: str
    turn: int
    campaign_id: int = 0
    imported: int = 0
    deaths: list[Death] = field(default_factory=list)
    down_seconds: float = 0.0
    dead_lease: int = 0

    @property
    def provider(self) -> str:
        """Its name."""
        return self.carrier.kind.name

    @property
    def deadly_points(self) -> tuple[str, ...]:
        """Where somebody dies, in order: for what comes after a crash, there must be one first."""
        if self.point == "in_recovery":
            return LEAVES_DOUBTS[self.provider], "in_look_up" if self.provider == "twilio" else "in_search"
        return (LEAVES_DOUBTS[self.provider], self.point) if self.point == "in_sweep" else (self.point,)

    def create(self) -> None:
        """Import people who are in no other campaign here."""
        channel, rows = self.carrier.kind.channel, ROWS[self.provider]
        file = contacts(channel, rows, first=rows * self.turn)
        name = f"{self.point} {self.turn}"
        self.campaign_id, self.imported = self.product.create(channel, rows, name=name, contacts=file)

    def run(self, signer: FakeSendGrid) -> None:
        """Run it until it has ended, deaths included."""
        first, *later = self.deadly_points
        self._arm(first)
        self.product.go(self.campaign_id)
        if (self.provider, self.point) == WITHOUT_RECEIPTS:
            post_delivered(self.product, self.campaign_id, signer)
        self._die(first)
        for point in later:  # passed before that, too: always, or where a busy machine is late
            self._arm(point)
            self._die(point)
        self.product.until_ended(self.campaign_id, seconds=END_SECONDS)

    def is_over(self) -> bool:
        """Whether nothing is left that could reach into the next ride: no receipt, and no lease of a dead clock."""
        last = max((one.at for one in self.product.hand_overs()), default=0.0)
        return time.time() > last + 2 * DELAY_SECONDS and self._clock_lease() != self.dead_lease

    def _clock_lease(self) -> int:
        return int(self.product.rows("SELECT until_at FROM leases WHERE name = 'clock'")[0][0])

    def _arm(self, point: str) -> None:
        each = PASSED_FOR_EACH.get(point)
        times = PASSES[self.provider][each][self.turn] if each else 1
        after_seconds = INTO_REQUEST_SECONDS[self.turn] if point == "in_request" else 0.0
        mortal.arm(self.product.house.var, point, times=times, after_seconds=after_seconds)

    def _die(self, point: str) -> None:
        var = self.product.house.var
        death = until(lambda: mortal.death_at(var, point), seconds=DEATH_SECONDS, what=f"a death {point}")
        self.deaths.append(death)
        if SEAMS[point].module == CLOCK:
            self.dead_lease = self._clock_lease()
            self.product.restart()
            self.down_seconds = time.time() - death.at


def words(part: object) -> str:
    if isinstance(part, tuple):
        return f"{part[0]} x{len(part)}" if len(set(part)) == 1 else "+".join(part)
    return str(part)


@pytest.mark.parametrize(("engine", "provider", "points"), CELLS, ids=words)
def test_a_kill_at_a_point_sends_nothing_twice_loses_nothing_and_is_settled_in_time(
    make_product: MakeProduct, tmp_path: Path, provider: str, points: Sequence[str], figure: Figure
) -> None:
    signer = FakeSendGrid()
    with carrier_at(tmp_path / provider, provider, signer=signer) as carrier:
        product = make_product("product", **carrier.variables)
        product.procfile, product.ledger = mortal.procfile(), carrier.hand_overs
        rides = [Ride(product, carrier, point, turn) for turn, point in enumerate(points)]
        with ThreadPoolExecutor() as pool:
            created = pool.map(Ride.create, rides)  # meanwhile
            product.start()
            list(created)
        for ride in rides:
            ride.run(signer)
            figure(f"{ride.point}: {verdict_on(ride)}")
            if ride is not rides[-1]:
                until(ride.is_over, seconds=QUIET_SECONDS, what="the end of late receipts, and a clock at work")
        promises.assert_recount_finds_nothing(product)
        promises.assert_intact(product)
        product.stop()
        promises.assert_nothing_left(product)


def verdict_on(ride: Ride) -> str:
    """All promises hold for a ride; returns its figures."""
    product, campaign_id, kind = ride.product, ride.campaign_id, ride.carrier.kind
    in_hand = {one for death in ride.deaths for one in promises.in_hand(product, campaign_id, death)}
    left = promises.until_as_taken(product, campaign_id, kind.taken_ends, but=in_hand)
    promises.assert_nobody_twice(product)
    promises.assert_counters_are_the_rows(product, campaign_id, ride.imported)
    took = promises.settled_after(product, campaign_id, ride.deaths[-1].at)
    late = max(ride.down_seconds, CLOCK_SECONDS) if ride.down_seconds else 0.0
    assert took < kind.settles_seconds / kind.time_scale + UNSCALED_SECONDS + late
    unconfirmed = sum(status == "unconfirmed" for status in left.values())
    down = f", {ride.down_seconds:.1f} s of it down" if ride.down_seconds else ""
    return f"settled {took:.2f} s after the kill{down}; {unconfirmed} Unconfirmed of {len(in_hand)} in its hands"

"""kill -9 at ten named points of a message's way, with each provider on each engine.

Nobody gets it twice, nothing is lost, and what the killed process had in its hands is settled in time: as what the
provider took, or as Unconfirmed.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import engines
from tests.crash import mortal, promises
from tests.crash.carriers import KINDS, Carrier, Kind, carrier_at, contacts
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
        (engines.SQLITE, "sendgrid", ("in_request", "in_commit", "before_commit")),
        (engines.POSTGRESQL, "smtp", ("before_claim", "after_answer", "in_sweep")),
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
ROWS = {"twilio": 400, "sendgrid": 1000, "smtp": 200}
PASSES = {
    "twilio": {"hand-over": (40, 120, 80), "transaction": (2, 3, 4)},
    "sendgrid": {"hand-over": (2, 3, 1), "transaction": (1, 1, 1)},
    "smtp": {"hand-over": (15, 40, 25), "transaction": (3, 8, 5)},
}
PER_HAND_OVER = frozenset({"after_claim", "in_request", "after_answer"})
ONLY_AFTER_A_DEATH = frozenset({"in_look_up", "in_search", "in_sweep"})
INTO_REQUEST_SECONDS = (0.05, 0.1, 0.02)  # of an answer that takes 0.15
# What leaves something to recover. SendGrid's events settle what it took; without any it would take an hour.
LEAVES_DOUBTS = {"twilio": "after_claim", "sendgrid": "after_answer", "smtp": "after_claim"}
DEATH_SECONDS, END_SECONDS = 60.0, 120.0
# What TIME_SCALE doesn't divide: a fork, a job's way through its queue, a sweep's turn, on a machine that is busy.
UNSCALED_SECONDS = 2.0


@dataclass(frozen=True)
class Ride:
    """One campaign in which somebody died; `down_seconds` is how long all was down because honcho ended too."""

    campaign_id: int
    imported: int
    deaths: tuple[Death, ...]
    down_seconds: float


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
        product.start()
        for turn, point in enumerate(points):
            ride = ride_through(product, carrier.kind, point, turn, signer)
            figure(f"{point}: {verdict_on(product, carrier, ride)}")
        promises.assert_recount_finds_nothing(product)
        product.stop()
        promises.assert_nothing_left(product)


def ride_through(product: Product, kind: Kind, point: str, turn: int, signer: FakeSendGrid) -> Ride:
    """A campaign with a death at `point`, until it has ended and its receipts are in."""
    rows = ROWS[kind.name]
    name, file = f"{point} {turn}", contacts(kind.channel, rows, block=turn)
    campaign_id, imported = product.create(kind.channel, rows, name=name, contacts=file)
    pending = list(points_of(kind, point))
    for one in pending:
        if one != "in_search":
            arm(product, kind, one, turn)
    product.go(campaign_id)
    if (kind.name, point) == ("smtp", "in_receipts"):
        post_delivered(product, campaign_id, signer)
    deaths = []
    down_seconds = 0.0
    for one in pending:
        if one == "in_search":
            arm(product, kind, one, turn)  # it is at it all the time
        deaths.append(death_at(product, one))
        if SEAMS[one].module == CLOCK:
            product.restart()
            down_seconds = time.time() - deaths[-1].at
    product.until_ended(campaign_id, seconds=END_SECONDS)
    return Ride(campaign_id, imported, tuple(deaths), down_seconds)


def points_of(kind: Kind, point: str) -> tuple[str, ...]:
    """Where somebody dies, in order: for what comes after a crash, there must be one first."""
    if point == "in_recovery":
        return LEAVES_DOUBTS[kind.name], "in_look_up" if kind.name == "twilio" else "in_search"
    return (LEAVES_DOUBTS[kind.name], point) if point == "in_sweep" else (point,)


def arm(product: Product, kind: Kind, point: str, turn: int) -> None:
    """Let somebody die in mid-campaign."""
    passes = PASSES[kind.name]["hand-over" if point in PER_HAND_OVER else "transaction"][turn]
    seldom = point in ONLY_AFTER_A_DEATH or (kind.name, point) == ("smtp", "in_receipts")
    after_seconds = INTO_REQUEST_SECONDS[turn] if point == "in_request" else 0.0
    mortal.arm(product.house.var, point, times=1 if seldom else passes, after_seconds=after_seconds)


def death_at(product: Product, point: str) -> Death:
    """The death at a point, as soon as it has come."""
    return until(lambda: mortal.death_at(product.house.var, point), seconds=DEATH_SECONDS, what=f"a death {point}")


def verdict_on(product: Product, carrier: Carrier, ride: Ride) -> str:
    """All promises hold for a ride; returns its figures."""
    kind, deaths = carrier.kind, ride.deaths
    doubtful = {one for death in deaths for one in promises.in_hand(product, ride.campaign_id, death)}
    left = promises.until_as_taken(product, ride.campaign_id, kind.taken_ends, but=doubtful)
    promises.assert_never_twice(product)
    promises.assert_counters_are_the_rows(product, ride.campaign_id, ride.imported)
    took = promises.settled_after(product, ride.campaign_id, deaths[-1].at)
    limit = kind.settles_seconds / kind.time_scale
    assert took - ride.down_seconds < limit + UNSCALED_SECONDS
    unconfirmed = sum(status == "unconfirmed" for status in left.values())
    down = f" ({ride.down_seconds:.1f} s of it down)" if ride.down_seconds else ""
    return f"settled {took:.2f} s after the kill{down}, {unconfirmed} Unconfirmed of {len(doubtful)} in its hands"

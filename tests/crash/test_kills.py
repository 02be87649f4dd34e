"""kill -9 of each piece in the middle of a run, and a wiped Redis: sending goes on, nobody gets it twice."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest

from models.words import Channel
from tests import engines
from tests.crash import promises
from tests.crash.cells import cells
from tests.crash.conftest import Figure
from tests.crash.product import PROCFILE, UNGUARDED, Product
from tests.processes import until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

ROWS = 300  # for each blow
ROWS_MEANWHILE = 300  # that are sent while all is started again: it must not be all there are, however slow that is
BETWEEN = 50  # hand-overs before each
# Per second, and an answer that takes its time: some twenty are under way at any moment.
SLOWLY = {"simulated__speed": 50, "simulated__latency_ms": 400, **UNGUARDED}
END_SECONDS = {Channel.SMS: 60.0, Channel.EMAIL: 100.0}


@dataclass(frozen=True)
class Blow:
    """What was struck: when (epoch seconds), what was claimed then, and whether honcho ends by it."""

    at: float
    claimed: frozenset[int]
    ends_all: bool = False


def kill(product: Product, pids: Sequence[int], *, ends_all: bool = False) -> Blow:
    with product.frozen_senders():
        at = product.kill(*pids)
        return Blow(at, frozenset(product.claimed()), ends_all)


def living(product: Product, role: str) -> list[int]:
    """The processes of a role; one that was killed just now may not be back yet."""
    return until(lambda: product.pids(role), what=role)


def work_process(product: Product, channel: Channel) -> Blow:
    return kill(product, living(product, channel)[:1])


def both_work_processes(product: Product, channel: Channel) -> Blow:
    return kill(product, living(product, channel))


def workers_parent(product: Product, _channel: Channel) -> Blow:
    return kill(product, living(product, "worker"), ends_all=True)


def honcho(product: Product, _channel: Channel) -> Blow:
    return kill(product, living(product, "honcho"), ends_all=True)


def clock(product: Product, _channel: Channel) -> Blow:
    return kill(product, living(product, "clock"), ends_all=True)


def valkey(product: Product, _channel: Channel) -> Blow:
    return kill(product, living(product, "valkey"))


def valkeys_parent(product: Product, _channel: Channel) -> Blow:
    return kill(product, living(product, "redis"), ends_all=True)


def everything_at_once(product: Product, _channel: Channel) -> Blow:
    return kill(product, [product.honcho.pid, *product.house.living()], ends_all=True)


def flushall(product: Product, _channel: Channel) -> Blow:
    return Blow(product.flush_redis(), frozenset(product.claimed()))


Strike = Callable[[Product, Channel], Blow]

# What mends itself, and what ends everything, which a service manager then starts again.
MENDS_ITSELF = (work_process, both_work_processes, valkey, flushall)
ENDS_ALL = (workers_parent, honcho, clock, valkeys_parent, everything_at_once)

CELLS: list[tuple[str, Channel, tuple[Strike, ...]]] = cells(
    [
        (engines.SQLITE, Channel.SMS, (work_process, valkey, flushall)),
        (engines.SQLITE, Channel.SMS, (workers_parent, honcho, clock)),
        (engines.POSTGRESQL, Channel.SMS, (both_work_processes, flushall)),
    ],
    [
        (engine, channel, (blow,))
        for engine in (engines.SQLITE, engines.POSTGRESQL)
        for channel in Channel
        for blow in (*MENDS_ITSELF, *ENDS_ALL)
    ],
)


def words(part: object) -> str:
    return "+".join(blow.__name__ for blow in part) if isinstance(part, tuple) else str(part)


@pytest.mark.parametrize(("engine", "channel", "blows"), CELLS, ids=words)
def test_blows_in_mid_run_send_nothing_twice_and_the_run_ends(
    product: Product, channel: Channel, blows: Sequence[Strike], figure: Figure
) -> None:
    rows = ROWS * len(blows) + ROWS_MEANWHILE * sum(blow in ENDS_ALL for blow in blows)
    product.change(**SLOWLY)
    campaign_id, imported = product.create(channel, rows)
    product.start()
    product.go(campaign_id)
    struck = []
    for blow in blows:
        product.until_handed_over(channel, len(product.hand_overs()) + BETWEEN)
        struck.append(blow(product, channel))
        assert len(product.hand_overs()) < imported
        if struck[-1].ends_all:
            figure(f"{blow.__name__}: all ready again in {product.restart():.1f} s")
    product.change(simulated__speed=None)
    product.until_ended(campaign_id, seconds=END_SECONDS[channel])
    promises.until_as_fated(product, campaign_id, but=in_doubt_after(product, struck))
    promises.assert_never_twice(product)
    promises.assert_counts_add_up(product, campaign_id, imported)
    promises.assert_recount_finds_nothing(product)
    assert_went_on(product, campaign_id, dict(zip(words(blows).split("+"), struck, strict=True)), figure)
    assert len(product.pids("valkey")) == 1
    assert all(product.pids(name) for name in PROCFILE)
    figure(f"stopped in {product.stop():.1f} s")
    assert not product.house.living()


def in_doubt_after(product: Product, struck: Sequence[Blow]) -> set[int]:
    """What the blows may have put in doubt."""
    return {one for blow in struck for one in blow.claimed | product.claimed_shortly_before(blow.at)}


def assert_went_on(product: Product, campaign_id: int, struck: Mapping[str, Blow], figure: Figure) -> None:
    """After each blow sending went on."""
    added = promises.unconfirmed(product, campaign_id)
    next_at = [*(blow.at for blow in struck.values()), math.inf][1:]
    for (name, blow), until_at in zip(struck.items(), next_at, strict=True):
        pause = promises.longest_pause(product, blow.at, until_at)
        in_doubt = len(added & blow.claimed)
        figure(f"{name}: longest pause {pause:.2f} s, {in_doubt} Unconfirmed of {len(blow.claimed)} claimed then")
        assert pause < promises.GOES_ON_SECONDS

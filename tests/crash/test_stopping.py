"""Stopping in the middle of a run: a campaign by its command, everything by a signal."""

import signal

import pytest

from models.words import Channel
from tests import engines
from tests.crash import promises
from tests.crash.cells import cells
from tests.crash.conftest import Figure
from tests.crash.product import UNGUARDED, Product

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300)]

# So many that the stop comes in the middle, however long its command takes to start.
ROWS, BEFORE_STOP = 1000, 75
# Per second, and an answer that takes its time: some twenty are under way at any moment.
SLOWLY = {"simulated__speed": 50, "simulated__latency_ms": 400, **UNGUARDED}
CLEAN_STOP_SECONDS = 4.0
STOP_SECONDS = 2.0
END_SECONDS = 100.0

PLACES = cells(
    [(engines.SQLITE, Channel.SMS)],
    [(engines.SQLITE, Channel.EMAIL), (engines.POSTGRESQL, Channel.SMS), (engines.POSTGRESQL, Channel.EMAIL)],
)
# To honcho alone as `kill` does it, to all as a service manager does it, and as Ctrl-C does it.
SIGNALS = cells([(signal.SIGTERM, True)], [(signal.SIGTERM, False), (signal.SIGINT, True)])


def in_mid_run(product: Product, channel: Channel) -> tuple[int, int]:
    """A campaign of which a few are handed over; returns its id and how many were imported."""
    product.change(**SLOWLY)
    campaign_id, imported = product.create(channel, ROWS)
    product.start()
    product.go(campaign_id)
    product.until_handed_over(channel, BEFORE_STOP)
    return campaign_id, imported


def assert_ends_as_if_nothing_had_been(product: Product, campaign_id: int, imported: int) -> None:
    """It ends, the counts add up, nobody got it twice, and each message is where its recipient's fate leads."""
    product.until_ended(campaign_id, seconds=END_SECONDS)
    promises.until_as_fated(product, campaign_id)
    promises.assert_counts_add_up(product, campaign_id, imported)
    promises.assert_recount_finds_nothing(product)
    promises.assert_never_twice(product)


@pytest.mark.parametrize(("engine", "channel"), PLACES)
@pytest.mark.parametrize(("number", "to_all"), SIGNALS)
def test_a_signal_in_mid_run_stops_cleanly_and_leaves_nothing_in_doubt(
    product: Product, channel: Channel, number: signal.Signals, to_all: bool, figure: Figure
) -> None:
    campaign_id, imported = in_mid_run(product, channel)
    took = product.stop(number, group=to_all)
    sent = len(product.hand_overs())
    figure(f"stopped in {took:.2f} s with {sent} of {imported} handed over")
    assert sent < imported
    assert took < CLEAN_STOP_SECONDS
    promises.assert_nothing_left(product)
    product.change(simulated__speed=None)
    product.start()
    assert_ends_as_if_nothing_had_been(product, campaign_id, imported)
    product.stop()
    promises.assert_nothing_left(product)


@pytest.mark.parametrize(("engine", "channel"), PLACES)
def test_no_hand_over_follows_a_stop_and_resume_sends_the_rest(
    product: Product, channel: Channel, figure: Figure
) -> None:
    campaign_id, imported = in_mid_run(product, channel)
    product.command("stop", str(campaign_id))
    product.until_ended(campaign_id, seconds=END_SECONDS)
    late = promises.last_hand_over_after_stop(product, channel, campaign_id)
    figure(f"last hand-over {late:.2f} s after the stop")
    assert late < STOP_SECONDS
    counts = promises.assert_counts_add_up(product, campaign_id, imported)
    assert counts["cancelled"] == imported - len(product.hand_overs())
    product.change(simulated__speed=None)
    product.command("resume", str(campaign_id))
    assert_ends_as_if_nothing_had_been(product, campaign_id, imported)

"""A campaign of 300,000 from file to end: the counts add up, and no process grows while it sends."""

import statistics
import time
from collections import defaultdict

import pytest

from models.words import Channel
from tests.crash import promises
from tests.crash.carriers import contacts
from tests.crash.cells import LONG, ONLY_LONG, SOAK_ROWS
from tests.crash.conftest import Figure
from tests.crash.product import DUTIES, Product
from tests.processes import resident_mb, until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(3600), pytest.mark.skipif(not LONG, reason=ONLY_LONG)]

ROLES = ("web", "bot", "clock", *DUTIES)
LOOK_SECONDS = 1.0
SPEED = 100_000  # of the simulated provider: as fast as we can
GROWS = 1.1  # at most, from the second quarter of the run to its last
SLACK_MB = 8.0  # for a page cache that fills

Samples = dict[tuple[str, int], list[float]]


def look(product: Product, samples: Samples) -> None:
    """Note how much memory each process has."""
    for role in ROLES:
        for pid in product.pids(role):
            samples[role, pid].append(resident_mb(pid))


def test_a_large_campaign_ends_and_memory_stays_flat(product: Product, figure: Figure) -> None:
    samples: Samples = defaultdict(list)
    product.change(simulated__speed=SPEED)
    campaign_id, imported = product.create(Channel.SMS, SOAK_ROWS, contacts=contacts(Channel.SMS, SOAK_ROWS))
    product.start()
    product.go(campaign_id)
    since, looked = time.monotonic(), 0.0

    def ended() -> bool:
        nonlocal looked
        if time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            look(product, samples)
        return product.phase(campaign_id) == "ended"

    until(ended, seconds=3000, what="the end")
    figure(f"{imported} of {SOAK_ROWS} imported, ended in {time.monotonic() - since:.0f} s")
    promises.assert_counts_add_up(product, campaign_id, imported)
    promises.assert_never_twice(product)
    promises.assert_recount_finds_nothing(product)
    for (role, _), sizes in sorted(samples.items()):
        quarter = len(sizes) // 4
        before, after = statistics.median(sizes[quarter : 2 * quarter]), statistics.median(sizes[-quarter:])
        figure(f"{role}: {before:.0f} MB, then {after:.0f} MB")
        assert after < GROWS * before + SLACK_MB
    product.stop()
    promises.assert_nothing_left(product)

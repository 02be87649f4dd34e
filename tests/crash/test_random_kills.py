"""Fifty kills at random moments of random pieces, both channels sending: the promises hold all the same."""

import os
import random
import time

import pytest

from models.words import Channel
from tests import engines
from tests.crash import promises
from tests.crash.cells import LONG, ONLY_LONG
from tests.crash.conftest import Figure
from tests.crash.product import UNGUARDED, Product
from tests.crash.test_kills import ENDS_ALL, MENDS_ITSELF, in_doubt_after

pytestmark = [pytest.mark.crash, pytest.mark.timeout(1200), pytest.mark.skipif(not LONG, reason=ONLY_LONG)]

KILLS = 50
ROWS = 5000
# Per second and channel, so that it sends all the time; answers take theirs, so that some are always under way.
SLOWLY = {"simulated__speed": 12, "simulated__latency_ms": 400, **UNGUARDED}
LONGEST_WAIT = 3.0
END_SECONDS = 200.0


@pytest.mark.parametrize("engine", [engines.SQLITE, engines.POSTGRESQL])
def test_fifty_random_kills_send_nothing_twice_and_everything_ends(product: Product, figure: Figure) -> None:
    seed = int(os.environ.get("CRASH_SEED", time.time_ns() % 1_000_000))
    print(f"CRASH_SEED={seed}")
    figure(f"CRASH_SEED={seed}")
    dice = random.Random(seed)
    product.change(**SLOWLY)
    campaigns = {channel: product.create(channel, ROWS) for channel in Channel}
    product.start()
    for campaign_id, _ in campaigns.values():
        product.go(campaign_id)
    struck = []
    for _ in range(KILLS):
        time.sleep(dice.uniform(0, LONGEST_WAIT))  # the kill's moment is chance, no condition
        struck.append(dice.choice([*MENDS_ITSELF, *ENDS_ALL])(product, dice.choice(list(Channel))))
        if struck[-1].ends_all:
            product.restart()
    sent = len(product.hand_overs())
    product.change(simulated__speed=None)
    for channel, (campaign_id, imported) in campaigns.items():
        product.until_ended(campaign_id, seconds=END_SECONDS)
        promises.until_as_fated(product, campaign_id, but=in_doubt_after(product, struck))
        promises.assert_counts_add_up(product, campaign_id, imported)
        in_doubt, claimed = promises.unconfirmed(product, campaign_id), sum(len(blow.claimed) for blow in struck)
        figure(f"{channel}: {len(in_doubt)} Unconfirmed by {KILLS} kills, at which {claimed} in all were claimed")
    pause = promises.longest_pause(product, product.hand_overs()[0].at)
    figure(f"{sent} handed over during the kills, longest pause {pause:.1f} s")
    assert pause < promises.GOES_ON_SECONDS
    promises.assert_recount_finds_nothing(product)
    promises.assert_never_twice(product)
    assert len(product.pids("valkey")) == 1
    product.stop()
    assert not product.house.living()

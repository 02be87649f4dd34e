"""PostgreSQL goes down and comes back in the middle of a run: sending goes on, nobody gets it twice."""

from collections.abc import Iterator

import psycopg
import pytest

from models.words import Channel
from tests import engines
from tests.crash import promises
from tests.crash.cells import LONG, ONLY_LONG
from tests.crash.conftest import Figure, MakeProduct
from tests.crash.product import UNGUARDED, Product
from tests.processes import until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(300), pytest.mark.skipif(not LONG, reason=ONLY_LONG)]

ROWS, SPEED = 600, 50
END_SECONDS = {Channel.SMS: 60.0, Channel.EMAIL: 100.0}


@pytest.fixture
def own_database() -> Iterator[str]:
    """A database on a server that no other test is connected to."""
    with engines.postgresql() as server:
        yield server.make_database()


def kill_a_backend(product: Product) -> float:
    """PostgreSQL then ends all connections and recovers; returns the moment (epoch seconds)."""
    (pid,) = product.rows("SELECT pg_backend_pid()")[0]
    return product.kill(pid)


def answers(product: Product) -> bool:
    product.rows.close()
    try:
        return bool(product.rows("SELECT 1"))
    except psycopg.OperationalError:
        return False


@pytest.mark.parametrize("channel", list(Channel))
def test_a_restarted_database_sends_nothing_twice_and_the_run_ends(
    make_product: MakeProduct, own_database: str, channel: Channel, figure: Figure
) -> None:
    product = make_product("product", DATABASE_URL=own_database, SECRET_KEY=engines.SECRET)
    product.change(simulated__speed=SPEED, simulated__latency_ms=400, **UNGUARDED)
    campaign_id, imported = product.create(channel, ROWS)
    product.start()
    product.go(campaign_id)
    product.until_handed_over(channel, imported // 4)
    with product.frozen_senders():
        claimed = product.claimed()
        at = kill_a_backend(product)
    until(lambda: answers(product), seconds=30, what="the database")
    product.until_ended(campaign_id, seconds=END_SECONDS[channel])
    claimed |= product.claimed_shortly_before(at)
    figure(promises.assert_went_on(product, campaign_id, imported, claimed=claimed, since=at))
    figure(f"stopped in {product.stop():.1f} s")
    assert not product.house.living()

"""No room in the middle of a run, on the disk or in Redis: sending pauses, says why, and goes on once there is some."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from jobs.runtime import waiting
from models.words import Channel
from tests.crash import promises
from tests.crash.cells import LONG, ONLY_LONG
from tests.crash.conftest import Figure, MakeProduct
from tests.crash.product import UNGUARDED, Product
from tests.processes import until
from tests.servers import valkey_at

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

ROWS, SPEED = 1500, 150
DISK_MEGABYTES = 250  # room for a write-ahead log as it grows until the next checkpoint
QUIET_SECONDS = 2.0  # without a hand-over


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory, of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, check=False, capture_output=True).returncode:
        pytest.skip("a small disk can't be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Nothing more can be written on it, also not in what somebody gives up meanwhile."""
    path = disk / "filler"
    for size in (1 << 20, 4096):  # what is left below the first goes to the second
        with path.open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"\0" * size)
    yield
    path.unlink()


@contextmanager
def full_redis(url: str) -> Iterator[None]:
    """It takes nothing more."""
    with waiting.client(url) as client:
        client.config_set("maxmemory", 1)
        yield
        client.config_set("maxmemory", 0)


def until_quiet(product: Product) -> None:
    """Wait until there was no hand-over for a while."""
    until(lambda: time.time() - max(one.at for one in product.hand_overs()) > QUIET_SECONDS, seconds=60, what="a pause")


def end(product: Product, campaign_id: int, imported: int, claimed: set[int], figure: Figure) -> None:
    """It goes on by itself, soon, and nobody gets anything twice."""
    since = time.time()
    product.until_ended(campaign_id, seconds=120)
    figure(promises.assert_went_on(product, campaign_id, imported, claimed=claimed, since=since))
    figure(f"stopped in {product.stop():.1f} s")
    assert not product.house.living()


def start(product: Product) -> tuple[int, int]:
    """In the middle of a run; returns the campaign's id and how many were imported."""
    product.change(simulated__speed=SPEED, **UNGUARDED)
    campaign_id, imported = product.create(Channel.SMS, ROWS)
    product.start()
    product.go(campaign_id)
    product.until_handed_over(Channel.SMS, 100)
    return campaign_id, imported


def test_a_full_disk_pauses_the_run_and_nothing_is_sent_twice(
    make_product: MakeProduct, small_disk: Path, figure: Figure
) -> None:
    product = make_product("product", DATABASE_URL=f"sqlite:///{small_disk / 'signalbox.db'}")
    campaign_id, imported = start(product)
    with filled(small_disk):
        until_quiet(product)
        with product.frozen_senders():
            claimed = product.claimed()
        until(lambda: "work pauses: the database refuses" in product.said(), seconds=30, what="the refusal in the log")
        assert "database or disk is full" in product.said()
    end(product, campaign_id, imported, claimed, figure)


@pytest.mark.skipif(not LONG, reason=ONLY_LONG)
def test_a_full_redis_pauses_the_run_and_nothing_is_sent_twice(
    make_product: MakeProduct, tmp_path: Path, figure: Figure
) -> None:
    with valkey_at(tmp_path) as (url, _):
        product = make_product("product", REDIS_URL=url)
        campaign_id, imported = start(product)
        with full_redis(url):
            until_quiet(product)
            claimed = product.claimed()
            assert "Redis" in product.said()
        end(product, campaign_id, imported, claimed, figure)

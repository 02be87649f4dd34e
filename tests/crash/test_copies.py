"""Copies of the SQLite file taken in mid-load, as a power cut may leave it: sound, and with each hand-over's claim.

A copy takes the database and then its write-ahead log, which a reader keeps from being begun anew meanwhile. What the
ledger of hand-overs had before must have its claim in it. (Whether the disk keeps what it says it has synced, no copy
can tell.)
"""

import random
import shutil
import time
from pathlib import Path

import apsw
import pytest

from models.words import Channel
from tests.crash import promises
from tests.crash.cells import cells
from tests.crash.conftest import Figure
from tests.crash.product import UNGUARDED, Product

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]

SIZES = cells([(20, 4000)], [(500, 20_000)])  # copies, rows
SPEED = 200
LONGEST_PAUSE = 0.2  # seconds between two copies
Key = tuple[int, int]  # message id, attempt


def copy_of(database: Path, folder: Path) -> Path:
    """A copy as of some moment of this call."""
    folder.mkdir()
    reader = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    reader.set_busy_timeout(5000)
    reader.execute("BEGIN").execute("SELECT COUNT(*) FROM sqlite_master").fetchall()
    for name in (database.name, f"{database.name}-wal"):
        shutil.copyfile(database.with_name(name), folder / name)
    reader.close()
    return folder / database.name


def claims_in(copy: Path) -> set[Key]:
    """Its attempts; fails if it is not sound."""
    connection = apsw.Connection(str(copy))
    try:
        assert connection.pragma("integrity_check") == "ok"
        return {(message_id, number) for message_id, number in connection.execute(CLAIMS)}
    finally:
        connection.close()


CLAIMS = "SELECT message_id, number FROM attempts"


@pytest.mark.parametrize(("copies", "rows"), SIZES)
def test_every_copy_is_sound_and_has_the_claims(
    product: Product, tmp_path: Path, copies: int, rows: int, figure: Figure
) -> None:
    dice = random.Random(1)
    product.change(simulated__speed=SPEED, **UNGUARDED)
    campaign_id, imported = product.create(Channel.SMS, rows)
    product.start()
    product.go(campaign_id)
    product.until_handed_over(Channel.SMS, 1)
    in_mid_load = 0
    for number in range(copies):
        time.sleep(dice.uniform(0, LONGEST_PAUSE))
        handed_over = {(one.message_id, one.attempt) for one in product.hand_overs()}
        folder = tmp_path / f"copy-{number}"
        assert handed_over <= claims_in(copy_of(product.house.var / "signalbox.db", folder))
        in_mid_load += 0 < len(handed_over) < imported
        shutil.rmtree(folder)
    figure(f"{copies} copies, {in_mid_load} of them in mid-load")
    assert in_mid_load >= copies / 2
    product.stop()
    promises.assert_never_twice(product)

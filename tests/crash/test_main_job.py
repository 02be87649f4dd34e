"""The main job: an SMS and an email campaign at once, from the command line, from file to export."""

import csv
from collections import Counter

import pytest

from models.words import Channel
from tests import engines
from tests.crash import promises
from tests.crash.cells import cells
from tests.crash.conftest import Figure
from tests.crash.product import UNGUARDED, Product
from tests.processes import until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

ROWS = cells([(engines.SQLITE, 2000)], [(engines.SQLITE, 10_000), (engines.POSTGRESQL, 10_000)])
# Per second, and so many before the stop: it comes in the middle, however long its command takes to start.
SLOWLY, BEFORE_STOP = 25, 50
SENDING_SECONDS = 8  # of what the stop left
STOP_SECONDS = 2.0
END_SECONDS = 200.0
EXPORTED = "recipient,status,failure_reason,provider_code,provider_text,attempts,queued_at,sent_at,updated_at"
FIELDS = ["name", "city", "note"]


@pytest.mark.parametrize(("engine", "rows"), ROWS)
def test_both_channels_run_stop_go_on_end_and_are_retried(product: Product, rows: int, figure: Figure) -> None:
    product.change(simulated__speed=SLOWLY, **UNGUARDED)
    product.command("create-user", "alice@example.com", "--role", "org_admin")
    campaigns = {channel: product.create(channel, rows) for channel in Channel}
    product.start()
    for campaign_id, _ in campaigns.values():
        product.go(campaign_id)
    for channel, (campaign_id, _) in campaigns.items():
        product.until_handed_over(channel, BEFORE_STOP)
        stop(product, channel, campaign_id, figure)
    product.change(simulated__speed=rows / SENDING_SECONDS)
    for campaign_id, imported in campaigns.values():
        assert product.status(campaign_id)["total"] == imported
        product.command("resume", str(campaign_id))
    promises.assert_recount_finds_nothing(product)
    failed = {}
    for channel, (campaign_id, imported) in campaigns.items():
        until_settled(product, campaign_id)
        failed[channel] = check(product, channel, campaign_id, imported)["failed"]
        product.command("retry", str(campaign_id))
    for channel, (campaign_id, imported) in campaigns.items():
        until_settled(product, campaign_id)
        counts = check(product, channel, campaign_id, imported)
        assert sum(one.attempt == 2 for one in product.hand_overs(channel)) == failed[channel]
        peak = promises.peak(product.hand_overs(channel))
        figure(f"{channel}: {imported} of {rows} imported, {peak} in the busiest second, {counts}")
    promises.assert_recount_finds_nothing(product)
    promises.assert_never_twice(product)
    figure(f"stopped in {product.stop():.1f} s")
    promises.assert_nothing_left(product)


def stop(product: Product, channel: Channel, campaign_id: int, figure: Figure) -> None:
    """Stop it and wait until nothing is queued any more."""
    product.command("stop", str(campaign_id))
    until(lambda: "queued" not in promises.rows_by_status(product, campaign_id), seconds=60, what="an empty queue")
    cancelled = promises.rows_by_status(product, campaign_id)["cancelled"]
    took = promises.last_hand_over_after_stop(product, channel, campaign_id)
    assert took < STOP_SECONDS
    figure(f"{channel}: last hand-over {took:.2f} s after the stop, {cancelled} cancelled")


def until_settled(product: Product, campaign_id: int) -> None:
    """Wait until it has ended, and receipts that come after that are in too."""
    product.until_ended(campaign_id, seconds=END_SECONDS)
    promises.until_as_fated(product, campaign_id)


def check(product: Product, channel: Channel, campaign_id: int, imported: int) -> dict[str, int]:
    """Counts, rows and export agree; returns the counts."""
    counts = promises.assert_counts_add_up(product, campaign_id, imported)
    exported = product.house.folder / f"{channel}-export.csv"
    product.command("export", str(campaign_id), "-o", str(exported))
    with exported.open(encoding="utf-8-sig", newline="") as file:
        header, *found = csv.reader(file)
    assert header == [*EXPORTED.split(","), *FIELDS]
    assert Counter(row[1] for row in found) == counts
    recipients = product.rows("SELECT recipient, status FROM messages WHERE campaign_id = ?", campaign_id)
    assert sorted((row[0], row[1]) for row in found) == sorted(recipients)
    return counts

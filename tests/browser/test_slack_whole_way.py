"""A campaign from its run to its export in the local Slack's page, its figures held against panel and command line."""

import json
import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from models.words import Channel
from tests.browser.conftest import PATIENCE, PHONE, Panel
from tests.browser.desk import Desk, counts_shown
from tests.crash.product import Product
from tests.processes import until

ROWS = 500
ENDED = 60_000  # ms
BEHIND_SECONDS = 6.0  # card, panel and command line are never further apart (SPEC 7 and 8)


def delivered(product: Product, campaign_id: int) -> int:
    counted = product.rows(
        "SELECT SUM(n) FROM message_counts WHERE campaign_id = ? AND status = 'delivered'", campaign_id
    )
    return int(counted[0][0] or 0)


def watch_until_it_ends(product: Product, campaign_id: int, card: Locator, panel: Page) -> None:
    """Look at all of them until the end: a figure shown was true within the last six seconds.

    Delivered only grows while a campaign runs, so what was true then lies between two looks at the rows.
    """
    truth: list[tuple[float, int]] = [(0.0, 0)]
    looks = 0
    give_up_at = time.monotonic() + ENDED / 1000
    while product.phase(campaign_id) != "ended":
        assert time.monotonic() < give_up_at
        truth.append((time.monotonic(), delivered(product, campaign_id)))
        since = time.monotonic() - BEHIND_SECONDS
        shown = [counts_shown(card)["delivered"], counts_shown(panel.locator(".tiles"))["delivered"]]
        if looks == 3:
            shown.append(product.status(campaign_id)["counts"]["delivered"])
        at_least = max(n for at, n in truth if at <= since or n == 0)
        at_most = delivered(product, campaign_id)
        assert all(at_least <= n <= at_most for n in shown), (at_least, shown, at_most)
        looks += 1
    assert looks > 5


def test_campaign_goes_the_whole_way(
    product: Product, slack_of: Callable[..., Desk], panel_of: Callable[..., Panel]
) -> None:
    campaign_id, imported = product.create(Channel.SMS, ROWS, "--slack-channel", "C0CAMPAIGNS")
    name = f"sms to {ROWS}"
    ben = slack_of("ben")
    panel = panel_of("ben")
    panel.open(f"/campaigns/{campaign_id}/")

    ben.types(f"/campaign run “{name.upper()}”")
    expect(ben.modal).to_contain_text(re.compile(rf"{imported:,} messages.*confirm each", re.DOTALL))
    first, *others = ben.disclaimer.all()
    first.check()
    ben.modal.get_by_role("button", name="Run Campaign").click()
    expect(ben.modal).to_contain_text("Confirm all four to run it.")
    assert product.phase(campaign_id) == "ready"
    for box in others:
        box.check()
    ben.modal.get_by_role("button", name="Run Campaign").click()
    expect(ben.modal).to_contain_text("messages are being queued. Its card is in #campaigns.")
    ben.closes()

    card = ben.card(name)
    expect(card).to_contain_text("In Progress")
    expect(card).to_contain_text("Simulated: no message leaves Signalbox")
    panel.page.reload()
    watch_until_it_ends(product, campaign_id, card, panel.page)
    expect(card).to_contain_text("Complete (with errors)", timeout=PATIENCE)
    expect(panel.page.locator("#head .badge")).to_have_text("Complete (with errors)")
    told = product.status(campaign_id)["counts"]
    until(lambda: counts_shown(card) == told, seconds=BEHIND_SECONDS, what="the card's last state")
    until(
        lambda: counts_shown(panel.page.locator(".tiles")) == told,
        seconds=BEHIND_SECONDS,
        what="the panel's last state",
    )

    card.get_by_role("button", name="Retry…").click()
    expect(ben.modal).to_contain_text("from Complete (with errors) to In Progress")
    for box in ben.modal.get_by_role("checkbox").all():
        box.set_checked("Unconfirmed" not in box.locator("xpath=ancestor::label").inner_text())
    expect(ben.modal).to_contain_text(f"Retry {told['failed']:,} messages")
    ben.modal.get_by_role("button", name=f"Retry {told['failed']:,} messages").click()
    expect(ben.modal).to_contain_text(f"{told['failed']:,} messages are queued again.")
    ben.closes()
    product.until_ended(campaign_id, seconds=ENDED / 1000)
    again = product.rows("SELECT COUNT(*) FROM messages WHERE campaign_id = ? AND attempt = 2", campaign_id)
    assert again == [(told["failed"],)]
    card.get_by_role("button", name=re.compile("replies")).click()
    expect(ben.page.locator("aside")).to_contain_text(f"@Ben retried {told['failed']:,} messages.")

    ben.types(f"/campaign export {name}")
    ben.modal.get_by_role("button", name="Export", exact=True).click()
    expect(ben.modal).to_contain_text("The file comes to you as a direct message.")
    ben.closes()
    ben.opens_directs()
    rows = ben.takes_file(name)
    at_rest = product.status(campaign_id)["counts"]
    assert {status: sum(row["status"] == status for row in rows) for status in at_rest} == at_rest
    assert len({row["recipient"] for row in rows}) == imported


ACTS = ("run", "resume", "retry", "delete", "export")  # each begins with a dialog


@pytest.mark.parametrize(
    ("name", "answer"),
    [("vera", "your role must be Campaigner or above; you are Viewer"), ("mallory", "You are not known to Signalbox")],
)
def test_who_may_not_is_told_and_changes_nothing(
    product: Product, slack_of: Callable[..., Desk], name: str, answer: str
) -> None:
    acts = "SELECT COUNT(*) FROM audit WHERE object_kind = 'campaign' OR surface = 'slack'"
    before = product.rows(acts)
    desk = slack_of(name, width=PHONE, scheme="dark")
    for act in ACTS:
        desk.types(f"/campaign {act} June newsletter")
        expect(desk.modal).to_contain_text(answer)
        desk.closes()
    desk.types("/campaign stop June newsletter")
    expect(desk.last).to_contain_text(answer)
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= PHONE
    assert product.rows(acts) == before
    assert json.loads(product.command("status", "2", "--json"))["status"] == "ready"

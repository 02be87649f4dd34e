"""A campaign from its making to its export, in the panel."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from models.words import MESSAGE_STATUS_LABELS, MessageStatus
from tests.browser.conftest import Panel
from tests.crash.product import Product
from tests.processes import until

# Ending in 9003: unreachable, in 9001: an invalid recipient (SPEC 10, simulated recipients).
GOOD = [f"+1415555{number}" for number in range(1000, 1060)]
UNREACHABLE, INVALID = "+14155559003", "+14155559001"
ENDED = 40_000  # ms


def contacts_file(folder: Path) -> Path:
    rows = [f"{recipient};Name {at};Northbank;{at}" for at, recipient in enumerate([*GOOD, UNREACHABLE, INVALID])]
    bad = ["0491570157;No plus;Northbank;98", f"{GOOD[0]};Again;Northbank;99"]
    path = folder / "contacts.csv"
    path.write_text("\n".join(["mobile;given name;Suburb / town;case no", *rows, *bad, ""]), encoding="utf-8-sig")
    return path


def create(panel: Panel, folder: Path, name: str) -> int:
    """All four steps, with what a person does wrong on the way; returns the campaign's id."""
    page = panel.page
    panel.open("/campaigns/")
    page.get_by_role("link", name="New campaign").first.click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Description").fill("Checks numbers before the storms")
    page.get_by_role("button", name="Continue to contacts").click()

    page.get_by_label("These contacts agreed").check()
    page.get_by_label("Contacts", exact=True).set_input_files(contacts_file(folder))
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Use mobile as")).to_have_value("destination")
    page.get_by_label("Field name for given name").fill("first_name")
    page.get_by_label("Field name for Suburb / town").fill("first_name")
    page.get_by_role("button", name="Import 64 rows").click()
    expect(page.get_by_role("alert")).to_contain_text("used twice")
    page.get_by_label("Field name for Suburb / town").fill("suburb")
    page.get_by_label("Suburb / town is searchable").check()
    page.get_by_label("Use case no as").select_option("none")
    page.get_by_role("button", name="Import 64 rows").click()
    expect(page.get_by_role("table", name="Rows left out")).to_contain_text("No + and country code in front")
    page.get_by_role("link", name="Continue with 62").click()

    page.get_by_label("Message", exact=True).fill("Hi {{first_nam}}, is this your number?")
    expect(page.get_by_text("No column provides")).to_be_visible()
    page.get_by_role("button", name="Continue to review").click()
    expect(page.get_by_role("alert")).to_contain_text("no column provides it")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Hi {{first_nam}}, is this your number?")
    page.get_by_label("Message", exact=True).fill("Hi , is this your number? Reply STOP to opt out.")
    page.get_by_label("Message", exact=True).evaluate("field => field.setSelectionRange(3, 3)")
    page.get_by_role("button", name="{{first_name}}").click()
    expect(page.locator("#bubble")).to_have_text("Hi Name 0, is this your number? Reply STOP to opt out.")
    expect(page.locator("#meter")).to_contain_text("GSM-7")
    page.get_by_role("button", name="Continue to review").click()
    page.get_by_role("button", name="Create campaign").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.locator(".toast")).to_have_text(f"{name} is Ready.")
    found = re.search(r"/campaigns/(\d+)/", page.url)
    assert found
    return int(found[1])


def run(page: Page) -> None:
    page.get_by_role("link", name="Run…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("62 of 62 contacts", use_inner_text=True)
    go = dialog.get_by_role("button", name="Run now")
    expect(go).to_have_attribute("aria-disabled", "true")
    for box in dialog.get_by_role("group", name="Confirm before it runs").get_by_role("checkbox").all():
        box.check()
    go.click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".toast")).to_contain_text("is In Progress: 62 messages to send.")
    expect(page.locator("#head .badge")).to_have_text("In Progress")


def tile(page: Page, status: MessageStatus) -> str:
    name = MESSAGE_STATUS_LABELS[status]
    tiles = page.locator(".tile").filter(has=page.locator(".tile-name", has_text=re.compile(f"^{name}$")))
    return tiles.locator(".tile-n").inner_text() if tiles.count() else "0"


def shown_counts(page: Page) -> dict[str, int]:
    return {status.value: int(tile(page, status).replace(",", "")) for status in MessageStatus}


def test_campaign_goes_the_whole_way(product: Product, panel_of: Callable[..., Panel], tmp_path: Path) -> None:
    panel = panel_of("ben")
    page = panel.page
    campaign_id = create(panel, tmp_path, "Storm season check")
    run(page)
    expect(page.locator("#head .badge")).to_have_text("Complete (with errors)", timeout=ENDED)
    told: dict[str, Any] = json.loads(product.command("status", str(campaign_id), "--json"))
    assert shown_counts(page) == told["counts"]
    assert told["counts"]["failed"] == 2

    retry_one(page)
    expect(page.locator("#head .badge")).to_have_text("In Progress")
    expect(page.locator("#head .badge")).to_have_text("Complete (with errors)", timeout=ENDED)
    one = "SELECT attempt FROM messages WHERE campaign_id = ? AND recipient = ?"
    attempts = product.rows(one, campaign_id, UNREACHABLE)
    assert attempts == [(2,)]

    rows = export(page, "Filtered messages")
    assert {row["status"] for row in rows} == {"failed"}
    assert [row["recipient"] for row in rows] == [UNREACHABLE]
    clear = page.get_by_role("link", name="Clear all")
    clear.click()
    expect(clear).to_have_count(0)  # the page that comes then has its menus shut
    rows = export(page, "All messages")
    assert len(rows) == 62
    assert rows[0]["first_name"] == "Name 0"


def retry_one(page: Page) -> None:
    page.locator("#tile-failed").click()
    page.wait_for_url("**status=failed**")
    page.get_by_role("searchbox").fill(UNREACHABLE)
    page.get_by_role("searchbox").press("Enter")
    page.wait_for_url("**q=**")
    row = page.get_by_role("row").filter(has_text=UNREACHABLE)
    row.get_by_role("button", name="Unreachable").focus()
    expect(row.get_by_role("tooltip")).to_be_visible()
    row.get_by_role("button", name=f"Actions for {UNREACHABLE}").click()
    page.get_by_role("menuitem", name="Retry…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("In Progress")
    dialog.get_by_role("button", name="Retry 1 message").click()
    expect(page.locator(".toast")).to_have_text("1 message is queued again.")


def export(page: Page, which: str) -> list[dict[str, str]]:
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=re.compile(f"^{which}")).click()
    text = Path(download.value.path()).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_stopped_campaign_is_resumed_and_deleted(
    product: Product, panel_of: Callable[..., Panel], tmp_path: Path
) -> None:
    product.change(simulated__speed=1.0)  # a minute for all: it is stopped before, however slow the browser is
    panel = panel_of("ben")
    page = panel.page
    campaign_id = create(panel, tmp_path, "Heatwave check-in")
    try:
        run(page)
        page.get_by_role("link", name="Stop…").click()
        page.get_by_role("button", name="Stop sending").click()
        expect(page.locator("#head .badge")).to_have_text("Stopped", timeout=ENDED)
        expect(page.locator("#tile-cancelled .tile-n")).to_have_text(re.compile("^[1-9]"))
    finally:
        product.change(simulated__speed=40.0)
    page.get_by_role("link", name="Resume…").click()
    page.get_by_role("button", name=re.compile("^Resume ")).click()
    expect(page.locator("#head .badge")).to_have_text("Complete (with errors)", timeout=ENDED)
    page.get_by_role("link", name="Delete…").click()
    page.get_by_label("Type Heatwave check-in").fill("heatwave Check-in")
    page.get_by_role("button", name="Delete 62 messages").click()
    expect(page.locator(".toast")).to_have_text("Heatwave check-in is being deleted.")
    until(lambda: not product.rows("SELECT 1 FROM campaigns WHERE id = ?", campaign_id), what="its end")

"""What is retried later, and what changed since an export, as a person chooses it in the panel."""

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from models.words import Channel
from tests.browser.conftest import PHONE, Panel
from tests.crash.product import Product

# Ending in 9003: unreachable (SPEC 10, simulated recipients).
CONTACTS = b"phone,name,city,note\n+14155559003,Ann,Cork,a\n+14155550199,Bo,Cork,b\n"


def ended(product: Product, name: str) -> int:
    """A campaign that reached one and failed for the other; its id."""
    campaign_id, _ = product.create(Channel.SMS, 2, name=name, contacts=CONTACTS)
    product.go(campaign_id)
    product.until_ended(campaign_id, seconds=40)
    return campaign_id


def test_retry_starts_at_a_time_that_is_chosen_in_its_dialog_and_is_cancelled(
    product: Product, panel_of: Callable[..., Panel]
) -> None:
    campaign_id = ended(product, "Retried later")
    panel = panel_of("ben", width=PHONE)
    page = panel.page
    panel.open(f"/campaigns/{campaign_id}/retry")
    go = page.locator("[data-go]")
    expect(go).to_have_text("Retry 1 message")
    page.get_by_label("At a time…").check()
    expect(go).to_contain_text("Start at")
    page.get_by_label("Unreachable").uncheck()
    expect(go).to_have_text("Nothing ticked")
    page.get_by_label("Unreachable").check()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT09:30")
    page.get_by_label("Starts at").fill(tomorrow)
    expect(go).to_have_text(f"Start at {tomorrow.replace('T', ' ')}")
    go.click()
    expect(page.get_by_text("Retries later:")).to_be_visible()
    page.get_by_role("button", name="Cancel the start").click()
    expect(page.get_by_text("Retries later:")).to_have_count(0)


@pytest.mark.parametrize("act", ["run", "retry"])
def test_time_that_can_not_be_is_no_matter_once_now_is_chosen_again(
    product: Product, panel_of: Callable[..., Panel], act: str
) -> None:
    name = f"Now after all by {act}"
    campaign_id = ended(product, name) if act == "retry" else product.create(Channel.SMS, 2, name=name)[0]
    panel = panel_of("ben")
    page = panel.page
    panel.open(f"/campaigns/{campaign_id}/{act}")
    page.get_by_label("At a time…").check()
    page.get_by_label("Starts at").fill("2020-01-01T09:30")
    for box in page.locator("[data-confirm]").all():
        box.check()
    go = page.locator("[data-go]")
    go.click()  # the browser says what is wrong with the field
    expect(page).to_have_url(re.compile(f"/{act}$"))
    page.get_by_label("Now", exact=True).check()
    go.click()
    expect(page.locator("#head .badge")).to_have_text(re.compile("In Progress|Complete"))
    product.until_ended(campaign_id, seconds=40)


def test_dialogs_say_when_it_begins_as_it_is_chosen(product: Product, panel_of: Callable[..., Panel]) -> None:
    ready = product.create(Channel.SMS, 2, name="Begun as chosen")[0]
    again = ended(product, "Begun again as chosen")
    panel = panel_of("ben")
    dialog = panel.page.get_by_role("dialog")
    for path, at_once, at_time in (
        (f"/campaigns/{ready}/run", "Sending begins when you confirm.", "Sending begins at the time you choose."),
        (f"/campaigns/{again}/retry", "The campaign goes from", "at that time"),
    ):
        panel.open(path)
        for choice, said, unsaid in (("Now", at_once, "at that time"), ("At a time…", at_time, "when you confirm")):
            dialog.get_by_label(choice, exact=True).check()
            expect(dialog).to_contain_text(said, use_inner_text=True)
            expect(dialog).not_to_contain_text(unsaid, use_inner_text=True)


def test_what_changed_since_an_export_is_a_second_file(product: Product, panel_of: Callable[..., Panel]) -> None:
    campaign_id = ended(product, "Compared")
    panel = panel_of("ben")
    panel.open(f"/campaigns/{campaign_id}/")
    assert len(downloaded(panel.page, "All messages")) == 2
    panel.page.reload()
    assert downloaded(panel.page, "What changed") == []


def downloaded(page: Page, choice: str) -> list[dict[str, str]]:
    """Choose in the Export menu; the rows of the file that comes."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=re.compile(f"^{choice}")).click()
    with download.value.path().open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))

"""The pages of recipients and administration: their look at both widths, and what each lets one do."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from models.words import Channel
from tests.browser.conftest import PHONE, Panel
from tests.browser.test_panel_looks import violations
from tests.crash.carriers import contacts
from tests.crash.product import Product

ANN = "+12025550100"


@pytest.mark.parametrize(
    ("name", "menus"),
    [
        ("alice", {"Outreach": 3, "Recipients": 2, "Administration": 4}),
        ("ben", {"Outreach": 3, "Recipients": 2}),
        ("vera", {"Outreach": 1, "Recipients": 1}),
    ],
)
def test_menus_hold_what_the_role_reaches(panel_of: Callable[..., Panel], name: str, menus: dict[str, int]) -> None:
    panel = panel_of(name)
    page = panel.page
    panel.open("/campaigns/")
    buttons = page.get_by_role("navigation", name="Main").get_by_role("button")
    expect(buttons).to_have_text(list(menus))
    for menu, entries in menus.items():
        page.get_by_role("button", name=menu, exact=True).click()
        expect(page.get_by_role("navigation", name="Main").get_by_role("link")).to_have_count(entries)


def test_somebody_found_is_opted_out_and_taken_off_again(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("alice")
    page = panel.page
    panel.open("/find")
    page.keyboard.type("+1 202 555-0101")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Not opted out")).to_be_visible()
    page.get_by_role("link", name="Opt out…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_be_focused()
    expect(dialog.get_by_label("The whole number or address")).to_have_value("+12025550101")
    dialog.get_by_role("button", name="Opt out").click()
    page.wait_for_url("**/opt-outs/")
    expect(page.locator("body > .toast")).to_contain_text("Now on the opt-out list of SMS")
    page.get_by_role("link", name="Take off +12025550101").click()
    dialog.get_by_label("They were listed by mistake").check()
    assert violations(page) == []
    dialog.get_by_role("button", name="Take off the list").click()
    expect(page.locator("body > .toast")).to_contain_text("Taken off")
    page.get_by_role("link", name="Taken off").click()
    expect(page.get_by_role("cell", name="+12025550101")).to_be_visible()


def test_dialog_that_is_opened_by_its_address_has_the_focus_too(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("alice")
    panel.open("/opt-outs/new")
    expect(panel.page.get_by_role("dialog").get_by_role("heading")).to_be_focused()


def test_forgetting_asks_twice_and_tells_what_was_done(product: Product, panel_of: Callable[..., Panel]) -> None:
    # One far back in the file: other tests look at the first ones.
    [(ann,)] = product.rows("SELECT recipient FROM messages WHERE campaign_id = 1 ORDER BY id LIMIT 1 OFFSET 1500")
    panel = panel_of("alice", width=PHONE)
    page = panel.page
    panel.open(f"/find?q=%2B{ann[1:]}")
    page.get_by_role("link", name="Forget this person…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("The same once more, to confirm").fill(ANN)
    dialog.get_by_role("button", name="Forget this person").click()
    expect(dialog.get_by_role("alert")).to_contain_text("once more")
    dialog.get_by_label("The same once more, to confirm").fill(ann)
    dialog.get_by_role("button", name="Forget this person").click()
    expect(dialog).to_contain_text("1 message erased, 1 of them now Opted Out")
    assert violations(page) == []
    dialog.get_by_role("link", name="Done").click()
    assert product.rows(f"SELECT COUNT(*) FROM messages WHERE recipient = '{ann}'") == [(0,)]


def test_new_person_signs_in_by_the_link_that_is_shown_once(panel_of: Callable[..., Panel], browser: Browser) -> None:
    panel = panel_of("alice")
    page = panel.page
    panel.open("/people/")
    page.get_by_role("link", name="Add a person…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Email").fill("nora@example.com")
    dialog.get_by_label("Name").fill("Nora")
    dialog.get_by_label(re.compile("^Campaigner")).check()
    dialog.get_by_role("button", name="Add this person").click()
    expect(page.get_by_role("heading", name="Nora", exact=True)).to_be_visible()
    page.get_by_role("button", name="Make a one-time link").click()
    link = page.locator(".secret code").inner_text()
    assert violations(page) == []
    with browser.new_context() as context:
        hers = context.new_page()
        hers.goto(link)
        hers.get_by_role("button", name="Sign in as Nora").click()
        expect(hers.get_by_role("button", name="Account of Nora, Campaigner")).to_be_visible()
        remove(page)
        hers.reload()
        expect(hers.get_by_label("Password")).to_be_visible()


def remove(page: Page) -> None:
    """Let the person go whose page is open."""
    page.get_by_role("link", name="Remove…").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Remove ")).click()
    expect(page.locator("body > .toast")).to_contain_text("was removed")


def test_settings_refuse_in_place_and_test_live(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("alice")
    page = panel.page
    panel.open("/settings")
    rate = page.get_by_label("Email rate", exact=True)
    rate.fill("fast")
    page.get_by_role("button", name="Save Email rate").click()
    expect(page.get_by_role("alert")).to_contain_text("A rate is a number of messages per second")
    expect(rate).to_have_value("fast")
    page.get_by_label("Retention", exact=True).fill("365")
    rate.fill("500")
    page.get_by_role("button", name="Save Email rate").click()
    expect(page.locator("body > .toast")).to_contain_text("Email rate saved.")
    expect(page.locator("[id='rate.email']")).to_contain_text("by Alice")
    expect(page.get_by_label("Retention", exact=True)).to_have_value("365")
    expect(page.get_by_role("button", name="Save Email rate")).to_be_focused()
    rate.fill("")
    page.get_by_role("button", name="Save Email rate").click()
    expect(page.locator("body > .toast")).to_contain_text("Email rate saved.")
    page.get_by_role("button", name="Test all now").click()
    expect(page.locator("#tests")).to_contain_text("Well")
    assert violations(page) == []


def test_health_is_live_and_the_clock_proves_the_counts(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("alice")
    page = panel.page
    panel.open("/health")
    expect(page.locator("#health")).to_contain_text("append-only on")
    expect(page.locator("#health")).to_contain_text("oldest beat")
    page.get_by_role("button", name="Prove counts").click()
    expect(page.locator("#health")).to_contain_text(re.compile(r"[1-9]\d* of \d+ campaigns proven"), timeout=60_000)


def test_bulk_move_is_followed_to_its_end(product: Product, panel_of: Callable[..., Panel]) -> None:
    campaign_id, _ = product.create(Channel.EMAIL, 300, contacts=contacts(Channel.EMAIL, 300))
    waiting = product.status(campaign_id)["counts"]["waiting"]  # somebody may have opted out in another test
    panel = panel_of("alice")
    page = panel.page
    product.go(campaign_id)
    panel.open("/moves/")
    row = page.get_by_role("row").filter(has_text=f"#{campaign_id}").first
    expect(row).to_contain_text("Done")
    expect(row).to_contain_text(f"{waiting} queued")
    product.command("stop", str(campaign_id))
    product.until_ended(campaign_id, seconds=60)


def test_audit_narrows_by_what_is_chosen(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("alice")
    page = panel.page
    panel.open("/audit/")
    page.get_by_label("Act").select_option("Signed in")
    page.wait_for_url("**act=sign_in**")
    expect(page.get_by_role("row").nth(1)).to_contain_text("Signed in")
    page.get_by_role("link", name="Clear").click()
    expect(page.get_by_label("Act")).to_have_value("")


def test_own_name_is_changed(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("vera", width=PHONE)
    page = panel.page
    panel.open("/account")
    page.get_by_label("Name").fill("Vera V.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("body > .toast")).to_contain_text("Saved.")
    page.get_by_label("Name").fill("Vera")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Name")).to_have_value("Vera")

"""How the panel's pages look and act: on a desktop and a phone, light and dark, by keyboard, for a Viewer."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from models.words import Channel
from tests.browser.conftest import DESKTOP, PHONE, Panel
from tests.crash.carriers import contacts
from tests.crash.product import Product

ROWS_LIKE_OTHERS = "tbody tr:nth-child(n + 4)"  # axe takes its time over fifty rows like one
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
OPTIONS = "{resultTypes: ['violations'], preload: false}"  # there is nothing to preload: no other host, no media
AXE = Path(__file__).with_name("axe") / "axe.min.js"


def violations(page: Page) -> list[str]:
    """What axe-core finds serious or worse."""
    # Given to the browser itself, not to the page, whose policy would not let it run.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(f"axe.run({{exclude: [['{ROWS_LIKE_OTHERS}']]}}, {OPTIONS})")
    return [
        f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def test_open_menu_and_dialog_can_be_used_by_everybody(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("alice")
    page = panel.page
    panel.open("/campaigns/2/?q=person1@example.org&match=exact")
    page.get_by_role("button", name="More actions").click()
    assert violations(page) == []
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Run…").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def test_keyboard_opens_searches_and_closes(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("ben")
    page = panel.page
    panel.open("/campaigns/1/")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    more = page.get_by_role("button", name="More actions")
    more.focus()
    page.keyboard.press("Enter")
    refused = page.get_by_role("menuitem", name=re.compile("^Stop"))
    expect(refused).to_be_focused()
    expect(refused).to_contain_text("Only a campaign In Progress or Held can be stopped")
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    page.get_by_role("link", name="Delete…").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("heading")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="Delete…")).to_be_focused()


def test_theme_and_folded_progress_are_remembered(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("ben")
    page = panel.page
    panel.open("/campaigns/1/")
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    page.locator("#progress-title").click()
    expect(page.locator(".tiles")).to_be_hidden()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator(".tiles")).to_be_hidden()


def test_folding_outlives_an_answer_that_was_under_way(panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("ben")
    page = panel.page
    panel.open("/campaigns/1/")
    under_way: list[tuple[Route, APIResponse]] = []
    page.route("**/campaigns/1/progress**", lambda route: under_way.append((route, route.fetch())))
    page.evaluate("document.body.dispatchEvent(new Event('moved'))")
    page.wait_for_function("document.querySelector('#progress').classList.contains('htmx-request')")
    page.locator("#progress-title").click()
    expect(page.locator(".tiles")).to_be_hidden()
    page.evaluate("document.getElementById('progress').dataset.before = ''")
    for route, answer in under_way:
        route.fulfill(response=answer)
    page.unroute("**/campaigns/1/progress**")
    expect(page.locator("#progress:not([data-before])")).to_be_attached()
    expect(page.locator(".tiles")).to_be_hidden()
    page.reload()
    expect(page.locator(".tiles")).to_be_hidden()


def test_viewer_sees_neither_recipients_nor_values(product: Product, panel_of: Callable[..., Panel]) -> None:
    panel = panel_of("vera")
    page = panel.page
    panel.open("/campaigns/1/")
    shown = page.content()
    secrets = product.rows("SELECT recipient FROM messages WHERE campaign_id = 1 LIMIT 60")
    assert [recipient for (recipient,) in secrets if recipient in shown] == []
    run = page.get_by_role("button", name="Run", exact=True)
    expect(run).to_have_attribute("aria-disabled", "true")
    run.focus()
    expect(page.get_by_role("tooltip").first).to_contain_text("Ask an Org Admin")
    page.get_by_role("link", name="View summary").click()
    expect(page.get_by_role("dialog")).to_contain_text("Hi •••")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_viewer_previews_with_values_of_her_own(panel_of: Callable[..., Panel], width: int) -> None:
    panel = panel_of("vera", width=width)
    page = panel.page
    panel.open("/campaigns/2/")
    if width == PHONE:
        page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem" if width == PHONE else "link", name="View summary").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("first name").fill("Zo\u00eb")
    dialog.get_by_role("button", name="Show").click()
    email = dialog.frame_locator("iframe").get_by_role("heading")
    expect(email).to_have_text("Hello Zo\u00eb")
    expect(dialog.get_by_label("first name")).to_have_value("Zo\u00eb")
    dialog.get_by_role("link", name="Next contact").click()
    expect(dialog.locator("#preview")).to_contain_text("Contact 2 of")
    expect(email).to_have_text("Hello Zo\u00eb")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page) == []


@pytest.mark.usefixtures("slow")
def test_lost_connection_shows_and_comes_back(product: Product, panel_of: Callable[..., Panel]) -> None:
    campaign_id, _ = product.create(Channel.EMAIL, 100, contacts=contacts(Channel.EMAIL, 100))
    product.go(campaign_id)
    panel = panel_of("vera")
    page = panel.page
    panel.open(f"/campaigns/{campaign_id}/")
    expect(page.locator(".asof")).to_contain_text("Live, as of")
    page.context.set_offline(True)
    expect(page.locator(".asof")).to_contain_text("Not live since")
    page.context.set_offline(False)
    expect(page.locator(".asof")).to_contain_text("Live, as of")
    panel.faults.clear()  # Chromium names each request that found no network
    product.command("stop", str(campaign_id))
    product.until_ended(campaign_id, seconds=60)

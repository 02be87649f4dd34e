"""What moves by itself on a campaign's page while it runs."""

from collections.abc import Callable

from playwright.sync_api import Request, expect

from models.words import Channel
from tests.browser.conftest import Panel
from tests.crash.product import Product

# In doubt for some fifteen seconds.
SILENT = b"email,name,city,note\nsim.silent@live.example.com,Ann,Cork,a\nsim.silent@rows.example.com,Bo,Cork,a\n"


def test_rows_are_read_anew_while_messages_move_and_nobody_is_busy_with_them(
    product: Product, panel_of: Callable[..., Panel]
) -> None:
    campaign_id, _ = product.create(Channel.EMAIL, 2, name="Live rows", contacts=SILENT)
    product.go(campaign_id)
    panel = panel_of("ben")
    panel.open(f"/campaigns/{campaign_id}/")
    panel.page.locator("#head").hover()
    with panel.page.expect_request(_is_for_rows) as asked:
        pass
    assert asked.value.headers["x-poll"] == "1"  # or an open page would keep its reader signed in
    assert product.phase(campaign_id) == "running"
    product.until_ended(campaign_id, seconds=60)  # the channel is others' too


def test_what_is_typed_into_the_search_outlives_the_rows(product: Product, panel_of: Callable[..., Panel]) -> None:
    contacts = SILENT.replace(b"live.", b"typed.").replace(b"rows.", b"found.")
    campaign_id, _ = product.create(Channel.EMAIL, 2, name="Typed meanwhile", contacts=contacts)
    product.go(campaign_id)
    panel = panel_of("ben")
    page = panel.page
    panel.open(f"/campaigns/{campaign_id}/")
    page.get_by_label("How to match").select_option(label="Contains")
    page.get_by_role("searchbox").press_sequentially("found.exa")
    row = page.locator("tr[data-row]").first.element_handle()
    with page.expect_request(_is_for_rows):
        pass
    page.wait_for_function("row => !row.isConnected", arg=row)
    page.keyboard.type("mple")
    page.keyboard.press("Enter")
    expect(page.locator("#count")).to_have_text("1 of 2 messages")
    product.until_ended(campaign_id, seconds=60)


def test_fault_of_the_server_or_of_what_stands_before_it_takes_no_figure_away(
    product: Product, panel_of: Callable[..., Panel]
) -> None:
    panel = panel_of("ben")
    page = panel.page
    panel.open("/campaigns/1/")
    page.route("**/progress?*", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    page.evaluate("document.body.dispatchEvent(new CustomEvent('shown'))")
    expect(page.locator(".asof")).to_contain_text("Not live since")
    page.route("**/summary", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1>"))
    page.get_by_role("link", name="View summary").click()
    expect(page.locator(".toast")).to_contain_text("Something went wrong on our side")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.unroute_all()
    page.evaluate("document.body.dispatchEvent(new CustomEvent('shown'))")
    expect(page.locator(".asof")).to_contain_text("As of")
    panel.faults.clear()  # Chromium names the 502


def _is_for_rows(asked: Request) -> bool:
    return asked.headers.get("hx-target") == "messages"

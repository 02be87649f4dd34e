"""The seed's page, sentence by sentence: the messages table, its filters and search, failed messages, retrying them."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from models.words import Channel
from tests.browser.conftest import DESKTOP, PHONE, Panel
from tests.browser.test_panel_looks import violations
from tests.browser.test_panel_whole_way import create
from tests.crash.product import Product
from tests.processes import until

GOOD = [f"+1415555{number}" for number in range(3000, 3070)]
# As many failures as fill more than a page, and fewer than would make the guard hold the campaign.
# What becomes of a message is decided by its number's end (SPEC 10, simulated recipients).
UNREACHABLE = [f"+1{area}5559003" for area in range(201, 213)]
INVALID = [f"+1{area}5559001" for area in range(301, 346)]
OPTED_OUT = ["+14045559020"]
IN_DOUBT = ["+14045559051"]
RECIPIENTS = [*UNREACHABLE, *INVALID, *OPTED_OUT, *IN_DOUBT, *GOOD]
FAILED = len(UNREACHABLE) + len(INVALID)
PanelOf = Callable[..., Panel]


@pytest.fixture(scope="session")  # of a module would be made twice where a process takes over another's tests
def campaign_id(product: Product) -> int:
    """An SMS campaign that ended with failures of two kinds, one in doubt and one opted out."""
    header = "phone,name,city,case id,street,note"
    rows = [
        f"{one},Ann {at},{('Northbank', 'Old Harbour')[at % 2]},ST-{at:04},High St,,"
        for at, one in enumerate(RECIPIENTS)
    ]
    contacts = "\n".join([header, *rows, ""]).encode()
    made, _ = product.create(Channel.SMS, len(RECIPIENTS), name="Autumn check", contacts=contacts)
    product.go(made)
    product.until_ended(made, seconds=90)
    return made


def row_of(page: Page, recipient: str) -> Locator:
    return page.get_by_role("row").filter(has_text=recipient)


def rows(page: Page) -> Locator:
    return page.locator("tr[data-row]")


def search(page: Page, text: str, match: str = "", where: str = "") -> None:
    if where:
        page.get_by_label("What to search").select_option(label=where)
    if match:
        page.get_by_label("How to match").select_option(label=match)
    page.get_by_role("searchbox").fill(text)
    page.get_by_role("searchbox").press("Enter")
    expect(page).to_have_url(re.compile(re.escape(urlencode({"q": text}))))
    page.wait_for_load_state()


def follow(page: Page, link: Locator) -> None:
    """Go where a link leads; what is done next is done on the page there, once it has scrolled to what was found."""
    before = page.url
    link.click()
    expect(page).not_to_have_url(before)
    page.wait_for_load_state()


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="Selected messages")


class TestTable:
    def test_lists_every_message_with_recipient_status_fields_and_reason(
        self, panel_of: PanelOf, campaign_id: int
    ) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        for head in ("Recipient", "Status", "Custom fields", "Failure reason", "Attempts", "Updated"):
            expect(page.get_by_role("columnheader", name=head)).to_be_visible()
        row = row_of(page, UNREACHABLE[0])
        expect(row).to_contain_text("Failed")
        expect(row).to_contain_text("Unreachable")
        expect(row).to_contain_text("Ann 0")
        expect(row.get_by_text("note")).to_be_hidden()
        row.get_by_text("+2 more").click()
        expect(row.get_by_text("note")).to_be_visible()
        listed = set()
        while True:
            listed |= set(page.locator("td.rcpt").all_inner_texts())
            following = page.locator("a[rel=next]")
            if not following.count():
                break
            follow(page, following)
        assert listed == set(RECIPIENTS)
        expect(page.locator("#count")).to_have_text(f"{len(RECIPIENTS)} messages")


class TestFilteringAndSearch:
    def test_filters_by_status_and_by_failure_reason(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        follow(page, page.locator("#tile-delivered"))
        expect(page.locator("#count")).to_have_text(f"{len(GOOD)} of {len(RECIPIENTS)} messages")
        follow(page, page.locator("#tile-failed"))
        expect(page.locator("#count")).to_have_text(f"{FAILED} of {len(RECIPIENTS)} messages")
        follow(page, page.get_by_role("link", name="Unreachable 12"))
        expect(rows(page)).to_have_count(12)
        assert set(page.locator("td.rcpt").all_inner_texts()) == set(UNREACHABLE)
        page.reload()  # every view is a link
        expect(rows(page)).to_have_count(12)
        follow(page, page.get_by_role("link", name="Remove filter Reason: Unreachable"))
        expect(page.locator("#count")).to_have_text(f"{FAILED} of {len(RECIPIENTS)} messages")
        follow(page, page.get_by_role("link", name="Clear all"))
        expect(page.locator("#count")).to_have_text(f"{len(RECIPIENTS)} messages")

    def test_finds_by_recipient_and_by_other_criteria(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        search(page, "+1 415 555-3007", "Exact")
        expect(rows(page)).to_have_count(1)
        search(page, "+1415555300", "Starts with")
        expect(rows(page)).to_have_count(10)
        search(page, "5553007", "Contains")
        expect(rows(page)).to_have_count(1)
        search(page, "nowhere")
        expect(page.get_by_text("No message matches “nowhere”.")).to_be_visible()
        follow(page, page.get_by_role("link", name="Clear all filters"))
        page.get_by_role("link", name="Recipient", exact=True).click()
        expect(page.get_by_role("columnheader", name="Recipient")).to_have_attribute("aria-sort", "ascending")
        expect(page.locator("td.rcpt").first).to_have_text(min(RECIPIENTS))

    def test_finds_by_a_searchable_field(self, panel_of: PanelOf, tmp_path: Path) -> None:
        panel = panel_of("ben")
        page = panel.page
        create(panel, tmp_path, "Searched by suburb")
        search(page, "NORTH", "Starts with", where="suburb")
        expect(page.locator("#count")).to_have_text("62 of 62 messages")
        search(page, "nowhere", where="suburb")
        expect(page.get_by_text("No message matches “nowhere”.")).to_be_visible()

    def test_what_was_found_is_seen_with_the_tiles_above_it(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        page = panel.page
        page.set_viewport_size({"width": DESKTOP, "height": 720})  # a laptop's
        panel.open(f"/campaigns/{campaign_id}/")
        follow(page, page.locator("#tile-delivered"))
        expect(rows(page).nth(3)).to_be_in_viewport()
        page.mouse.wheel(0, 3000)
        search(page, "+1415555300", "Starts with")
        expect(page.locator("#count")).to_have_text(f"10 of {len(RECIPIENTS)} messages")
        expect(rows(page).nth(3)).to_be_in_viewport()
        expect(page.locator("#tile-delivered")).to_be_in_viewport()


def test_what_is_clicked_before_the_scripts_come_is_done_once_they_are_there(
    panel_of: PanelOf, campaign_id: int
) -> None:
    panel = panel_of("ben")
    page = panel.page

    def after_a_while(route: Route) -> None:
        page.locator("[data-check]").nth(2).check()
        rows(page).first.get_by_role("button", name=re.compile("^Actions")).click()
        route.continue_()

    page.route("**/js/tables.js", after_a_while)
    panel.open(f"/campaigns/{campaign_id}/?status=failed")
    expect(page.get_by_role("menuitem", name="Timeline")).to_be_visible()
    expect(bar(page)).to_contain_text("1 selected")
    expect(page.locator("[data-check]").nth(2)).to_be_checked()


class TestFailedMessages:
    def test_have_an_icon_and_a_tooltip_that_the_keyboard_reaches(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=failed")
        row = row_of(page, UNREACHABLE[0])
        expect(row.locator(".c-reason svg")).to_be_visible()
        row.get_by_role("button", name="Unreachable").focus()
        tooltip = row.get_by_role("tooltip")
        expect(tooltip).to_be_visible()
        expect(tooltip).to_contain_text("Could not be reached for now.")
        expect(tooltip).to_contain_text("unreachable")  # the provider's own word
        page.keyboard.press("Escape")
        expect(tooltip).to_be_hidden()

    def test_tell_their_story(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=failed")
        row = row_of(page, UNREACHABLE[1])
        row.get_by_role("button", name="Actions for").click()
        page.get_by_role("menuitem", name="Timeline").click()
        drawer = page.get_by_role("dialog", name=UNREACHABLE[1])
        expect(drawer).to_contain_text("Attempt 1")
        expect(drawer).to_contain_text("Failed: Unreachable")
        expect(drawer).to_contain_text("ran the campaign")
        assert "message=" in page.url
        assert violations(page) == []
        page.reload()
        expect(drawer).to_be_visible()
        page.keyboard.press("Escape")
        expect(drawer).to_have_count(0)
        assert "message=" not in page.url

    def test_tell_it_on_a_phone(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("vera", width=PHONE, scheme="dark")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=failed")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        page.get_by_role("button", name="Actions for").first.click()
        page.get_by_role("menuitem", name="Timeline").click()
        drawer = page.get_by_role("dialog")
        expect(drawer).to_contain_text("***")
        assert violations(page) == []
        drawer.get_by_role("link", name="Close").click()
        expect(drawer).to_have_count(0)


class TestRetrying:
    def test_one_message_by_its_menu(self, product: Product, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=failed")
        before = attempted_again(product, campaign_id)
        row_of(page, UNREACHABLE[2]).get_by_role("button", name="Actions for").click()
        page.get_by_role("menuitem", name="Retry…").click()
        dialog = page.get_by_role("dialog", name="Retry this message")
        expect(dialog).to_contain_text("The campaign goes from Complete (with errors) to In Progress")
        dialog.get_by_role("button", name="Retry 1 message").click()
        expect(page.locator(".toast")).to_have_text("1 message is queued again.")
        expect(dialog).to_have_count(0)
        until(lambda: attempted_again(product, campaign_id) == before + 1, seconds=60, what="the second attempt")
        product.until_ended(campaign_id, seconds=60)

    def test_ticks_outlive_a_refusal(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=delivered")
        for place in range(2):
            page.locator("[data-check]").nth(place).check()
        page.get_by_role("button", name="Retry Selected (2)").click()
        refused = page.get_by_role("dialog")
        expect(refused).to_contain_text("no messages that can be retried")
        refused.get_by_role("button", name="Close").last.click()
        expect(bar(page)).to_contain_text("2 selected")
        panel.faults.clear()  # Chromium names the answer that refuses

    def test_several_by_their_checkboxes(self, product: Product, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=failed")
        before = attempted_again(product, campaign_id)
        boxes = page.locator("[data-check]")
        boxes.nth(3).check()
        boxes.nth(7).click(modifiers=["Shift"])
        expect(bar(page)).to_contain_text("5 selected")
        follow(page, page.locator("a[rel=next]"))
        page.get_by_role("checkbox", name="Select +1").first.check()
        expect(bar(page)).to_contain_text("6 selected")  # the other page's are still among them
        assert violations(page) == []
        page.get_by_role("button", name="Retry Selected (6)").click()
        dialog = page.get_by_role("dialog", name="Retry selected messages")
        expect(dialog).to_contain_text("6 selected by hand")
        expect(dialog.get_by_role("status")).to_contain_text("6 messages")
        assert violations(page) == []
        ticks = dialog.get_by_role("checkbox").all()
        for tick in ticks:
            tick.uncheck()
        expect(dialog.get_by_role("button", name="Nothing ticked")).to_have_attribute("aria-disabled", "true")
        for tick in ticks:
            tick.check()
        dialog.get_by_role("button", name="Retry 6 messages").dblclick()
        expect(page.locator(".toast")).to_have_text("6 messages are queued again.")
        expect(bar(page)).to_be_hidden()
        until(lambda: attempted_again(product, campaign_id) == before + 6, seconds=60, what="six more attempts")
        product.until_ended(campaign_id, seconds=60)

    def test_all_that_match_over_all_pages(self, product: Product, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=failed")
        before = attempted_again(product, campaign_id)
        page.get_by_role("checkbox", name="Select all on this page").check()
        expect(page.get_by_text("All 50 on this page selected.")).to_be_visible()
        page.get_by_role("button", name=f"Select all {FAILED} failed").click()
        expect(bar(page)).to_contain_text(f"{FAILED} selected")
        page.get_by_role("link", name=f"Retry Selected ({FAILED})").click()
        dialog = page.get_by_role("dialog", name="Retry failed messages")
        expect(dialog).to_contain_text("Likely to work")
        likely = dialog.get_by_role("checkbox", name="Unreachable")
        expect(likely).to_be_checked()
        expect(dialog.get_by_role("checkbox", name="Invalid recipient")).not_to_be_checked()
        dialog.get_by_role("button", name="Retry 12 messages").click()
        expect(page.locator(".toast")).to_have_text("12 messages are queued again.")
        until(lambda: attempted_again(product, campaign_id) == before + 12, seconds=60, what="twelve more attempts")
        product.until_ended(campaign_id, seconds=60)

    def test_one_less_than_all_that_match_is_said_to_be_only_what_is_ticked(
        self, panel_of: PanelOf, campaign_id: int
    ) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=failed")
        page.get_by_role("checkbox", name="Select all on this page").check()
        everything = page.get_by_role("button", name=re.compile("^Select all [0-9]+ failed$"))
        everything.click()
        boxes = page.get_by_role("checkbox", name=re.compile(r"^Select \+"))
        boxes.nth(3).uncheck()
        said = page.get_by_role("status").filter(
            has_text="The selection is now the 49 ticked, no longer all that match."
        )
        expect(said).to_be_visible()
        expect(bar(page)).to_contain_text("49 selected")
        boxes.nth(4).uncheck()
        expect(said).to_have_count(0)
        expect(page.get_by_text("The selection is now the 48 ticked, no longer all that match.")).to_be_visible()
        everything.click()
        expect(page.get_by_text("All that match are selected, on every page.")).to_be_visible()
        page.get_by_role("button", name="Clear", exact=True).click()
        boxes.nth(0).check()
        expect(page.locator("[data-pickbar]")).to_be_hidden()

    def test_all_that_match_are_selected_on_a_phone_too(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben", width=PHONE)
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=failed")
        page.get_by_role("checkbox", name="Select all on this page").check()
        page.get_by_role("button", name=re.compile("^Select all [0-9]+ failed$")).click()
        expect(page.get_by_text("All that match are selected, on every page.")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        assert violations(page) == []

    def test_plan_explains_who_may_get_it_twice_and_who_never_again(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben", width=PHONE, scheme="dark")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        page.get_by_role("link", name="Retry…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Never: 1 person opted out. They are not counted and cannot be sent to.")
        expect(dialog).to_contain_text("What fails later is not in it.")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
        assert violations(page) == []

    def test_opted_out_one_can_not_be_retried(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=opted_out")
        page.get_by_role("button", name="Actions for").click()
        retry = page.get_by_role("menuitem", name=re.compile("^Retry"))
        expect(retry).to_have_attribute("aria-disabled", "true")
        expect(retry).to_contain_text("Only Failed and Unconfirmed messages can be sent again.")

    def test_waits_while_another_campaign_of_the_type_runs(
        self, product: Product, panel_of: PanelOf, campaign_id: int
    ) -> None:
        other, _ = product.create(Channel.SMS, 200, name="Water main works")
        product.change(simulated__speed=2.0)
        try:
            product.go(other)
            panel = panel_of("ben")
            page = panel.page
            panel.open(f"/campaigns/{campaign_id}/?status=failed")
            page.get_by_role("button", name="Actions for").first.click()
            page.get_by_role("menuitem", name="Retry…").click()
            dialog = page.get_by_role("dialog")
            expect(dialog).to_contain_text("SMS is in use. Water main works is In Progress")
            dialog.get_by_role("button", name="Start when SMS is free").click()
            expect(page.locator(".toast")).to_contain_text("is retried as soon as SMS is free, within 24 hours")
        finally:
            product.command("stop", str(other))
            product.change(simulated__speed=40.0)
        fired = "SELECT state FROM scheduled_starts WHERE campaign_id = ?"
        until(lambda: product.rows(fired, campaign_id) == [("done",)], seconds=60, what="the retry that waited")
        product.until_ended(campaign_id, seconds=60)


class TestKeyboard:
    def test_moves_selects_opens_and_helps(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben", width=DESKTOP)
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/?status=failed")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        expect(rows(page).nth(1)).to_be_focused()
        page.keyboard.press("x")
        expect(bar(page)).to_contain_text("1 selected")
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog").get_by_role("heading").first).to_be_focused()
        page.keyboard.press("Escape")
        expect(rows(page).nth(1)).to_be_focused()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        expect(page.get_by_role("searchbox")).to_be_focused()
        page.keyboard.type("x?")
        expect(page.get_by_role("searchbox")).to_have_value("x?")
        bar(page).get_by_role("button", name="Clear").click()
        expect(bar(page)).to_be_hidden()


class TestInDoubt:
    def test_what_is_known_is_told_and_the_provider_is_asked(self, panel_of: PanelOf, campaign_id: int) -> None:
        panel = panel_of("ben")
        panel.open(f"/campaigns/{campaign_id}/")
        follow(panel.page, panel.page.locator("#tile-unconfirmed"))
        table = panel.page.locator("#messages")
        expect(table.get_by_role("button", name="Look up 1 unconfirmed")).to_be_visible()
        row_of(panel.page, IN_DOUBT[0]).get_by_role("button", name=re.compile("^Actions")).click()
        panel.page.get_by_role("menuitem", name="Timeline").click()
        story = panel.page.locator("#story")
        expect(story).to_contain_text("The answer was lost")
        expect(story).to_contain_text("the person may get it twice")
        story.get_by_role("button", name="Ask the simulated provider").click()
        expect(story).to_contain_text("1 still Unconfirmed: the simulated provider lists none for it.")
        expect(story).to_contain_text("Looked up: the simulated provider lists none that must be it.")
        assert violations(panel.page) == []
        table.get_by_role("button", name="Look up 1 unconfirmed").click()
        expect(table).to_contain_text("1 still Unconfirmed: the simulated provider lists none for it.")


def attempted_again(product: Product, campaign_id: int) -> int:
    """How many hand-overs there were beyond the first of each message."""
    return int(
        product.rows(
            "SELECT COALESCE(SUM(attempt - 1), 0) FROM messages WHERE campaign_id = ? AND attempt > 0", campaign_id
        )[0][0]
    )

"""The seed's page, sentence by sentence: opening a campaign, its progress panel, exporting, and the actions."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from models.words import Channel
from tests.browser.conftest import Panel
from tests.crash.product import Product
from tests.processes import until

ENDED = 60_000  # ms
SENT = 40
# Who decides by the address what becomes of the message (SPEC 10, simulated recipients).
OUTCOMES = {
    Channel.SMS: [f"+1415556{ending}" for ending in (9003, 9003, 9001, 9020, 9031)],
    Channel.EMAIL: [f"sim.{name}@example.com" for name in ("failed.mailbox_full", "failed.blocked", "optedout")],
}
ALWAYS = {"Delivered", "Sending", "Failed", "Opted Out"}
OWN = {Channel.SMS: "Assumed Delivered", Channel.EMAIL: "Retrying"}
PanelOf = Callable[..., Panel]


def contacts(channel: Channel) -> bytes:
    """Most get it; some do not, each in another way."""
    good = [f"+1415556{number}" for number in range(2000, 2000 + SENT)]
    if channel is Channel.EMAIL:
        good = [f"good{number}@example.com" for number in range(SENT)]
    header = {Channel.SMS: "phone", Channel.EMAIL: "email"}[channel]
    recipients = [*dict.fromkeys([*OUTCOMES[channel], *good])]
    return "\n".join([f"{header},name,city,note", *(f"{one},Ann,Northbank,Soon" for one in recipients), ""]).encode()


def make(product: Product, channel: Channel, name: str) -> tuple[int, int]:
    """A Ready campaign to them; returns its id and how many there are."""
    rows = contacts(channel)
    return product.create(channel, rows.count(b"\n") - 1, name=name, contacts=rows)


def badge(page: Page) -> Locator:
    return page.locator("#head .badge")


def tiles(page: Page) -> dict[str, int]:
    """The count tiles as they stand, read in one go."""
    pairs = page.locator(".tile").evaluate_all(
        "tiles => tiles.map(one => [one.querySelector('.tile-name').textContent.trim(),"
        " one.querySelector('.tile-n').textContent])"
    )
    return {name: int(n.replace(",", "")) for name, n in pairs}


def confirm_all(dialog: Locator) -> None:
    expect(dialog.locator("[data-confirm]")).to_have_count(4)
    for box in dialog.locator("[data-confirm]").all():
        box.check()


def run(page: Page) -> None:
    page.get_by_role("link", name="Run…").click()
    dialog = page.get_by_role("dialog")
    confirm_all(dialog)
    dialog.get_by_role("button", name="Run now").click()
    expect(badge(page)).to_have_text("In Progress")


def downloaded(page: Page, which: str) -> list[dict[str, str]]:
    """The rows of the CSV that the Export button's menu gives."""
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=re.compile(f"^{which}")).click()
    return list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text(encoding="utf-8-sig"))))


class TestAccessingTheCampaignView:
    def test_outreach_then_campaigns_then_a_click_opens_the_detail_view(
        self, product: Product, panel_of: PanelOf
    ) -> None:
        campaign_id, total = make(product, Channel.SMS, "Access by the menu")
        panel = panel_of("ben")
        page = panel.page
        panel.open("/exports/")
        page.get_by_role("button", name="Outreach").click()
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Campaigns").click()
        page.get_by_role("link", name="Access by the menu").click()
        # Campaign summary: name, description, channel type, and current status.
        expect(page.get_by_role("heading", name="Access by the menu")).to_be_visible()
        expect(page.locator("#head")).to_contain_text(f"SMS·#{campaign_id}·{total} recipients".replace("·", ""))
        expect(badge(page)).to_have_text("Ready")
        # Progress panel: visual breakdown of message statuses.
        waiting = product.status(campaign_id)["counts"]["waiting"]  # somebody may have opted out in another test
        label = re.compile(rf"^Of {total}: .*Waiting {waiting}$")
        expect(page.locator("#progress .bar")).to_have_attribute("aria-label", label)
        # Messages table: individual message rows with status, recipient, and details.
        table = page.get_by_role("table", name="Messages of Access by the menu")
        expect(table.get_by_role("row")).to_have_count(total + 1)
        expect(table.get_by_role("row").nth(1)).to_contain_text(OUTCOMES[Channel.SMS][0])
        expect(table.get_by_role("row").nth(1)).to_contain_text("Waiting")
        expect(table.get_by_role("row").nth(1)).to_contain_text("Northbank")


class TestCampaignProgressPanel:
    @pytest.mark.parametrize("channel", Channel)
    def test_count_panels_for_each_state_from_ready_to_complete(
        self, product: Product, panel_of: PanelOf, channel: Channel
    ) -> None:
        campaign_id, total = make(product, channel, f"Progress by {channel}")
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        # Ready Campaigns. Total Messages: the number of queued messages waiting to be sent.
        counts = product.status(campaign_id)["counts"]  # somebody may have opted out in another test
        out = {"Opted Out": counts["opted_out"]} if counts["opted_out"] else {}
        assert tiles(page) == {"Total Messages": counts["waiting"], **out}
        assert counts["waiting"] + counts["opted_out"] == total
        run(page)
        # In Progress: the panel moves by itself, and its counts add up at every look.
        expect(page.locator(".asof")).to_contain_text("Live, as of")
        shown = tiles(page)
        assert ALWAYS | {OWN[channel]} <= shown.keys()
        assert sum(shown.values()) == total
        # Complete: the same count panels, now still.
        expect(badge(page)).to_have_text("Complete (with errors)", timeout=ENDED)
        expect(page.locator(".asof")).to_contain_text("As of")
        shown = tiles(page)
        assert ALWAYS | {OWN[channel]} <= shown.keys()
        assert OWN[Channel.EMAIL if channel is Channel.SMS else Channel.SMS] not in shown
        assert sum(shown.values()) == total
        assert shown["Failed"] == 2
        assert shown["Opted Out"] == 1
        assert shown.get("Assumed Delivered", 0) == (1 if channel is Channel.SMS else 0)
        expect(page.get_by_role("group", name="Filter by failure reason")).to_contain_text("Why 2 failed")

    def test_tile_filters_the_table_and_can_be_shared_as_a_link(self, product: Product, panel_of: PanelOf) -> None:
        campaign_id, _ = make(product, Channel.SMS, "Tiles filter")
        product.go(campaign_id)
        product.until_ended(campaign_id, seconds=60)
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        page.locator("#tile-failed").click()
        expect(page).to_have_url(re.compile(r"\?status=failed#found$"))
        expect(page.locator("#tile-failed")).to_have_attribute("aria-current", "true")
        expect(page.locator("#count")).to_have_text(f"2 of {SENT + 4} messages")

    @pytest.mark.usefixtures("slow")
    def test_panel_can_be_collapsed_or_expanded_while_it_lives(self, product: Product, panel_of: PanelOf) -> None:
        campaign_id, total = make(product, Channel.SMS, "Folded while live")
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        run(page)
        page.locator("#progress-title").click()
        expect(page.locator(".tiles")).to_be_hidden()
        with page.expect_response(re.compile("/progress")):
            pass
        expect(page.locator(".tiles")).to_be_hidden()
        page.locator("#progress-title").click()
        expect(page.locator(".tiles")).to_be_visible()
        # What is open inside stays open over the looks.
        until(lambda: product.status(campaign_id)["counts"]["delivered"] > 0, seconds=30, what="the first receipts")
        page.reload()
        page.get_by_text("The same as a table").click()
        with page.expect_response(re.compile("/progress")):
            pass
        expect(page.get_by_role("region", name="Delivery over time, as a table")).to_be_visible()
        assert sum(tiles(page).values()) == total
        stop(page)


class TestExportingData:
    @pytest.mark.usefixtures("slow")
    def test_all_or_filtered_at_any_time_with_the_statuses_of_that_moment(
        self, product: Product, panel_of: PanelOf
    ) -> None:
        campaign_id, total = make(product, Channel.SMS, "Exported while it runs")
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        page.get_by_role("button", name="Export").click()
        expect(page.get_by_role("menuitem", name="Filtered messages")).to_have_attribute("aria-disabled", "true")
        page.keyboard.press("Escape")
        run(page)
        until(lambda: product.status(campaign_id)["counts"]["delivered"] > 0, seconds=30, what="the first receipts")
        rows = downloaded(page, "All messages")
        assert len(rows) == total
        assert {"recipient", "status", "failure_reason", "name", "city"} <= rows[0].keys()
        assert {"queued", "delivered"} <= {row["status"] for row in rows}
        page.locator("#tile-delivered").click()
        page.wait_for_url("**status=delivered**")
        rows = downloaded(page, "Filtered messages")
        assert {row["status"] for row in rows} == {"delivered"}
        assert 0 < len(rows) < total
        stop(page)


class TestActionsFromTheDetailView:
    @pytest.mark.usefixtures("slow")
    def test_run_stop_delete_and_view_summary_are_available_as_the_table_says(
        self, product: Product, panel_of: PanelOf
    ) -> None:
        campaign_id, total = make(product, Channel.SMS, "Life of actions")
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        # Run: Ready campaigns. Delete: Ready or Complete campaigns. View summary: any time.
        summary_opens(page)
        available(page, yes=["Run…", "Delete…"], no=["Stop"])
        run(page)
        # Stop: In Progress campaigns.
        available(page, yes=["Stop…"], no=["Run", "Delete"])
        summary_opens(page)
        stop(page)
        expect(badge(page)).to_have_text("Stopped", timeout=ENDED)
        available(page, yes=["Resume…", "Delete…"], no=["Stop", "Run"])
        summary_opens(page)
        page.get_by_role("link", name="Delete…").click()
        page.get_by_label("Type Life of actions").fill("Life of actions")
        page.get_by_role("button", name=f"Delete {total} messages").click()
        expect(page.locator(".toast")).to_have_text("Life of actions is being deleted.")
        expect(page.get_by_role("link", name="Life of actions")).to_have_count(0)

    def test_start_later_is_in_the_browsers_zone_and_can_be_cancelled(
        self, product: Product, panel_of: PanelOf
    ) -> None:
        campaign_id, _ = make(product, Channel.SMS, "Begun tomorrow")
        panel = panel_of("ben")
        page = panel.page
        page.clock.install()
        panel.open(f"/campaigns/{campaign_id}/")
        zone = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
        page.get_by_role("link", name="Run…").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("At a time…").check()
        expect(dialog.get_by_label("Starts at,")).to_be_visible()
        expect(dialog).to_contain_text(f"Starts at, {zone}")
        year = page.evaluate("new Date(Date.now() + 86400000 * 2).toISOString().slice(0, 10)")
        dialog.get_by_label("Starts at,").fill(f"{year}T14:00")
        confirm_all(dialog)
        dialog.get_by_role("button", name=f"Start at {year} 14:00").click()
        expect(page.locator("#progress .move")).to_contain_text("14:00")
        expect(page.locator("#progress .move")).to_contain_text("asked by Ben")
        page.get_by_role("button", name="Cancel the start").click()
        expect(page.locator(".toast")).to_contain_text("The start is cancelled")
        expect(page.locator("#progress .move")).to_have_count(0)

    def test_duplicate_begins_a_draft(self, product: Product, panel_of: PanelOf) -> None:
        campaign_id, _ = make(product, Channel.EMAIL, "Twice of a kind")
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        page.get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name="Duplicate…").click()
        page.get_by_role("button", name="Make a Draft").click()
        expect(page).to_have_url(re.compile(r"/campaigns/\d+/contacts$"))
        panel.open("/campaigns/?status=draft")
        expect(page.get_by_role("link", name="Twice of a kind copy")).to_be_visible()

    def test_hand_on_names_another_owner(self, product: Product, panel_of: PanelOf) -> None:
        campaign_id, _ = make(product, Channel.SMS, "Into other hands")
        panel = panel_of("alice")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        page.get_by_role("button", name="More actions").click()
        page.get_by_role("menuitem", name="Hand on…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("option", name=re.compile("Vera"))).to_have_count(0)
        dialog.get_by_label("New owner").select_option(label="Ben, Campaigner")
        dialog.get_by_role("button", name="Hand it on").click()
        expect(page.locator(".toast")).to_have_text("Ben owns Into other hands now.")
        expect(page.locator("#head")).to_contain_text("owner Ben")


class TestTrouble:
    def test_two_tabs_at_once_the_later_one_is_told_and_catches_up(self, product: Product, panel_of: PanelOf) -> None:
        campaign_id, _ = make(product, Channel.SMS, "Two tabs")
        first, second = panel_of("ben"), panel_of("alice")
        first.open(f"/campaigns/{campaign_id}/")
        second.open(f"/campaigns/{campaign_id}/run")
        run(first.page)
        dialog = second.page.get_by_role("dialog")
        confirm_all(dialog)
        dialog.get_by_role("button", name="Run now").click()
        expect(second.page.get_by_role("alert")).to_contain_text("Only a Ready campaign can be run")
        product.until_ended(campaign_id, seconds=60)

    def test_campaign_deleted_under_an_open_page(self, product: Product, panel_of: PanelOf) -> None:
        campaign_id, _ = make(product, Channel.SMS, "Gone meanwhile")
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        product.command("delete", str(campaign_id))
        page.get_by_role("link", name="Run…").click()
        expect(page.get_by_role("dialog")).to_contain_text(f"There is no campaign {campaign_id}")
        page.get_by_role("button", name="Close").click()
        expect(page.get_by_role("alert")).to_contain_text("This campaign was deleted.")
        expect(page.get_by_role("region", name="Messages")).to_have_count(0)

    def test_run_dialog_counts_without_whom_it_leaves_out(self, product: Product, panel_of: PanelOf) -> None:
        rows = "phone,name,city,note\n" + "".join(f"+1415558{number},Ann,Cork,\n" for number in (2000, 2001, 2002))
        first, _ = product.create(Channel.SMS, 2, name="Sent before", contacts=rows.rpartition("+1")[0].encode())
        product.go(first)
        product.until_ended(first, seconds=60)
        campaign_id, _ = product.create(Channel.SMS, 3, name="Sent after", contacts=rows.encode())
        panel = panel_of("ben")
        panel.open(f"/campaigns/{campaign_id}/run")
        total = panel.page.locator(".total")
        expect(total).to_have_text(re.compile("^3 messages3 segments"), use_inner_text=True)
        panel.page.get_by_label("Leave them out").check()
        expect(total).to_have_text(re.compile("^1 messageat most 3 segments"), use_inner_text=True)

    def test_session_that_ends_in_mid_form_loses_nothing_typed(self, product: Product, panel_of: PanelOf) -> None:
        campaign_id, _ = make(product, Channel.SMS, "Kept on my screen")
        panel = panel_of("ben")
        page = panel.page
        panel.open(f"/campaigns/{campaign_id}/")
        page.get_by_role("link", name="Delete…").click()
        page.get_by_label("Type Kept on my screen").fill("Kept on my screen")
        page.context.clear_cookies()
        page.get_by_role("button", name="Delete 44 messages").click()
        expect(page.locator(".toast")).to_contain_text("You are signed out.")
        expect(page.get_by_label("Type Kept on my screen")).to_have_value("Kept on my screen")
        panel.faults.clear()  # Chromium names the 401
        assert product.phase(campaign_id) == "ready"


def stop(page: Page) -> None:
    page.get_by_role("link", name="Stop…").click()
    page.get_by_role("button", name="Stop sending").click()
    expect(page.locator(".toast")).to_contain_text("Stopped:")


def summary_opens(page: Page) -> None:
    page.get_by_role("link", name="View summary").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Template")
    expect(dialog.locator("#preview")).to_contain_text("Contact 1 of")
    dialog.get_by_role("link", name="Close").last.click()
    expect(dialog).to_have_count(0)


def available(page: Page, *, yes: list[str], no: list[str]) -> None:
    """What the head offers, and what it refuses with a reason that the keyboard reaches."""
    for word in yes:
        expect(page.locator("#head").get_by_role("link", name=word, exact=True)).to_be_visible()
    for word in no:
        refused = page.locator("#head").get_by_role("button", name=word, exact=True)
        if refused.count():
            refused.focus()
            expect(refused).to_have_attribute("aria-disabled", "true")
            expect(page.get_by_role("tooltip").filter(visible=True)).to_be_visible()
        else:
            page.get_by_role("button", name="More actions").click()
            item = page.get_by_role("menuitem", name=re.compile(f"^{word}"))
            expect(item).to_have_attribute("aria-disabled", "true")
            expect(item.locator(".why-not")).not_to_be_empty()
            page.keyboard.press("Escape")

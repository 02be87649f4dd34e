"""How the local Slack's page looks: at 1280 and 390 pixels, light and dark, with long texts and every input.

The pictures are kept in the test's own folder, under pytest's `--basetemp`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from slack_sdk import WebClient

from bot.drawing import blocks
from bot.local_slack import AppProfile, LocalSlack, Shortcut
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.test_local_slack_page import EVERY_INPUT, opened
from tests.browser.test_panel_looks import SCHEMES, violations
from tests.counter_app import option, plain

CHANNEL, BEN = "C0CAMPAIGNS", "U0BEN"
PROFILE = AppProfile(shortcuts=(Shortcut("Campaign actions", "act"), Shortcut("New campaign", "new", "global")))
LONG_NAME = "Spring sale for all customers of the northern and the western region, second wave"
TILES = ("*Delivered* 1,042", "*Sending* 96", "*Failed* 58", "*Opted Out* 14", "*Queued* 790")
MENU = [("Retry…", "retry:1"), ("Export", "export:1"), ("Summary", "summary:1"), ("Move card here", "move:1")]


def campaign_card(name: str) -> list[dict[str, Any]]:
    """As the bot's card is made."""
    buttons = [
        blocks.button("Run…", "run", style="primary"),
        blocks.button("Stop…", "stop", style="danger"),
        blocks.button("Open panel", "open_panel", url="http://127.0.0.1:5000/campaigns/1"),
        blocks.overflow("menu", MENU),
    ]
    return [
        blocks.header(name),
        blocks.section("*In Progress* · SMS · 2,000 recipients · run by Ben"),
        blocks.section(f"{blocks.bar(0.6)} 60 %\n1,210 of 2,000 · 104 a second · about 8 s left"),
        blocks.fields(TILES),
        blocks.section(":warning: *Why 58 failed:* Unreachable 31 · Blocked 12 · Mailbox full 9"),
        blocks.actions(buttons, block_id="card"),
        blocks.context("As of 10:42:07 · <https://example.org|Open in panel> · Simulated: no message leaves Signalbox"),
    ]


def stage(slack: LocalSlack) -> None:
    """A channel with a card, a thread, an ephemeral answer and what people said; a direct message with a file."""
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    root = client.chat_postMessage(channel=CHANNEL, text="card", blocks=campaign_card(LONG_NAME))["ts"]
    for line in ("*Ben* ran it: 2,000 messages, disclaimer accepted.", "*Held.* Most of them `unreachable`."):
        client.chat_postMessage(channel=CHANNEL, text="line", thread_ts=root, blocks=[blocks.section(line)])
    slack.do(lambda: slack.human.say("U0VERA", CHANNEL, "Is this https://example.org/" + "very-long-" * 20 + "?"))
    shown = [
        blocks.section("*Spring*\nIn Progress · 60 % of 2,000", blocks.overflow("menu", MENU)),
        blocks.section("`/campaign list [draft|ready|running|ended]` your campaigns\n> quoted\n```pre\nformatted```"),
        blocks.divider(),
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x" * 300}]}],
        },
    ]
    client.chat_postEphemeral(channel=CHANNEL, user=BEN, text="answer", blocks=shown)
    direct = client.conversations_open(users=BEN)["channel"]["id"]
    client.files_upload_v2(content="a,b\n", filename=f"{'long-' * 14}name.csv", channel=direct, initial_comment="Here")
    home = [
        blocks.context("Ben · Campaigner"),
        blocks.header("Running now"),
        *campaign_card("Spring"),
        blocks.divider(),
    ]
    client.views_publish(user_id=BEN, view={"type": "home", "blocks": home})


def modal() -> dict[str, Any]:
    """A dialog with every input, a long text, and boxes with descriptions."""
    ticks = [{**option(f"Choice {n}"), "description": plain("What it means, in a sentence of its own")} for n in (1, 2)]
    inputs = [
        {"type": "input", "block_id": name, "label": plain(name.title()), "optional": True, "hint": plain("A hint."),
         "element": {"action_id": name, **one}}
        for name, one in {**EVERY_INPUT, "boxes": {"type": "checkboxes", "options": ticks}}.items()
    ]  # fmt: skip
    told = [blocks.section(f"*{LONG_NAME}* will go to 2,000 people."), blocks.context("As of now"), blocks.divider()]
    alert = {"type": "alert", "level": "warning", "text": plain("58 people will get it a second time.")}
    return {"type": "modal", "title": plain("Retry failed messages"), "submit": plain("Retry 58 messages"),
            "close": plain("Cancel"), "blocks": [*told, alert, *inputs]}  # fmt: skip


def in_channel(page: Page, _slack: LocalSlack) -> None:
    expect(page.get_by_text("In Progress").first).to_be_visible()


def in_thread(page: Page, _slack: LocalSlack) -> None:
    page.get_by_role("button", name="2 replies").click()
    expect(page.locator("#aside").get_by_text("disclaimer accepted")).to_be_visible()


def in_menu(page: Page, _slack: LocalSlack) -> None:
    page.get_by_role("button", name="More actions").first.click()
    expect(page.get_by_role("menuitem", name="Export")).to_be_visible()


def in_conversations(page: Page, _slack: LocalSlack) -> None:
    button = page.get_by_role("button", name="Conversations")
    if button.is_visible():
        button.click()
    expect(page.get_by_role("button", name="New campaign")).to_be_visible()


def in_traffic(page: Page, slack: LocalSlack) -> None:
    in_conversations(page, slack)
    page.get_by_role("button", name="Raw traffic").click()
    page.get_by_text("views.publish").click()
    expect(page.get_by_text('"ok": true').first).to_be_visible()


def in_modal(page: Page, slack: LocalSlack) -> None:
    slack.do(lambda: slack.core.dialogs.push(BEN, modal()))
    expect(page.get_by_role("dialog", name="Retry failed messages")).to_be_visible()


def at_the_modals_end(page: Page, slack: LocalSlack) -> None:
    in_modal(page, slack)
    page.locator(".dialog-body").evaluate("body => body.scrollTo(0, body.scrollHeight)")


def at_home(page: Page, _slack: LocalSlack) -> None:
    page.goto(page.url.split("#")[0] + "#D0BEN")
    expect(page.get_by_text("Running now")).to_be_visible()


def at_the_file(page: Page, slack: LocalSlack) -> None:
    at_home(page, slack)
    page.get_by_role("button", name="Messages", exact=True).click()
    expect(page.get_by_text("Download")).to_be_visible()


CUT_OFF = """
[...document.querySelectorAll("body *")]
  .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
  .filter((one) => getComputedStyle(one).overflowX !== "visible")
  .map((one) => one.outerHTML.slice(0, 200))
"""
# The dialog is left open, so it comes last.
PLACES = (
    in_channel,
    in_thread,
    in_menu,
    in_conversations,
    in_traffic,
    at_home,
    at_the_file,
    in_modal,
    at_the_modals_end,
)


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[LocalSlack]:
    with LocalSlack(tmp_path / "slack", profile=PROFILE, limits=False) as running:
        stage(running)
        yield running


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_nothing_is_cut_off_or_hard_to_read(browser: Browser, slack: LocalSlack, tmp_path: Path, width: int) -> None:
    window = {"width": width, "height": 844 if width == PHONE else 860}
    for go in PLACES:
        page = opened(browser, slack, viewport=window, has_touch=width == PHONE, reduced_motion="reduce")
        go(page, slack)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, go.__name__
        assert page.evaluate(CUT_OFF) == [], go.__name__
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=tmp_path / f"{go.__name__}-{width}-{scheme}.png")
            assert violations(page) == [], (go.__name__, scheme)
        page.context.close()


def test_card_s_buttons_stand_in_one_row_on_a_phone(browser: Browser, slack: LocalSlack) -> None:
    page = opened(browser, slack, viewport={"width": PHONE, "height": 844}, has_touch=True)
    row = page.locator(".b-actions").first
    tops = {round(box["y"]) for one in row.locator(".button").all() if (box := one.bounding_box())}
    assert len(tops) == 1

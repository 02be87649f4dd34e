"""The local Slack's page in Chromium: a small bolt app that isn't ours, used by people, over both transports."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect
from slack_sdk import WebClient

from bot.local_slack import LocalSlack
from tests.bolt_hosts import HOSTS
from tests.counter_app import PROFILE, card, make_counter, option, plain

TROUBLE: list[str] = []


@pytest.fixture(params=HOSTS)
def slack(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[LocalSlack]:
    """A workspace with the counter app."""
    with LocalSlack(tmp_path, profile=PROFILE) as running, HOSTS[request.param](running, make_counter(running)):
        yield running


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[LocalSlack]:
    """A workspace whose app says only what the test lets it say."""
    with LocalSlack(tmp_path, profile=PROFILE) as running:
        yield running


@pytest.fixture(autouse=True)
def trouble(browser: Browser) -> Iterator[None]:
    """Closes a test's pages; trouble in their scripts fails it."""
    TROUBLE.clear()
    yield
    for context in browser.contexts:
        context.close()
    assert TROUBLE == []


def opened(browser: Browser, slack: LocalSlack, user: str = "U0BEN", place: str = "", **options: Any) -> Page:
    """The page as one person."""
    page = browser.new_context(**options).new_page()
    page.on("pageerror", lambda error: TROUBLE.append(str(error)))
    page.on("console", lambda said: TROUBLE.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(f"{slack.url}/?as={user}#{place}")
    return page


def typed(page: Page, line: str) -> None:
    page.get_by_label("Message", exact=True).fill(line)
    page.get_by_label("Message", exact=True).press("Enter")


def post(slack: LocalSlack, blocks: list[dict[str, Any]], text: str = "card") -> None:
    client = WebClient(token=slack.bot_token, base_url=slack.api_url)
    client.chat_postMessage(channel="C0CAMPAIGNS", text=text, blocks=blocks)


def test_typing_before_the_workspace_is_there_is_no_fault(browser: Browser, quiet: LocalSlack) -> None:
    page = opened(browser, quiet)
    asked: list[Route] = []

    def hold(one: Route) -> None:
        asked.append(one)

    page.route("**/ui/state*", hold, times=1)
    page.reload()
    page.get_by_label("Message", exact=True).fill("/")
    [held] = asked
    held.continue_()
    expect(page.get_by_role("link", name="# campaigns")).to_be_visible()


def test_counter_counts_for_two_people_at_once(browser: Browser, slack: LocalSlack) -> None:
    ben, vera = opened(browser, slack), opened(browser, slack, "U0VERA")
    typed(ben, "/count 3")
    expect(vera.get_by_text("Clicked 3 times")).to_be_visible()
    vera.get_by_role("button", name="Add one").click()
    expect(ben.get_by_text("Clicked 4 times")).to_be_visible()
    ben.get_by_label("Add many").select_option("10")
    expect(vera.get_by_text("Clicked 14 times")).to_be_visible()


def test_confirm_is_asked_before_the_app_hears(browser: Browser, slack: LocalSlack) -> None:
    page = opened(browser, slack)
    typed(page, "/count 3")
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_text("Clicked 3 times")).to_be_visible()
    assert not [one for one in slack.core.traffic if one["name"] == "block_actions reset"]
    page.get_by_role("button", name="Reset").click()
    page.locator("#confirm").get_by_role("button", name="Reset").click()
    expect(page.get_by_text("Clicked 0 times")).to_be_visible()


def test_modal_with_suggestions_makes_a_counter(browser: Browser, slack: LocalSlack) -> None:
    page = opened(browser, slack)
    typed(page, "/count")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Open").click()
    dialog = page.get_by_role("dialog", name="New counter")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_text("Please complete this required field.")).to_be_visible()
    dialog.get_by_role("textbox", name="Name").fill("taken")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_text("That name is taken")).to_be_visible()
    dialog.get_by_role("textbox", name="Name").fill("Bells")
    dialog.get_by_label("From").get_by_role("spinbutton").fill("7")
    dialog.get_by_role("searchbox", name="Colour").fill("gr")
    dialog.get_by_role("button", name="Grey").click()
    dialog.get_by_role("button", name="Create").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("Clicked 7 times")).to_be_visible()


def test_home_shortcut_and_late_answer_are_shown(browser: Browser, slack: LocalSlack) -> None:
    page = opened(browser, slack)
    typed(page, "/late")
    expect(page.get_by_text("/late failed with the error “operation_timeout”")).to_be_visible()
    page.get_by_role("link", name="Counter").click()
    expect(page.get_by_text("Opened at home")).to_be_visible()
    page.get_by_role("button", name="New counter").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("link", name="# campaigns").click()
    expect(page.get_by_text("Nothing was made")).to_be_visible()


def test_direct_messages_open_at_the_latest(browser: Browser, quiet: LocalSlack) -> None:
    client = WebClient(token=quiet.bot_token, base_url=quiet.api_url)
    lines = [{"type": "section", "text": {"type": "plain_text", "text": f"News {number}"}} for number in range(40)]
    client.chat_postMessage(channel="U0BEN", text="news", blocks=lines)
    page = opened(browser, quiet)
    page.get_by_role("link", name="Counter").click()
    page.get_by_role("button", name="Messages").click()
    expect(page.get_by_text("News 39", exact=True)).to_be_in_viewport()


def test_ephemeral_is_shown_to_one_person_until_dismissed(browser: Browser, quiet: LocalSlack) -> None:
    ben, vera = opened(browser, quiet), opened(browser, quiet, "U0VERA")
    client = WebClient(token=quiet.bot_token, base_url=quiet.api_url)
    client.chat_postEphemeral(channel="C0CAMPAIGNS", user="U0BEN", text="psst")
    post(quiet, [{"type": "divider"}])
    expect(ben.get_by_text("Only visible to you")).to_be_visible()
    expect(vera.locator("hr")).to_be_visible()
    expect(vera.get_by_text("psst")).to_be_hidden()
    ben.get_by_role("button", name="Dismiss").click()
    expect(ben.get_by_text("psst")).to_be_hidden()


def test_thread_refuses_commands_and_takes_replies(browser: Browser, quiet: LocalSlack) -> None:
    page = opened(browser, quiet)
    typed(page, "root")
    page.get_by_text("root", exact=True).hover()
    page.get_by_role("button", name="Reply").click()
    page.get_by_label("Reply", exact=True).fill("a reply")
    page.get_by_label("Reply", exact=True).press("Enter")
    expect(page.get_by_role("button", name="1 reply")).to_be_visible()
    page.get_by_label("Reply", exact=True).fill("/count")
    page.get_by_label("Reply", exact=True).press("Enter")
    expect(page.locator("aside").get_by_text("/count is not supported in threads. Sorry!")).to_be_visible()


def test_acting_as_somebody_else_changes_what_is_seen(browser: Browser, quiet: LocalSlack) -> None:
    page = opened(browser, quiet)
    client = WebClient(token=quiet.bot_token, base_url=quiet.api_url)
    client.chat_postEphemeral(channel="C0CAMPAIGNS", user="U0VERA", text="for Vera")
    page.get_by_label("Acting as").select_option("Vera")
    expect(page.get_by_text("for Vera")).to_be_visible()


def test_file_is_downloaded_from_the_direct_message(browser: Browser, quiet: LocalSlack) -> None:
    client = WebClient(token=quiet.bot_token, base_url=quiet.api_url)
    direct = str(client.conversations_open(users="U0BEN")["channel"]["id"])
    client.files_upload_v2(content="a,b\n", filename="a.csv", title="Export", channel=direct)
    page = opened(browser, quiet, place=direct)
    page.get_by_role("button", name="Messages").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    assert download.value.suggested_filename == "a.csv"
    assert Path(download.value.path()).read_text(encoding="utf-8") == "a,b\n"


def test_bad_block_leaves_the_others_alone(browser: Browser, quiet: LocalSlack) -> None:
    blocks: list[dict[str, Any]] = [*card(1), {"type": "hologram"}, {"type": "header"}, {"type": "divider"}]
    quiet.do(lambda: quiet.core.workspace.post("C0CAMPAIGNS", "card", blocks=blocks[:3] + blocks[5:]))
    message = quiet.do(lambda: quiet.core.workspace.messages("C0CAMPAIGNS", "U0BEN"))[0]
    message["blocks"] += blocks[3:5]
    quiet.do(lambda: quiet.core.workspace.put_message(message))
    page = opened(browser, quiet)
    expect(page.get_by_text("Unknown block: hologram")).to_be_visible()
    expect(page.get_by_text("block that can't be drawn")).to_be_visible()
    expect(page.get_by_text("Clicked 1 times")).to_be_visible()
    expect(page.locator("hr")).to_be_visible()


def test_text_is_drawn_as_slack_draws_it(browser: Browser, quiet: LocalSlack) -> None:
    text = (
        "*bold* _it_ ~no~ `x*y*` &lt;b&gt; <https://example.org/?a=1&amp;b=2|link> <@U0VERA> <!channel> :rocket: :nope:"
    )
    post(
        quiet, [{"type": "section", "text": {"type": "mrkdwn", "text": f"{text} <!date^1700000000^{{date_num}}|then>"}}]
    )
    post(
        quiet,
        [{"type": "section", "text": {"type": "mrkdwn", "text": "<javascript:alert(1)|bad> a*b*c snake_case_name"}}],
    )
    page = opened(browser, quiet, timezone_id="UTC")
    section = page.locator(".b-section").first
    expect(section).to_have_text("bold it no x*y* <b> link @Vera @channel 🚀 :nope: 2023-11-14")
    assert section.locator("b").inner_text() == "bold"
    assert section.get_by_role("link").get_attribute("href") == "https://example.org/?a=1&b=2"
    expect(page.locator(".b-section").nth(1)).to_have_text("bad a*b*c snake_case_name")
    expect(page.locator(".b-section").nth(1).get_by_role("link")).to_have_count(0)


def test_raw_traffic_lists_calls_and_their_answers(browser: Browser, quiet: LocalSlack) -> None:
    page = opened(browser, quiet)
    post(quiet, [{"type": "divider"}])
    page.get_by_role("button", name="Raw traffic").click()
    page.get_by_text("chat.postMessage").click()
    expect(page.get_by_text('"ok": true')).to_be_visible()
    assert quiet.bot_token not in page.content()


def test_phone_reaches_everything_without_sideways_scrolling(browser: Browser, quiet: LocalSlack) -> None:
    post(quiet, card(1))
    page = opened(browser, quiet, viewport={"width": 390, "height": 844}, has_touch=True)
    expect(page.get_by_text("Clicked 1 times")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Conversations").click()
    page.get_by_role("link", name="# general").click()
    expect(page.get_by_role("heading", name="# general")).to_be_visible()
    expect(page.get_by_role("link", name="# campaigns")).to_be_hidden()


SIZES = [option("Small"), option("Large")]
EVERY_INPUT: dict[str, dict[str, Any]] = {
    "text": {"type": "plain_text_input"},
    "long": {"type": "plain_text_input", "multiline": True},
    "number": {"type": "number_input", "is_decimal_allowed": False},
    "email": {"type": "email_text_input"},
    "url": {"type": "url_text_input"},
    "one": {"type": "static_select", "options": SIZES},
    "several": {"type": "multi_static_select", "options": SIZES, "initial_options": SIZES[:1]},
    "person": {"type": "users_select"},
    "room": {"type": "channels_select"},
    "place": {"type": "conversations_select"},
    "ticks": {"type": "checkboxes", "options": SIZES},
    "radio": {"type": "radio_buttons", "options": SIZES},
    "day": {"type": "datepicker"},
    "hour": {"type": "timepicker"},
    "moment": {"type": "datetimepicker"},
}


def test_every_input_is_drawn_and_its_answer_arrives(browser: Browser, quiet: LocalSlack) -> None:
    blocks = [
        {
            "type": "input",
            "block_id": name,
            "label": plain(name),
            "optional": True,
            "element": {"action_id": name, **one},
        }
        for name, one in EVERY_INPUT.items()
    ]
    view = {"type": "modal", "title": plain("All"), "submit": plain("Go"), "blocks": blocks}
    quiet.do(lambda: quiet.core.dialogs.push("U0BEN", view))
    page = opened(browser, quiet, timezone_id="UTC")

    def group(name: str) -> Locator:
        return page.get_by_role("group", name=name, exact=True)

    for name, typed_text in {
        "text": "short", "long": "two\nlines", "number": "7", "email": "a@example.com", "url": "https://example.com",
        "day": "2026-11-23", "hour": "10:30", "moment": "2026-11-23T10:30",
    }.items():  # fmt: skip
        group(name).locator("input, textarea").fill(typed_text)
        group(name).locator("input, textarea").dispatch_event("change")
    for name, choice in {"one": "Large", "person": "Vera", "room": "#general", "place": "#campaigns"}.items():
        group(name).locator("select").select_option(choice)
    group("several").locator("summary").click()
    for name in ("several", "ticks", "radio"):
        group(name).get_by_text("Large").click()
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("We had some trouble connecting")).to_be_visible()
    assert page.locator(".unknown").count() == 0
    kept = quiet.do(lambda: quiet.core.dialogs.wire(quiet.core.dialogs.stack("U0BEN")[0]))
    found = {
        name: next(v for k, v in one[name].items() if k != "type") for name, one in kept["state"]["values"].items()
    }
    assert found == {
        "text": "short", "long": "two\nlines", "number": "7", "email": "a@example.com", "url": "https://example.com",
        "one": SIZES[1], "several": SIZES, "person": "U0VERA", "room": "C0GENERAL", "place": "C0CAMPAIGNS",
        "ticks": SIZES[1:], "radio": SIZES[1], "day": "2026-11-23", "hour": "10:30", "moment": 1795429800,
    }  # fmt: skip


def test_every_block_of_a_message_is_drawn(browser: Browser, quiet: LocalSlack) -> None:
    said = {"type": "mrkdwn", "text": "said"}
    rich = {"type": "rich_text_section", "elements": [{"type": "text", "text": "rich", "style": {"bold": True}}]}
    pick = {"type": "static_select", "action_id": "p", "option_groups": [{"label": plain("Sizes"), "options": SIZES}]}
    post(
        quiet,
        [
            {"type": "section", "fields": [said, said], "accessory": {"type": "overflow", "options": SIZES}},
            {
                "type": "context",
                "elements": [said, {"type": "image", "image_url": "https://x.example/a", "alt_text": "dot"}],
            },
            {"type": "image", "image_url": "https://x.example/a", "alt_text": "chart"},
            {
                "type": "rich_text",
                "elements": [rich, {"type": "rich_text_list", "style": "ordered", "elements": [rich]}],
            },
            {
                "type": "actions",
                "elements": [pick, {"type": "button", "text": plain("Panel"), "url": "https://x.example"}],
            },
        ],
    )
    page = opened(browser, quiet)
    expect(page.get_by_role("link", name="Panel")).to_have_attribute("href", "https://x.example")
    for seen in ("said", "rich", "Image: chart", "Image: dot"):
        expect(page.get_by_text(seen).first).to_be_visible()
    assert page.locator(".unknown").count() == 0

"""Each rule of Block Kit, broken once: the local Slack refuses it with Slack's words and names the place."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.local_slack import LocalSlack
from bot.local_slack.blocks import message_problems, view_problems

Part = dict[str, Any]
DIVIDER: Part = {"type": "divider"}


@pytest.fixture
def slack(tmp_path: Path) -> Iterator[LocalSlack]:
    with LocalSlack(tmp_path) as running:
        yield running


@pytest.fixture
def client(slack: LocalSlack) -> WebClient:
    return WebClient(token=slack.bot_token, base_url=slack.api_url)


def plain(text: str) -> Part:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Part:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "a", **more: Any) -> Part:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(**more: Any) -> Part:
    return {"type": "button", "text": plain("Go"), **more}


def actions(*elements: Part, **more: Any) -> Part:
    return {"type": "actions", "elements": list(elements), **more}


def options(count: int, length: int = 1) -> list[Part]:
    return [{"text": plain("o" * length), "value": str(number)} for number in range(count)]


def select(**more: Any) -> Part:
    return {"type": "static_select", "placeholder": plain("Choose"), **more}


def entry(element: Part) -> Part:
    return {"type": "input", "label": plain("Label"), "element": element}


def table(*rows: list[Part]) -> Part:
    return {"type": "table", "rows": list(rows)}


def cell(text: str) -> Part:
    return {"type": "raw_text", "text": text}


TEXT_INPUT = entry({"type": "plain_text_input"})

GOOD = [
    [section(), section(fields=[mrkdwn("a")] * 10), DIVIDER, {"type": "header", "text": plain("h")}],
    [actions(button(action_id="a", value="1"), {"type": "overflow", "options": options(5)})],
    [section(accessory=button(action_id="same")), section(accessory=button(action_id="same"))],
    [{"type": "context", "elements": [mrkdwn("a")] * 10}],
    [section("x" * 3000)],
    [table([cell("a"), cell("b")], [cell("c"), cell("d")])],
    [{"type": "markdown", "text": "x" * 12_000}],
]

BAD = {
    "51 blocks": ([DIVIDER] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "unknown block": ([{"type": "chart"}], "unsupported type: chart [json-pointer:/blocks/0/type]"),
    "no type": ([{}], "missing required field: type [json-pointer:/blocks/0]"),
    "unknown property": ([section(colour="red")], "invalid additional property: colour [json-pointer:/blocks/0]"),
    "text of 3001": ([section("x" * 3001)], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    "empty text": ([section("")], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    "text that is a number": (
        [section(7)],  # type: ignore[arg-type]  # the mistake that is tested
        "must provide a string [json-pointer:/blocks/0/text/text]",
    ),
    "field of 2001": (
        [{"type": "section", "fields": [mrkdwn("x" * 2001)]}],
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    "11 fields": (
        [section(fields=[mrkdwn("a")] * 11)],
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    "header of 151": (
        [{"type": "header", "text": plain("x" * 151)}],
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    "empty actions": ([actions()], "no less than 1 items allowed [json-pointer:/blocks/0/elements]"),
    "26 actions": ([actions(*[button()] * 26)], "no more than 25 items allowed [json-pointer:/blocks/0/elements]"),
    "11 in context": (
        [{"type": "context", "elements": [mrkdwn("a")] * 11}],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "button of 76": (
        [actions({"type": "button", "text": plain("x" * 76)})],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    "value of 2001": (
        [actions(button(value="x" * 2001))],
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    "disabled button": (
        [actions(button(disabled=True))],
        "invalid additional property: disabled [json-pointer:/blocks/0/elements/0]",
    ),
    "option of 76": (
        [actions(select(options=options(1, 76)))],
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/options/0/text/text]",
    ),
    "option without value": (
        [actions(select(options=[{"text": plain("a")}]))],
        "missing required field: value [json-pointer:/blocks/0]",
    ),
    "101 options": (
        [actions(select(options=options(101)))],
        "no more than 100 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "101 options in groups": (
        [actions(select(option_groups=[{"label": plain(one), "options": options(51)} for one in "ab"]))],
        "no more than 100 items allowed [json-pointer:/blocks/0]",
    ),
    "overflow of 6": (
        [actions({"type": "overflow", "options": options(6)})],
        "no more than 5 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "11 checkboxes": (
        [actions({"type": "checkboxes", "options": options(11)})],
        "no more than 10 items allowed [json-pointer:/blocks/0/elements/0/options]",
    ),
    "block ids twice": (
        [section(block_id="a"), section(block_id="a")],
        "`block_id` 'a' already exists [json-pointer:/blocks]",
    ),
    "action ids twice": (
        [actions(button(action_id="a"), button(action_id="a"))],
        "`action_id` 'a' already exists [json-pointer:/blocks/0]",
    ),
    "two tables": ([table([cell("a")])] * 2, "only_one_table_allowed [json-pointer:/blocks]"),
    "ragged table": (
        [table([cell("a")], [cell("a"), cell("b")])],
        "rows must have the same number of cells [json-pointer:/blocks]",
    ),
    "table over 10000": (
        [table([cell("x" * 6_000)], [cell("x" * 6_000)])],
        "must be less than 10001 characters [json-pointer:/blocks]",
    ),
    "markdown over 12000 in all": (
        [{"type": "markdown", "text": "x" * 7_000}] * 2,
        "must be less than 12001 characters [json-pointer:/blocks]",
    ),
    "alert in a message": (
        [{"type": "alert", "text": plain("a")}],
        "unsupported type: alert [json-pointer:/blocks/0/type]",
    ),
}


def modal(*blocks: Part, **more: Any) -> Part:
    return {"type": "modal", "title": plain("Title"), "blocks": list(blocks), **more}


BAD_VIEWS = {
    "no object": ([], "must provide an object [json-pointer:/view]"),
    "unknown kind": ({"type": "drawer", "blocks": [DIVIDER]}, "unsupported type: drawer [json-pointer:/view/type]"),
    "no title": ({"type": "modal", "blocks": [DIVIDER]}, "missing required field: title [json-pointer:/view]"),
    "no blocks": ({"type": "modal", "title": plain("T")}, "missing required field: blocks [json-pointer:/view]"),
    "empty blocks": (modal(), "no less than 1 items allowed [json-pointer:/view/blocks]"),
    "101 blocks": (modal(*[DIVIDER] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
    "title of 25": (
        modal(DIVIDER, title=plain("x" * 25)),
        "must be less than 25 characters [json-pointer:/view/title/text]",
    ),
    "submit of 25": (
        modal(DIVIDER, submit=plain("x" * 25)),
        "must be less than 25 characters [json-pointer:/view/submit/text]",
    ),
    "metadata of 3001": (
        modal(DIVIDER, private_metadata="x" * 3001),
        "must be less than 3001 characters [json-pointer:/view/private_metadata]",
    ),
    "callback id of 256": (
        modal(DIVIDER, callback_id="x" * 256),
        "must be less than 256 characters [json-pointer:/view/callback_id]",
    ),
    "input without submit": (modal(TEXT_INPUT), "missing required field: submit [json-pointer:/view]"),
    "unknown block": (modal({"type": "chart"}), "unsupported type: chart [json-pointer:/view/blocks/0/type]"),
    "unknown property": (
        modal(DIVIDER, submit_disabled=True),
        "invalid additional property: submit_disabled [json-pointer:/view]",
    ),
    "button as input": (
        modal(entry(button()), submit=plain("Go")),
        "unsupported type: button [json-pointer:/view/blocks/0/element/type]",
    ),
    "table in a modal": (modal(table([cell("a")])), "unsupported type: table [json-pointer:/view/blocks/0/type]"),
    "markdown in a home": (
        {"type": "home", "blocks": [{"type": "markdown", "text": "a"}]},
        "unsupported type: markdown [json-pointer:/view/blocks/0/type]",
    ),
    "select with neither options nor groups": (
        modal(entry(select()), submit=plain("Go")),
        "missing required field: options [json-pointer:/view/blocks/0/element]",
    ),
}


@pytest.mark.parametrize("blocks", GOOD)
def test_well_formed_blocks_are_taken(blocks: list[Part]) -> None:
    assert message_problems(blocks) == []


@pytest.mark.parametrize("name", BAD)
def test_malformed_blocks_are_refused_with_their_place(name: str) -> None:
    blocks, problem = BAD[name]
    assert problem in message_problems(blocks)


@pytest.mark.parametrize("name", BAD_VIEWS)
def test_malformed_views_are_refused_with_their_place(name: str) -> None:
    view, problem = BAD_VIEWS[name]
    assert problem in view_problems(view)


def test_well_formed_views_are_taken() -> None:
    assert view_problems(modal(TEXT_INPUT, section(), submit=plain("Go"))) == []
    assert view_problems({"type": "home", "blocks": [section(accessory=button())]}) == []


def test_post_with_bad_blocks_changes_nothing(client: WebClient) -> None:
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel="C0GENERAL", text="a", blocks=[DIVIDER] * 51)
    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"]


def test_several_mistakes_are_all_named() -> None:
    assert len(message_problems([section("x" * 3001), {"type": "chart"}])) == 2


def test_validate_method_judges_all_three_subjects(client: WebClient) -> None:
    client.blocks_validate(blocks=[DIVIDER])
    client.blocks_validate(message={"text": "a", "blocks": [DIVIDER]})
    client.blocks_validate(view=modal(DIVIDER))
    for wrong in ({"blocks": [DIVIDER] * 51}, {"message": {"blocks": [{"type": "x"}]}}, {"view": modal()}):
        with pytest.raises(SlackApiError) as caught:
            client.blocks_validate(**wrong)
        assert caught.value.response["error"] == "invalid_blocks"
    with pytest.raises(SlackApiError) as caught:
        client.blocks_validate(blocks=[DIVIDER], view=modal(DIVIDER))
    assert caught.value.response["error"] == "invalid_arguments"

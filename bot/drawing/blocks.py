"""Builders of Block Kit, with Slack's limits, and the one place where outside text is made harmless."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

Block = dict[str, Any]

# https://docs.slack.dev/reference/block-kit/blocks and .../composition-objects
SECTION_LENGTH = 3000
HEADER_LENGTH = 150
BUTTON_LENGTH = 75
FIELD_LENGTH = 2000
BLOCK_ID_LENGTH = 255
BAR_CELLS = 20
# A word joiner after these signs keeps outside text from being read as a format or an emoji. Mentions and
# links need < and >, which are escaped, and `verbatim` keeps Slack from finding links by itself.
_JOINER = "\u2060"
_SIGNS = "*_~`:"


@dataclass(frozen=True)
class Message:
    """A message: its blocks, and the text that says the same in one line."""

    text: str
    blocks: list[Block]

    @classmethod
    def of(cls, text: str) -> Self:
        """One paragraph of mrkdwn."""
        return cls(text, [section(text)])


def escaped(text: str) -> str:
    """Outside text (names, values, bounces) for mrkdwn: it pings nobody, links nowhere and formats nothing."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for sign in _SIGNS:
        safe = safe.replace(sign, sign + _JOINER)
    return " ".join(safe.split())


def code(text: str) -> str:
    """Outside text as it is, to be copied: inside backticks only these and &, <, > mean anything."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("`", "'")
    return f"`{' '.join(safe.split())}`"


def cut(text: str, length: int) -> str:
    """`text` within a limit of Slack's."""
    return text if len(text) <= length else text[: length - 1] + "…"


def plain(text: str, length: int = SECTION_LENGTH) -> Block:
    """Plain text, in which nothing is read as formatting."""
    return {"type": "plain_text", "text": cut(text, length), "emoji": False}


def mrkdwn(text: str, length: int = SECTION_LENGTH) -> Block:
    """Slack's markup; outside text in it must be `escaped`."""
    return {"type": "mrkdwn", "text": cut(text, length), "verbatim": True}


def header(text: str) -> Block:
    """A header; plain text."""
    return {"type": "header", "text": plain(text, HEADER_LENGTH)}


def section(text: str, accessory: Block | None = None) -> Block:
    """A paragraph of mrkdwn, perhaps with something beside it."""
    block: Block = {"type": "section", "text": mrkdwn(text)}
    return {**block, "accessory": accessory} if accessory else block


def fields(texts: Sequence[str]) -> Block:
    """Up to ten short texts in two columns."""
    return {
        "type": "section",
        "fields": [mrkdwn(text, FIELD_LENGTH) for text in texts[:10]],
    }


def context(text: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [mrkdwn(text)]}


def divider() -> Block:
    """A line."""
    return {"type": "divider"}


def actions(elements: Sequence[Block], *, block_id: str) -> Block:
    """A row of buttons and menus."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(
    text: str, action_id: str, *, value: str = "", style: str = "", url: str = "", confirm: Block | None = None
) -> Block:
    """A button; `style` is primary, danger or nothing, `confirm` is asked before the click counts."""
    element: Block = {"type": "button", "action_id": action_id, "text": plain(text, BUTTON_LENGTH)}
    for name, given in (("value", value), ("style", style), ("url", url), ("confirm", confirm)):
        if given:
            element[name] = given
    return element


def confirm(title: str, text: str, yes: str, no: str) -> Block:
    """The question before a click that hurts."""
    return {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(yes, 30),
        "deny": plain(no, 30),
        "style": "danger",
    }


def overflow(action_id: str, options: Sequence[tuple[str, str]]) -> Block:
    """A menu behind `…`: (text, value) for each entry, up to five."""
    return {
        "type": "overflow",
        "action_id": action_id,
        "options": [{"text": plain(text, BUTTON_LENGTH), "value": value} for text, value in options],
    }


def checkboxes(action_id: str, options: Sequence[Block], ticked: Sequence[Block] = ()) -> Block:
    """Boxes to tick; options come from `option`."""
    element: Block = {"type": "checkboxes", "action_id": action_id, "options": list(options)}
    return {**element, "initial_options": list(ticked)} if ticked else element


def option(text: str, value: str, description: str = "") -> Block:
    """One thing to choose."""
    made: Block = {"text": plain(text, BUTTON_LENGTH), "value": value}
    return {**made, "description": plain(description, BUTTON_LENGTH)} if description else made


def select(action_id: str, options: Sequence[Block], *, chosen: Block | None = None, placeholder: str = "") -> Block:
    """One of up to a hundred options."""
    element: Block = {"type": "static_select", "action_id": action_id, "options": list(options)}
    if placeholder:
        element["placeholder"] = plain(placeholder, 150)
    return {**element, "initial_option": chosen} if chosen else element


def search_select(action_id: str, placeholder: str) -> Block:
    """One of what the app suggests while somebody types; shown before anything is typed too."""
    return {
        "type": "external_select",
        "action_id": action_id,
        "placeholder": plain(placeholder, 150),
        "min_query_length": 0,
    }


def text_input(action_id: str, *, placeholder: str = "", most: int = 200) -> Block:
    """A line to type."""
    element: Block = {"type": "plain_text_input", "action_id": action_id, "max_length": most}
    return {**element, "placeholder": plain(placeholder, 150)} if placeholder else element


def moment_input(action_id: str) -> Block:
    """A date and a time in the reader's own zone."""
    return {"type": "datetimepicker", "action_id": action_id}


def input_block(label: str, element: Block, *, block_id: str, optional: bool = False, tells: bool = False) -> Block:
    """An input of a dialog with its label; `tells` has each change sent at once."""
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, FIELD_LENGTH),
        "element": element,
        "optional": optional,
    }
    return {**block, "dispatch_action": True} if tells else block


def modal(
    title: str, blocks: Sequence[Block], *, callback_id: str, submit: str = "", kept: Mapping[str, object] | None = None
) -> Block:
    """A dialog; `kept` comes back with its submission."""
    view: Block = {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain(title, 24),
        "close": plain("Cancel" if submit else "Close", 24),
        "blocks": list(blocks),
        "private_metadata": json.dumps(kept or {}),
    }
    return {**view, "submit": plain(submit, 24)} if submit else view


def ended(title: str, text: str, shown: Sequence[Block] = ()) -> Block:
    """A dialog's last view: how it ended. `text` is mrkdwn. Closing it closes what lies under it too."""
    return {**modal(title, [section(text), *shown], callback_id="ended"), "clear_on_close": True}


def kept_in(view: Block) -> dict[str, Any]:
    """What `modal` was told to keep."""
    found: dict[str, Any] = json.loads(view.get("private_metadata") or "{}")
    return found


def bar(share: float) -> str:
    """A bar of twenty cells for a share of 0 to 1; never full before it is."""
    filled = BAR_CELLS if share >= 1 else min(BAR_CELLS - 1, int(share * BAR_CELLS + 0.5))
    return f"`{'█' * filled}{'░' * (BAR_CELLS - filled)}`"


def local_time(at: int) -> str:
    """A moment (epoch ms) that Slack shows in each reader's own zone."""
    fallback = datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M UTC")
    return f"<!date^{at // 1000}^{{time_secs}}|{fallback}>"


def local_date(at: int) -> str:
    """A day and a time (epoch ms) in each reader's own zone, and said to be so."""
    fallback = datetime.fromtimestamp(at / 1000, UTC).strftime("%d %b %Y, %H:%M UTC")
    return f"<!date^{at // 1000}^{{date_short_pretty}} {{time}} your time|{fallback}>"

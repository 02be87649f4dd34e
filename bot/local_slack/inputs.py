"""What people typed and chose: from the plain answers of a page or a test to the state that Slack sends.

A plain answer is the text, the date, the option's value, the id, or a list of these; an option of an external
select is the option itself.
"""

from typing import Any

from bot.local_slack.blocks import element_options, elements
from bot.local_slack.errors import Document

TEXTS = {"plain_text_input", "email_text_input", "url_text_input", "number_input"}
# Element type: what it holds, as in `selected_…` of the state and `initial_…` of the element.
SINGLE = dict.fromkeys(("static_select", "external_select", "radio_buttons", "overflow"), "option")
SINGLE |= {"users_select": "user", "conversations_select": "conversation", "channels_select": "channel"}
SINGLE |= {"datepicker": "date", "timepicker": "time", "datetimepicker": "date_time"}
SEVERAL = dict.fromkeys(("checkboxes", "multi_static_select", "multi_external_select"), "options")
SEVERAL |= {"multi_users_select": "users", "multi_conversations_select": "conversations"}
SEVERAL |= {"multi_channels_select": "channels"}


def entry(element: Document, answer: Any = None, answered: bool = False) -> Document:
    """The element's entry in the state; its initial value unless it was answered."""
    kind = element["type"]
    if kind in SINGLE:
        value = _option(element, answer) if answered else element.get(f"initial_{SINGLE[kind]}")
        return {"type": kind, f"selected_{SINGLE[kind]}": value if value != "" else None}
    if kind in SEVERAL:
        chosen = [_option(element, one) for one in answer or []]
        held = chosen if answered else element.get(f"initial_{SEVERAL[kind]}", [])
        return {"type": kind, f"selected_{SEVERAL[kind]}": held}
    return {"type": kind, "value": (answer or None) if answered else element.get("initial_value")}


def _option(element: Document, answer: Any) -> Any:
    """The element's own option of that value, where it has options; else the answer as it is."""
    if isinstance(answer, dict) or not element_options(element):
        return answer
    return next((option for option in element_options(element) if option["value"] == answer), None)


def holds_state(element: Document) -> bool:
    return element["type"] in TEXTS or element["type"] in SEVERAL or element["type"] in SINGLE.keys() - {"overflow"}


def state_values(blocks: list[Document], answers: Document) -> Document:
    """`state.values` by block and action."""
    values: Document = {}
    for block, element in elements(blocks):
        if holds_state(element):
            given = answers.get(block["block_id"], {})
            action_id = element["action_id"]
            made = entry(element, given.get(action_id), action_id in given)
            values.setdefault(block["block_id"], {})[action_id] = made
    return values


def merged(kept: Document, given: Document) -> Document:
    """The answers kept so far with those given now."""
    return {block_id: {**kept.get(block_id, {}), **given.get(block_id, {})} for block_id in {*kept, *given}}


def located(blocks: list[Document], flat: Document) -> Document:
    """Answers by action id, put under their blocks."""
    answers: Document = {}
    for block, element in elements(blocks):
        if element["action_id"] in flat:
            answers.setdefault(block["block_id"], {})[element["action_id"]] = flat[element["action_id"]]
    return answers


def complaints(blocks: list[Document], answers: Document) -> dict[str, str]:
    """What Slack itself says about inputs before it sends a submission, by block id."""
    found: dict[str, str] = {}
    for block, element in elements(blocks):
        if block["type"] != "input":
            continue
        given = answers.get(block["block_id"], {})
        made = entry(element, given.get(element["action_id"]), element["action_id"] in given)
        value = next(value for name, value in made.items() if name != "type")
        complaint = _complaint(block, element, value)
        if complaint:
            found[block["block_id"]] = complaint
    return found


def _complaint(block: Document, element: Document, value: Any) -> str:
    if value in (None, "", []):
        return "" if block.get("optional") else "Please complete this required field."
    if isinstance(value, str) and element["type"] == "plain_text_input":
        if len(value) > element.get("max_length", 3000):
            return f"Must be less than {element.get('max_length', 3000) + 1} characters."
        if len(value) < element.get("min_length", 0):
            return f"Must be more than {element['min_length'] - 1} characters."
    if element["type"] == "email_text_input" and "@" not in value:
        return "Please enter a valid email address."
    return ""

"""Judges Block Kit as Slack does: by the schema made from Slack's own types, and by the rules that it misses.

The limits are those of https://docs.slack.dev/reference/block-kit/; the errors read like Slack's.
"""

import functools
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import ValidationError

from bot.local_slack.errors import Document

SCHEMA_FILE = Path(__file__).with_name("blockkit.schema.json")

MARKDOWN_CHARACTERS = 12_000
TABLE_CHARACTERS = 10_000
SELECT_OPTIONS = 100
VIEW_BYTES = 250_000

# Blocks that Slack takes on one kind of surface only.
MESSAGE_ONLY = {"card", "carousel", "context_actions", "data_table", "markdown", "plan", "table", "task_card"}
MODAL_ONLY = {"alert"}
ELEMENT_KEYS = ("accessory", "element")


@functools.cache
def _validator(name: str) -> Draft7Validator:
    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return Draft7Validator({"definitions": schema["definitions"], "$ref": f"#/definitions/{name}"})


def message_problems(blocks: Any) -> list[str]:
    """What Slack would refuse in a message's blocks, in its words; empty when it would take them."""
    problems = _schema_problems("MessageBlocks", blocks, "/blocks")
    return problems or _rule_problems(blocks, "/blocks", MODAL_ONLY)


def view_problems(view: Any, kinds: tuple[str, ...] = ("modal", "home")) -> list[str]:
    """What Slack would refuse in a view of one of the `kinds`; empty when it would take it."""
    if not isinstance(view, dict):
        return ["must provide an object [json-pointer:/view]"]
    if view.get("type") not in kinds:
        return [f"unsupported type: {view.get('type')} [json-pointer:/view/type]"]
    name = "ModalView" if view["type"] == "modal" else "HomeView"
    # An unknown block passes the schema's union for views, so each block is judged on its own.
    shell = {**view, "blocks": [{"type": "divider"}]} if isinstance(view.get("blocks"), list) else view
    problems = _schema_problems(name, shell, "/view")
    blocks = view.get("blocks")
    if not isinstance(blocks, list):
        return problems
    if not 1 <= len(blocks) <= 100:
        problems.append(f"no {'more than 100' if blocks else 'less than 1'} items allowed [json-pointer:/view/blocks]")
    for index, block in enumerate(blocks):
        problems += _schema_problems("KnownBlock", block, f"/view/blocks/{index}")
    if problems:
        return problems
    if view["type"] == "modal" and "submit" not in view and any(block["type"] == "input" for block in blocks):
        problems.append("missing required field: submit [json-pointer:/view]")
    surface = MESSAGE_ONLY if view["type"] == "modal" else MESSAGE_ONLY | MODAL_ONLY
    return problems + _rule_problems(blocks, "/view/blocks", surface)


def option_problems(answer: Any) -> list[str]:
    """What Slack would refuse in an app's answer to a suggestion."""
    if not isinstance(answer, dict):
        return ["must provide an object"]
    groups = answer.get("option_groups")
    options = answer.get("options")
    if (options is None) == (groups is None):
        return ["provide options or option_groups"]
    # Suggestions may be none at all, which a static select's list may not.
    if options == [] or groups == []:
        return []
    select = {"type": "static_select", **{key: answer[key] for key in ("options", "option_groups") if key in answer}}
    return _schema_problems("StaticSelect", select, "") or [*_element_problems(select, "")]


def _schema_problems(name: str, instance: Any, root: str) -> list[str]:
    leaves = [leaf for error in _validator(name).iter_errors(instance) for leaf in _leaves(error)]
    # A length that two rules state is told once.
    return list(dict.fromkeys(problem for leaf in leaves for problem in _worded(leaf, root)))


def _leaves(error: ValidationError) -> list[ValidationError]:
    return [leaf for child in error.context or [] for leaf in _leaves(child)] or [error]


def _worded(error: ValidationError, root: str) -> list[str]:
    """The schema's error in Slack's words."""
    path = "".join(f"/{part}" for part in error.absolute_path)
    return [f"{text} [json-pointer:{root}{path}]" for text in WORDS.get(str(error.validator), _other)(error)]


def _missing(error: ValidationError) -> list[str]:
    instance: Any = error.instance
    required: Any = error.validator_value
    return [f"missing required field: {name}" for name in required if name not in instance]


def _additional(error: ValidationError) -> list[str]:
    instance: Any = error.instance
    known = error.schema.get("properties", {}) if isinstance(error.schema, dict) else {}
    return [f"invalid additional property: {name}" for name in instance if name not in known]


def _other(error: ValidationError) -> list[str]:
    if error.absolute_path and error.absolute_path[-1] == "type":
        return [f"unsupported type: {error.instance}"]
    return [error.message if error.validator in {"enum", "const"} else "failed to match all allowed schemas"]


WORDS: dict[str, Callable[[ValidationError], list[str]]] = {
    "required": _missing,
    "additionalProperties": _additional,
    "maxLength": lambda error: [f"must be less than {_bound(error) + 1} characters"],
    "minLength": lambda error: [f"must be more than {_bound(error) - 1} characters"],
    "maxItems": lambda error: [f"no more than {_bound(error)} items allowed"],
    "minItems": lambda error: [f"no less than {_bound(error)} items allowed"],
    "type": lambda error: [f"must provide a {error.validator_value}"],
}


def _bound(error: ValidationError) -> int:
    return int(str(error.validator_value))


def _rule_problems(blocks: list[Document], root: str, not_here: set[str]) -> list[str]:
    """The rules that no schema of types states."""
    wrong = [(index, block["type"]) for index, block in enumerate(blocks) if block["type"] in not_here]
    problems = [f"unsupported type: {kind} [json-pointer:{root}/{index}/type]" for index, kind in wrong]
    problems += _repeated([block.get("block_id") for block in blocks], "block_id", root)
    for index, block in enumerate(blocks):
        # Unique among the action ids of its block only: docs.slack.dev/reference/block-kit/block-elements
        ids = [element.get("action_id") for element in block_elements(block)]
        problems += _repeated(ids, "action_id", f"{root}/{index}")
        for element in block_elements(block):
            problems += _element_problems(element, f"{root}/{index}")
    return [*problems, *_total_problems(blocks, root)]


def _repeated(ids: list[str | None], name: str, root: str) -> list[str]:
    given = [one for one in ids if one]
    twice = sorted({one for one in given if given.count(one) > 1})
    return [f"`{name}` {one!r} already exists [json-pointer:{root}]" for one in twice]


def _element_problems(element: Document, root: str) -> Iterator[str]:
    options = element_options(element)
    if any("value" not in option for option in options):
        yield f"missing required field: value [json-pointer:{root}]"
    if len(options) > SELECT_OPTIONS:
        yield f"no more than {SELECT_OPTIONS} items allowed [json-pointer:{root}]"


def _total_problems(blocks: list[Document], root: str) -> Iterator[str]:
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") >= MARKDOWN_CHARACTERS + 1:
        yield f"must be less than {MARKDOWN_CHARACTERS + 1} characters [json-pointer:{root}]"
    tables = [block for block in blocks if block["type"] == "table"]
    if len(tables) > 1:
        yield f"only_one_table_allowed [json-pointer:{root}]"
    for table in tables:
        if len({len(row) for row in table["rows"]}) > 1:
            yield f"rows must have the same number of cells [json-pointer:{root}]"
        if len("".join(strings(table["rows"]))) > TABLE_CHARACTERS:
            yield f"must be less than {TABLE_CHARACTERS + 1} characters [json-pointer:{root}]"


def strings(part: Any) -> Iterator[str]:
    """Every text value inside a part of a block."""
    if isinstance(part, list):
        for item in part:
            yield from strings(item)
    elif isinstance(part, dict):
        for name, item in part.items():
            if name == "text" and isinstance(item, str):
                yield item
            else:
                yield from strings(item)


def block_elements(block: Document) -> list[Document]:
    """The interactive elements of one block."""
    found = [block[key] for key in ELEMENT_KEYS if isinstance(block.get(key), dict)]
    if block["type"] in {"actions", "context_actions"}:
        found += block["elements"]
    return [element for element in found if element["type"] != "image"]


def elements(blocks: list[Document]) -> list[tuple[Document, Document]]:
    """All interactive elements, each with its block."""
    return [(block, element) for block in blocks for element in block_elements(block)]


def element_options(element: Document) -> list[Document]:
    """The options of a select, overflow, checkboxes or radio buttons, those of its groups included."""
    grouped = [option for group in element.get("option_groups") or [] for option in group["options"]]
    return list(element.get("options") or []) + grouped


def completed(blocks: list[Document]) -> list[Document]:
    """A copy with the ids that Slack makes for blocks and elements that came without."""
    copy: list[Document] = json.loads(json.dumps(blocks))
    for block in copy:
        block.setdefault("block_id", secrets.token_urlsafe(4)[:5])
        for element in block_elements(block):
            element.setdefault("action_id", secrets.token_urlsafe(4)[:5])
    return copy

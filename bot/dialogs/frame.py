"""What a dialog consists of."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.drawing.blocks import Block
from bot.request import Request

Given = dict[str, Any]  # what was typed, ticked or chosen, by block
Kept = dict[str, Any]  # what the dialog was opened about


@dataclass(frozen=True)
class Form:
    """What a dialog shows, what its button says, and what comes back with the submission."""

    blocks: list[Block]
    submit: str = ""
    kept: Mapping[str, object] = field(default_factory=dict)


def _nothing_wrong(_kept: Kept, _given: Given) -> dict[str, str]:
    return {}


def _nothing_to_do(_request: Request, _kept: Kept, _given: Given) -> str:
    return "Nothing was changed."


@dataclass(frozen=True)
class Dialog:
    """A dialog's title and its parts.

    `form` loads and draws it, for a campaign and perhaps some of its messages. `check` finds what is wrong
    at which input without asking anything; `submit` carries it out and says how it ended. `turns` redraw
    it when a button or an input in it is used. `sketch` is what stands there until a `form` that takes long is ready.
    """

    title: str
    form: Callable[[Request, int, tuple[int, ...]], Form]
    submit: Callable[[Request, Kept, Given], str] = _nothing_to_do
    check: Callable[[Kept, Given], dict[str, str]] = _nothing_wrong
    turns: Mapping[str, Callable[[Request, str, Given], Form]] = field(default_factory=dict)
    sketch: Callable[[Request, int], list[Block]] | None = None

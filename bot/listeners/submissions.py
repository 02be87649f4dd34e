"""Dialogs that were submitted: what is wrong at an input is said there at once, the rest in the dialog's own place."""

from collections.abc import Callable
from typing import Any

from bot import dialogs
from bot.drawing import blocks
from bot.request import Request, inputs_of


def acknowledge(ack: Callable[..., object], view: dict[str, Any]) -> None:
    """Answer within Slack's three seconds, so with nothing that could take longer: no database, no network."""
    errors = dialogs.errors_in(view["callback_id"], view)
    if errors:
        ack(response_action="errors", errors=errors)
    else:
        title = view["title"]["text"]
        ack(response_action="update", view=blocks.modal(title, [blocks.section("Working…")], callback_id="working"))


def carry_out(request: Request) -> None:
    """Do what the dialog asked for, and say in it how it ended."""
    view = request.view
    if dialogs.errors_in(view["callback_id"], view):
        return  # it was told, and stays open
    request.stay_in_dialog()
    said = dialogs.submit(view["callback_id"], request, inputs_of(view))
    request.answer(said, title=view["title"]["text"])

"""Dialogs: opened at once with a loading view, filled from rules and figures, submitted to one operation each."""

from collections.abc import Sequence
from typing import Any

from bot.dialogs import acting, deleting, exporting, resuming, retrying, running, summarising
from bot.dialogs.frame import Dialog, Form
from bot.dialogs.redrawing import Redrawings
from bot.drawing import blocks
from bot.drawing import campaigns as drawn
from bot.request import Request, inputs_of
from models.queries.campaigns import seen_campaign

_DIALOGS: dict[str, Dialog] = {
    "run": running.DIALOG,
    "resume": resuming.DIALOG,
    "retry": retrying.DIALOG,
    "delete": deleting.DIALOG,
    "export": exporting.DIALOG,
    "summary": summarising.DIALOG,
    "actions": acting.DIALOG,
}
_TURNS = {turn: verb for verb, dialog in _DIALOGS.items() for turn in dialog.turns}
_redrawings = Redrawings()
VERBS = tuple(_DIALOGS)
TURNS = tuple(_TURNS)


def open_loading(verb: str, request: Request) -> None:
    """Open the dialog before anything is looked up: whatever the database takes, the trigger is used in time."""
    request.open_dialog(_loading(verb, [blocks.section("Loading…")]))


def open_about(verb: str, request: Request, campaign_id: int, *, message_ids: Sequence[int] = ()) -> None:
    """Open the dialog about a campaign, or about some of its messages."""
    if request.view.get("callback_id") == "which":
        request.stay_in_dialog()
    else:
        open_loading(verb, request)
    fill(verb, request, campaign_id, message_ids=message_ids)


def fill(verb: str, request: Request, campaign_id: int, *, message_ids: Sequence[int] = ()) -> None:
    """Show what the dialog is about. Raises CampaignError when it can't be done now."""
    dialog = _DIALOGS[verb]
    seen_campaign(campaign_id, request.actor)
    if dialog.sketch:
        request.show(_loading(verb, dialog.sketch(request, campaign_id)))
    form = dialog.form(request, campaign_id, tuple(message_ids))
    request.show(_view(verb, request, {"campaign": campaign_id, **form.kept}, form))


def ask_which(verb: str, typed: str, request: Request) -> None:
    """Let the person search for the campaign in the dialog itself."""
    which = f"Several campaigns fit “{blocks.escaped(typed)}”. Which one?" if typed else "Which campaign?"
    kept = {"channel": request.channel_id}
    shown = drawn.picker(verb, f"*{which}*")
    request.show(blocks.modal(_DIALOGS[verb].title, shown, callback_id="which", kept=kept))


def turn(name: str, request: Request, subject: str) -> None:
    """Redraw the dialog after a button or an input in it was used."""
    verb, view_id = _TURNS[name], request.view["id"]
    at = float(request.body["actions"][0]["action_ts"])
    _redrawings.begin(view_id, at)
    form = _DIALOGS[verb].turns[name](request, subject, inputs_of(request.view))
    request.stay_in_dialog()
    with _redrawings.show(view_id, at) as newest:
        if newest:
            request.show(_view(verb, request, {**request.kept, **form.kept}, form))


def errors_in(callback_id: str, view: dict[str, Any]) -> dict[str, str]:
    """What is wrong at which input, judged by the dialog alone."""
    dialog = _DIALOGS.get(callback_id)
    return dialog.check(blocks.kept_in(view), inputs_of(view)) if dialog else {}


def submit(callback_id: str, request: Request, given: dict[str, Any]) -> str:
    """Carry out what the dialog asked for; returns the sentence of the outcome. Raises CampaignError."""
    return _DIALOGS[callback_id].submit(request, request.kept, given)


def _loading(verb: str, shown: Sequence[blocks.Block]) -> blocks.Block:
    return blocks.modal(_DIALOGS[verb].title, shown, callback_id="loading")


def _view(verb: str, request: Request, kept: dict[str, Any], form: Form) -> blocks.Block:
    about = {"channel": request.channel_id, **kept}
    return blocks.modal(_DIALOGS[verb].title, form.blocks, callback_id=verb, submit=form.submit, kept=about)

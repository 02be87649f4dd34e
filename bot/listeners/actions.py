"""Buttons, menus and pickers: each names a verb and what it is about; the state of now decides, not the button."""

from collections.abc import Callable
from typing import Any

from bot import dialogs, looks
from bot.drawing import campaigns as drawn
from bot.drawing import lines
from bot.drawing.blocks import escaped
from bot.listeners import home
from bot.request import Request
from models.clock import now_ms
from models.errors import InvalidInputError
from models.operations import exporting, running, scheduling
from models.operations.asking import ask_provider
from models.queries.campaigns import get_campaign
from models.rules.criteria import Criteria
from models.rules.stopping import nothing_stopped
from models.words import NO_START, OPEN_WORK, START_CANCELLED

Click = Callable[[Request, str], None]
# Buttons that only open an address: Slack tells of the click all the same.
LINKS = frozenset({"open_panel", "open_link"})
ASKED = "The provider is being asked about this message. Refresh shows what came of it."


def answer(request: Request) -> None:
    """Answer a click on a button, a choice in a menu, or a change of an input that tells."""
    verb, subject = named(request.body["actions"][0])
    if verb in LINKS:
        return
    if verb not in CLICKS:
        raise InvalidInputError("This button is from another version; type /campaign status for the present state.")
    CLICKS[verb](request, subject)


def named(act: dict[str, Any]) -> tuple[str, str]:
    """What was asked for, and about what."""
    chosen = (act.get("selected_option") or {}).get("value", "")
    if act["type"] == "overflow":
        verb, _, subject = chosen.partition(":")
        return verb, subject
    if act["type"] == "external_select":
        return act["action_id"].removeprefix("pick_"), chosen
    return act["action_id"], act.get("value", "")


def _campaign_id(subject: str) -> int:
    if not subject.isdigit():
        raise InvalidInputError("This button is from another version; type /campaign status for the present state.")
    return int(subject)


def _message(subject: str) -> tuple[int, int]:
    """A message's campaign, and the message."""
    campaign_id, _, message_id = subject.partition(":")
    return _campaign_id(campaign_id), _campaign_id(message_id)


def _look(verb: str) -> Click:
    return lambda request, subject: looks.look(verb, request, _campaign_id(subject))


def _dialog(verb: str) -> Click:
    def open_dialog(request: Request, subject: str) -> None:
        dialogs.open_about(verb, request, _campaign_id(subject))

    return open_dialog


def _within(verb: str) -> Click:
    """A button or an input of a dialog that changes what the dialog shows."""
    return lambda request, subject: dialogs.turn(verb, request, subject)


def _stop(request: Request, subject: str) -> None:
    stopped = running.stop_campaign(_campaign_id(subject), actor=request.actor, now=now_ms())
    name = escaped(get_campaign(_campaign_id(subject)).name)
    unsent = lines.counted(stopped.messages, "are not sent") if stopped.messages else ""
    request.answer(f"*{name}* is stopped: {unsent or nothing_stopped(stopped.sending)}.", title="Stopped")


def _cancel_start(request: Request, subject: str) -> None:
    cancelled = scheduling.cancel_start(_campaign_id(subject), actor=request.actor, now=now_ms())
    request.answer(START_CANCELLED if cancelled else NO_START, title="Start")


def _cancel_export(request: Request, subject: str) -> None:
    exporting.cancel_export(_campaign_id(subject), actor=request.actor, now=now_ms())


def _look_up(request: Request, subject: str) -> None:
    """Ask the provider; what comes of it is looked at by Refresh."""
    ask_provider(_campaign_id(subject), actor=request.actor, now=now_ms())
    looks.look("doubts_again", request, _campaign_id(subject))


def _look_up_one(request: Request, subject: str) -> None:
    """Ask the provider about one message; who asks for what was answered just now is told the answer."""
    campaign_id, message_id = _message(subject)
    asked = ask_provider(campaign_id, message_id=message_id, actor=request.actor, now=now_ms())
    request.whisper(ASKED if asked.state in OPEN_WORK else escaped(asked.result))


def _retry_one(request: Request, subject: str) -> None:
    campaign_id, message_id = _message(subject)
    dialogs.open_about("retry", request, campaign_id, message_ids=(message_id,))


def _export(request: Request, subject: str) -> None:
    """The dialog; at once what was typed with filters, and of which only the campaign had to be chosen."""
    kept = drawn.kept_by_picker("export", request.body["actions"][0].get("block_id", ""))
    if kept:
        looks.start_export(request, _campaign_id(subject), Criteria.from_json(kept))
    else:
        dialogs.open_about("export", request, _campaign_id(subject))


def _find(request: Request, subject: str) -> None:
    looks.find(request, subject, instead=True)


CLICKS: dict[str, Click] = {
    **{verb: _look(verb) for verb in looks.LOOKS},
    **{verb: _dialog(verb) for verb in dialogs.VERBS},
    **{verb: _within(verb) for verb in dialogs.TURNS},
    "stop": _stop,
    "cancel_start": _cancel_start,
    "cancel_export": _cancel_export,
    "look_up": _look_up,
    "look_up_one": _look_up_one,
    "retry_one": _retry_one,
    "export": _export,
    "find": _find,
    "refresh_home": home.refresh,
    "mute_finished": home.mute,
}

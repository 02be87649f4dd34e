"""Buttons and menus: each names a verb and the campaign it is about; the state of now decides, not the button."""

from collections.abc import Callable
from typing import Any

from bot import cards, dialogs
from bot.commands import start_export
from bot.replies import Reply
from models.actors import Actor
from models.clock import now_ms
from models.errors import InvalidInputError
from models.operations import telling
from models.queries.campaigns import get_campaign
from models.rules.criteria import Criteria

Click = Callable[[Actor, int, Reply], None]
# Buttons that only open an address: Slack tells of the click all the same.
LINKS = frozenset({"open_panel", "open_link"})


def answer(actor: Actor, body: dict[str, Any], reply: Reply) -> None:
    """Answer a click on a button or a choice in a menu."""
    act = body["actions"][0]
    if act["action_id"] in LINKS or act["type"] not in ("button", "overflow"):
        return
    verb, subject = act["action_id"], act.get("value", "")
    if act["type"] == "overflow":
        verb, _, subject = act["selected_option"]["value"].partition(":")
    if verb not in _CLICKS or not subject.isdigit():
        raise InvalidInputError("This button is from another version; type /campaign status for the present state.")
    _CLICKS[verb](actor, int(subject), reply)


def _refresh(_actor: Actor, campaign_id: int, reply: Reply) -> None:
    card = cards.snapshot(campaign_id)
    reply.whisper(card.text, card.blocks, instead=True)


def _status(_actor: Actor, campaign_id: int, reply: Reply) -> None:
    card = cards.snapshot(campaign_id)
    reply.whisper(card.text, card.blocks)


def _failures(_actor: Actor, campaign_id: int, reply: Reply) -> None:
    card = cards.failures(campaign_id)
    reply.whisper(card.text, card.blocks)


def _move(_actor: Actor, campaign_id: int, reply: Reply) -> None:
    """Put the card at the bottom of the channel where this was asked."""
    telling.move_card(campaign_id, slack_channel_id=reply.channel_id, now=now_ms())
    reply.whisper("The card comes to the bottom of this channel.")


def _export(actor: Actor, campaign_id: int, reply: Reply) -> None:
    start_export(campaign_id, Criteria(), actor, reply)


def _panel(_actor: Actor, campaign_id: int, reply: Reply) -> None:
    reply.whisper(f"{get_campaign(campaign_id).name}: {cards.panel_url()}/campaigns/{campaign_id}")


def _dialog(verb: str) -> Click:
    def open_dialog(actor: Actor, campaign_id: int, reply: Reply) -> None:
        dialogs.open_dialog(verb, campaign_id, actor, reply)

    return open_dialog


_CLICKS: dict[str, Click] = {
    "refresh": _refresh,
    "status": _status,
    "failures": _failures,
    "export": _export,
    "move": _move,
    "panel": _panel,
    **{verb: _dialog(verb) for verb in dialogs.VERBS},
}

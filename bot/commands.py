"""`/campaign …`: each verb answers with one call to a query or an operation."""

from collections.abc import Callable
from typing import Any

from bot import cards, dialogs
from bot.parsing import Command, NotUnderstoodError, campaign_number, parse
from bot.replies import Reply
from models.actors import Actor, Right
from models.clock import now_ms
from models.errors import InvalidInputError
from models.operations import exporting, people
from models.queries.campaigns import CampaignSummary, list_campaigns
from models.queries.finding import find_campaigns
from models.rules.criteria import Criteria
from models.words import HOLDS_CHANNEL, FailureReason, MessageStatus, Phase

Answer = Callable[[Actor, Command, Reply], None]
SHOWN = 10


def answer(actor: Actor, body: dict[str, Any], reply: Reply) -> None:
    """Answer a slash command."""
    try:
        command = parse(body.get("text", ""))
    except NotUnderstoodError as unclear:
        blocks = cards.not_understood(unclear.typed, unclear.suggestion)
        reply.whisper("That is no command; see the commands.", blocks)
        return
    _ANSWERS[command.verb](actor, command, reply)


def campaign_meant(actor: Actor, command: Command, reply: Reply) -> CampaignSummary | None:
    """The one campaign that is meant; when several may be, they are offered and None is returned."""
    if not command.subject:
        running = [found for found in list_campaigns(actor) if Phase(found.campaign.phase) in HOLDS_CHANNEL]
        candidates = running or list_campaigns(actor)
    else:
        candidates = find_campaigns(command.subject, campaign_number(command.subject), actor)
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise InvalidInputError("There are no campaigns yet. Create one in the panel: /campaign create")
    reply.whisper("Which one?", cards.picker(command.verb, candidates[:SHOWN]))
    return None


def _help(actor: Actor, _command: Command, reply: Reply) -> None:
    running = [found for found in list_campaigns(actor) if Phase(found.campaign.phase) in HOLDS_CHANNEL]
    reply.whisper("The commands of /campaign", cards.help_blocks(running))


def _list(actor: Actor, command: Command, reply: Reply) -> None:
    campaigns = list_campaigns(actor)
    wanted = command.subject.casefold()
    if wanted:
        campaigns = [found for found in campaigns if cards.group_of(found) == wanted]
    reply.whisper(f"{len(campaigns)} campaigns", cards.list_blocks(campaigns[:SHOWN], len(campaigns), wanted))


def _status(actor: Actor, command: Command, reply: Reply) -> None:
    if meant := campaign_meant(actor, command, reply):
        card = cards.snapshot(meant.campaign.id)
        reply.whisper(card.text, card.blocks)


def _dialog(verb: str) -> Answer:
    def open_dialog(actor: Actor, command: Command, reply: Reply) -> None:
        if meant := campaign_meant(actor, command, reply):
            dialogs.open_dialog(verb, meant.campaign.id, actor, reply)

    return open_dialog


def _failures(actor: Actor, command: Command, reply: Reply) -> None:
    if meant := campaign_meant(actor, command, reply):
        card = cards.failures(meant.campaign.id)
        reply.whisper(card.text, card.blocks)


def _export(actor: Actor, command: Command, reply: Reply) -> None:
    if meant := campaign_meant(actor, command, reply):
        start_export(meant.campaign.id, criteria_of(command.filters), actor, reply)


def start_export(campaign_id: int, criteria: Criteria, actor: Actor, reply: Reply) -> None:
    """Start an export whose file comes as a direct message."""
    exporting.start_export(campaign_id, criteria=criteria, actor=actor, now=now_ms())
    reply.whisper("The export is being made. The file comes to you as a direct message.")


def criteria_of(filters: dict[str, str]) -> Criteria:
    """The filters that were typed; raises InvalidInputError naming one that is none."""
    given = {name: value.casefold().replace(" ", "_") for name, value in filters.items()}
    for name, known in (("status", MessageStatus), ("reason", FailureReason)):
        if name in given and given[name] not in list(known):
            raise InvalidInputError(f"{name}:{filters[name]} is none; use one of {', '.join(known)}.")
    return Criteria(
        statuses=(given["status"],) if "status" in given else (),
        reasons=(given["reason"],) if "reason" in given else (),
        search=filters.get("search", ""),
    )


def _panel(path: str) -> Answer:
    def send_link(actor: Actor, _command: Command, reply: Reply) -> None:
        token = people.make_own_sign_in_link(actor, now=now_ms())
        url = f"{cards.panel_url()}/login/{token}?next={path}"
        reply.direct("Your sign-in link to the Signalbox panel.", cards.sign_in_link(url))
        reply.whisper("A sign-in link waits in your direct messages. It works once, for 15 minutes.")

    return send_link


def _create(actor: Actor, command: Command, reply: Reply) -> None:
    actor.require(Right.CHANGE_CAMPAIGNS)
    _panel("/campaigns/new")(actor, command, reply)


def _find(_actor: Actor, _command: Command, reply: Reply) -> None:
    reply.whisper("Find a person in the panel: /campaign panel")


_ANSWERS: dict[str, Answer] = {
    "help": _help,
    "list": _list,
    "status": _status,
    "run": _dialog("run"),
    "stop": _dialog("stop"),
    "resume": _dialog("resume"),
    "retry": _dialog("retry"),
    "delete": _dialog("delete"),
    "failures": _failures,
    "export": _export,
    "summary": _dialog("summary"),
    "find": _find,
    "create": _create,
    "panel": _panel("/"),
}

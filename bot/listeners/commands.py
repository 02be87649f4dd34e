"""`/campaign …`: each verb answers with one call to a query or an operation."""

from collections.abc import Callable, Iterable

from bot import dialogs, looks
from bot.drawing import campaigns as drawn
from bot.drawing.buttons import group_of
from bot.parsing import Command, NotUnderstoodError, campaign_number, parse
from bot.request import Request
from bot.site import site
from models.actors import Right
from models.clock import now_ms
from models.errors import InvalidInputError
from models.operations import people
from models.queries.campaigns import CampaignSummary, list_campaigns
from models.queries.finding import find_campaigns, is_name
from models.queries.starts import pending_starts
from models.rules.criteria import Criteria
from models.words import HOLDS_CHANNEL, REASON_NAMES, MessageStatus, Phase

Answer = Callable[[Request, Command], None]
# Without a name these never mean what runs: it was run, and can't be deleted.
NOT_WHAT_RUNS = frozenset({"run", "delete"})


def answer(request: Request) -> None:
    """Answer a slash command."""
    try:
        command = parse(request.body.get("text", ""))
    except NotUnderstoodError as unclear:
        request.whisper(drawn.not_understood(unclear.typed, unclear.suggestion))
        return
    _ANSWERS[command.verb](request, command)


def campaign_meant(request: Request, command: Command) -> CampaignSummary | None:
    """The one campaign that is meant: named, or the one that runs; None when somebody has to choose.

    Raises NotFoundError when nothing fits, InvalidInputError when there is nothing at all.
    """
    if command.subject:
        candidates = find_campaigns(command.subject, campaign_number(command.subject), request.actor)
    else:
        everything = list_campaigns(request.actor)
        if not everything:
            raise InvalidInputError("There are no campaigns yet. Create one in the panel: /campaign create")
        candidates = [] if command.verb in NOT_WHAT_RUNS else _running(everything)
    return candidates[0] if len(candidates) == 1 else None


def criteria_of(filters: dict[str, str]) -> Criteria:
    """The filters that were typed; raises InvalidInputError naming one that is none."""
    given = {name: value.casefold().replace(" ", "_") for name, value in filters.items()}
    for name, known in (("status", list(MessageStatus)), ("reason", list(REASON_NAMES))):
        if name in given and given[name] not in known:
            raise InvalidInputError(f"{name}:{filters[name]} is none; use one of {', '.join(known)}.")
    return Criteria(
        statuses=(given["status"],) if "status" in given else (),
        reasons=(given["reason"],) if "reason" in given else (),
        search=filters.get("search", ""),
    )


def _running(campaigns: Iterable[CampaignSummary]) -> list[CampaignSummary]:
    return [found for found in campaigns if Phase(found.campaign.phase) in HOLDS_CHANNEL]


def _help(request: Request, _command: Command) -> None:
    request.whisper(drawn.help_of(_running(list_campaigns(request.actor)), site()))


def _list(request: Request, command: Command) -> None:
    campaigns, wanted = list_campaigns(request.actor), command.subject.casefold()
    groups = ("draft", "ready", "running", "ended")
    if wanted and wanted not in groups:
        raise InvalidInputError(f"{command.subject} is no group of campaigns; use one of {', '.join(groups)}.")
    found = [one for one in campaigns if wanted in ("", group_of(one))]
    starts = {start.campaign_id: start for start in pending_starts()}
    request.whisper(drawn.list_of(found, starts, wanted, site()))


def _about(verb: str) -> Answer:
    """An answer about one campaign, or the search for it."""

    def about(request: Request, command: Command) -> None:
        found = campaign_meant(request, command)
        if found is None:
            request.whisper(looks.picker(verb, command.subject))
        else:
            looks.look(verb, request, found.campaign.id)

    return about


def _status(request: Request, command: Command) -> None:
    """Where a campaign stands; without a name all that run, of each channel one at most."""
    running = [] if command.subject else _running(list_campaigns(request.actor))
    for found in running:
        looks.look("status", request, found.campaign.id)
    if not running:
        _about("status")(request, command)


def _dialog(verb: str) -> Answer:
    """A dialog about one campaign, or the search for it; open before anything is looked up."""

    def open_dialog(request: Request, command: Command) -> None:
        dialogs.open_loading(verb, request)
        found = campaign_meant(request, command)
        if found is None:
            dialogs.ask_which(verb, command.subject, request)
        else:
            dialogs.fill(verb, request, found.campaign.id)

    return open_dialog


def _export(request: Request, command: Command) -> None:
    """With filters it starts at once; what looks like them may be a campaign's name all the same."""
    if command.filters and is_name(command.whole, request.actor):
        command = Command(command.verb, command.whole)
    if not command.filters:
        _dialog("export")(request, command)
        return
    criteria, found = criteria_of(command.filters), campaign_meant(request, command)
    if found is None:
        request.whisper(looks.picker("export", command.subject, criteria))
    else:
        looks.start_export(request, found.campaign.id, criteria)


def _find(request: Request, command: Command) -> None:
    if not command.subject:
        raise InvalidInputError("Whom? Type /campaign find and a number or an address.")
    looks.find(request, command.subject)


def _panel(path: str) -> Answer:
    def send_link(request: Request, command: Command) -> None:
        now = now_ms()
        url = f"{site().panel_url}/login/{people.make_own_sign_in_link(request.actor, now=now)}?next={path}"
        request.direct(looks.sign_in_link(url, command.verb, until=now + people.LINK_LIFE))
        request.whisper("A sign-in link waits in your direct messages. It works once, for 15 minutes.")

    return send_link


def _create(request: Request, command: Command) -> None:
    request.actor.require(Right.CHANGE_CAMPAIGNS)
    _panel("/campaigns/new")(request, command)


_ANSWERS: dict[str, Answer] = {
    "help": _help,
    "list": _list,
    "status": _status,
    "stop": _about("ask_stop"),
    "failures": _about("failures"),
    "export": _export,
    "find": _find,
    "create": _create,
    "panel": _panel("/"),
    **{verb: _dialog(verb) for verb in ("run", "resume", "retry", "delete", "summary")},
}

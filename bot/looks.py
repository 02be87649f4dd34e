"""What people look at: each look loads its figures, draws them, and answers the one who asked."""

from collections.abc import Callable

from bot.drawing import blocks, buttons, cards, doubts, failures, found, lines
from bot.drawing import campaigns as drawn
from bot.drawing.blocks import Message, escaped
from bot.request import Request
from bot.site import site
from models.actors import Right
from models.clock import now_ms
from models.config import current
from models.operations import exporting, running
from models.operations.cards import move_card
from models.operations.seeking import find_recipient
from models.queries.campaigns import get_campaign, seen_campaign, summary_of
from models.queries.failures import latest_doubts, latest_failures
from models.queries.look_ups import latest_look_up
from models.queries.progress import progress_of
from models.queries.starts import planned_of
from models.rules.criteria import Criteria
from models.rules.in_doubt import why_not_asked
from models.words import Action, Channel

Look = Callable[[Request, int], None]
EVERYTHING = Criteria()


def card_of(campaign_id: int) -> Message:
    """The campaign's card as it is now. Raises NotFoundError."""
    progress = progress_of(summary_of(campaign_id), now=now_ms())
    return cards.card(progress, planned_of(progress.summary.campaign), site())


def snapshot_of(campaign_id: int) -> Message:
    """The campaign's figures of now for one person. Raises NotFoundError."""
    progress = progress_of(summary_of(campaign_id), now=now_ms())
    return cards.snapshot(progress, planned_of(progress.summary.campaign), site())


def picker(verb: str, typed: str, criteria: Criteria = EVERYTHING) -> Message:
    """Which campaign is meant? A search for it; its messages that are meant come back with the choice.

    Raises InvalidInputError for a longer filter than Slack takes.
    """
    which = f"Several campaigns fit “{escaped(typed)}”. Which one?" if typed else "Which campaign?"
    shown = drawn.picker(verb, f"*{which}*", criteria.to_json())
    if criteria != EVERYTHING:
        shown.append(blocks.context(f"Of its messages: {escaped(criteria.told)}."))
    return Message("Which campaign?", shown)


def sign_in_link(url: str, verb: str, *, until: int) -> Message:
    """A one-time link, in a direct message; it was asked for with the command `verb`, and works until then (ms)."""
    shown = [
        blocks.section(
            f"*Your sign-in link to the Signalbox panel.* It works once, until {blocks.local_time(until)}. "
            "Do not pass it on: who opens it is you."
        ),
        blocks.actions([blocks.button("Sign in to the panel", "open_link", style="primary", url=url)], block_id="link"),
        blocks.context(f"You asked for it with `/campaign {verb}`. If it was not you, tell an Org Admin."),
    ]
    return Message("Your sign-in link to the Signalbox panel.", shown)


def look(verb: str, request: Request, campaign_id: int) -> None:
    """Answer with what the person wants to see of a campaign that they may know of."""
    seen_campaign(campaign_id, request.actor)
    LOOKS[verb](request, campaign_id)


def start_export(request: Request, campaign_id: int, criteria: Criteria) -> None:
    """Start an export; how it goes, and its file, come as direct messages."""
    exporting.start_export(campaign_id, criteria=criteria, actor=request.actor, now=now_ms())
    request.whisper(lines.EXPORT_BEGUN)


def find(request: Request, typed: str, *, instead: bool = False) -> None:
    """Every message to somebody, as this person may see it."""
    now = now_ms()
    sought = find_recipient(typed, request.actor, now=now)
    may_act = request.actor.may(Right.SEE_RECIPIENTS) and request.actor.may(Right.CHANGE_CAMPAIGNS)
    shown = found.messages_to(sought, typed, now, may_act=may_act, site=site())
    request.whisper(shown, instead=instead)


def _status(request: Request, campaign_id: int) -> None:
    request.actor.require(Right.SEE_CAMPAIGNS)
    request.whisper(snapshot_of(campaign_id))


def _refresh(request: Request, campaign_id: int) -> None:
    request.actor.require(Right.SEE_CAMPAIGNS)
    request.whisper(snapshot_of(campaign_id), instead=True)


def _failures(request: Request, campaign_id: int) -> None:
    request.actor.require(Right.SEE_CAMPAIGNS)
    request.whisper(failures.reasons(progress_of(summary_of(campaign_id), now=now_ms()), site()))


def _samples(request: Request, campaign_id: int) -> None:
    now = now_ms()
    request.whisper(failures.samples(summary_of(campaign_id), latest_failures(campaign_id, request.actor), now))


def _doubts(request: Request, campaign_id: int, *, instead: bool = False) -> None:
    request.actor.require(Right.SEE_CAMPAIGNS)
    summary = summary_of(campaign_id)
    configured = current().providers.get(Channel(summary.campaign.channel), "")
    found, asked = latest_doubts(campaign_id, request.actor), latest_look_up(campaign_id)
    shown = doubts.doubts(summary, found, asked, why_not_asked(configured, configured), site=site())
    request.whisper(shown, instead=instead)


def _doubts_again(request: Request, campaign_id: int) -> None:
    _doubts(request, campaign_id, instead=True)


def _ask_stop(request: Request, campaign_id: int) -> None:
    """One button, which asks once more."""
    running.permitted(Action.STOP, campaign_id, request.actor, now=now_ms())
    summary = summary_of(campaign_id)
    left = summary.counts.to_be_sent
    told = lines.counted(left, "are not with the provider yet") if left else "Nothing is left to stop"
    text = f"Stop *{escaped(summary.campaign.name)}*? {told}."
    request.whisper(Message(text, [blocks.section(text), buttons.row(campaign_id, ("stop", "status"), site())]))


def _move(request: Request, campaign_id: int) -> None:
    """Put the card at the bottom of the channel where this was asked."""
    request.actor.require(Right.SEE_CAMPAIGNS)
    channel = request.channel_id
    if not channel:
        request.whisper("There is no channel here. Type `/campaign status` in the one where the card is to be.")
        return
    if not request.is_member_of(channel):
        request.whisper("I am not in this channel, so I can't post here. Type `/invite @Signalbox`, then try again.")
        return
    move_card(campaign_id, slack_channel_id=channel, actor=request.actor, now=now_ms())
    request.whisper("The card comes to the bottom of this channel.")


def _panel(request: Request, campaign_id: int) -> None:
    request.actor.require(Right.SEE_CAMPAIGNS)
    name = escaped(get_campaign(campaign_id).name)
    shown = buttons.row(campaign_id, ("panel",), site())
    request.whisper(Message(f"{name} in the panel", [blocks.section(f"*{name}* in the panel:"), shown]))


LOOKS: dict[str, Look] = {
    "status": _status,
    "refresh": _refresh,
    "failures": _failures,
    "samples": _samples,
    "doubts": _doubts,
    "doubts_again": _doubts_again,
    "ask_stop": _ask_stop,
    "move": _move,
    "panel": _panel,
}

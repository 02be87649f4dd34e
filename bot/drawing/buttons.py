"""Which buttons a campaign has in which state, and how they read. The role is asked at the click."""

from collections.abc import Sequence

from bot.drawing import blocks
from bot.drawing.blocks import Block
from bot.drawing.lines import Site
from models.queries.campaigns import CampaignSummary
from models.tables import Campaign, ScheduledStart
from models.words import CHANNEL_LABELS, HOLDS_CHANNEL, NOT_RUN, STOP_MEANS, Action, Channel, Phase

TEXTS = {
    "run": "Run…",
    "stop": "Stop…",
    "ask_stop": "Stop…",
    "resume": "Resume…",
    "retry": "Retry…",
    "failures": "Failures",
    "samples": "Show samples",
    "doubts": "What is in doubt",
    "export": "Export…",
    "summary": "Summary",
    "status": "Status",
    "delete": "Delete…",
    "panel": "Open panel",
    "move": "Move card here",
    "cancel_start": "Cancel the start",
}
# At most three, and at most five behind the `…` (SPEC 7; mock/README, Slack).
_OFFERED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ready": (("run", "summary", "panel"), ("delete",)),
    "running": (("stop", "failures", "panel"), ("retry", "export", "summary", "move")),
    "stopping": (("resume", "failures", "panel"), ("export", "summary", "move")),
    "held": (("resume", "stop", "failures"), ("panel", "export", "summary", "move")),
    "stopped": (("resume", "failures", "panel"), ("retry", "export", "summary", "delete", "move")),
    "failed": (("resume", "failures", "panel"), ("retry", "export", "summary", "delete", "move")),
    "active_retries": (("failures", "export", "panel"), ("retry", "summary", "move")),
    "complete_with_errors": (("retry", "failures", "export"), ("panel", "summary", "delete", "move")),
    "complete": (("export", "summary", "panel"), ("delete", "move")),
}
_ONLY_ON_CARDS = frozenset({"panel", "move"})
MENU_LENGTH = 5
# The next steps that can be done here; the others need the room of the panel.
_STEPS = {Action.RUN: "run", Action.STOP: "stop", Action.RESUME: "resume", Action.RETRY: "retry"}
STOP = blocks.confirm(
    "Stop this campaign?",
    STOP_MEANS,
    "Stop it",
    "Don't stop",
)


def of_card(summary: CampaignSummary, site: Site) -> Block:
    """A card's row: buttons by the campaign's state, and the rest behind `…`."""
    shown, more = _OFFERED[row_of(summary)]
    return row(summary.campaign.id, shown, site, more=more)


def row(campaign_id: int, verbs: Sequence[str], site: Site, *, more: Sequence[str] = ()) -> Block:
    """A row of buttons, and what is behind its `…`."""
    elements = [button(verb, campaign_id, site) for verb in verbs]
    if more:
        elements.append(blocks.overflow("menu", [(TEXTS[verb], f"{verb}:{campaign_id}") for verb in more]))
    return blocks.actions(elements, block_id=f"acts-{campaign_id}-{'-'.join(verbs)}")


def menu(summary: CampaignSummary) -> Block:
    """All that can be done with a campaign of a list, behind `…`."""
    shown, more = _OFFERED.get(row_of(summary), ((), ()))
    verbs = [verb for verb in ("status", *shown, *more) if verb not in _ONLY_ON_CARDS][:MENU_LENGTH]
    # An entry of a menu can't ask back as a button can, so it leads to the button that does.
    asked = ["ask_stop" if verb == "stop" else verb for verb in verbs]
    return blocks.overflow("menu", [(TEXTS[verb], f"{verb}:{summary.campaign.id}") for verb in asked])


def all_of(summary: CampaignSummary, site: Site) -> list[Block]:
    """Everything a card offers, as buttons."""
    shown, more = _OFFERED.get(row_of(summary), ((), ()))
    verbs = [verb for verb in (*shown, *more) if verb != "move"]
    return [row(summary.campaign.id, verbs, site)] if verbs else []


def of_start(start: ScheduledStart | None, site: Site) -> list[Block]:
    """The button that takes back what is to start later, if anything is."""
    return [] if start is None else [row(start.campaign_id, ("cancel_start",), site)]


def button(verb: str, campaign_id: int, site: Site) -> Block:
    """One button; the one that opens the panel is a link."""
    if verb == "panel":
        return blocks.button(TEXTS[verb], "open_panel", url=f"{site.panel_url}/campaigns/{campaign_id}")
    if verb == "stop":
        return blocks.button(TEXTS[verb], verb, value=str(campaign_id), style="danger", confirm=STOP)
    return blocks.button(TEXTS[verb], verb, value=str(campaign_id))


def step(action: Action, campaign: Campaign, site: Site) -> Block:
    """What a refusal offers instead; what Slack has no dialog for leads to the panel."""
    if action is Action.START_LATER:  # a part of the dialog of what starts
        text = f"Start when {CHANNEL_LABELS[Channel(campaign.channel)]} is free…"
        return blocks.button(text, "run" if campaign.phase == Phase.READY else "retry", value=str(campaign.id))
    if action in _STEPS:
        return button(_STEPS[action], campaign.id, site)
    text = f"{action.value.capitalize()} in the panel"
    return blocks.button(text, "open_panel", url=f"{site.panel_url}/campaigns/{campaign.id}")


def in_the_way(blocker: Campaign) -> Block:
    """The way to the campaign that holds the channel."""
    return blocks.button(blocks.cut(f"Status of {blocker.name}", 75), "status", value=str(blocker.id))


def row_of(summary: CampaignSummary) -> str:
    """Which row of the table a campaign has."""
    phase = Phase(summary.campaign.phase)
    if phase is Phase.RUNNING:
        return "running"
    return phase.value if phase is Phase.STOPPING else summary.status.value


def group_of(summary: CampaignSummary) -> str:
    """draft, ready, running (holds the channel) or ended (the rest)."""
    phase = Phase(summary.campaign.phase)
    if phase in NOT_RUN:
        return phase.value
    return "running" if phase in HOLDS_CHANNEL else "ended"

"""Pure, given a campaign's figures: the card, the snapshot, lists and lines, in the words of the product."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot import blocks
from bot.blocks import Block, escaped
from bot.parsing import VERBS
from jobs.runtime.addresses import public_url
from models.actors import Actor
from models.clock import now_ms
from models.config import current
from models.queries.campaigns import CampaignSummary, list_campaigns
from models.queries.progress import Progress, percent_sent, progress_of
from models.words import (
    CAMPAIGN_STATUS_LABELS,
    CHANNEL_LABELS,
    FAILURE_REASON_NAMES,
    HOLDS_CHANNEL,
    MESSAGE_STATUS_LABELS,
    ROLE_LABELS,
    SILENCE_LABELS,
    CampaignStatus,
    Channel,
    MessageStatus,
    Phase,
    Silence,
)

SIMULATED = "Simulated: no message leaves Signalbox"
REASONS_SHOWN = 3
HOME_RECENT = 10
# What is offered by state: buttons, and what is behind the `…` (mock/README, Slack).
BUTTON_TEXTS = {
    "run": "Run…",
    "stop": "Stop…",
    "resume": "Resume…",
    "retry": "Retry…",
    "failures": "Failures",
    "export": "Export",
    "summary": "Summary",
    "delete": "Delete…",
    "panel": "Open panel",
    "move": "Move card here",
}
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


@dataclass(frozen=True)
class Card:
    """A message: its blocks, and the text that says the same in one line."""

    text: str
    blocks: list[Block]


def card(campaign_id: int) -> Card:
    """The status card of a campaign, the same for all who see it."""
    progress = progress_of(campaign_id, now=now_ms())
    summary = progress.summary
    shown = [
        blocks.header(summary.campaign.name),
        blocks.section(f"{_status_line(summary)} · {summary.counts.total:,} recipients{_run_by(summary)}"),
        blocks.section(f"{_bar_line(progress)}\n{progress.sent:,} of {summary.counts.total:,}{_pace(progress)}"),
        blocks.fields([f"*{MESSAGE_STATUS_LABELS[status]}* {n:,}" for status, n in progress.tiles]),
    ]
    if summary.status is CampaignStatus.FAILED:
        shown.append(blocks.section(_why_stopped(summary)))
    if summary.campaign.silence:
        shown.append(blocks.section(f":warning: {SILENCE_LABELS[Silence(summary.campaign.silence)]}"))
    if progress.reasons:
        shown.append(blocks.section(_why(progress)))
    buttons, more = _OFFERED[offered_by(summary)]
    shown.append(card_buttons(campaign_id, buttons, more))
    shown.append(_footer(summary, progress.as_of))
    return Card(_in_one_line(summary), shown)


def snapshot(campaign_id: int) -> Card:
    """What `status` answers: the same figures, shorter."""
    progress = progress_of(campaign_id, now=now_ms())
    summary = progress.summary
    value = str(campaign_id)
    buttons = [blocks.button("Refresh", "refresh", value=value), blocks.button("Post here", "move", value=value)]
    shown = [
        blocks.header(summary.campaign.name),
        blocks.section(f"{_status_line(summary)}{_run_by(summary)}\n{_bar_line(progress)}{_pace(progress)}"),
        blocks.section(" · ".join(f"{MESSAGE_STATUS_LABELS[status]} {n:,}" for status, n in progress.tiles)),
        blocks.actions([*buttons, _panel_button(campaign_id)], block_id=f"snapshot-{campaign_id}"),
        _footer(summary, progress.as_of),
    ]
    return Card(_in_one_line(summary), shown)


def failures(campaign_id: int) -> Card:
    """Why messages failed, by reason."""
    progress = progress_of(campaign_id, now=now_ms())
    summary = progress.summary
    name, failed = escaped(summary.campaign.name), summary.counts[MessageStatus.FAILED]
    if not failed:
        return Card(f"{summary.campaign.name}: nothing failed", [blocks.section(f"*{name}*: nothing failed.")])
    lines = "\n".join(f"{FAILURE_REASON_NAMES[reason]} {n:,}" for reason, n in progress.reasons)
    shown = [
        blocks.section(f"*{name}*\n*Why {failed:,} failed:*\n{lines}"),
        card_buttons(campaign_id, ("retry", "export", "panel")),
        _footer(summary, progress.as_of),
    ]
    return Card(f"{summary.campaign.name}: {failed:,} failed", shown)


def help_blocks(running: Sequence[CampaignSummary]) -> list[Block]:
    """The commands, and what runs now."""
    lines = "\n".join(f"`/campaign {verb.usage}` {verb.meaning}" for verb in VERBS)
    shown = [blocks.section(lines)]
    for found in running:
        text = f"*{escaped(found.campaign.name)}* · {_percent(found)}"
        shown.append(blocks.section(text, blocks.button("Status", "status", value=str(found.campaign.id))))
    return [*shown, blocks.context(SIMULATED)] if _is_simulated() else shown


def home(shown: Sequence[Block]) -> Block:
    """The App Home as a view."""
    return {"type": "home", "blocks": list(shown)}


def home_blocks(actor: Actor) -> list[Block]:
    """What runs, and what ran lately."""
    campaigns = list_campaigns(actor)
    running = [found for found in campaigns if group_of(found) == "running"]
    others = [found for found in campaigns if group_of(found) != "running"]
    shown = [blocks.context(f"{escaped(actor.name)} · {ROLE_LABELS[actor.role]}"), blocks.header("Running now")]
    shown += list_blocks(running, len(running), "running")
    shown += [blocks.divider(), blocks.header("Recent"), *list_blocks(others[:HOME_RECENT], len(others), "")]
    return [
        *shown,
        blocks.context(f"As of {blocks.local_time(now_ms())}. Type /campaign in any channel for the commands."),
    ]


def sentence(text: str) -> Block:
    """One paragraph."""
    return blocks.section(text)


def not_understood(typed: str, suggestion: str) -> list[Block]:
    """No such command; perhaps another was meant."""
    meant = f" Did you mean `/campaign {suggestion}`?" if suggestion else ""
    return [blocks.section(f"There is no command “{escaped(typed)}”.{meant} See `/campaign help`.")]


def list_blocks(campaigns: Sequence[CampaignSummary], total: int, wanted: str) -> list[Block]:
    """Campaigns with status, progress and a menu."""
    if not campaigns:
        return [blocks.section(f"No campaigns are {escaped(wanted)}." if wanted else "There are no campaigns yet.")]
    shown = []
    for found in campaigns:
        buttons, more = _OFFERED.get(offered_by(found), ((), ()))
        entries = [
            (BUTTON_TEXTS[verb], f"{verb}:{found.campaign.id}")
            for verb in (*buttons, *more)
            if verb not in ("panel", "move")
        ]
        text = f"*{escaped(found.campaign.name)}*\n{_status_line(found)} · {_percent(found)} of {found.counts.total:,}"
        shown.append(blocks.section(text, blocks.overflow("menu", entries[:5]) if entries else None))
    if total > len(campaigns):
        shown.append(blocks.context(f"{len(campaigns)} of {total}; the panel has them all."))
    return shown


def picker(verb: str, campaigns: Sequence[CampaignSummary]) -> list[Block]:
    """Which campaign is meant."""
    return [
        blocks.section("*Which campaign?*"),
        *(
            blocks.section(
                f"*{escaped(found.campaign.name)}* · {_status_line(found)}",
                blocks.button(BUTTON_TEXTS.get(verb, verb.title()), verb, value=str(found.campaign.id)),
            )
            for found in campaigns
        ),
    ]


def sign_in_link(url: str) -> list[Block]:
    """A one-time link, in a direct message."""
    return [
        blocks.section(
            "*Your sign-in link to the Signalbox panel.* It works once, for 15 minutes. "
            "Do not pass it on: who opens it is you."
        ),
        blocks.actions([blocks.button("Sign in to the panel", "open_link", style="primary", url=url)], block_id="link"),
        blocks.context("You asked for it with `/campaign panel`. If it was not you, tell an Org Admin."),
    ]


def offered_by(summary: CampaignSummary) -> str:
    """Which row of buttons a campaign has."""
    phase = Phase(summary.campaign.phase)
    if phase is Phase.RUNNING:
        return "running"
    return phase.value if phase is Phase.STOPPING else summary.status.value


def group_of(summary: CampaignSummary) -> str:
    """draft, ready, running (holds the channel) or ended (the rest)."""
    phase = Phase(summary.campaign.phase)
    if phase in (Phase.DRAFT, Phase.READY):
        return phase.value
    return "running" if phase in HOLDS_CHANNEL else "ended"


def card_buttons(campaign_id: int, verbs: Sequence[str], more: Sequence[str] = ()) -> Block:
    """A row of buttons, and what is behind its `…`."""
    elements = [_button(verb, campaign_id) for verb in verbs]
    if more:
        elements.append(blocks.overflow("menu", [(BUTTON_TEXTS[verb], f"{verb}:{campaign_id}") for verb in more]))
    return blocks.actions(elements, block_id=f"acts-{campaign_id}")


def _button(verb: str, campaign_id: int) -> Block:
    if verb == "panel":
        return _panel_button(campaign_id)
    return blocks.button(BUTTON_TEXTS[verb], verb, value=str(campaign_id), style="danger" if verb == "stop" else "")


def _panel_button(campaign_id: int) -> Block:
    return blocks.button("Open panel", "open_panel", url=f"{panel_url()}/campaigns/{campaign_id}")


def panel_url() -> str:
    """Where people reach the panel."""
    return public_url(current())


def _status_line(summary: CampaignSummary) -> str:
    label = f"*{CAMPAIGN_STATUS_LABELS[summary.status]}*"
    if summary.campaign.phase == Phase.STOPPING:
        label += f", stopping: {summary.counts[MessageStatus.SENDING]:,} still with the provider"
    return f"{label} · {CHANNEL_LABELS[Channel(summary.campaign.channel)]}"


def _run_by(summary: CampaignSummary) -> str:
    campaign = summary.campaign
    if not campaign.run_at:
        return ""
    return f" · run by {escaped(campaign.disclaimer_by or 'somebody')} at {blocks.local_time(campaign.run_at)}"


def _percent(summary: CampaignSummary) -> str:
    return f"{percent_sent(summary.counts)} % sent"


def _bar_line(progress: Progress) -> str:
    return f"{blocks.bar(progress.percent / 100)} *{progress.percent} % sent*"


def _pace(progress: Progress) -> str:
    parts = []
    if progress.rate:
        parts.append(f"{progress.rate:,.0f} messages/s")
    if progress.seconds_left:
        parts.append(f"about {max(1, round(progress.seconds_left / 60))} min left")
    if progress.waiting_for_receipts and progress.waits_until:
        until = blocks.local_time(progress.waits_until)
        parts.append(f"waiting for {progress.waiting_for_receipts:,} receipts, until {until} at most")
    return "".join(f" · {part}" for part in parts)


def _why(progress: Progress) -> str:
    told = " · ".join(f"{FAILURE_REASON_NAMES[reason]} {n:,}" for reason, n in progress.reasons[:REASONS_SHOWN])
    more = len(progress.reasons) - REASONS_SHOWN
    rest = f" · {more} more reason{'s' if more > 1 else ''}" if more > 0 else ""
    return f"*Why {progress.counts[MessageStatus.FAILED]:,} failed:* {told}{rest}"


def _why_stopped(summary: CampaignSummary) -> str:
    # A provider's free text may name people; its code alone says enough for a channel.
    code = escaped(summary.campaign.failed_code or "no code")
    return f"*Sending could not go on:* the provider refused the account ({code}). Mend it, then Resume."


def _footer(summary: CampaignSummary, as_of: int) -> Block:
    parts = [f"#{summary.campaign.id}", f"as of {blocks.local_time(as_of)}"]
    if _is_simulated(Channel(summary.campaign.channel)):
        parts.append(SIMULATED)
    return blocks.context(" · ".join(parts))


def _is_simulated(channel: Channel | None = None) -> bool:
    providers = current().providers
    return "simulated" in ({providers.get(channel)} if channel else set(providers.values()))


def _in_one_line(summary: CampaignSummary) -> str:
    return f"{summary.campaign.name}: {CAMPAIGN_STATUS_LABELS[summary.status]}, {_percent(summary)}"

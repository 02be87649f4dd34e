"""The App Home: what runs, what needs somebody, what was lately, and one's own exports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.drawing import blocks, buttons, lines
from bot.drawing.blocks import Block, escaped
from bot.drawing.lines import Site
from models.queries.campaigns import CampaignSummary
from models.queries.progress import Progress
from models.rules.counts import likely_to_work
from models.tables import Export, ScheduledStart
from models.words import CHANNEL_LABELS, ROLE_LABELS, CampaignStatus, Channel, MessageStatus, Role

RECENT = 5
ATTENTION = 5
EXPORTS = 5
_NEEDS_SOMEBODY = frozenset(
    {CampaignStatus.FAILED, CampaignStatus.HELD, CampaignStatus.STOPPED, CampaignStatus.COMPLETE_WITH_ERRORS}
)
_GOES_NO_FURTHER = frozenset({CampaignStatus.FAILED, CampaignStatus.HELD})  # shown first, however old
_ACTS = {
    CampaignStatus.FAILED: ("resume", "failures"),
    CampaignStatus.HELD: ("resume", "stop", "failures"),
    CampaignStatus.STOPPED: ("resume", "export"),
    CampaignStatus.COMPLETE_WITH_ERRORS: ("retry", "failures", "export"),
}


@dataclass(frozen=True)
class Day:
    """What somebody's App Home shows; campaigns newest first, `running` by channel."""

    person: str
    role: Role
    running: Mapping[Channel, Progress]
    starts: Sequence[ScheduledStart]
    campaigns: Sequence[CampaignSummary]
    exports: Sequence[Export]
    finished_muted: bool
    as_of: int


def view(shown: Sequence[Block]) -> Block:
    """An App Home of these blocks."""
    return {"type": "home", "blocks": list(shown)}


def home(day: Day, site: Site) -> Block:
    """The whole App Home."""
    simulated = f" · {lines.SIMULATED}" if site.simulated else ""
    return view(
        [
            blocks.context(f"{escaped(day.person)} · {ROLE_LABELS[day.role]}{simulated}"),
            *_running(day, site),
            *_part("Needs attention", _attention(day, site)),
            *_part("Recent", _recent(day)),
            *_part("My exports", _exports(day, site)),
            blocks.divider(),
            blocks.actions(_house_acts(day, site), block_id="home"),
            blocks.context(f"As of {blocks.local_time(day.as_of)}. Type `/campaign` in any channel for the commands."),
        ]
    )


def _running(day: Day, site: Site) -> list[Block]:
    shown = [blocks.header("Running now")]
    for channel in Channel:
        progress = day.running.get(channel)
        if progress is None:
            shown.append(blocks.section(_free(channel, day)))
            continue
        summary = progress.summary
        failed = f" · {summary.counts[MessageStatus.FAILED]:,} failed" if summary.counts[MessageStatus.FAILED] else ""
        head = f"*{CHANNEL_LABELS[channel]}: {escaped(summary.campaign.name)}*"
        text = f"{head}\n{lines.bar(progress)}{lines.pace(progress)}{failed}"
        shown.append(blocks.section(text, buttons.button("status", summary.campaign.id, site)))
    return shown


def _free(channel: Channel, day: Day) -> str:
    names = {found.campaign.id: found for found in day.campaigns}
    text = f"*{CHANNEL_LABELS[channel]}: free.*"
    for start in day.starts:
        found = names.get(start.campaign_id)
        if found is not None and found.campaign.channel == channel:
            return f"{text} Next is {lines.name(found)}.\n{lines.start(start)}"
    return text


def _attention(day: Day, site: Site) -> list[Block]:
    shown: list[Block] = []
    waiting = [one for one in day.campaigns if one.status in _NEEDS_SOMEBODY]
    for found in sorted(waiting, key=lambda one: one.status not in _GOES_NO_FURTHER)[:ATTENTION]:
        shown.append(blocks.section(f"{lines.name(found)} · {lines.status(found)}\n{_why(found)}"))
        shown.append(buttons.row(found.campaign.id, _ACTS[found.status], site))
    return shown


def _why(found: CampaignSummary) -> str:
    counts = found.counts
    if found.status is CampaignStatus.FAILED:
        return f"Sending could not go on: {lines.why_failed(found)}"
    if found.status is CampaignStatus.HELD:
        return f"Too many failed. {counts[MessageStatus.QUEUED]:,} stay Queued until somebody decides."
    if found.status is CampaignStatus.STOPPED:
        return f"{counts[MessageStatus.CANCELLED]:,} are Cancelled and can go on."
    failed, unconfirmed = counts[MessageStatus.FAILED], counts[MessageStatus.UNCONFIRMED]
    told = [f"{failed:,} failed, {likely_to_work(counts):,} of them likely to work on retry."] if failed else []
    return " ".join([*told, f"{unconfirmed:,} Unconfirmed."] if unconfirmed else told)


def _recent(day: Day) -> list[Block]:
    calm = [one for one in day.campaigns if one.status not in _NEEDS_SOMEBODY and buttons.group_of(one) != "running"]
    starts = {start.campaign_id: start for start in day.starts}
    from_campaigns = [
        blocks.section(
            f"{lines.name(found)} · {lines.status(found)} · {lines.recipients(found)} · {_lately(found)}"
            + (f"\n{lines.start(starts[found.campaign.id])}" if found.campaign.id in starts else ""),
            buttons.menu(found),
        )
        for found in calm[:RECENT]
    ]
    return from_campaigns or ([] if day.campaigns else [blocks.section("No campaigns yet: `/campaign create`.")])


def _lately(found: CampaignSummary) -> str:
    """When it ended, else when it was made."""
    campaign = found.campaign
    return blocks.local_date(campaign.ended_at or campaign.created_at)


def _exports(day: Day, site: Site) -> list[Block]:
    download = blocks.button("Download", "open_link", url=f"{site.panel_url}/exports/")
    return [blocks.section(_export(export), download) for export in day.exports[:EXPORTS]]


def _export(export: Export) -> str:
    kept = f"kept until {blocks.local_date(export.expires_at)}"
    rows = f"{lines.counted(export.rows_done, noun='row')} · as of {blocks.local_time(export.moment_at)}"
    return f"*{escaped(export.campaign_name)}*, {lines.filter_of(export)}\n{rows} · {kept}"


def _house_acts(day: Day, site: Site) -> list[Block]:
    mute = "Unmute “finished”" if day.finished_muted else "Mute “finished”"
    return [
        blocks.button("Refresh", "refresh_home"),
        blocks.button(mute, "mute_finished", value="" if day.finished_muted else "mute"),
        blocks.button("Open panel", "open_panel", url=site.panel_url),
    ]


def _part(title: str, shown: list[Block]) -> list[Block]:
    """A headed part, left out when there is nothing in it."""
    return [blocks.divider(), blocks.header(title), *shown] if shown else []

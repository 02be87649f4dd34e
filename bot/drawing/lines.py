"""The sentences that cards, lists, dialogs and messages share, so that all of them say the same in the same words."""

from dataclasses import dataclass

from bot.drawing import blocks
from bot.drawing.blocks import Block, escaped
from models import words
from models.config import current
from models.providers import provider_name
from models.queries.campaigns import CampaignSummary
from models.queries.progress import Progress
from models.rules.account import goes_on_by, who_can_mend, why_refused
from models.rules.counts import stopping_told
from models.rules.criteria import CHANGED, Criteria
from models.tables import Export, ScheduledStart
from models.words import (
    CAMPAIGN_STATUS_LABELS,
    CHANNEL_LABELS,
    FAILURE_REASON_NAMES,
    MESSAGE_STATUS_LABELS,
    Channel,
    Phase,
    StartKind,
    duration,
)

SIMULATED = "Simulated: no message leaves Signalbox"
EXPORT_BEGUN = "The export is being made. The file comes to you as a direct message."
REASONS_SHOWN = 3
_OF_ONE = {"are": "is", "go": "goes", "stay": "stays", "were": "was"}


@dataclass(frozen=True)
class Site:
    """The installation: where its panel is, and the channels whose provider is only simulated."""

    panel_url: str
    simulated: frozenset[Channel] = frozenset()


def counted(n: int, then: str = "", noun: str = "message") -> str:
    """So many messages, and what is said of them: `then` begins with a verb as it stands after several."""
    verb, _, rest = then.partition(" ")
    said = _OF_ONE.get(verb, verb) if n == 1 else verb
    return " ".join(part for part in (words.counted(n, noun), said, rest) if part)


def recipients(summary: CampaignSummary) -> str:
    """How many a campaign goes to."""
    return counted(summary.counts.total, noun="recipient")


def channel_label(summary: CampaignSummary) -> str:
    """SMS or Email."""
    return CHANNEL_LABELS[Channel(summary.campaign.channel)]


def name(summary: CampaignSummary) -> str:
    """The campaign's name, bold."""
    return f"*{escaped(summary.campaign.name)}*"


def about(summary: CampaignSummary) -> str:
    """Which campaign a dialog is about."""
    return f"{name(summary)} · {channel_label(summary)}"


def status(summary: CampaignSummary) -> str:
    """The status shown, and what keeps a stopping campaign from its end."""
    stopping = stopping_told(Phase(summary.campaign.phase), summary.counts)
    return f"*{CAMPAIGN_STATUS_LABELS[summary.status]}*{stopping} · {channel_label(summary)}"


def run_by(summary: CampaignSummary) -> str:
    """Who ran it and when; '' before it was run."""
    campaign = summary.campaign
    if not campaign.run_at:
        return ""
    return f" · run by {escaped(campaign.disclaimer_by or 'somebody')} at {blocks.local_time(campaign.run_at)}"


def percent(summary: CampaignSummary) -> str:
    """How far it is."""
    return f"{summary.counts.percent_sent} % sent"


def bar(progress: Progress) -> str:
    """How far it is, as a bar and a number."""
    return f"{blocks.bar(progress.percent / 100)} *{progress.percent} % sent*"


def pace(progress: Progress) -> str:
    """How fast it goes and when it will be through; '' when it stands still."""
    if waiting := progress.waiting_told(blocks.local_time):
        return f" · {waiting}"
    parts = []
    if progress.rate:
        parts.append(f"{progress.rate:,.{0 if progress.rate >= 10 else 1}f} messages/s")
    if progress.seconds_left:
        parts.append(f"about {duration(progress.seconds_left)} left")
    return "".join(f" · {part}" for part in parts)


def tiles(progress: Progress) -> list[str]:
    """The counts that add up to the total."""
    return [f"{MESSAGE_STATUS_LABELS[status]} {n:,}" for status, n in progress.tiles]


def reasons(progress: Progress, shown: int = REASONS_SHOWN) -> str:
    """The most frequent failure reasons in one line."""
    told = " · ".join(f"{FAILURE_REASON_NAMES[reason]} {n:,}" for reason, n in progress.reasons[:shown])
    more = len(progress.reasons) - shown
    return f"{told} · {counted(more, noun='more reason')}" if more > 0 else told


def start(waiting: ScheduledStart) -> str:
    """What a campaign that starts later waits for, and who asked for it."""
    what = "Runs" if waiting.kind == StartKind.RUN else "Retries"
    when = [blocks.local_date(waiting.starts_at)] if waiting.starts_at else []
    when += ["when the channel is free"] if waiting.when_free else []
    return f":clock3: {what} later: {', '.join(when)} · asked by {escaped(waiting.actor_name)}"


def why_failed(summary: CampaignSummary) -> str:
    """Why sending could not go on, who can mend it, and what to do then."""
    # A provider's free text may name people; its code alone says enough for a channel.
    code = summary.campaign.failed_code or ""
    provider = provider_name(current().providers.get(Channel(summary.campaign.channel), ""))
    return (
        f"{escaped(why_refused(code))}. *Who can mend it:* {who_can_mend(code, provider)}. "
        f"Then {goes_on_by(summary.counts).capitalize()}."
    )


def filter_of(export: Export) -> str:
    """Which of a campaign's messages an export has."""
    if export.since_id:
        return f"{CHANGED} since an earlier export"
    return escaped(Criteria.from_json(export.criteria).told)


def mark(summary: CampaignSummary, site: Site) -> list[Block]:
    """The mark of a channel on which nothing is really sent."""
    return [blocks.context(SIMULATED)] if Channel(summary.campaign.channel) in site.simulated else []


def footer(summary: CampaignSummary, as_of: int, site: Site) -> Block:
    """The small print: number, moment, whether the counts were proven, and whether anything is really sent."""
    parts = [f"#{summary.campaign.id}", f"as of {blocks.local_time(as_of)}"]
    if summary.campaign.proven_at:
        parts.append(f"counts proven {blocks.local_time(summary.campaign.proven_at)}")
    if Channel(summary.campaign.channel) in site.simulated:
        parts.append(SIMULATED)
    return blocks.context(" · ".join(parts))


def in_one_line(summary: CampaignSummary) -> str:
    """What a notification says."""
    return f"{escaped(summary.campaign.name)}: {CAMPAIGN_STATUS_LABELS[summary.status]}, {percent(summary)}"

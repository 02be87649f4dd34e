"""The progress panel in words: its headline, tiles, chips and what is announced."""

from dataclasses import dataclass

from admin.presenting import times
from admin.presenting.words import Badge, campaign_badge, message_badge, share
from models.queries.progress import Progress
from models.rules.counts import Counts
from models.words import CHANNEL_LABELS, NOT_RUN, TO_BE_SENT, Channel, MessageStatus, Phase, duration


@dataclass(frozen=True)
class Tile:
    """A count that is a filter."""

    status: MessageStatus
    badge: Badge
    n: int
    share: str


def tiles(progress: Progress) -> list[Tile]:
    """The tiles of SPEC 8; before the run Waiting is called Total Messages."""
    not_run = Phase(progress.summary.campaign.phase) in NOT_RUN
    made = []
    for status, n in progress.tiles:
        badge = message_badge(status)
        if not_run and status is MessageStatus.WAITING:
            badge = Badge("Total Messages", badge.colour, "all")
        made.append(Tile(status, badge, n, share(n, progress.counts.total)))
    return made


def headline(progress: Progress, zone: str) -> tuple[str, list[tuple[str, str, str]]]:
    """The first words, and what follows as (before, strong, after); times of day are in `zone`."""
    campaign, counts = progress.summary.campaign, progress.counts
    phase = Phase(campaign.phase)
    if phase in NOT_RUN:
        return "Not run yet", [("", f"{counts.sendable:,}", "can be sent to")]
    follows = [("", f"{progress.sent:,}", f"of {counts.total:,}")]
    if phase is Phase.STOPPING and counts[MessageStatus.SENDING]:
        return f"{counts[MessageStatus.SENDING]:,} still with the provider", follows + _channel_stays_taken(
            progress, zone
        )
    if phase is Phase.ENDED and not progress.live and not counts[MessageStatus.CANCELLED]:
        return f"All {counts.total:,} final", _outcome(progress)
    if counts[MessageStatus.CANCELLED]:
        follows.append(("", f"{counts[MessageStatus.CANCELLED]:,}", "Cancelled"))
    return f"{progress.percent} % sent", follows + _pace(progress, zone)


def _channel_stays_taken(progress: Progress, zone: str) -> list[tuple[str, str, str]]:
    """Silence can keep a stopping campaign's last messages, and its channel, up to their time-outs."""
    if not progress.waits_until:
        return []
    channel = CHANNEL_LABELS[Channel(progress.summary.campaign.channel)]
    return [(f"{channel} stays taken until", times.clock_exact(progress.waits_until, zone), "at most")]


def _outcome(progress: Progress) -> list[tuple[str, str, str]]:
    campaign, counts = progress.summary.campaign, progress.counts
    outcome = [("", share(counts[MessageStatus.DELIVERED], counts.total), "delivered")]
    if assumed := counts[MessageStatus.ASSUMED_DELIVERED]:
        outcome.append(("", share(assumed, counts.total), "assumed"))
    if campaign.started_at == campaign.run_at and campaign.started_at and campaign.ended_at:  # not what a retry took
        outcome.append(("took", duration((campaign.ended_at - campaign.started_at) / 1000), ""))
    return outcome


def _pace(progress: Progress, zone: str) -> list[tuple[str, str, str]]:
    if progress.waiting_for_receipts:
        until = (
            f"receipts, until {times.clock_exact(progress.waits_until, zone)} at most" if progress.waits_until else ""
        )
        return [("waiting for", f"{progress.waiting_for_receipts:,}", until or "receipts")]
    if progress.counts[MessageStatus.RETRYING] and not _left(progress.counts):
        return [("", f"{progress.counts[MessageStatus.RETRYING]:,}", "Retrying, up to 73 h")]
    pace = []
    if progress.rate and _left(progress.counts):
        pace.append(("", f"{progress.rate:,.0f}" if progress.rate >= 10 else f"{progress.rate:.1f}", "messages/s"))
    if progress.seconds_left:
        pace.append(("about", duration(progress.seconds_left), "left"))
    return pace


def one_line(phase: Phase, counts: Counts) -> str:
    """A campaign's progress in a list."""
    if phase in NOT_RUN:
        return "not run yet"
    left = [
        f"{counts[status]:,} {message_badge(status).word}"
        for status in (MessageStatus.CANCELLED, MessageStatus.UNCONFIRMED, MessageStatus.RETRYING)
        if counts[status]
    ]
    return ", ".join([f"{counts.percent_sent} % sent", *left[:1]])


def announced(progress: Progress) -> str:
    """What a screen reader hears when it changes: each tenth and each change of state, not each tick."""
    badge = campaign_badge(Phase(progress.summary.campaign.phase), progress.counts)
    return f"{badge.word}, {progress.percent // 10 * 10} % sent"


def _left(counts: Counts) -> int:
    return sum(counts[status] for status in TO_BE_SENT)

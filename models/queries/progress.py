"""How far a campaign has come: the figures of the progress panel and the card, from counters alone."""

from dataclasses import dataclass

from models.database import select
from models.queries.campaigns import CampaignSummary
from models.queries.pace import rate_of
from models.rules.counts import Counts
from models.words import IN_FLIGHT, TO_BE_SENT, Channel, FailureReason, MessageStatus, Phase

LAST_CLAIMED = 200  # rows looked at for the latest time-out
_NOT_RUN = frozenset({Phase.DRAFT, Phase.READY})
_MOVING = frozenset({Phase.RUNNING, Phase.STOPPING, Phase.HELD})


@dataclass(frozen=True)
class Progress:
    """A campaign's figures at `as_of` (epoch ms).

    `sent` is what is final or with the provider, without Cancelled. `rate` is messages per second over the
    last half minute, None when it is not sending; `seconds_left` follows from it. `waits_until` (epoch ms)
    is set when all is handed over: the last receipt comes by then or is given up. `live` means that the
    figures may still change by themselves.
    """

    summary: CampaignSummary
    sent: int
    rate: float | None
    seconds_left: int | None
    waits_until: int | None
    as_of: int

    @property
    def counts(self) -> Counts:
        """Where the messages stand."""
        return self.summary.counts

    @property
    def percent(self) -> int:
        """Of 100; 100 only when all are sent."""
        return self.counts.percent_sent

    @property
    def live(self) -> bool:
        """Whether to look again soon."""
        return Phase(self.summary.campaign.phase) in _MOVING or self.counts[MessageStatus.RETRYING] > 0

    @property
    def waiting_for_receipts(self) -> int:
        """How many are still with the provider once nothing is left to hand over, else 0."""
        left = any(self.counts[status] for status in TO_BE_SENT)
        return 0 if left else self.counts[MessageStatus.SENDING]

    @property
    def reasons(self) -> tuple[tuple[FailureReason, int], ...]:
        """Failure reasons with their counts, the most frequent first."""
        return failure_reasons(self.counts)

    @property
    def tiles(self) -> tuple[tuple[MessageStatus, int], ...]:
        """The counts to show, which add up to the total (SPEC 8)."""
        campaign = self.summary.campaign
        return shown_counts(Channel(campaign.channel), Phase(campaign.phase), self.counts)


def progress_of(summary: CampaignSummary, *, now: int) -> Progress:
    """The figures of one campaign."""
    campaign_id = summary.campaign.id
    rate = rate_of(campaign_id, now=now) if summary.campaign.phase == Phase.RUNNING else None
    left = summary.counts.to_be_sent
    return Progress(
        summary,
        sent=summary.counts.sent,
        rate=rate,
        seconds_left=round(left / rate) if rate and left else None,
        waits_until=None if left else _latest_time_out(campaign_id, summary.counts),
        as_of=now,
    )


def failure_reasons(counts: Counts) -> tuple[tuple[FailureReason, int], ...]:
    """Failure reasons with their counts over all retry classes, the most frequent first."""
    by_reason: dict[FailureReason, int] = {}
    for (reason, _), n in counts.failures.items():
        known = FailureReason(reason or FailureReason.UNKNOWN)
        by_reason[known] = by_reason.get(known, 0) + n
    return tuple(sorted(by_reason.items(), key=lambda item: -item[1]))


def shown_counts(channel: Channel, phase: Phase, counts: Counts) -> tuple[tuple[MessageStatus, int], ...]:
    """Which counts are shown and in which order (SPEC 8): some always, the others when there are any."""
    if phase in _NOT_RUN:
        always = {MessageStatus.WAITING}
    else:
        own = MessageStatus.ASSUMED_DELIVERED if channel is Channel.SMS else MessageStatus.RETRYING
        always = {
            MessageStatus.DELIVERED,
            MessageStatus.SENDING,
            MessageStatus.FAILED,
            MessageStatus.OPTED_OUT,
            own,
        }
    return tuple((status, counts[status]) for status in _TILE_ORDER if status in always or counts[status])


_TILE_ORDER = (
    MessageStatus.DELIVERED,
    MessageStatus.SENDING,
    MessageStatus.WAITING,
    MessageStatus.QUEUED,
    MessageStatus.FAILED,
    MessageStatus.OPTED_OUT,
    MessageStatus.ASSUMED_DELIVERED,
    MessageStatus.RETRYING,
    MessageStatus.CANCELLED,
    MessageStatus.UNCONFIRMED,
)


def _latest_time_out(campaign_id: int, counts: Counts) -> int | None:
    """When the last message with the provider is given up; those claimed last have the latest."""
    if not counts[MessageStatus.SENDING] or any(counts[status] for status in IN_FLIGHT - {MessageStatus.SENDING}):
        return None
    found = select(
        "SELECT MAX(due_at) FROM (SELECT due_at FROM messages WHERE campaign_id = ? AND status = 'sending' "
        f"ORDER BY id DESC LIMIT {LAST_CLAIMED}) AS claimed",
        campaign_id,
    )
    latest = found[0][0]
    return int(latest) if latest is not None else None

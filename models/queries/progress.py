"""How far a campaign has come: the figures of the progress panel and the card, from counters alone."""

from collections.abc import Callable
from dataclasses import dataclass

from models.config import current
from models.database import select
from models.queries.campaigns import CampaignSummary
from models.queries.pace import rate_of
from models.rules.counts import Counts
from models.rules.timeouts import given_up_by
from models.rules.verdicts import AttemptState
from models.words import (
    HOLDS_CHANNEL,
    IN_FLIGHT,
    NOT_RUN,
    TO_BE_SENT,
    Channel,
    FailureReason,
    LeftOut,
    MessageStatus,
    Phase,
    counted,
)

LOOKED_AT = 200  # hand-overs at most that are looked at for the latest end


@dataclass(frozen=True)
class Progress:
    """A campaign's figures at `as_of` (epoch ms).

    `sent` is what is final or with the provider, without Cancelled. `rate` is messages per second over the
    last half minute, None when it is not sending; `seconds_left` follows from it. `waits_until` (epoch ms)
    is set when all is handed over: the last receipt comes by then or is given up, whatever is heard until then.
    `live` means that the figures may still change by themselves.
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
        return Phase(self.summary.campaign.phase) in HOLDS_CHANNEL or self.counts[MessageStatus.RETRYING] > 0

    @property
    def waiting_for_receipts(self) -> int:
        """How many are still with the provider once nothing is left to hand over, else 0."""
        left = any(self.counts[status] for status in TO_BE_SENT)
        return 0 if left else self.counts[MessageStatus.SENDING]

    def waiting_told(self, moment: Callable[[int], str]) -> str:
        """That the last receipts are waited for, and until when at most, as `moment` writes it; '' if they are not."""
        n = self.waiting_for_receipts
        if not n or self.waits_until is None:
            return ""
        return f"waiting for {counted(n, 'receipt')}, until {moment(self.waits_until)} at most"

    @property
    def reasons(self) -> tuple[tuple[FailureReason, int], ...]:
        """Failure reasons with their counts, the most frequent first."""
        return failure_reasons(self.counts)

    @property
    def left_out(self) -> tuple[tuple[LeftOut, int], ...]:
        """Why people were left out at Run, with their counts."""
        return left_out_reasons(self.counts)

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
        waits_until=None if left else _latest_end(summary, now=now),
        as_of=now,
    )


def failure_reasons(counts: Counts) -> tuple[tuple[FailureReason, int], ...]:
    """Failure reasons with their counts over all retry classes, the most frequent first."""
    by_reason: dict[FailureReason, int] = {}
    for (reason, _), n in counts.failures.items():
        known = FailureReason(reason or FailureReason.UNKNOWN)
        by_reason[known] = by_reason.get(known, 0) + n
    return tuple(sorted(by_reason.items(), key=lambda item: -item[1]))


def left_out_reasons(counts: Counts) -> tuple[tuple[LeftOut, int], ...]:
    """Why people were left out at Run, with their counts."""
    return tuple((LeftOut(reason), n) for reason, n in sorted(counts.left_out.items()))


def shown_counts(channel: Channel, phase: Phase, counts: Counts) -> tuple[tuple[MessageStatus, int], ...]:
    """Which counts are shown and in which order (SPEC 8): some always, the others when there are any."""
    if phase in NOT_RUN:
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


def _latest_end(summary: CampaignSummary, *, now: int) -> int | None:
    """When the last message with the provider is given up at the latest; None while others are still in flight.

    Many are not looked at one by one: whatever was handed over by now is given up as what is claimed now would be.
    """
    counts, channel, scale = summary.counts, Channel(summary.campaign.channel), current().time_scale
    if not counts[MessageStatus.SENDING] or any(counts[status] for status in IN_FLIGHT - {MessageStatus.SENDING}):
        return None
    if counts[MessageStatus.SENDING] > LOOKED_AT:
        return given_up_by(channel, AttemptState(MessageStatus.SENDING, claimed_at=now), scale)
    ends = [given_up_by(channel, state, scale) for state in _with_provider(summary.campaign.id)]
    return max(ends, default=None)


def _with_provider(campaign_id: int) -> list[AttemptState]:
    """What decides when the attempts are given up that await the provider's word."""
    found = select(
        "SELECT a.claimed_at, a.progress, a.handed_over_at, a.progress_at, a.event_at FROM (SELECT id, attempt "
        f"FROM messages WHERE campaign_id = ? AND status = 'sending' ORDER BY id LIMIT {LOOKED_AT}) AS m "
        "JOIN attempts a ON a.message_id = m.id AND a.number = m.attempt",
        campaign_id,
    )
    return [
        AttemptState(
            MessageStatus.SENDING,
            claimed_at,
            progress=progress,
            handed_over_at=handed_over_at,
            progress_at=progress_at,
            event_at=event_at,
        )
        for claimed_at, progress, handed_over_at, progress_at, event_at in found
    ]

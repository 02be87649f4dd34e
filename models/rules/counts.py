"""How many messages stand where, and the status shown that follows (SPEC 1)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from models.words import (
    LEFT_OUT_NAMES,
    TO_BE_SENT,
    CampaignStatus,
    FailureReason,
    LeftOut,
    MessageStatus,
    Phase,
    RetryClass,
    status_with,
)


@dataclass(frozen=True)
class Counts:
    """Messages of one campaign by status, the Failed ones by reason and retry class, and those left out by reason."""

    by_status: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[tuple[str, str], int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_rows(cls, rows: Iterable[tuple[str, str, str, int]]) -> "Counts":
        """From rows of (status, failure reason, retry class, n)."""
        by_status: dict[str, int] = {}
        failures: dict[tuple[str, str], int] = {}
        left_out: dict[str, int] = {}
        for status, reason, retry_class, n in rows:
            by_status[status] = by_status.get(status, 0) + n
            if status == MessageStatus.FAILED and n:
                failures[reason, retry_class] = failures.get((reason, retry_class), 0) + n
            elif status == MessageStatus.CANCELLED and reason and n:
                left_out[reason] = left_out.get(reason, 0) + n
        return cls(by_status, failures, left_out)

    def __getitem__(self, status: str) -> int:
        return self.by_status.get(status, 0)

    @property
    def total(self) -> int:
        """Every imported row."""
        return sum(self.by_status.values())

    @property
    def sendable(self) -> int:
        """What a run would queue; who opted out since the import is among them, unless taken `without` them."""
        return self[MessageStatus.WAITING]

    def without(self, refusing: int, status: MessageStatus = MessageStatus.WAITING) -> "Counts":
        """The same where so many of a status are counted as Opted Out, since nothing may be sent to them by now."""
        moved: dict[str, int] = {
            status: self[status] - refusing,
            MessageStatus.OPTED_OUT: self[MessageStatus.OPTED_OUT] + refusing,
        }
        return replace(self, by_status={**self.by_status, **moved})

    def with_reasons(self, reasons: Collection[str], statuses: Collection[str] = ()) -> int:
        """How many messages have one of these reasons; of these statuses, if any are given."""
        failed = ((reason, n) for (reason, _), n in self.failures.items())
        return sum(
            n
            for reason, n in (*failed, *self.left_out.items())
            if reason in reasons and (not statuses or status_with(reason) in statuses)
        )

    @property
    def to_be_sent(self) -> int:
        """What a hand-over is awaited for."""
        return sum(self[status] for status in TO_BE_SENT)

    @property
    def left(self) -> int:
        """What goes on with a resume: what is to be sent, and what was Cancelled."""
        return self.to_be_sent + self[MessageStatus.CANCELLED]

    @property
    def sent(self) -> int:
        """What is final or with the provider; Cancelled ones were never sent."""
        return self.total - self.left

    @property
    def percent_sent(self) -> int:
        """Of 100, rounded down: 100 only when all are sent."""
        return 100 * self.sent // max(1, self.total)

    def for_every_status(self) -> dict[str, int]:
        """The count of each status, zeros included, in the order of SPEC 2."""
        return {status.value: self[status] for status in MessageStatus}


_SHOWN_BY_PHASE = {
    Phase.DRAFT: CampaignStatus.DRAFT,
    Phase.FAILED: CampaignStatus.FAILED,
    Phase.READY: CampaignStatus.READY,
    Phase.HELD: CampaignStatus.HELD,
    Phase.RUNNING: CampaignStatus.IN_PROGRESS,
    Phase.STOPPING: CampaignStatus.IN_PROGRESS,
}


def shown_status(phase: Phase, counts: Counts) -> CampaignStatus:
    """The status people see; `deleting` campaigns are shown nowhere but keep the shade they ended in."""
    if phase in _SHOWN_BY_PHASE:
        return _SHOWN_BY_PHASE[phase]
    if counts[MessageStatus.CANCELLED]:
        return CampaignStatus.STOPPED
    if counts[MessageStatus.RETRYING]:
        return CampaignStatus.ACTIVE_RETRIES
    if counts[MessageStatus.FAILED] or counts[MessageStatus.UNCONFIRMED]:
        return CampaignStatus.COMPLETE_WITH_ERRORS
    return CampaignStatus.COMPLETE


def worth_of(reason: str, retry_class: str) -> RetryClass:
    """What a retry of a failure is worth: its code's class decides, but of what nobody knows anything may be true."""
    known = reason not in ("", FailureReason.UNKNOWN)
    return RetryClass(retry_class) if known and retry_class else RetryClass.MAY_HAVE_ARRIVED


def stopping_told(phase: Phase, counts: Counts) -> str:
    """What keeps a stopping campaign from its end, said right after its status; '' of any other."""
    if phase is not Phase.STOPPING:
        return ""
    return f", stopping: {counts[MessageStatus.SENDING]:,} still with the provider"


def left_out_told(left_out: Mapping[str, int]) -> str:
    """Who was left out at Run and why: "3 left out: reached in the 24 hours before Run"; '' if nobody was."""
    names = ((LEFT_OUT_NAMES[LeftOut(reason)], n) for reason, n in sorted(left_out.items()))
    return "; ".join(f"{n:,} left out: {name[0].lower()}{name[1:]}" for name, n in names)


def likely_to_work(counts: Counts) -> int:
    """How many Failed messages a retry is likely to bring through."""
    return sum(n for failure, n in counts.failures.items() if worth_of(*failure) is RetryClass.LIKELY)

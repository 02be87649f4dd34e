"""The retry plan: what a person's retry would send again, by reason and by what the retry is worth (SPEC 5)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from models.rules.actions import Answer
from models.rules.counts import worth_of
from models.rules.criteria import Criteria
from models.words import RETRYABLE, Channel, FailureReason, MessageStatus, RetryClass

RECOVERY_SHOWN_FROM = 50  # retried attempts; fewer say nothing of a rate
UNCONFIRMED = MessageStatus.UNCONFIRMED.value  # the key of the tick of its own
OFFERED = (RetryClass.LIKELY, RetryClass.MAY_HAVE_ARRIVED, RetryClass.POINTLESS)
_ABOUT = (MessageStatus.FAILED, MessageStatus.UNCONFIRMED, MessageStatus.OPTED_OUT)


class Group(NamedTuple):
    """Messages that stand at the same place; `segments` is what they take, None for email."""

    status: str
    reason: str
    retry_class: str
    n: int
    segments: int | None = None


class Recovered(NamedTuple):
    """Attempts that followed a retry of one kind of failure, and how many of them recovered the message."""

    retried: int
    recovered: int


@dataclass(frozen=True)
class PlanEntry:
    """One tick of the plan: `n` Failed messages of one reason, as far as their retry is worth the same.

    `key` says which, "likely:unreachable"; `ticked` whether the dialog begins with it ticked; `recovered_percent`
    how many of a hundred earlier retries recovered the message, None while too few are known; `segments` is None
    for email.
    """

    key: str
    retry_class: RetryClass
    reason: FailureReason
    n: int
    ticked: bool
    recovered_percent: int | None = None
    segments: int | None = None


@dataclass(frozen=True)
class RetryPlan:
    """What a retry dialog shows; the set is fixed at `cutoff_at` (epoch ms).

    `opted_out` is how many of those looked at can never be retried, `price` what one segment costs (None when
    it is not known, and for email), `answer` whether the retry may begin now, or else why not and what instead.
    """

    id: int
    campaign_id: int
    channel: Channel
    cutoff_at: int
    entries: tuple[PlanEntry, ...]
    unconfirmed: int
    unconfirmed_segments: int | None
    opted_out: int
    price: Decimal | None
    currency: str
    answer: Answer

    @property
    def ticked(self) -> tuple[str, ...]:
        """The keys of what is ticked at first."""
        return tuple(entry.key for entry in self.entries if entry.ticked)

    @property
    def shown(self) -> dict[str, int]:
        """How many messages each tick stands for."""
        return {entry.key: entry.n for entry in self.entries} | {UNCONFIRMED: self.unconfirmed}

    def messages(self, ticked: Collection[str], *, include_unconfirmed: bool = False) -> int:
        """How many would be sent again with these ticks."""
        return shown_by(self.shown, ticked, include_unconfirmed=include_unconfirmed)

    def segments(self, ticked: Collection[str], *, include_unconfirmed: bool = False) -> int | None:
        """How many SMS segments that takes; None for email."""
        if self.channel is not Channel.SMS:
            return None
        failed = sum(entry.segments or 0 for entry in self.entries if entry.key in ticked)
        return failed + ((self.unconfirmed_segments or 0) if include_unconfirmed else 0)

    def cost(self, ticked: Collection[str], *, include_unconfirmed: bool = False) -> Decimal | None:
        """What that costs, in `currency`; None where no price is known."""
        segments = self.segments(ticked, include_unconfirmed=include_unconfirmed)
        return None if segments is None or self.price is None else segments * self.price


def failure_key(reason: str, retry_class: str) -> str:
    """The tick that a failure belongs to."""
    return f"{worth_of(reason, retry_class)}:{reason or FailureReason.UNKNOWN}"


def looked_at(criteria: Criteria) -> tuple[str, ...]:
    """The statuses that a plan over `criteria` is about; a filter by reason leaves the Failed alone."""
    by_reason = criteria.reasons or criteria.retry_classes or criteria.failures
    possible = _ABOUT[:1] if by_reason else _ABOUT
    return tuple(status.value for status in possible if not criteria.statuses or status in criteria.statuses)


def plan_entries(
    groups: Iterable[Group], recoveries: Mapping[tuple[str, str], Recovered], *, by_hand: bool
) -> tuple[PlanEntry, ...]:
    """The ticks for the Failed among `groups`, the worthiest class first, the largest first within it.

    Of a hand-made selection all are ticked, of "all that match" only those that are likely to work. What can never
    be retried has no tick. `recoveries` are by reason and class.
    """
    by_key: dict[str, list[Group]] = {}
    for group in groups:
        if group.status == MessageStatus.FAILED and group.retry_class != RetryClass.NEVER:
            by_key.setdefault(failure_key(group.reason, group.retry_class), []).append(group)
    rates = _rates(recoveries)
    entries = (_entry(key, found, rates.get(key), by_hand=by_hand) for key, found in by_key.items())
    return tuple(sorted(entries, key=lambda entry: (OFFERED.index(entry.retry_class), -entry.n, entry.reason)))


def without(groups: Iterable[Group], refusing: Iterable[Group]) -> list[Group]:
    """The groups less those who refuse by now, who stand with the Opted Out."""
    left = {group[:3]: group for group in groups}
    gone = 0
    for one in refusing:
        group = left.get(one[:3])
        if group is not None:
            segments = None if group.segments is None else max(0, group.segments - (one.segments or 0))
            left[one[:3]] = group._replace(n=max(0, group.n - one.n), segments=segments)
            gone += one.n
    stay = [group for group in left.values() if group.n]
    return [*stay, Group(MessageStatus.OPTED_OUT, "", "", gone)] if gone else stay


def never(groups: Iterable[Group]) -> int:
    """How many messages can't be retried: their recipients opted out."""
    refused = (MessageStatus.OPTED_OUT, RetryClass.NEVER)
    return sum(group.n for group in groups if group.status == refused[0] or group.retry_class == refused[1])


def ticked_criteria(criteria: Criteria, ticked: Collection[str], *, include_unconfirmed: bool) -> Criteria | None:
    """Which messages the ticks mean; None when nothing is ticked."""
    statuses = {MessageStatus.FAILED} if ticked else set()
    if include_unconfirmed:
        statuses.add(MessageStatus.UNCONFIRMED)
    meant = tuple(sorted(status.value for status in statuses & RETRYABLE if status in looked_at(criteria)))
    return replace(criteria, statuses=meant, failures=tuple(sorted(ticked))) if meant else None


def shown_by(shown: Mapping[str, int], ticked: Collection[str], *, include_unconfirmed: bool) -> int:
    """How many messages the dialog said that these ticks stand for."""
    return sum(shown.get(key, 0) for key in {*ticked, *([UNCONFIRMED] if include_unconfirmed else [])})


def _entry(key: str, groups: list[Group], rate: int | None, *, by_hand: bool) -> PlanEntry:
    retry_class, reason = key.split(":")
    segments = [group.segments for group in groups if group.segments is not None]
    return PlanEntry(
        key,
        RetryClass(retry_class),
        FailureReason(reason),
        n=sum(group.n for group in groups),
        ticked=by_hand or retry_class == RetryClass.LIKELY,
        recovered_percent=rate,
        segments=sum(segments) if segments else None,
    )


def _rates(recoveries: Mapping[tuple[str, str], Recovered]) -> dict[str, int]:
    sums: dict[str, list[int]] = {}
    for failure, found in recoveries.items():
        total = sums.setdefault(failure_key(*failure), [0, 0])
        total[0] += found.retried
        total[1] += found.recovered
    return {
        key: 100 * recovered // retried for key, (retried, recovered) in sums.items() if retried >= RECOVERY_SHOWN_FROM
    }

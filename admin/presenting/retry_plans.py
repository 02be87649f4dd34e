"""A retry plan as its dialog shows it: what failed, grouped by what a retry of it is worth."""

from collections.abc import Collection
from dataclasses import dataclass

from models.rules.retry_plan import UNCONFIRMED, PlanEntry, RetryPlan
from models.words import RETRY_GROUPS, RetryClass, counted

_BY_HAND = "ticked because you picked them by hand"


@dataclass(frozen=True)
class Group:
    """The ticks of one class of worth, with what is said of them."""

    name: str
    said: str
    entries: tuple[PlanEntry, ...]


@dataclass(frozen=True)
class Sum:
    """What the ticks come to; the page's script says the same as they change."""

    n: int
    messages: str
    segments: int | None
    cost: str


def groups(plan: RetryPlan, failed: int) -> list[Group]:
    """The groups that have any, the worthiest first; `failed` is how many of the campaign are."""
    found = []
    for retry_class, (name, meaning) in RETRY_GROUPS.items():
        entries = tuple(entry for entry in plan.entries if entry.retry_class is retry_class)
        if entries:
            found.append(Group(name, _said(retry_class, meaning, entries, failed), entries))
    return found


def sum_of(plan: RetryPlan, ticked: Collection[str]) -> Sum:
    """The foot of the dialog."""
    doubtful = UNCONFIRMED in ticked
    n = plan.messages(ticked, include_unconfirmed=doubtful)
    cost = plan.cost(ticked, include_unconfirmed=doubtful)
    return Sum(
        n,
        counted(n, "message"),
        plan.segments(ticked, include_unconfirmed=doubtful),
        "" if cost is None else f"{plan.currency} {cost:,.2f}",
    )


def _said(retry_class: RetryClass, meaning: str, entries: tuple[PlanEntry, ...], failed: int) -> str:
    if retry_class is RetryClass.LIKELY:
        return f"{sum(entry.n for entry in entries):,} of {failed:,} failed"
    told = [_BY_HAND] if all(entry.ticked for entry in entries) else []
    sentence = "; ".join([*told, meaning])
    return sentence[:1].upper() + sentence[1:]

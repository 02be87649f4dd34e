"""The stacked bar: widths in per cent, for SVG, so that a strict CSP without inline styles holds."""

from dataclasses import dataclass

from admin.presenting.words import message_badge
from models.queries.progress import failure_reasons
from models.rules.counts import Counts
from models.words import FAILURE_REASON_NAMES, MessageStatus

NARROWEST = 0.45  # per cent; below this a part can't be seen
PALEST = 4
_ORDER = (
    MessageStatus.DELIVERED,
    MessageStatus.ASSUMED_DELIVERED,
    MessageStatus.FAILED,
    MessageStatus.OPTED_OUT,
    MessageStatus.CANCELLED,
    MessageStatus.UNCONFIRMED,
    MessageStatus.RETRYING,
    MessageStatus.SENDING,
    MessageStatus.QUEUED,
    MessageStatus.WAITING,
)


@dataclass(frozen=True)
class Part:
    """One stretch of the bar, in per cent of its width."""

    colour: str
    x: str
    width: str


def parts(counts: Counts) -> list[Part]:
    """The stretches from left to right; none for a campaign without messages."""
    total, drawn, x = counts.total, [], 0.0
    for status in _ORDER:
        if not counts[status]:
            continue
        width = max(NARROWEST, 100 * counts[status] / total)
        drawn.append(Part(message_badge(status).colour, f"{x:.2f}%", f"{width:.2f}%"))
        x += width
    return drawn


def reason_parts(counts: Counts) -> list[Part]:
    """The failures by reason, the most frequent first, each paler than the one before (`why-1` to `why-4`)."""
    drawn, x = [], 0.0
    for place, (_, n) in enumerate(failure_reasons(counts), start=1):
        width = 100 * n / counts[MessageStatus.FAILED]
        drawn.append(Part(f"failed why-{min(place, PALEST)}", f"{x:.2f}%", f"{width:.2f}%"))
        x += width
    return drawn


def reasons_told(counts: Counts) -> str:
    """The same in words."""
    shown = ", ".join(f"{FAILURE_REASON_NAMES[reason]} {n:,}" for reason, n in failure_reasons(counts))
    return f"Why {counts[MessageStatus.FAILED]:,} failed: {shown}"


def told(counts: Counts) -> str:
    """The bar in words."""
    shown = [f"{message_badge(status).word} {counts[status]:,}" for status in _ORDER if counts[status]]
    return f"Of {counts.total:,}: {', '.join(shown)}" if shown else "No messages yet"

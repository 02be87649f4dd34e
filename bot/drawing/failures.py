"""Why messages failed: by reason for all, and some of them by name for who may see them."""

from collections.abc import Sequence

from bot.drawing import blocks, buttons, lines
from bot.drawing.blocks import Message, escaped
from bot.drawing.lines import Site
from models.queries.campaigns import CampaignSummary
from models.queries.failures import FailureSample
from models.queries.progress import Progress
from models.words import FAILURE_REASON_NAMES, MessageStatus


def reasons(progress: Progress, site: Site) -> Message:
    """The reasons with their counts."""
    summary = progress.summary
    failed, unconfirmed = summary.counts[MessageStatus.FAILED], summary.counts[MessageStatus.UNCONFIRMED]
    doubt = f"\n{unconfirmed:,} Unconfirmed: what became of them is not known." if unconfirmed else ""
    if not failed and not unconfirmed:
        return Message.of(f"{lines.name(summary)}: nothing failed.")
    told = "\n".join(f"{FAILURE_REASON_NAMES[reason]} {n:,}" for reason, n in progress.reasons)
    why = f"\n*Why {failed:,} failed:*\n{told}" if failed else ": nothing failed."
    acts = ("retry", *(("samples",) if failed else ()), *(("doubts",) if unconfirmed else ()), "export")
    shown = [
        blocks.section(f"{lines.name(summary)}{why}{doubt}"),
        buttons.row(summary.campaign.id, acts, site),
        lines.footer(summary, progress.as_of, site),
    ]
    return Message(f"{escaped(summary.campaign.name)}: {failed:,} failed", shown)


def samples(summary: CampaignSummary, found: Sequence[FailureSample], now: int) -> Message:
    """The last failures, masked for who may not see recipients."""
    if not found:
        return Message.of(f"{lines.name(summary)}: nothing failed.")
    told = "\n".join(_sample(one) for one in found)
    shown = [
        blocks.section(f"*Samples of the last failures of {escaped(summary.campaign.name)}*\n{told}"),
        blocks.context(f"As of {blocks.local_time(now)}. Only you see this."),
    ]
    return Message("Samples of the last failures", shown)


def _sample(one: FailureSample) -> str:
    said = ": ".join(escaped(part) for part in (one.code, one.text) if part)
    why = f"{blocks.code(one.recipient)} {FAILURE_REASON_NAMES[one.reason]}"
    return f"{why} · {said}" if said else why

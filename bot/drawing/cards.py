"""A campaign's card, the same for all who see it, and the snapshot that one person asked for."""

from bot.drawing import blocks, buttons, lines
from bot.drawing.blocks import Message, escaped
from bot.drawing.lines import Site
from models.queries.progress import Progress
from models.queries.starts import Planned
from models.rules.counts import left_out_told
from models.words import MESSAGE_STATUS_LABELS, SILENCE_LABELS, CampaignStatus, MessageStatus, Silence


def card(progress: Progress, planned: Planned, site: Site) -> Message:
    """The status card. Nothing on it is anybody's: no recipient, no field's value, no provider's free text."""
    summary = progress.summary
    shown = [
        blocks.header(summary.campaign.name),
        blocks.section(f"{lines.status(summary)} · {lines.recipients(summary)}{lines.run_by(summary)}"),
        blocks.section(f"{lines.bar(progress)}\n{progress.sent:,} of {summary.counts.total:,}{lines.pace(progress)}"),
        blocks.fields([f"*{MESSAGE_STATUS_LABELS[status]}* {n:,}" for status, n in progress.tiles]),
        *(blocks.section(note) for note in _notes(progress, planned)),
        buttons.of_card(summary, site),
        lines.footer(summary, progress.as_of, site),
    ]
    return Message(lines.in_one_line(summary), shown)


def snapshot(progress: Progress, planned: Planned, site: Site) -> Message:
    """What `status` answers: the same figures, shorter."""
    summary = progress.summary
    campaign_id = summary.campaign.id
    acts = [blocks.button("Refresh", "refresh", value=str(campaign_id)), buttons.button("panel", campaign_id, site)]
    if summary.status is not CampaignStatus.DRAFT:  # which has no card
        acts.insert(1, blocks.button("Post here", "move", value=str(campaign_id)))
    if planned.pending:
        acts.append(buttons.button("cancel_start", campaign_id, site))
    shown = [
        blocks.header(summary.campaign.name),
        blocks.section(f"{lines.status(summary)}{lines.run_by(summary)}\n{lines.bar(progress)}{lines.pace(progress)}"),
        blocks.section(" · ".join(lines.tiles(progress))),
        *(blocks.section(note) for note in _notes(progress, planned)),
        blocks.actions(acts, block_id=f"snapshot-{campaign_id}"),
        lines.footer(summary, progress.as_of, site),
    ]
    return Message(lines.in_one_line(summary), shown)


def _notes(progress: Progress, planned: Planned) -> list[str]:
    summary = progress.summary
    notes = []
    if planned.pending:
        notes.append(lines.start(planned.pending))
    if planned.missed:
        notes.append(f":warning: *Not started as planned:* {escaped(planned.missed)}")
    if summary.status is CampaignStatus.FAILED:
        notes.append(f"*Sending could not go on:* {lines.why_failed(summary)}")
    if summary.campaign.silence:
        notes.append(f":warning: {SILENCE_LABELS[Silence(summary.campaign.silence)]}")
    if progress.reasons:
        notes.append(f"*Why {progress.counts[MessageStatus.FAILED]:,} failed:* {lines.reasons(progress)}")
    if summary.counts.left_out:
        notes.append(f"{left_out_told(summary.counts.left_out)}.")
    return notes

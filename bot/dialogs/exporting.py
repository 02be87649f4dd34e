"""Export the messages of a campaign: all of them, or those of a status, a reason, a search."""

from bot.dialogs.frame import Dialog, Form, Given, Kept
from bot.drawing import blocks, lines
from bot.drawing.blocks import Block
from bot.request import Request
from models.clock import now_ms
from models.operations import exporting, running
from models.queries.campaigns import summary_of
from models.queries.progress import failure_reasons
from models.rules.criteria import Criteria
from models.words import FAILURE_REASON_NAMES, MESSAGE_STATUS_LABELS, Action, MessageStatus

EVERYTHING = "all"


def _form(request: Request, campaign_id: int, _message_ids: tuple[int, ...]) -> Form:
    running.permitted(Action.EXPORT, campaign_id, request.actor, now=now_ms())
    summary = summary_of(campaign_id)
    everything = blocks.option(f"All {summary.counts.total:,} messages", EVERYTHING)
    statuses = [
        blocks.option(f"{MESSAGE_STATUS_LABELS[status]}: {summary.counts[status]:,}", status.value)
        for status in MessageStatus
        if summary.counts[status]
    ]
    reasons = [
        blocks.option(f"{FAILURE_REASON_NAMES[reason]}: {n:,}", reason.value)
        for reason, n in failure_reasons(summary.counts)
    ]
    shown: list[Block] = [
        blocks.section(lines.about(summary)),
        blocks.input_block(
            "Messages", blocks.select("status", [everything, *statuses], chosen=everything), block_id="status"
        ),
    ]
    if reasons:
        shown.append(
            blocks.input_block(
                "Only a failure reason", blocks.select("reason", reasons), block_id="reason", optional=True
            )
        )
    search = blocks.text_input("search", placeholder="Beginning of a recipient or of a searchable field")
    shown.append(blocks.input_block("Only what a search finds", search, block_id="search", optional=True))
    shown.append(blocks.context("A CSV file of the moment when its reading begins, sent to you alone."))
    return Form(shown, "Export")


def _submit(request: Request, kept: Kept, given: Given) -> str:
    criteria = Criteria(
        statuses=() if given["status"] == EVERYTHING else (given["status"],),
        reasons=(given["reason"],) if given.get("reason") else (),
        search=str(given.get("search") or ""),
    )
    exporting.start_export(kept["campaign"], criteria=criteria, actor=request.actor, now=now_ms())
    return "The export is being made. The file comes to you as a direct message."


DIALOG = Dialog("Export", _form, _submit)

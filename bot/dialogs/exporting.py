"""Export the messages of a campaign: all of them, or those of a status, a reason, a search."""

from datetime import UTC, datetime

from bot.dialogs.frame import Dialog, Form, Given, Kept
from bot.drawing import blocks, lines
from bot.drawing.blocks import Block
from bot.request import Request
from models.actors import Actor
from models.clock import now_ms
from models.operations import exporting, running
from models.queries.campaigns import summary_of
from models.queries.progress import failure_reasons, left_out_reasons
from models.queries.work import last_whole_export_of
from models.rules.criteria import Criteria
from models.words import MESSAGE_STATUS_LABELS, REASON_NAMES, Action, MessageStatus

EVERYTHING, SINCE = "all", "since:"


def _form(request: Request, campaign_id: int, _message_ids: tuple[int, ...]) -> Form:
    running.permitted(Action.EXPORT, campaign_id, request.actor, now=now_ms())
    summary = summary_of(campaign_id)
    everything = blocks.option(f"All {lines.counted(summary.counts.total)}", EVERYTHING)
    statuses = [
        blocks.option(f"{MESSAGE_STATUS_LABELS[status]}: {summary.counts[status]:,}", status.value)
        for status in MessageStatus
        if summary.counts[status]
    ]
    reasons = [
        blocks.option(f"{REASON_NAMES[reason]}: {n:,}", reason.value)
        for reason, n in (*failure_reasons(summary.counts), *left_out_reasons(summary.counts))
    ]
    offered = [everything, *_since(request.actor, campaign_id), *statuses]
    shown: list[Block] = [
        blocks.section(lines.about(summary)),
        blocks.input_block("Messages", blocks.select("status", offered, chosen=everything), block_id="status"),
    ]
    if reasons:
        shown.append(
            blocks.input_block("Only a reason", blocks.select("reason", reasons), block_id="reason", optional=True)
        )
    search = blocks.text_input("search", placeholder="Beginning of a recipient or of a searchable field")
    shown.append(blocks.input_block("Only what a search finds", search, block_id="search", optional=True))
    shown.append(blocks.context("A CSV file of the moment when its reading begins, sent to you alone."))
    return Form(shown, "Export")


def _since(actor: Actor, campaign_id: int) -> list[Block]:
    """What changed since the person's last export of everything, if they still have one."""
    last = last_whole_export_of(actor, campaign_id, now=now_ms())
    if last is None:
        return []
    moment = datetime.fromtimestamp(last.moment_at / 1000, UTC).strftime("%-d %b, %H:%M:%S UTC")
    return [blocks.option(f"What changed since my export of {moment}", f"{SINCE}{last.id}")]


def _submit(request: Request, kept: Kept, given: Given) -> str:
    campaign_id, now = kept["campaign"], now_ms()
    if given["status"].startswith(SINCE):
        since_id = int(given["status"].removeprefix(SINCE))
        exporting.start_export(campaign_id, criteria=Criteria(), actor=request.actor, now=now, since_id=since_id)
        return lines.EXPORT_BEGUN
    criteria = Criteria(
        statuses=() if given["status"] == EVERYTHING else (given["status"],),
        reasons=(given["reason"],) if given.get("reason") else (),
        search=str(given.get("search") or ""),
    )
    exporting.start_export(campaign_id, criteria=criteria, actor=request.actor, now=now)
    return lines.EXPORT_BEGUN


def _check(_kept: Kept, given: Given) -> dict[str, str]:
    if not str(given.get("status", "")).startswith(SINCE):
        return {}
    filled = [block_id for block_id in ("reason", "search") if given.get(block_id)]
    return dict.fromkeys(filled, "What changed since an export is about all messages: leave this empty.")


DIALOG = Dialog("Export", _form, _submit, _check)

"""An export's file in a person's direct messages, with its receipt."""

from slack_sdk import WebClient

from bot import blocks, cards
from bot.blocks import escaped
from models.clock import now_ms
from models.operations.files import read_file
from models.queries.work import file_of
from models.rules.criteria import Criteria
from models.tables import Export
from models.words import FAILURE_REASON_NAMES, MESSAGE_STATUS_LABELS, FailureReason, MessageStatus, WorkState


def send_export(client: WebClient, channel: str, export_id: int) -> None:
    """Say what became of the export; if it is done, the receipt first, then the file."""
    export = Export.get_or_none(Export.id == export_id)
    if export is None:
        return
    if export.state != WorkState.DONE:
        text = f"Your export of {escaped(export.campaign_name)} did not come about: {escaped(export.result)}"
        client.chat_postMessage(channel=channel, text=text, blocks=[blocks.section(text)])
        return
    file = file_of(export, now=now_ms())
    receipt = _receipt(export)
    client.chat_postMessage(channel=channel, text=f"Your export of {export.campaign_name} is ready.", blocks=receipt)
    client.files_upload_v2(
        channel=channel,
        filename=file.name,
        title=file.name,
        content=b"".join(read_file(file.id)),
        initial_comment=f"{escaped(export.campaign_name)}: {export.rows_done:,} rows.",
    )


def _receipt(export: Export) -> list[blocks.Block]:
    totals = " · ".join(
        f"{MESSAGE_STATUS_LABELS[MessageStatus(status)]} {n:,}" for status, n in (export.totals or {}).items()
    )
    return [
        blocks.section(
            f"*Your export of {escaped(export.campaign_name)} is ready.*\n"
            f"Filter: {escaped(_filter(Criteria.from_json(export.criteria)))} · {export.rows_done:,} rows · "
            f"as of {blocks.local_time(export.moment_at)}\nTotals: {totals or 'none'}\nSHA-256: `{export.sha256}`"
        ),
        blocks.actions(
            [blocks.button("Open in panel", "open_panel", url=f"{cards.panel_url()}/exports")], block_id="export"
        ),
        blocks.context(
            "Kept in the panel for 7 days; the file below is deleted from Slack then. "
            "Cells that a spreadsheet would run as a formula start with an apostrophe."
        ),
    ]


def _filter(criteria: Criteria) -> str:
    parts = [MESSAGE_STATUS_LABELS[MessageStatus(status)] for status in criteria.statuses]
    parts += [FAILURE_REASON_NAMES[FailureReason(reason)] for reason in criteria.reasons]
    return ", ".join([*parts, *([f"search {criteria.search}"] if criteria.search else [])]) or "all messages"

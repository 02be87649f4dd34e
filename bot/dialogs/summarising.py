"""A campaign's details, and its message with one contact's values after the other."""

from bot.dialogs.frame import Dialog, Form, Given
from bot.drawing import blocks, buttons, lines, previews
from bot.drawing.blocks import escaped
from bot.request import Request
from bot.site import site
from models.actors import Right
from models.queries.campaigns import summary_of
from models.queries.previews import preview_of
from models.queries.starts import pending_start_of
from models.rules.counts import left_out_told
from models.words import CAMPAIGN_STATUS_LABELS, MESSAGE_STATUS_LABELS, MessageStatus

BACK, ON = "page_back", "page_on"


def _form(request: Request, campaign_id: int, _message_ids: tuple[int, ...]) -> Form:
    return _drawn(request, campaign_id, 1)


def _turned(request: Request, subject: str, _given: Given) -> Form:
    return _drawn(request, request.kept["campaign"], int(subject))


def _drawn(request: Request, campaign_id: int, place: int) -> Form:
    request.actor.require(Right.SEE_CAMPAIGNS)
    summary, preview = summary_of(campaign_id), preview_of(campaign_id, place, request.actor)
    campaign, waiting = summary.campaign, pending_start_of(campaign_id)
    counts = [
        f"{MESSAGE_STATUS_LABELS[status]} {summary.counts[status]:,}"
        for status in MessageStatus
        if summary.counts[status]
    ]
    left_out = f" ({left_out_told(summary.counts.left_out)})" if summary.counts.left_out else ""
    told = [
        f"*Status* {CAMPAIGN_STATUS_LABELS[summary.status]}{lines.run_by(summary)}",
        f"*Messages* {summary.counts.total:,}: {' · '.join(counts) or 'none'}{left_out}",
        f"*Description* {escaped(campaign.description or '–')}",
        f"*Created* {blocks.local_date(campaign.created_at)}",
    ]
    if campaign.from_address:
        told.append(f"*From* {escaped(campaign.from_address)}")
    if waiting is not None:
        told.append(lines.start(waiting))
    about = [blocks.section(lines.about(summary)), blocks.section("\n".join(told)), *buttons.of_start(waiting, site())]
    return Form([*about, *previews.message(preview), *previews.paging(preview, BACK, ON)])


DIALOG = Dialog("Summary", _form, turns={BACK: _turned, ON: _turned})

"""Go on with a stopped, held or failed campaign."""

from bot.dialogs.frame import Dialog, Form, Given, Kept
from bot.drawing import blocks, lines
from bot.request import Request
from bot.site import site
from jobs import starting
from models.clock import now_ms
from models.operations import running
from models.queries.campaigns import summary_of
from models.queries.reached import has_left_out
from models.words import NOTHING_TO_RESUME, RESUME_LEFT_OUT, Action

NOTHING_LEFT = "Nothing is left to send: this only ends the state it is in."


def _form(request: Request, campaign_id: int, _message_ids: tuple[int, ...]) -> Form:
    left = running.permitted(Action.RESUME, campaign_id, request.actor, now=now_ms()).counts.left
    summary = summary_of(campaign_id)
    told = f"*{lines.counted(left, 'go on')}.*" if left else NOTHING_LEFT
    warned = f"\n:warning: {RESUME_LEFT_OUT}" if has_left_out(campaign_id) else ""
    shown = [blocks.section(f"{lines.about(summary)}\n{told}{warned}"), *lines.mark(summary, site())]
    return Form(shown, f"Resume {lines.counted(left)}" if left else "Resume")


def _submit(request: Request, kept: Kept, _given: Given) -> str:
    moved = starting.resume_campaign(kept["campaign"], actor=request.actor, now=now_ms())
    if moved.move_id is None:
        return NOTHING_TO_RESUME
    queued = lines.counted(moved.messages, "are queued")
    return f"It goes on: {queued}. {blocks.escaped(moved.warning)}".rstrip()


DIALOG = Dialog("Resume campaign", _form, _submit)

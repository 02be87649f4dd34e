"""Delete a campaign: its name has to be typed."""

from bot.dialogs.frame import Dialog, Form, Given, Kept
from bot.drawing import blocks, lines
from bot.request import Request
from models.clock import now_ms
from models.operations import running
from models.queries.campaigns import summary_of
from models.rules.typed import is_same_name
from models.words import DELETE_MEANS, Action


def _form(request: Request, campaign_id: int, _message_ids: tuple[int, ...]) -> Form:
    running.permitted(Action.DELETE, campaign_id, request.actor, now=now_ms())
    summary = summary_of(campaign_id)
    name = summary.campaign.name
    return Form(
        [
            blocks.section(lines.about(summary)),
            blocks.section(f"*{lines.counted(summary.counts.total)}.* {DELETE_MEANS}"),
            blocks.input_block(f"Type its name: {name}", blocks.text_input("name"), block_id="name"),
        ],
        f"Delete {lines.counted(summary.counts.total)}",
        {"name": name},
    )


def _check(kept: Kept, given: Given) -> dict[str, str]:
    name = str(kept["name"])
    return {} if is_same_name(str(given.get("name", "")), name) else {"name": f"To delete it, type its name: {name}"}


def _submit(request: Request, kept: Kept, given: Given) -> str:
    running.delete_campaign(kept["campaign"], actor=request.actor, typed_name=str(given["name"]), now=now_ms())
    return "Deleted. Its messages are being removed."


DIALOG = Dialog("Delete campaign", _form, _submit, _check)

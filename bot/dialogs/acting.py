"""What can be done with a campaign, as a dialog: the message shortcut's answer, where commands don't work."""

from bot import looks
from bot.dialogs.frame import Dialog, Form
from bot.drawing import buttons
from bot.request import Request
from bot.site import site
from models.actors import Right
from models.queries.campaigns import summary_of


def _form(request: Request, campaign_id: int, _message_ids: tuple[int, ...]) -> Form:
    request.actor.require(Right.SEE_CAMPAIGNS)
    *figures, _refresh, footer = looks.snapshot_of(campaign_id).blocks
    return Form([*figures, *buttons.all_of(summary_of(campaign_id), site()), footer])


DIALOG = Dialog("Campaign actions", _form)

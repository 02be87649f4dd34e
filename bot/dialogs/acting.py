"""What can be done with a campaign, as a dialog: the message shortcut's answer, where commands don't work."""

from bot import looks
from bot.dialogs.frame import Dialog, Form
from bot.drawing import buttons
from bot.request import Request
from bot.site import site
from models.actors import Right
from models.queries.campaigns import summary_of
from models.queries.starts import pending_start_of


def _form(request: Request, campaign_id: int, _message_ids: tuple[int, ...]) -> Form:
    request.actor.require(Right.SEE_CAMPAIGNS)
    *figures, _refresh, footer = looks.snapshot_of(campaign_id).blocks
    acts = [*buttons.all_of(summary_of(campaign_id), site()), *buttons.of_start(pending_start_of(campaign_id), site())]
    return Form([*figures, *acts, footer])


DIALOG = Dialog("Campaign actions", _form)

"""The shortcut on a card's message: in threads, where commands don't work, it offers the same."""

from bot import dialogs
from bot.request import Request
from models.errors import InvalidInputError
from models.queries.posts import campaign_of


def answer(request: Request) -> None:
    """Offer what can be done with the campaign whose card, or whose thread, this is."""
    dialogs.open_loading("actions", request)
    message = request.body["message"]
    root = message.get("thread_ts") or message["ts"]
    campaign_id = campaign_of(request.channel_id, root)
    if campaign_id is None:
        raise InvalidInputError("This message is no card of a campaign. Use the shortcut on a card, or /campaign.")
    dialogs.fill("actions", request, campaign_id)

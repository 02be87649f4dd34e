"""Saying no: the sentence of the refusal, and beside it how things stand, so that an old button still helps."""

from bot import looks
from bot.drawing import blocks
from bot.drawing.blocks import Block
from bot.request import Request
from models.errors import CampaignError, NotFoundError, WrongStateError


def refuse(request: Request, refused: CampaignError) -> None:
    """Tell the person, where they are looking, why it was not done and what to do."""
    request.answer(blocks.escaped(str(refused)), shown=state_of(refused))


def state_of(refused: CampaignError) -> list[Block]:
    """The campaign's present state, where that is what refused."""
    if not isinstance(refused, WrongStateError) or refused.campaign_id is None:
        return []
    try:
        return [blocks.divider(), *looks.snapshot_of(refused.campaign_id).blocks]
    except NotFoundError:  # it was deleted meanwhile
        return []

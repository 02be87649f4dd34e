"""Saying no: the sentence of the refusal, what to do instead, and how things stand: an old button still helps."""

from bot import looks
from bot.drawing import blocks, buttons
from bot.drawing.blocks import Block
from bot.request import Request
from bot.site import site
from models.errors import CampaignError, ChannelTakenError, NotFoundError, WrongStateError
from models.queries.campaigns import get_campaign


def refuse(request: Request, refused: CampaignError) -> None:
    """Tell the person, where they are looking, why it was not done and what to do."""
    request.answer(blocks.escaped(str(refused)), shown=beside(refused))


def beside(refused: CampaignError) -> list[Block]:
    """The next step as a button, and the campaign's present state, where that is what refused."""
    if not isinstance(refused, WrongStateError) or refused.campaign_id is None:
        return []
    try:
        steps = _steps(refused, refused.campaign_id)
        row = [blocks.actions(steps, block_id="steps")] if steps else []
        return [*row, blocks.divider(), *looks.snapshot_of(refused.campaign_id).blocks]
    except NotFoundError:  # it was deleted meanwhile
        return []


def _steps(refused: CampaignError, campaign_id: int) -> list[Block]:
    steps = []
    if refused.next_step:
        steps.append(buttons.step(refused.next_step, get_campaign(campaign_id), site()))
    if isinstance(refused, ChannelTakenError) and refused.blocker_id is not None:
        steps.append(buttons.in_the_way(get_campaign(refused.blocker_id)))
    return steps

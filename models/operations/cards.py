"""A campaign's card in Slack, put by people where they want it (SPEC 7)."""

from models.actors import Actor, Right
from models.database import transaction
from models.errors import WrongStateError
from models.operations import audit, telling
from models.queries.campaigns import seen_campaign
from models.words import Phase


def move_card(campaign_id: int, *, slack_channel_id: str, actor: Actor, now: int) -> None:
    """Let the campaign's card be posted anew at the bottom of a channel.

    Raises NotFoundError, NotAllowedError, and WrongStateError for a Draft.
    """
    actor.require(Right.SEE_CAMPAIGNS)
    with transaction():
        campaign = seen_campaign(campaign_id, actor)
        name = campaign.name
        if campaign.phase == Phase.DRAFT:
            raise WrongStateError(f"{name} is a Draft, which only its owner and Admins see: it has no card yet.")
        content = {"move_to": slack_channel_id}
        telling.put("card", campaign_id, topic=telling.moving(campaign_id), content=content, now=now)
        audit.record(
            actor, "move_card", now=now, kind="campaign", object_id=campaign_id, name=name, place=slack_channel_id
        )

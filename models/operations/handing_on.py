"""Handing a campaign on to another owner (SPEC 1)."""

from models.actors import RIGHTS, Actor, Right
from models.database import execute, for_update, select, transaction
from models.errors import InvalidInputError, NotAllowedError
from models.operations import audit
from models.queries.campaigns import seen_standing
from models.rules.actions import answer_for, right_for
from models.words import Action, Role


def hand_on(campaign_id: int, *, to: int, actor: Actor, now: int) -> str:
    """Make the person `to` the owner; returns that person's name.

    Raises NotFoundError, NotAllowedError unless the actor owns it or is an Admin, and InvalidInputError for
    somebody who may not run campaigns, is removed, or owns it already.
    """
    actor.require(right_for(Action.HAND_ON))
    with transaction():
        name = _new_owner(to)  # before the campaign: in this order a person is removed
        campaign = seen_standing(campaign_id, actor, now=now)
        answer = answer_for(Action.HAND_ON, campaign, actor)
        if not answer.allowed:
            raise NotAllowedError(answer.reason, campaign_id=campaign_id)
        if campaign.owner_id == to:
            raise InvalidInputError(f"{name} owns {campaign.name} already.", field="to", campaign_id=campaign_id)
        execute("UPDATE campaigns SET owner_id = ? WHERE id = ?", to, campaign_id)
        audit.record(
            actor, "hand_on", now=now, kind="campaign", object_id=campaign_id, name=campaign.name, to_id=to, to=name
        )
    return name


def _new_owner(person_id: int) -> str:
    """The name of somebody who can own campaigns, kept as they are until the open transaction ends."""
    found = select(f"SELECT name, role FROM people WHERE id = ? AND removed_at IS NULL{for_update()}", person_id)
    if not found:
        raise InvalidInputError("Choose who shall own it.", field="to")
    name, role = found[0]
    if Right.CHANGE_CAMPAIGNS not in RIGHTS[Role(role)]:
        raise InvalidInputError(f"{name} may not run campaigns. Choose a Campaigner or an Admin.", field="to")
    return str(name)

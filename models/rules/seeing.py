"""Who may know that a campaign exists (SPEC 1, 9)."""

from models.actors import Actor, Right
from models.words import Phase


def knows_of(actor: Actor, phase: str, owner_id: int | None) -> bool:
    """Whether there is this campaign for the actor: others' drafts only for Admins, one that is being deleted never."""
    if phase == Phase.DELETING:
        return False
    others_draft = phase == Phase.DRAFT and (owner_id is None or owner_id != actor.person_id)
    return not others_draft or actor.may(Right.SEE_OPERATIONS)

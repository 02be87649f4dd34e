"""What people choose for themselves."""

from models.actors import Actor
from models.database import execute, transaction
from models.errors import NotAllowedError
from models.operations import audit


def mute_finished(actor: Actor, *, muted: bool, now: int) -> None:
    """Get no direct message, or get one again, when a campaign of one's own has finished.

    Raises NotAllowedError for whoever is no person.
    """
    if actor.person_id is None:
        raise NotAllowedError("Only a person gets direct messages.")
    with transaction():
        changed = execute(
            "UPDATE people SET finished_muted_at = ? WHERE id = ? AND (finished_muted_at IS NULL) = ?",
            now if muted else None,
            actor.person_id,
            muted,
        )
        if changed:
            act = "mute_finished" if muted else "unmute_finished"
            audit.record(actor, act, now=now, kind="person", object_id=actor.person_id, name=actor.name)

"""What people change of their own account."""

from models.actors import Actor
from models.database import execute, transaction
from models.errors import InvalidInputError, NotAllowedError
from models.operations import audit, signing_in
from models.operations.people import NAME_LENGTH, hash_password
from models.rules.time_zones import is_time_zone
from models.tables import Person


def mute_finished(actor: Actor, *, muted: bool, now: int) -> None:
    """Get no direct message, or get one again, when a campaign of one's own has finished.

    Raises NotAllowedError for whoever is no person.
    """
    person_id = _own(actor)
    with transaction():
        changed = execute(
            "UPDATE people SET finished_muted_at = ? WHERE id = ? AND (finished_muted_at IS NULL) = ?",
            now if muted else None,
            person_id,
            muted,
        )
        if changed:
            act = "mute_finished" if muted else "unmute_finished"
            audit.record(actor, act, now=now, kind="person", object_id=person_id, name=actor.name)


def change_account(actor: Actor, *, name: str, time_zone: str, now: int) -> None:
    """Set one's own name, and time zone (an IANA name; '' means the organisation's).

    Raises NotAllowedError for whoever is no person, InvalidInputError.
    """
    person_id, shown = _own(actor), " ".join(name.split())
    if len(shown) not in NAME_LENGTH:
        raise InvalidInputError("A name has 1 to 80 characters.", field="name")
    if time_zone and not is_time_zone(time_zone):
        raise InvalidInputError(f"There is no time zone {time_zone}; it looks like Europe/Berlin.", field="time_zone")
    with transaction():
        execute("UPDATE people SET name = ?, time_zone = ? WHERE id = ?", shown, time_zone or None, person_id)
        audit.record(actor, "change_account", now=now, kind="person", object_id=person_id, name=shown)


def change_password(actor: Actor, *, old: str, new: str, address: str, now: int) -> None:
    """Set one's own password; all sessions begun before `now` are over.

    Whoever has one gives the `old`, whose tries are counted as at a sign-in from that network `address`. Raises
    NotAllowedError for whoever is no person or gives another, InvalidInputError for a new one that is too short.
    """
    person = Person.get_by_id(_own(actor))
    if person.password_hash and not signing_in.is_password_of(person, old, address=address, now=now):
        raise InvalidInputError("That is not your present password.", field="old")
    password_hash = hash_password(new)
    with transaction():
        execute("UPDATE people SET password_hash = ?, sign_ins_before = ? WHERE id = ?", password_hash, now, person.id)
        audit.record(actor, "change_password", now=now, kind="person", object_id=person.id, name=actor.name)


def _own(actor: Actor) -> int:
    if actor.person_id is None:
        raise NotAllowedError("Only a person has an account.")
    return actor.person_id

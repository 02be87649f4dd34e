"""Looking after people: their role and Slack user, and letting them go."""

import re

from peewee import IntegrityError

from models.actors import Actor, Right
from models.database import execute, for_update, select, transaction
from models.errors import InvalidInputError, NotAllowedError, NotFoundError, WrongStateError
from models.operations import audit
from models.tables import Person
from models.words import ROLE_LABELS, Role

SLACK_ID = re.compile(r"[UW][A-Z0-9]{2,20}")


def right_to_manage(role: Role) -> Right:
    """The right that it takes to let people of this role in, to change them, and to let them go."""
    return Right.MANAGE_EVERYBODY if role in (Role.ADMIN, Role.ORG_ADMIN) else Right.MANAGE_STAFF


def slack_id_of(typed: str) -> str | None:
    """The Slack member ID that somebody typed, None for nothing; raises InvalidInputError for what is none."""
    wanted = typed.strip().upper()
    if wanted and not SLACK_ID.fullmatch(wanted):
        raise InvalidInputError(
            "A Slack member ID looks like U024BE7LH: in Slack, open the profile and press Copy member ID.",
            field="slack_id",
        )
    return wanted or None


def change_role(person_id: int, role: Role, *, actor: Actor, now: int) -> None:
    """Give somebody another role; it counts from their next request on.

    Raises NotFoundError, NotAllowedError, and WrongStateError for the last Org Admin.
    """
    with transaction():
        person = _locked(person_id, actor)
        actor.require(right_to_manage(role))
        if person.role == role:
            return
        _keep_an_org_admin(person, "get another role")
        execute("UPDATE people SET role = ? WHERE id = ?", role.value, person_id)
        numbers = {"old": person.role, "new": role.value}
        audit.record(actor, "change_role", now=now, kind="person", object_id=person_id, name=person.name, **numbers)


def link_slack(person_id: int, slack_id: str, *, actor: Actor, now: int) -> None:
    """Say which Slack user somebody is, or with an empty id that they are none. An Org Admin says it of themselves.

    Raises NotFoundError, NotAllowedError, and InvalidInputError for an id that is none or another person's.
    """
    wanted = slack_id_of(slack_id)
    try:
        with transaction():
            person = _locked(person_id, actor)
            if person.role == Role.ORG_ADMIN and person_id != actor.person_id:
                raise NotAllowedError(f"{person.name} is {ROLE_LABELS[Role.ORG_ADMIN]} and links Slack personally.")
            execute("UPDATE people SET slack_id = ? WHERE id = ?", wanted, person_id)
            act = "link_slack" if wanted else "unlink_slack"
            audit.record(actor, act, now=now, kind="person", object_id=person_id, name=person.name)
    except IntegrityError as taken:
        raise InvalidInputError("That Slack user is already another person here.", field="slack_id") from taken


def remove_person(person_id: int, *, actor: Actor, now: int) -> int:
    """Let somebody go: their sessions and links are worth nothing from now on, their campaigns go to the first Org
    Admin. Returns how many these are.

    Raises NotFoundError, NotAllowedError, and WrongStateError for the last Org Admin.
    """
    with transaction():
        person = _locked(person_id, actor)
        _keep_an_org_admin(person, "be removed")
        execute(
            "UPDATE people SET removed_at = ?, sign_ins_before = ?, password_hash = NULL WHERE id = ?",
            now,
            now,
            person_id,
        )
        heir = next(iter(_org_admins()), None)
        handed_on = execute("UPDATE campaigns SET owner_id = ? WHERE owner_id = ?", heir, person_id)
        numbers = {"role": person.role, "campaigns": handed_on}
        audit.record(actor, "remove_person", now=now, kind="person", object_id=person_id, name=person.name, **numbers)
    return handed_on


def _locked(person_id: int, actor: Actor) -> Person:
    """The person, as they stand until the transaction ends. Org Admins are locked first, all of them in one order.

    So of two who want to remove each other one comes second and sees what the first has done.
    """
    _org_admins(lock=True)
    if clause := for_update():
        select(f"SELECT id FROM people WHERE id = ?{clause}", person_id)
    person: Person | None = Person.get_or_none(Person.id == person_id, Person.removed_at.is_null())
    if person is None:
        raise NotFoundError("There is no such person here, or no longer.")
    actor.require(right_to_manage(Role(person.role)))
    return person


def _keep_an_org_admin(person: Person, what: str) -> None:
    if _org_admins() == [person.id]:
        raise WrongStateError(f"{person.name} is the last Org Admin and can't {what}. Make somebody else one first.")


def _org_admins(*, lock: bool = False) -> list[int]:
    clause = for_update() if lock else ""
    return [
        row[0]
        for row in select(f"SELECT id FROM people WHERE role = 'org_admin' AND removed_at IS NULL ORDER BY id{clause}")
    ]

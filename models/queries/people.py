"""Reads of people."""

from dataclasses import dataclass
from hashlib import sha256

from models.actors import RIGHTS, Right
from models.errors import NotFoundError
from models.tables import Campaign, Person, SignInLink
from models.words import Role


@dataclass(frozen=True)
class LinkHolder:
    """Whom a one-time link would sign in, and until when (epoch ms)."""

    name: str
    expires_at: int


def person_by_slack_id(slack_id: str) -> Person | None:
    """The person linked to a Slack user."""
    person: Person | None = Person.get_or_none(Person.slack_id == slack_id, Person.removed_at.is_null())
    return person


def person_by_id(person_id: int) -> Person | None:
    """The person, unless removed."""
    person: Person | None = Person.get_or_none(Person.id == person_id, Person.removed_at.is_null())
    return person


def is_known(email: str) -> bool:
    """Whether somebody with this address is let in."""
    return bool(Person.select().where(Person.email == email, Person.removed_at.is_null()).exists())


def people_who_may(right: Right) -> list[Person]:
    """Everybody whose role gives this right, by name."""
    roles = [role.value for role, rights in RIGHTS.items() if right in rights]
    return list(Person.select().where(Person.role.in_(roles), Person.removed_at.is_null()).order_by(Person.name))


def everybody_here() -> list[Person]:
    """All who may sign in, by name."""
    return list(Person.select().where(Person.removed_at.is_null()).order_by(Person.name, Person.id))


def ever_here() -> list[Person]:
    """All who ever might, those who are gone last."""
    return list(Person.select().order_by(Person.removed_at.is_null(False), Person.name, Person.id))


def owned_campaigns(person_id: int) -> int:
    """How many campaigns are somebody's."""
    return int(Campaign.select().where(Campaign.owner_id == person_id, Campaign.phase != "deleting").count())


def find_person(email: str) -> Person:
    """The person of that address; raises NotFoundError."""
    person: Person | None = Person.get_or_none(Person.email == email.strip().lower(), Person.removed_at.is_null())
    if person is None:
        raise NotFoundError(f"There is no person with the address {email}.")
    return person


def first_org_admin() -> Person | None:
    """The Org Admin who has been one for longest."""
    person: Person | None = (
        Person.select()
        .where(Person.role == Role.ORG_ADMIN.value, Person.removed_at.is_null())
        .order_by(Person.id)
        .first()
    )
    return person


def holder_of_link(token: str, *, now: int) -> LinkHolder | None:
    """Whom a link would sign in, without using it up; None when it is unknown, used or expired."""
    link: SignInLink | None = SignInLink.get_or_none(
        SignInLink.token_hash == sha256(token.encode()).hexdigest(),
        SignInLink.used_at.is_null(),
        SignInLink.expires_at > now,
    )
    person = Person.get_or_none(Person.id == link.person_id, Person.removed_at.is_null()) if link else None
    return LinkHolder(person.name, link.expires_at) if link and person else None

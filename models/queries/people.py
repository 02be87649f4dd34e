"""Reads of people."""

from models.actors import RIGHTS, Right
from models.tables import Campaign, Person


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

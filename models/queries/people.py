"""Reads of people."""

from models.tables import Person


def person_by_slack_id(slack_id: str) -> Person | None:
    """The person linked to a Slack user."""
    person: Person | None = Person.get_or_none(Person.slack_id == slack_id, Person.removed_at.is_null())
    return person


def person_by_id(person_id: int) -> Person | None:
    """The person, unless removed."""
    person: Person | None = Person.get_or_none(Person.id == person_id, Person.removed_at.is_null())
    return person

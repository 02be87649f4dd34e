"""People: who may use the product, as what, and how they sign in."""

import hashlib
import secrets

from argon2 import PasswordHasher
from peewee import IntegrityError

from models.actors import SYSTEM, Actor, Right
from models.addresses import judge
from models.database import execute, transaction
from models.errors import InvalidInputError, NotAllowedError
from models.operations import audit
from models.operations.administering import right_to_manage, slack_id_of
from models.queries.people import find_person
from models.rules.timeouts import MINUTE
from models.tables import Person, SignInLink
from models.words import Channel, Role

LINK_LIFE = 15 * MINUTE
PASSWORD_LENGTH = 12
NAME_LENGTH = range(1, 81)


def create_person(
    *,
    email: str,
    role: Role,
    actor: Actor,
    now: int,
    name: str = "",
    slack_id: str = "",
    password: str | None = None,
) -> int:
    """Let somebody in; returns the id. `name` defaults to the part of the email before the @.

    Raises NotAllowedError, and InvalidInputError for an address or Slack user that is none or is taken.
    """
    actor.require(right_to_manage(role))
    address = email.strip().lower()
    if judge(Channel.EMAIL, address).refusal:
        raise InvalidInputError(f"{email} is not an email address.", field="email")
    shown = " ".join(name.split())[: NAME_LENGTH[-1]] or address.partition("@")[0].title()
    try:
        with transaction():
            person_id = int(
                Person.insert(
                    email=address,
                    name=shown,
                    role=role.value,
                    slack_id=slack_id_of(slack_id),
                    password_hash=hash_password(password) if password else None,
                    created_at=now,
                ).execute()
            )
            audit.record(actor, "create_person", now=now, kind="person", object_id=person_id, name=shown, role=role)
    except IntegrityError as taken:
        raise InvalidInputError(f"{address} or that Slack user is already a person here.", field="email") from taken
    return person_id


def hash_password(password: str) -> str:
    """The argon2id hash to keep; raises InvalidInputError for one that is too short."""
    if len(password) < PASSWORD_LENGTH:
        raise InvalidInputError(f"A password has at least {PASSWORD_LENGTH} characters.", field="password")
    return PasswordHasher().hash(password)


def make_sign_in_link(email: str, *, actor: Actor, now: int) -> str:
    """The token of a link that signs in as `email` once, within 15 minutes. Raises NotFoundError, NotAllowedError."""
    actor.require(Right.MANAGE_EVERYBODY)
    person = find_person(email)
    return _make_link(person.id, person.name, actor=actor, now=now)


def make_own_sign_in_link(actor: Actor, *, now: int) -> str:
    """The same for the actor's own person."""
    if actor.person_id is None:
        raise NotAllowedError("Only a person can sign in.")
    return _make_link(actor.person_id, actor.name, actor=actor, now=now)


def _make_link(person_id: int, name: str, *, actor: Actor, now: int) -> str:
    token = secrets.token_urlsafe(32)
    with transaction():
        SignInLink.insert(
            token_hash=hashlib.sha256(token.encode()).hexdigest(),
            person_id=person_id,
            created_at=now,
            expires_at=now + LINK_LIFE,
        ).execute()
        audit.record(actor, "sign_in_link", now=now, kind="person", object_id=person_id, name=name)
    return token


def use_sign_in_link(token: str, *, now: int) -> Person:
    """The person whom the link signs in; it is used up. Raises NotAllowedError when it is unknown, used or expired."""
    token_hash = hashlib.sha256(token.encode()).hexdigest()
    with transaction():
        used = execute(
            "UPDATE sign_in_links SET used_at = ? WHERE token_hash = ? AND used_at IS NULL AND expires_at > ?",
            now,
            token_hash,
            now,
        )
        person: Person | None = (
            Person.select()
            .join(SignInLink, on=(SignInLink.person_id == Person.id))
            .where(SignInLink.token_hash == token_hash, Person.removed_at.is_null())
            .first()
        )
        if not used or person is None:
            raise NotAllowedError("This link has expired or was used. Ask for a new one.")
    return person


def link_slack_user(email: str, slack_id: str, *, now: int) -> Person | None:
    """Link a Slack user to the person of that confirmed address, for good; None if there is no such person.

    Never an Org Admin, who links from the panel, and never one who is linked to another Slack user.
    """
    with transaction():
        linked = execute(
            "UPDATE people SET slack_id = ? WHERE email = ? AND removed_at IS NULL AND slack_id IS NULL "
            "AND role <> 'org_admin'",
            slack_id,
            email.strip().lower(),
        )
        if not linked:
            return None
        person = find_person(email)
        audit.record(SYSTEM, "link_slack", now=now, kind="person", object_id=person.id, name=person.name)
    return person

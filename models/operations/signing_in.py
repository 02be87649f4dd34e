"""Signing in to the panel: the password's check with its throttle, and sessions that were ended.

Tries are counted in `leases`, under keyed hashes, so that all processes count together and no address is kept.
"""

import hmac
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from peewee import fn

from models import secret_key
from models.actors import Actor
from models.database import execute, for_update, select, transaction
from models.errors import NotAllowedError
from models.operations import audit
from models.operations.seeking import SOUGHT
from models.rules.timeouts import MINUTE
from models.tables import Lease, Person
from models.words import Role, Surface

FREE_TRIES = 5
LONGEST_DELAY = 15 * MINUTE
FORGOTTEN_AFTER = 15 * MINUTE  # without a failure, beyond the delay
# Each check takes 64 MB and most of a core for a moment: more at once would slow down everybody else.
_AT_ONCE = BoundedSemaphore(2)
_REFUSED = (
    "Email or password is wrong, or there were too many tries. Wait a little and try again, or ask for a sign-in link."
)


def check_password(email: str, password: str, *, address: str, now: int) -> Person:
    """The person whose email and password these are.

    Raises NotAllowedError in the same words whatever is wrong. The sixth failure in a row of one account, or
    from one network address, is followed by a delay of a second, which doubles up to 15 minutes; within it
    nothing is even looked at.
    """
    account = email.strip().lower()
    person: Person | None = Person.get_or_none(Person.email == account, Person.removed_at.is_null())
    if not _try(account, person, password, address=address, now=now) or person is None:
        raise NotAllowedError(_REFUSED)
    with transaction():
        _record(person, "password", now=now)
    return person


def is_password_of(person: Person, password: str, *, address: str, now: int) -> bool:
    """Whether it is the password of somebody who is signed in; counted and delayed as at a sign-in.

    Raises NotAllowedError while nothing is looked at.
    """
    return _try(person.email, person, password, address=address, now=now)


def note_link_sign_in(person: Person, *, now: int) -> None:
    """Keep in the audit that a one-time link signed somebody in."""
    with transaction():
        _record(person, "link", now=now)


def end_session(session_id: str, *, until: int) -> None:
    """Sign out: the session's cookie is worth nothing from now on; remembered until it would have ended by itself."""
    with transaction():
        execute(
            "INSERT INTO leases (name, holder, until_at) VALUES (?, 'signed out', ?) ON CONFLICT (name) DO NOTHING",
            _session(session_id),
            until,
        )


def person_in_session(person_id: int, session_id: str, *, begun_at: int) -> Person | None:
    """The person, with the role held now, if the session is still good: not removed, not signed out."""
    person: Person | None = Person.get_or_none(
        Person.id == person_id,
        Person.removed_at.is_null(),
        Person.sign_ins_before <= begun_at,
        ~fn.EXISTS(Lease.select().where(Lease.name == _session(session_id))),
    )
    return person


def forget_old_tries(*, now: int) -> None:
    """Remove what no longer counts, of searches too."""
    with transaction():
        old = "(name LIKE ? AND until_at < ?) OR ((name LIKE ? OR name LIKE ?) AND until_at < ?)"
        execute(  # a row that somebody has locked is about to count again
            f"DELETE FROM leases WHERE name IN (SELECT name FROM leases WHERE {old}{for_update(skip_locked=True)})",
            "sign-in %",
            now - FORGOTTEN_AFTER,
            "session %",
            f"{SOUGHT} %",
            now,
        )


def delay_after(failures: int) -> int:
    """Milliseconds without a further try after so many failures in a row."""
    beyond = failures - FREE_TRIES
    return 0 if beyond <= 0 else min(LONGEST_DELAY, 1000 << min(beyond - 1, 20))


def _try(account: str, person: Person | None, password: str, *, address: str, now: int) -> bool:
    keys = [_key("account", account), _key("address", address)]
    _count_try(keys, now=now)
    if not _fits(person.password_hash if person else None, password):
        return False
    with transaction():
        execute("DELETE FROM leases WHERE name = ?", keys[0])
        _forgive(keys[1])
    return True


def _count_try(keys: Sequence[str], *, now: int) -> None:
    """Count a try as failed before it is made, so that many at once can't slip through together."""
    with transaction():
        known = [_held(key, now=now) for key in keys]
        if any(until_at > now for _, until_at in known):
            raise NotAllowedError(_REFUSED)
        for key, (failures, _) in zip(keys, known, strict=True):
            until_at = now + delay_after(failures + 1)
            execute("UPDATE leases SET holder = ?, until_at = ? WHERE name = ?", str(failures + 1), until_at, key)


def _held(key: str, *, now: int) -> tuple[int, int]:
    """The failures that still count, and until when no try is; the row is locked, or made if there is none.

    One by one, the account before the address, and so wherever both are changed: else two of them deadlock.
    """
    ((failures, until_at),) = select(
        "INSERT INTO leases (name, holder, until_at) VALUES (?, '0', 0) "
        "ON CONFLICT (name) DO UPDATE SET holder = leases.holder RETURNING holder, until_at",
        key,
    )
    return (int(failures), until_at) if until_at > now - FORGOTTEN_AFTER else (0, 0)


def _forgive(key: str) -> None:
    """Take back the one try that turned out to be right; other people's failures from there still count."""
    execute("UPDATE leases SET holder = CAST(CAST(holder AS INTEGER) - 1 AS TEXT) WHERE name = ?", key)


def _fits(password_hash: str | None, password: str) -> bool:
    """Takes as long for an unknown account, or one without a password, as for a wrong password."""
    with _AT_ONCE:
        try:
            PasswordHasher().verify(password_hash or _nobodys_hash(), password)
        except VerificationError:
            return False
    return password_hash is not None


@cache
def _nobodys_hash() -> str:
    return PasswordHasher().hash("nobody's password")


def _record(person: Person, means: str, *, now: int) -> None:
    actor = Actor(person.id, person.name, Role(person.role), Surface.PANEL)
    audit.record(actor, "sign_in", now=now, kind="person", object_id=person.id, means=means)


def _key(kind: str, value: str) -> str:
    return f"sign-in {kind} {hmac.new(secret_key.derived('sign-in'), value.encode(), sha256).hexdigest()}"


def _session(session_id: str) -> str:
    return f"session {sha256(session_id.encode()).hexdigest()}"

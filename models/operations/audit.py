"""The audit: who did what, from where, with which numbers; never an address."""

from models.actors import Actor
from models.operations import telling
from models.tables import Audit


def record(
    actor: Actor, act: str, *, now: int, kind: str, object_id: int | None, name: str = "", **numbers: object
) -> None:
    """Add a row to the audit, in the transaction of the act itself, and let people know."""
    Audit.insert(
        at=now,
        **actor.as_columns(),
        act=act,
        object_kind=kind,
        object_id=object_id,
        object_name=name,
        numbers=numbers,
    ).execute()
    if kind == "campaign" and object_id is not None:
        telling.announce(actor, act, object_id, numbers, now=now)

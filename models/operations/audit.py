"""The audit: who did what, from where, with which numbers; never an address."""

from models.actors import Actor
from models.errors import CampaignError
from models.operations import telling
from models.tables import Audit


def record(
    actor: Actor, act: str, *, now: int, kind: str, object_id: int | None, name: str = "", **numbers: object
) -> None:
    """Add a row to the audit, in the transaction of the act itself, and let people know.

    A refusal among the numbers is kept as it may stand in public, and told whole to those whom it concerns.
    """
    kept, told = dict(numbers), dict(numbers)
    for key, refusal in numbers.items():
        if isinstance(refusal, CampaignError):
            kept[key], told[key] = refusal.in_public, str(refusal)
    Audit.insert(
        at=now,
        **actor.as_columns(),
        act=act,
        object_kind=kind,
        object_id=object_id,
        object_name=name,
        numbers=kept,
    ).execute()
    if kind == "campaign" and object_id is not None:
        telling.announce(actor, act, object_id, told, now=now)

"""Counting all campaigns anew: each one's counters against its rows, at one moment of it."""

from collections.abc import Iterator

from models.actors import Actor, Right
from models.database import select, snapshot, transaction
from models.hints import Work, hint
from models.operations import audit
from models.operations.counters import recount

Key = tuple[str, str, str]


def ask_for_recount(*, actor: Actor) -> None:
    """Let a worker count all campaigns. Raises NotAllowedError."""
    actor.require(Right.SEE_OPERATIONS)
    hint(Work.RECOUNT)


def recount_all(*, actor: Actor, now: int) -> None:
    """Count all campaigns, and keep in the audit how many there were and how many differ."""
    differs = [bool(found) for _, found in differences()]
    with transaction():
        audit.record(
            actor,
            "recount",
            now=now,
            kind="counters",
            object_id=None,
            campaigns=len(differs),
            differences=sum(differs),
        )


def differences() -> Iterator[tuple[int, dict[Key, tuple[int, int]]]]:
    """Each campaign with where its counters differ from its rows: {key: (counted, rows)}."""
    for (campaign_id,) in select("SELECT id FROM campaigns ORDER BY id"):
        with snapshot():
            if not select("SELECT 1 FROM campaigns WHERE id = ? AND phase <> 'deleting'", campaign_id):
                continue  # its rows go in the background, its counters all at once in the end
            found = recount(campaign_id)
        yield campaign_id, found

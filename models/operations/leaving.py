"""Leaving `running`: at once no hand-over, then a bulk move brings the rows to rest (SPEC 1)."""

from models.actors import SYSTEM, Actor
from models.database import execute, execute_many, for_update, marks, select, transaction
from models.hints import Work, hint
from models.tables import BulkMove
from models.tables.work import IS_OPEN
from models.words import TO_BE_SENT, MessageStatus, MoveKind, Phase, WorkState

# Phases in which nothing is queued any more, and the move that brings the rest there.
LEFT: dict[str, MoveKind] = {
    Phase.STOPPING: MoveKind.STOP,
    Phase.FAILED: MoveKind.FAIL,
    Phase.DELETING: MoveKind.DELETE,
}


def leave(
    campaign_id: int,
    *,
    to: Phase,
    kind: MoveKind,
    actor: Actor,
    now: int,
    criteria: dict[str, object] | None = None,
) -> int:
    """Set the phase and open the move that empties the queue; returns the move's id. Call it inside a transaction.

    An open run, resume or retry ends where it is, and its result says how far it came.
    """
    end_open_moves(campaign_id, by=kind, now=now)
    execute("UPDATE campaigns SET phase = ?, updated_at = ? WHERE id = ?", to.value, now, campaign_id)
    return open_move(campaign_id, kind=kind, actor=actor, now=now, criteria=criteria)


def open_move(
    campaign_id: int,
    *,
    kind: MoveKind,
    actor: Actor,
    now: int,
    total: int | None = None,
    criteria: dict[str, object] | None = None,
) -> int:
    """Open a bulk move, to be worked on in slices; `total` is how many rows it is about, if that is known."""
    name = select("SELECT name FROM campaigns WHERE id = ?", campaign_id)[0][0]
    move_id = BulkMove.insert(
        campaign_id=campaign_id,
        campaign_name=name,
        kind=kind.value,
        state=WorkState.QUEUED.value,
        criteria=criteria or {},
        total=_to_move(campaign_id, kind) if total is None else total,
        **actor.as_columns(),
        created_at=now,
    ).execute()
    hint(Work.MOVES, campaign_id)
    return int(move_id)


def sweep_up(campaign_id: int, *, now: int) -> None:
    """Bring to rest what came back into the queue in the very moment in which it was left; end a deletion cut off."""
    with transaction():
        found = select(f"SELECT phase FROM campaigns WHERE id = ?{for_update()}", campaign_id)
        kind = LEFT.get(found[0][0]) if found else None
        if kind is None or has_open_move(campaign_id):
            return
        if kind is MoveKind.DELETE or _to_move(campaign_id, kind):
            open_move(campaign_id, kind=kind, actor=SYSTEM, now=now)


def has_open_move(campaign_id: int) -> bool:
    """Whether a bulk move of the campaign is open."""
    return bool(select(f"SELECT 1 FROM bulk_moves WHERE campaign_id = ? AND {IS_OPEN} LIMIT 1", campaign_id))


def end_open_moves(campaign_id: int, *, by: MoveKind, now: int) -> None:
    """End what is open where it is."""
    still_open = select(
        f"SELECT id, done, total FROM bulk_moves WHERE campaign_id = ? AND {IS_OPEN}{for_update()}",
        campaign_id,
    )
    execute_many(
        "UPDATE bulk_moves SET state = 'cancelled', ended_at = ?, result = ? WHERE id = ?",
        [
            (now, f"cut short by {_CUTS_SHORT[by]} after {done:,} of {total:,}", move_id)
            for move_id, done, total in still_open
        ],
    )


_CUTS_SHORT = {
    MoveKind.STOP: "Stop",
    MoveKind.RESUME: "Resume",
    MoveKind.DELETE: "Delete",
    MoveKind.FAIL: "the refusal of the account",
}
_MOVES: dict[MoveKind, tuple[str, ...]] = {
    MoveKind.RUN: (MessageStatus.WAITING,),
    MoveKind.RESUME: (MessageStatus.CANCELLED, MessageStatus.WAITING),
    MoveKind.STOP: tuple(TO_BE_SENT),
    MoveKind.FAIL: tuple(TO_BE_SENT),
    MoveKind.DELETE: tuple(MessageStatus),
}


def _to_move(campaign_id: int, kind: MoveKind) -> int:
    statuses = _MOVES[kind]
    return int(
        select(
            f"SELECT COALESCE(SUM(n), 0) FROM message_counts WHERE campaign_id = ? AND status IN ({marks(statuses)})",
            campaign_id,
            *statuses,
        )[0][0]
    )

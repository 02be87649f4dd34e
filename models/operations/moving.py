"""Bulk moves at work: slice by slice, each its own transaction, from wherever the last one came to.

A slice is sized by the clock so that it keeps other writers waiting for about `SLICE_SECONDS`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from models.addresses import is_forgotten
from models.database import execute, execute_many, for_update, marks, on_sqlite, select, transaction
from models.hints import SENDING, hint
from models.operations import deleting, watching
from models.operations.counters import Deltas
from models.operations.resting import resting_place
from models.queries.messages import where
from models.queries.reached import reached_among
from models.queries.refusing import opted_out
from models.queries.retries import set_of
from models.tables import BulkMove
from models.tables.work import IS_OPEN
from models.words import Channel, LeftOut, MessageStatus, MoveKind

SLICE_SECONDS = 0.025
SMALLEST, LARGEST = 100, 2000
MOVER_LOCKS = 7_264  # the first half of a PostgreSQL advisory lock; the campaign's id is the other


@dataclass(frozen=True)
class _Slice:
    """What one slice did: rows moved, rows left out, how far it came, and whether there is more."""

    moved: int
    left_out: int
    after_id: int
    more: bool


class _MoveEndedError(Exception):
    """Somebody ended the move while a slice was at work: the slice is undone."""


class Mover:
    """Works on bulk moves; remembers how large a slice may be."""

    def __init__(self) -> None:
        self._size = 500

    def advance(self, campaign_id: int, *, now: int) -> bool:
        """Do one slice of the campaign's oldest open move; False when none is open."""
        since = time.perf_counter()
        try:
            with transaction():
                move = _next(campaign_id)
                if move is None:
                    return False
                done = _SLICES[MoveKind(move.kind)](move, self._size, now)
                _note(move, done, now=now)
        except _MoveEndedError:
            return True
        self._size = _resized(self._size, time.perf_counter() - since)
        if not done.more:
            watching.finish_if_done(campaign_id, now=now)
        return True


def _next(campaign_id: int) -> BulkMove | None:
    if not on_sqlite():
        # One worker at a time per campaign. Not by locking a row that others lock too: a slice goes on to
        # lock messages, and settlings lock messages first.
        select("SELECT pg_advisory_xact_lock(?, ?)", MOVER_LOCKS, campaign_id)
    move: BulkMove | None = (
        BulkMove.select()
        .where(BulkMove.campaign_id == campaign_id, BulkMove.state.in_(("queued", "running")))
        .order_by(BulkMove.id)
        .first()
    )
    return move


def _resized(size: int, took: float) -> int:
    wanted = int(size * SLICE_SECONDS / max(took, 0.001))
    return max(SMALLEST, min(LARGEST, wanted, size * 2))


def _note(move: BulkMove, done: _Slice, *, now: int) -> None:
    moved = move.done + done.moved
    left_out = move.left_out + done.left_out
    if move.kind == MoveKind.RETRY and not done.more:
        left_out = max(0, move.total - moved)  # also those that changed before their turn came
    changed = execute(
        "UPDATE bulk_moves SET state = ?, done = ?, left_out = ?, after_id = ?, criteria = ?, total = ?, "
        "started_at = COALESCE(started_at, ?), ended_at = ?, result = ? "
        f"WHERE id = ? AND {IS_OPEN}",
        "running" if done.more else "done",
        moved,
        left_out,
        done.after_id,
        BulkMove.criteria.db_value(move.criteria),
        max(move.total, moved),
        now,
        None if done.more else now,
        "" if done.more else _result(moved, left_out),
        move.id,
    )
    if not changed:
        raise _MoveEndedError


def _result(moved: int, left_out: int) -> str:
    return f"{moved} messages" + (f", {left_out} left out" if left_out else "")


def _run_slice(move: BulkMove, size: int, now: int) -> _Slice:
    """A slice of a run: to Queued, or to Cancelled where another campaign was before it and they are to be left out."""
    rows = _rows_in(move, MessageStatus.WAITING, size)
    reached = _to_leave_out(move, [row[1] for row in rows])
    _leave_out(move, [row[0] for row in rows if row[1] in reached], now=now)
    wanted = [(row[0], MessageStatus.WAITING, None, None) for row in rows if row[1] not in reached]
    _queue(move, wanted, retried=False, now=now)
    return _one_after_the_other([MessageStatus.WAITING], rows, moved=len(wanted), size=size)


def _to_leave_out(move: BulkMove, recipient_keys: Sequence[str]) -> set[str]:
    """Those reached lately, if they are to be left out; not who opted out since, as their claim is to say so."""
    since = move.criteria.get("reached_since")
    if since is None:
        return set()
    reached = reached_among(move.campaign_id, recipient_keys, since=since)
    return reached - opted_out(_channel_of(move), list(reached))


def _leave_out(move: BulkMove, ids: Sequence[int], *, now: int) -> None:
    if not ids:
        return
    execute(
        "UPDATE messages SET status = 'cancelled', failure_reason = ?, updated_at = ?, move_ids = move_ids || ? "
        f"WHERE id IN ({marks(ids)})",
        LeftOut.REACHED_LATELY.value,
        now,
        f"{move.id} ",
        *ids,
    )
    deltas = Deltas()
    deltas.add(move.campaign_id, MessageStatus.WAITING, None, None, -len(ids))
    deltas.add(move.campaign_id, MessageStatus.CANCELLED, LeftOut.REACHED_LATELY, None, len(ids))
    deltas.write(now)


def _resume_slice(move: BulkMove, size: int, now: int) -> _Slice:
    """A slice of a resume: whatever was not sent is Queued, one status after the other; not who was forgotten."""
    left = move.criteria.setdefault("left", [MessageStatus.CANCELLED.value, MessageStatus.WAITING.value])
    rows = _rows_in(move, left[0], size)
    wanted = [(message_id, left[0], reason, None) for message_id, key, reason in rows if not is_forgotten(key)]
    _queue(move, wanted, retried=False, now=now)
    return _one_after_the_other(left, rows, moved=len(wanted), size=size)


def _rows_in(move: BulkMove, status: str, size: int) -> list[tuple[Any, ...]]:
    return select(
        "SELECT id, recipient_key, failure_reason FROM messages WHERE campaign_id = ? AND status = ? AND id > ? "
        f"ORDER BY id LIMIT ?{for_update()}",
        move.campaign_id,
        status,
        move.after_id,
        size,
    )


def _one_after_the_other(left: list[str], rows: Sequence[tuple[Any, ...]], *, moved: int, size: int) -> _Slice:
    if len(rows) == size:
        return _Slice(moved, size - moved, rows[-1][0], more=True)
    left.pop(0)
    return _Slice(moved, len(rows) - moved, 0, more=bool(left))


def _retry_slice(move: BulkMove, size: int, now: int) -> _Slice:
    left = move.criteria.setdefault("left", list(move.criteria["statuses"]))
    condition, values = where(move.campaign_id, set_of(move.criteria).for_status(left[0]))
    rows = select(
        "SELECT id, recipient_key, status, failure_reason, retry_class FROM messages "
        f"WHERE {condition} AND id > ? ORDER BY id LIMIT ?{for_update()}",
        *values,
        move.after_id,
        size,
    )
    refusing = opted_out(_channel_of(move), [row[1] for row in rows])
    eligible = [row for row in rows if row[1] not in refusing]
    _queue(move, [(row[0], *row[2:]) for row in eligible], retried=True, now=now)
    return _one_after_the_other(left, rows, moved=len(eligible), size=size)


def _queue(move: BulkMove, rows: Sequence[tuple[Any, ...]], *, retried: bool, now: int) -> None:
    """Make rows of (id, status, reason, class) Queued."""
    if not rows:
        return
    ids = [row[0] for row in rows]
    execute(
        "UPDATE messages SET status = 'queued', failure_reason = NULL, retry_class = NULL, provider_code = NULL, "
        "provider_text = NULL, due_at = NULL, queued_at = ?, updated_at = ?, retries = retries + ?, "
        f"move_ids = move_ids || ? WHERE id IN ({marks(ids)})",
        now,
        now,
        int(retried),
        f"{move.id} ",
        *ids,
    )
    deltas = Deltas()
    for _, status, reason, retry_class in rows:
        deltas.add(move.campaign_id, status, reason, retry_class, -1)
    deltas.add(move.campaign_id, MessageStatus.QUEUED, None, None, len(rows))
    deltas.write(now)
    hint(SENDING[_channel_of(move)], move.campaign_id)


def _channel_of(move: BulkMove) -> Channel:
    return Channel(select("SELECT channel FROM campaigns WHERE id = ?", move.campaign_id)[0][0])


def _rest_slice(move: BulkMove, size: int, now: int) -> _Slice:
    """A slice of leaving `running`: to Cancelled, or back to the verdict before a retry."""
    left = move.criteria.setdefault("left", [MessageStatus.QUEUED.value, MessageStatus.WAITING.value])
    rows = select(
        "SELECT id, status, retries, attempt FROM messages WHERE campaign_id = ? AND status = ? "
        f"ORDER BY id LIMIT ?{for_update()}",
        move.campaign_id,
        left[0],
        size,
    )
    rests = [(row[0], row[1], resting_place(row[0], retries=row[2], before=row[3] + 1, latest=row[3])) for row in rows]
    execute_many(
        "UPDATE messages SET status = ?, failure_reason = ?, retry_class = ?, provider_code = ?, provider_text = ?, "
        "updated_at = ?, due_at = ?, move_ids = move_ids || ? WHERE id = ?",
        [(*rest.standing, now, rest.due_at, f"{move.id} ", message_id) for message_id, _, rest in rests],
    )
    deltas = Deltas()
    for _, status, rest in rests:
        deltas.add(move.campaign_id, status, None, None, -1)
        deltas.add(move.campaign_id, *rest.standing[:3], 1)
    deltas.write(now)
    return _one_after_the_other(left, rows, moved=len(rows), size=size)


def _delete_slice(move: BulkMove, size: int, _now: int) -> _Slice:
    removed = deleting.remove_messages(move.campaign_id, size)
    if removed < size:
        deleting.remove_campaign(move.campaign_id)
    return _Slice(removed, 0, 0, more=removed == size)


_SLICES: dict[MoveKind, Callable[[BulkMove, int, int], _Slice]] = {
    MoveKind.RUN: _run_slice,
    MoveKind.RESUME: _resume_slice,
    MoveKind.RETRY: _retry_slice,
    MoveKind.STOP: _rest_slice,
    MoveKind.FAIL: _rest_slice,
    MoveKind.DELETE: _delete_slice,
}

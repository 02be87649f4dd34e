"""Claims: what a send job takes from the queue before it hands anything over, and what it gives back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.database import execute, execute_many, for_update, insert_many, marks, select, transaction
from models.operations import leaving, watching
from models.operations.counters import Deltas
from models.operations.resting import MessageStanding, Rest, resting_place
from models.queries.campaigns import get_campaign
from models.queries.refusing import opted_out
from models.tables import Message
from models.words import KEEPS_QUEUE, MessageStatus, Phase

GIVEN_AT_ONCE = 100  # a commit each would take longer than a stop leaves time for


@dataclass(frozen=True, slots=True)
class Claimed:
    """One message taken for one hand-over."""

    message_id: int
    attempt: int
    recipient: str
    field_values: tuple[str, ...]
    claimed_at: int = 0


@dataclass(frozen=True)
class Claim:
    """What a claim took. `last_id` is where the next one goes on; None once the end of the queue was reached."""

    messages: tuple[Claimed, ...]
    last_id: int | None
    running: bool = True


class _NotRunningError(Exception):
    """The campaign left `running` while a claim was made: the claim is undone."""


_COLUMNS = "id, attempt, recipient, recipient_key, field_values, retries"


def claim_messages(campaign_id: int, *, provider: str, limit: int, after_id: int, lease_ms: int, now: int) -> Claim:
    """Take up to `limit` Queued messages above `after_id` for hand-over: Sending, a new attempt, a lease until
    `now + lease_ms`. Durable when it returns, so whatever happens to the hand-over is known to have begun.

    Whoever opted out by now becomes Opted Out instead, in this same transaction.
    """
    try:
        with transaction():
            claim = _claim(campaign_id, provider=provider, limit=limit, after_id=after_id, lease_ms=lease_ms, now=now)
            _require_running(campaign_id)
    except _NotRunningError:
        return Claim((), None, running=False)
    if not claim.messages:
        watching.finish_if_done(campaign_id, now=now)
    return claim


def renew_leases(claims: Sequence[tuple[int, int]], *, lease_ms: int, now: int) -> None:
    """Keep claims (message id, attempt) for `lease_ms` more milliseconds; those that are settled stay as they are."""
    with transaction():
        execute_many(
            "UPDATE messages SET due_at = ? WHERE id = ? AND attempt = ? AND status = 'sending' AND EXISTS (SELECT 1 "
            "FROM attempts a WHERE a.message_id = messages.id AND a.number = messages.attempt "
            "AND a.answer IS NULL AND a.progress IS NULL)",
            [(now + lease_ms, message_id, attempt) for message_id, attempt in sorted(claims)],
        )


def give_back(claims: Sequence[tuple[int, int, int]], *, now: int) -> int:
    """Undo claims (message id, attempt, claimed_at) that were not handed over and never will be; returns how many.

    Only for the process that holds them: a claim whose end is not known is a matter for the sweep. It may be
    repeated: what was claimed anew since, as the same attempt, was claimed at another moment.
    """
    given, ordered = 0, sorted(claims)
    for start in range(0, len(ordered), GIVEN_AT_ONCE):
        with transaction():
            given += _give_back(ordered[start : start + GIVEN_AT_ONCE], now=now)
    return given


def campaign_is_running(campaign_id: int) -> bool:
    """Whether hand-overs may start."""
    return _is_running(campaign_id, lock=False)


def queue_may_grow(campaign_id: int) -> bool:
    """Whether a bulk move may still queue something, or something is queued."""
    return leaving.has_open_move(campaign_id) or watching.queued(campaign_id) > 0


def _claim(campaign_id: int, *, provider: str, limit: int, after_id: int, lease_ms: int, now: int) -> Claim:
    found = select(
        f"SELECT {_COLUMNS} FROM messages WHERE campaign_id = ? AND status = 'queued' AND id > ? "
        f"ORDER BY id LIMIT ?{for_update(skip_locked=True)}",
        campaign_id,
        after_id,
        limit,
    )
    if not found:
        return Claim((), None)
    channel = select("SELECT channel FROM campaigns WHERE id = ?", campaign_id)[0][0]
    refusing = opted_out(channel, [row[3] for row in found])
    _refuse([row[0] for row in found if row[3] in refusing], now=now)
    taken = [row for row in found if row[3] not in refusing]
    _take(campaign_id, taken, provider=provider, lease_ms=lease_ms, now=now)
    _count(campaign_id, len(taken), len(found) - len(taken), now=now)
    return Claim(tuple(_claimed(row, now) for row in taken), found[-1][0] if len(found) == limit else None)


def _require_running(campaign_id: int) -> None:
    if not _is_running(campaign_id, lock=True):
        raise _NotRunningError


def _is_running(campaign_id: int, *, lock: bool) -> bool:
    """With `lock`, the last of the transaction's locks: until it ends nobody leaves `running`."""
    clause = " FOR SHARE" if lock and for_update() else ""
    found = select(f"SELECT phase FROM campaigns WHERE id = ?{clause}", campaign_id)
    return bool(found) and found[0][0] == Phase.RUNNING


def _refuse(ids: Sequence[int], *, now: int) -> None:
    if ids:
        execute(
            f"UPDATE messages SET status = 'opted_out', updated_at = ?, due_at = NULL WHERE id IN ({marks(ids)})",
            now,
            *ids,
        )


def _take(campaign_id: int, rows: Sequence[tuple[Any, ...]], *, provider: str, lease_ms: int, now: int) -> None:
    if not rows:
        return
    ids = [row[0] for row in rows]
    execute(
        "UPDATE messages SET status = 'sending', attempt = attempt + 1, updated_at = ?, due_at = ? "
        f"WHERE id IN ({marks(ids)})",
        now,
        now + lease_ms,
        *ids,
    )
    insert_many(
        "attempts",
        (
            "message_id",
            "number",
            "campaign_id",
            "provider",
            "status",
            "retries",
            "claimed_at",
            "timed_out",
            "lookups",
        ),
        [(row[0], row[1] + 1, campaign_id, provider, "sending", row[5], now, 0, 0) for row in rows],
    )


def _count(campaign_id: int, taken: int, refused: int, *, now: int) -> None:
    deltas = Deltas()
    deltas.add(campaign_id, MessageStatus.QUEUED, None, None, -(taken + refused))
    deltas.add(campaign_id, MessageStatus.SENDING, None, None, taken)
    deltas.add(campaign_id, MessageStatus.OPTED_OUT, None, None, refused)
    deltas.write(now)


def _claimed(row: tuple[Any, ...], now: int) -> Claimed:
    return Claimed(row[0], row[1] + 1, row[2], tuple(Message.field_values.python_value(row[4])), now)


def _give_back(claims: Sequence[tuple[int, int, int]], *, now: int) -> int:
    rows, deltas = _unanswered(claims), Deltas()
    execute_many("DELETE FROM attempts WHERE message_id = ? AND number = ?", [row[:2] for row in rows])
    keeps = {campaign_id: _keeps_queue(campaign_id) for campaign_id in {row[2] for row in rows}}
    updates = []
    for message_id, attempt, campaign_id, retries in rows:
        place, due_at = _place_after(message_id, attempt, retries, keeps_queue=keeps[campaign_id])
        updates.append((*place, now, due_at, message_id))
        deltas.add(campaign_id, MessageStatus.SENDING, None, None, -1)
        deltas.add(campaign_id, place.status, place.failure_reason, place.retry_class, 1)
    # The sweep's word for a lease that ran out gave it a moment of sending, which only an attempt before may have.
    execute_many(
        "UPDATE messages SET status = ?, failure_reason = ?, retry_class = ?, provider_code = ?, provider_text = ?, "
        "attempt = attempt - 1, updated_at = ?, due_at = ?, sent_at = (SELECT MAX(COALESCE(handed_over_at, claimed_at))"
        " FROM attempts WHERE message_id = messages.id AND status <> 'not_sent') WHERE id = ?",
        updates,
    )
    deltas.write(now)
    return len(rows)


def _unanswered(claims: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int, int]]:
    """Those of which nothing was heard, with their messages locked: (message id, attempt, campaign id, retries)."""
    held, ids = set(claims), [message_id for message_id, _, _ in claims]
    if clause := for_update():
        select(f"SELECT id FROM messages WHERE id IN ({marks(ids)}) ORDER BY id{clause}", *ids)
    # `unknown` may be the sweep's word for a lease that ran out meanwhile; the holder knows better.
    found = select(
        "SELECT m.id, m.attempt, a.claimed_at, m.campaign_id, m.retries FROM messages m "
        "JOIN attempts a ON a.message_id = m.id AND a.number = m.attempt "
        f"WHERE m.id IN ({marks(ids)}) AND m.status = 'sending' AND a.status = 'sending' "
        "AND COALESCE(a.answer, 'unknown') = 'unknown' AND a.progress IS NULL ORDER BY m.id",
        *ids,
    )
    return [(*row[:2], *row[3:]) for row in found if row[:3] in held]


def _keeps_queue(campaign_id: int) -> bool:
    return Phase(get_campaign(campaign_id).phase) in KEEPS_QUEUE


def _place_after(message_id: int, attempt: int, retries: int, *, keeps_queue: bool) -> Rest:
    if keeps_queue:
        return Rest(MessageStanding(MessageStatus.QUEUED))
    return resting_place(message_id, retries=retries, before=attempt, latest=attempt - 1)

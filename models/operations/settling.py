"""Settling: the one way in which answers, receipts, look-ups and time-outs change attempts and messages.

Load the rows under lock, let the rules decide, write what changed with its counters. Words about an
attempt that is no longer the message's latest change nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from models.database import after_commit, execute_many, for_update, marks, select, transaction, update_many
from models.operations import erasing, optouts, tallying, watching
from models.operations.counters import Deltas
from models.operations.recoveries import RetriedAttempt, note_recoveries
from models.operations.resting import MessageStanding, resting_place
from models.operations.unmapped import Unmapped, note_unmapped
from models.rules.guard import guard_mark
from models.rules.standing import follows, standing_after
from models.rules.timeouts import deadline, is_answer_overdue
from models.rules.verdicts import NOT_SENT, AttemptState, Event, Word, is_verdict, judge
from models.tables import Attempt, Message
from models.words import FINAL, WITH_PROVIDER, Channel, MessageStatus, OptOutSource, Phase, Scope, Tally

STATE_COLUMNS = AttemptState._fields
_OUR_OWN = frozenset({Word.ASSUMED, Word.EXPIRED, Word.UNCONFIRMED, Word.UNKNOWN, Word.NOT_SENT})
LOAD_SLICE = 1000
_KEPT_IF_NONE = ("segments", "sent_at", "updated_at")


@dataclass(frozen=True)
class Settled:
    """What came of a settling: how many attempts changed, and the events whose message is not there."""

    changed: int
    unmatched: tuple[Event, ...]
    campaign_ids: frozenset[int]


@dataclass(slots=True)
class _Row:
    """A message with its latest attempt, as loaded (`was`, `stood`) and as it will be written."""

    id: int
    campaign_id: int
    channel: Channel
    phase: Phase
    recipient_key: str
    number: int
    retries: int
    due_at: int | None
    provider: str
    cutoff_at: int
    erases: bool
    stood: MessageStanding
    was: AttemptState
    state: AttemptState
    stands: MessageStanding
    segments: int | None = None


@dataclass(slots=True)
class _Gathered:
    """What a settling gathers beside the rows themselves."""

    deltas: Deltas = field(default_factory=Deltas)
    marks: dict[int, watching.Marks] = field(default_factory=lambda: defaultdict(watching.Marks))
    opt_outs: list[_Row] = field(default_factory=list)
    unmapped: list[Unmapped] = field(default_factory=list)
    tallies: tallying.Sums = field(default_factory=Counter)


def settle(events: Sequence[Event], *, now: int, scale: float) -> Settled:
    """Apply `events`; the end state depends on what was said, not on its order or number.

    `now` is epoch milliseconds, `scale` the TIME_SCALE that divides time-outs.
    """
    with transaction():
        rows = _load({event.message_id for event in events})
        changed = _settle(rows, events, now=now, scale=scale)
    return Settled(changed, tuple(event for event in events if event.message_id not in rows), _finish(rows, now=now))


def settle_overdue(message_ids: Sequence[int], *, now: int, scale: float) -> None:
    """Settle messages whose moment has come, unless something was heard of them meanwhile."""
    with transaction():
        rows = _load(message_ids)
        events = [event for row in rows.values() if (event := _overdue(row, now=now, scale=scale))]
        _settle(rows, events, now=now, scale=scale)
        spoken_of = {event.message_id for event in events}
        expired = sum(event.word is Word.UNKNOWN for event in events)
        after_commit(partial(tallying.count, {(Tally.EXPIRED_LEASES, ""): expired}))
        _put_off([row for row in rows.values() if row.id not in spoken_of], scale=scale)
    _finish(rows, now=now)


def _settle(rows: dict[int, _Row], events: Sequence[Event], *, now: int, scale: float) -> int:
    gathered = _Gathered()
    for event in events:
        row = rows.get(event.message_id)
        if row is not None and row.number == event.attempt:
            # What providers say may name whom we were asked to forget.
            _apply(row, replace(event, text="") if row.erases else event, gathered)
    changed = [row for row in rows.values() if row.state is not row.was]
    _write(changed, gathered, now=now, scale=scale)
    after_commit(partial(tallying.count, gathered.tallies))
    return len(changed)


def _finish(rows: dict[int, _Row], *, now: int) -> frozenset[int]:
    """End the campaigns that are done, once whatever transaction this is part of has let go of its locks."""
    campaign_ids = frozenset(row.campaign_id for row in rows.values())
    for campaign_id in sorted(campaign_ids):
        after_commit(partial(watching.finish_if_done, campaign_id, now=now))
    return campaign_ids


def _overdue(row: _Row, *, now: int, scale: float) -> Event | None:
    """The word that follows when a message's moment has come: its lease ran out, or a time-out."""
    if row.due_at is None or row.due_at > now:
        return None
    if is_answer_overdue(row.state):
        return Event(row.id, row.number, Word.UNKNOWN, now, answers=True)
    limit = deadline(row.channel, row.provider, row.state, scale)
    return Event(row.id, row.number, limit.word, now) if limit and limit.at <= now else None


def _put_off(rows: Sequence[_Row], *, scale: float) -> None:
    execute_many("UPDATE messages SET due_at = ? WHERE id = ?", [(_due(row, scale), row.id) for row in rows])


def _load(message_ids: Iterable[int]) -> dict[int, _Row]:
    ids = sorted(message_ids)
    rows: dict[int, _Row] = {}
    for start in range(0, len(ids), LOAD_SLICE):
        rows |= _load_slice(ids[start : start + LOAD_SLICE])
    return rows


def _load_slice(ids: Sequence[int]) -> dict[int, _Row]:
    if clause := for_update():
        # Lock first: a statement that had to wait would read the attempts as they were before.
        select(f"SELECT id FROM messages WHERE id IN ({marks(ids)}) ORDER BY id{clause}", *ids)
    columns = ", ".join(f"a.{column}" for column in STATE_COLUMNS)
    found = select(
        "SELECT m.id, m.campaign_id, c.channel, c.phase, m.recipient_key, m.attempt, m.retries, m.due_at, a.provider, "
        "COALESCE(c.retry_cutoff_at, 0), m.erase_at_verdict, "
        f"m.status, m.failure_reason, m.retry_class, m.provider_code, m.provider_text, {columns} FROM messages m "
        "JOIN attempts a ON a.message_id = m.id AND a.number = m.attempt JOIN campaigns c ON c.id = m.campaign_id "
        f"WHERE m.id IN ({marks(ids)})",
        *ids,
    )
    return {values[0]: _row(*values) for values in found}


def _row(*values: Any) -> _Row:
    message_id, campaign_id, channel, phase, key, number, retries, due_at, provider, cutoff_at, erases = values[:11]
    stood = MessageStanding(*values[11:16])
    state = AttemptState._make(values[16:])
    return _Row(
        message_id,
        campaign_id,
        Channel(channel),
        Phase(phase),
        key,
        number,
        retries,
        due_at,
        provider,
        cutoff_at,
        bool(erases),
        stood=stood,
        was=state,
        state=state,
        stands=stood,
    )


def _apply(row: _Row, event: Event, gathered: _Gathered) -> None:
    before = row.state
    row.state = judge(row.channel, before, event)
    row.segments = event.segments if event.segments is not None else row.segments
    campaign = gathered.marks[row.campaign_id]
    if event.answers and event.word in (Word.ACCEPTED, Word.DELIVERED):
        campaign.accepted(event.at)
        gathered.tallies[Tally.SENT, row.channel.value] += 1
    elif not event.answers and event.word not in _OUR_OWN:
        campaign.heard(event.at)
    if row.state is before:
        return
    if event.unmapped:
        gathered.unmapped.append(Unmapped(row.provider, event.code, event.text))
    if event.scope is Scope.ACCOUNT:
        campaign.refused(event.code, event.text, event.reason)
    if is_verdict(row.state) and (before.timed_out or not is_verdict(before)):
        campaign.judged(guard_mark(row.state, row.retries))
    if row.state.status == MessageStatus.OPTED_OUT != before.status:
        gathered.opt_outs.append(row)
    row.stands = _stands(row, before)


def _stands(row: _Row, before: AttemptState) -> MessageStanding:
    status = standing_after(row.stands.status, before.status, row.state.status, row.phase)
    if status == MessageStatus.CANCELLED:
        return resting_place(row.id, retries=row.retries, before=row.number, latest=row.number).standing
    if status is None and not follows(row.stands.status, row.state.status):
        return row.stands
    state = row.state
    return MessageStanding(
        status or row.stands.status,
        state.failure_reason,
        state.retry_class,
        state.provider_code,
        state.provider_text,
    )


def _write(rows: Sequence[_Row], gathered: _Gathered, *, now: int, scale: float) -> None:
    for row in rows:
        row.stands = erasing.forgotten_standing(row.stands) if row.erases else row.stands
    _write_attempts(rows)
    _write_messages(rows, gathered.deltas, now=now, scale=scale)
    _tally_outcomes(rows, gathered.tallies)
    erasing.erase([row.id for row in rows if row.erases and row.stands.status in FINAL])
    gathered.deltas.write(now)
    note_recoveries(
        [RetriedAttempt(row.id, row.number, row.channel, row.was, row.state) for row in rows if row.retries]
    )
    for campaign_id in sorted(gathered.marks):
        watching.note(campaign_id, gathered.marks[campaign_id], now=now)
    note_unmapped(gathered.unmapped, now=now)
    for row in sorted(gathered.opt_outs, key=lambda row: row.recipient_key):  # one order for all, as for every lock
        optouts.list_key(
            row.channel,
            row.recipient_key,
            source=OptOutSource.PROVIDER,
            campaign_id=row.campaign_id,
            by="provider",
            now=now,
        )


def _write_attempts(rows: Sequence[_Row]) -> None:
    written = [(*row.state, row.id, row.number) for row in rows]
    update_many(Attempt, written, columns=STATE_COLUMNS, key=("message_id", "number"))


def _write_messages(rows: Sequence[_Row], deltas: Deltas, *, now: int, scale: float) -> None:
    updates = []
    for row in rows:
        entered_at = _entered_at(row, now) if row.stands.status != row.stood.status else None
        due_at = _due(row, scale)
        updates.append((*row.stands, row.segments, _sent_at(row.state), entered_at, due_at, row.id))
        if row.stands[:3] != row.stood[:3]:
            deltas.add(row.campaign_id, *row.stood[:3], -1)
            deltas.add(row.campaign_id, *row.stands[:3], 1)
    columns = (*MessageStanding._fields, *_KEPT_IF_NONE, "due_at")
    update_many(Message, updates, columns=columns, key=("id",), kept_if_none=_KEPT_IF_NONE)


def _sent_at(state: AttemptState) -> int | None:
    """When it was handed over, by its claim while no answer says so; None if it surely was not."""
    return None if state.status == NOT_SENT else state.handed_over_at or state.claimed_at


def _tally_outcomes(rows: Sequence[_Row], tallies: tallying.Sums) -> None:
    for row in rows:
        if row.stands.status in FINAL and row.stands[:2] != row.stood[:2]:
            reason = (row.stands.failure_reason or "") if row.stands.status == MessageStatus.FAILED else ""
            tallies[Tally.OUTCOMES, f"{row.channel} {row.stands.status} {reason}"] += 1


def _entered_at(row: _Row, now: int) -> int:
    """Later than the cutoff of each retry asked for so far, whatever the clock says: its set was fixed before."""
    return max(now, row.cutoff_at + 1)


def _due(row: _Row, scale: float) -> int | None:
    if row.stands.status not in WITH_PROVIDER:
        return None
    due = deadline(row.channel, row.provider, row.state, scale)
    return due.at if due else row.due_at

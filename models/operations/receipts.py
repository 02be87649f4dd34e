"""Receipts: kept as they came before they are answered for, then applied in batches."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from models.database import execute, execute_many, for_update, select, transaction
from models.hints import Work, hint
from models.operations.optouts import note_preferences
from models.operations.settling import settle
from models.rules.preferences import Preference
from models.rules.timeouts import HOUR, MINUTE
from models.rules.verdicts import Event
from models.tables import ReceiptPost

UNMATCHED_WAIT = 25 * HOUR
UNMATCHED_GAP = 5 * MINUTE
KEPT = 30 * 24 * HOUR
PROBLEM_LENGTH = 500

Parser = Callable[[Mapping[str, str], bytes, int], Sequence[Event | Preference]]


@dataclass(frozen=True)
class Applied:
    """How many posts were looked at, and how many messages changed."""

    posts: int
    changed: int


def record_receipts(*, provider: str, headers: Mapping[str, str], body: bytes, now: int) -> bool:
    """Keep one POST of receipts; once this returns it may be answered for. False if this very POST is known already.

    `headers` are those that its parser reads; `query` among them is the address's query, which is part of the POST.
    """
    with transaction():
        added = execute(
            "INSERT INTO receipt_inbox (provider, digest, headers, body, received_at, due_at, unmatched) "
            "VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (provider, digest) DO NOTHING",
            provider,
            hashlib.sha256(headers.get("query", "").encode() + b"\0" + body).hexdigest(),
            ReceiptPost.headers.db_value(dict(headers)),
            body,
            now,
            now,
        )
        if added:
            hint(Work.RECEIPTS)
    return bool(added)


def apply_receipts(parsers: Mapping[str, Parser], *, limit: int, now: int, scale: float) -> Applied:
    """Apply up to `limit` posts that are due, oldest first, all in one transaction.

    `parsers` turn (headers, body, received_at) into events; a body that a parser refuses with ValueError
    is set aside with the problem. Posts with events whose message is not there yet wait, 25 h at most.
    """
    with transaction():
        posts = select(
            "SELECT id, provider, headers, body, received_at FROM receipt_inbox "
            "WHERE applied_at IS NULL AND due_at <= ? "
            f"ORDER BY due_at, id LIMIT ?{for_update(skip_locked=True)}",
            now,
            limit,
        )
        events: list[Event] = []
        preferences: list[Preference] = []
        post_of: dict[int, int] = {}
        notes: dict[int, tuple[int, str | None]] = {}
        for post_id, provider, headers, body, received_at in posts:
            try:
                found = _parser(parsers, provider)(ReceiptPost.headers.python_value(headers), bytes(body), received_at)
            except ValueError as problem:
                notes[post_id] = (0, str(problem)[:PROBLEM_LENGTH])
                continue
            said = [word for word in found if isinstance(word, Event)]
            events.extend(said)
            post_of.update((id(event), post_id) for event in said)
            preferences.extend(word for word in found if isinstance(word, Preference))
        settled = settle(events, now=now, scale=scale)
        note_preferences(preferences, now=now)  # the opt-out list is locked last, as settling does
        for event in settled.unmatched:
            post_id = post_of[id(event)]
            notes[post_id] = (notes.get(post_id, (0, None))[0] + 1, None)
        _note(posts, notes, now=now, scale=scale)
    return Applied(len(posts), settled.changed)


def purge_receipts(*, now: int, limit: int = 1000) -> int:
    """Remove posts applied more than 30 days ago; returns how many."""
    with transaction():
        return execute(
            "DELETE FROM receipt_inbox WHERE id IN (SELECT id FROM receipt_inbox WHERE applied_at < ? LIMIT ?)",
            now - KEPT,
            limit,
        )


def _parser(parsers: Mapping[str, Parser], provider: str) -> Parser:
    if provider not in parsers:
        raise ValueError(f"nobody reads receipts of {provider}")
    return parsers[provider]


def _note(
    posts: Sequence[tuple[int, str, str, bytes, int]],
    notes: Mapping[int, tuple[int, str | None]],
    *,
    now: int,
    scale: float,
) -> None:
    rows = []
    for post_id, _, _, _, received_at in posts:
        unmatched, problem = notes.get(post_id, (0, None))
        waits = unmatched and now < received_at + UNMATCHED_WAIT / scale
        rows.append((None if waits else now, unmatched, problem, now + int(UNMATCHED_GAP / scale), post_id))
    execute_many("UPDATE receipt_inbox SET applied_at = ?, unmatched = ?, problem = ?, due_at = ? WHERE id = ?", rows)

"""Receipts: kept as they came before they are answered for, then applied in batches."""

import hashlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock

from models.database import execute, execute_many, for_update, select, transaction
from models.hints import Work, hint
from models.operations.optouts import note_preferences
from models.operations.settling import settle
from models.rules.preferences import Preference
from models.rules.timeouts import DAY, HOUR, MINUTE
from models.rules.verdicts import OF_A_TEST, Event
from models.tables import ReceiptPost

UNMATCHED_WAIT = 25 * HOUR
UNMATCHED_GAP = 5 * MINUTE
KEPT = 30 * DAY
PURGED_AT_ONCE = 1000
PROBLEM_LENGTH = 500
FAULT = "a fault of ours: see the log of `worker`"
_DUE = "applied_at IS NULL AND due_at <= ?"

Parser = Callable[[Mapping[str, str], bytes, int], Sequence[Event | Preference]]


@dataclass(frozen=True)
class Applied:
    """How many posts were looked at, and how many messages changed."""

    posts: int
    changed: int


@dataclass(slots=True)
class _Post:
    """A row of the inbox, and what its body says. With `unmatched` it has been applied before."""

    id: int
    provider: str
    headers: str
    body: bytes
    received_at: int
    unmatched: int
    events: list[Event] = field(default_factory=list)
    preferences: list[Preference] = field(default_factory=list)
    problem: str | None = None

    def read(self, parsers: Mapping[str, Parser]) -> None:
        """Take the body apart. What people said of themselves is heard once: an undone opt-out stays undone.

        What is said of a test counts nowhere.
        """
        try:
            words = self._words(parsers)
        except ValueError as problem:
            self.problem = str(problem)[:PROBLEM_LENGTH]
            return
        self.events = [word for word in words if isinstance(word, Event) and word.attempt != OF_A_TEST]
        if not self.unmatched:
            self.preferences = [word for word in words if isinstance(word, Preference)]

    def _words(self, parsers: Mapping[str, Parser]) -> Sequence[Event | Preference]:
        if self.provider not in parsers:
            raise ValueError(f"nobody reads receipts of {self.provider}")
        headers = ReceiptPost.headers.python_value(self.headers)
        return parsers[self.provider](headers, bytes(self.body), self.received_at)


@dataclass(slots=True, eq=False)
class Arrival:
    """A POST that is to be kept; `added` once it is, whether it was new."""

    provider: str
    headers: Mapping[str, str]
    body: bytes
    at: int
    added: bool | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The same for the same POST: its provider, and a digest of what it says."""
        said = self.headers.get("query", "").encode() + b"\0" + self.body
        return self.provider, hashlib.sha256(said).hexdigest()

    def keep(self) -> bool:
        """Within a transaction: add it, unless this very POST is known already."""
        added = execute(
            "INSERT INTO receipt_inbox (provider, digest, headers, body, received_at, due_at, unmatched) "
            "VALUES (?, ?, ?, ?, ?, ?, 0) ON CONFLICT (provider, digest) DO NOTHING",
            *self.key,
            ReceiptPost.headers.db_value(dict(self.headers)),
            self.body,
            self.at,
            self.at,
        )
        return bool(added)


def keep_together(posts: Iterable[Arrival]) -> None:
    """Keep them in one commit, in one order everywhere: the same POST may reach two processes in one moment.

    `posts` is asked for them once the write gate is open.
    """
    with transaction():
        added = [(one, one.keep()) for one in sorted(posts, key=lambda one: one.key)]
        if any(new for _, new in added):
            hint(Work.RECEIPTS)
    for one, new in added:
        one.added = new


class Arrivals:
    """POSTs that come to this process at the same time share a commit.

    Each would wait for its own turn at the write gate, and every turn behind a batch of receipts that is being
    applied: the more came, the longer all of them waited.
    """

    def __init__(self) -> None:
        self._waiting: deque[Arrival] = deque()
        self._turn = Lock()

    def __len__(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def keep(self, arrival: Arrival) -> bool:
        """Returns once it is kept, whoever did it; whose transaction fails keeps none, and each tries for itself."""
        self._waiting.append(arrival)
        try:
            with self._turn:
                if arrival.added is None:
                    keep_together(self._waiting_with(arrival))
        finally:
            with suppress(ValueError):  # taken by now, unless the transaction never began
                self._waiting.remove(arrival)
        return bool(arrival.added)

    def _waiting_with(self, arrival: Arrival) -> Iterator[Arrival]:
        yield arrival  # no longer among those that wait, if a transaction that had taken it failed
        while self._waiting:
            one = self._waiting.popleft()
            if one is not arrival and one.added is None:
                yield one


arrivals = Arrivals()


def record_receipts(*, provider: str, headers: Mapping[str, str], body: bytes, now: int) -> bool:
    """Keep one POST of receipts; once this returns it may be answered for. False if this very POST is known already.

    `headers` are those that its parser reads; `query` among them is the address's query, which is part of the POST.
    """
    return arrivals.keep(Arrival(provider, headers, body, now))


def due_posts(*, limit: int, now: int) -> list[int]:
    """The ids of up to `limit` posts that are due, oldest first."""
    return [
        row[0] for row in select(f"SELECT id FROM receipt_inbox WHERE {_DUE} ORDER BY due_at, id LIMIT ?", now, limit)
    ]


def apply_receipts(
    parsers: Mapping[str, Parser], *, limit: int, now: int, scale: float, post_id: int | None = None
) -> Applied:
    """Apply up to `limit` posts that are due, oldest first, all in one transaction; with `post_id` that one alone.

    `parsers` turn (headers, body, received_at) into events; a body that a parser refuses with ValueError
    is set aside with the problem. Posts with events whose message is not there yet wait, 25 h at most. Whatever else
    goes wrong is raised, and then none of them is applied.
    """
    among, ids = ("", []) if post_id is None else (" AND id = ?", [post_id])
    with transaction():
        posts = [
            _Post(*row)
            for row in select(
                "SELECT id, provider, headers, body, received_at, unmatched FROM receipt_inbox "
                f"WHERE {_DUE}{among} ORDER BY due_at, id LIMIT ?{for_update(skip_locked=True)}",
                now,
                *ids,
                limit,
            )
        ]
        for post in posts:
            post.read(parsers)
        settled = settle([event for post in posts for event in post.events], now=now, scale=scale)
        # The opt-out list is locked last, as settling does.
        note_preferences([word for post in posts for word in post.preferences], now=now)
        _note(posts, {id(event) for event in settled.unmatched}, now=now, scale=scale)
    return Applied(len(posts), settled.changed)


def put_off_post(post_id: int, *, now: int, scale: float) -> None:
    """Let a post that a fault of ours has ended wait, with that as its problem: 25 h at most, until it is mended."""
    with transaction():
        execute(
            "UPDATE receipt_inbox SET problem = ?, due_at = ?, applied_at = CASE WHEN received_at <= ? THEN ? END "
            "WHERE id = ? AND applied_at IS NULL",
            FAULT,
            now + int(UNMATCHED_GAP / scale),
            now - int(UNMATCHED_WAIT / scale),
            now,
            post_id,
        )


def purge_receipts(*, now: int, limit: int = PURGED_AT_ONCE) -> int:
    """Remove up to `limit` posts applied more than 30 days ago; returns how many."""
    with transaction():
        return execute(
            "DELETE FROM receipt_inbox WHERE id IN (SELECT id FROM receipt_inbox WHERE applied_at < ? LIMIT ?)",
            now - KEPT,
            limit,
        )


def _note(posts: Sequence[_Post], unmatched: Collection[int], *, now: int, scale: float) -> None:
    """Write down what came of each post; `unmatched` are the ids of events whose message is not there."""
    rows = []
    for post in posts:
        left = sum(id(event) in unmatched for event in post.events)
        waits = left and now < post.received_at + UNMATCHED_WAIT / scale
        rows.append((None if waits else now, left, post.problem, now + int(UNMATCHED_GAP / scale), post.id))
    execute_many("UPDATE receipt_inbox SET applied_at = ?, unmatched = ?, problem = ?, due_at = ? WHERE id = ?", rows)

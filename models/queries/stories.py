"""A message's story: its attempts, and the bulk moves it was in (SPEC 2)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.actors import Actor, Right
from models.database import marks, select
from models.queries.pages import Row, message_of, seen_by
from models.words import MoveKind, Surface

_ATTEMPT = (
    "number, status, answer, progress, timed_out, failure_reason, provider_code, provider_text, provider_id, "
    "claimed_at, handed_over_at, progress_at, event_at, verdict_at"
)


@dataclass(frozen=True)
class AttemptTold:
    """One hand-over, named as the columns of its row; times in epoch ms.

    Text and id are the provider's own, None for who may not see recipients.
    """

    number: int
    status: str
    answer: str | None
    progress: str | None
    timed_out: int
    failure_reason: str | None
    provider_code: str | None
    provider_text: str | None
    provider_id: str | None
    claimed_at: int
    handed_over_at: int | None
    progress_at: int | None
    event_at: int | None
    verdict_at: int | None


@dataclass(frozen=True)
class MoveTold:
    """A bulk move that the message was in, of `total` messages, asked for at `at` (epoch ms)."""

    id: int
    kind: MoveKind
    actor_name: str
    surface: Surface
    total: int
    at: int


@dataclass(frozen=True)
class Story:
    """The message as this actor may see it, with attempts and moves, both oldest first."""

    message: Row
    attempts: tuple[AttemptTold, ...]
    moves: tuple[MoveTold, ...]


def story_of(campaign_id: int, message_id: int, actor: Actor) -> Story:
    """The story of one message; raises NotFoundError when it is not one of the campaign's."""
    message, attempts = message_of(campaign_id, message_id), _attempts(message_id)
    moves = _moves(campaign_id, [int(move_id) for move_id in message.move_ids.split()])
    if not actor.may(Right.SEE_RECIPIENTS):
        attempts = tuple(replace(attempt, provider_text=None, provider_id=None) for attempt in attempts)
    return Story(seen_by(message, actor), attempts, moves)


def _attempts(message_id: int) -> tuple[AttemptTold, ...]:
    rows = select(f"SELECT {_ATTEMPT} FROM attempts WHERE message_id = ? ORDER BY number", message_id)
    return tuple(AttemptTold(*row) for row in rows)


def _moves(campaign_id: int, move_ids: Sequence[int]) -> tuple[MoveTold, ...]:
    if not move_ids:
        return ()
    rows = select(
        "SELECT id, kind, actor_name, surface, total, created_at FROM bulk_moves "
        f"WHERE campaign_id = ? AND id IN ({marks(move_ids)}) ORDER BY id",
        campaign_id,
        *move_ids,
    )
    return tuple(MoveTold(row[0], MoveKind(row[1]), row[2], Surface(row[3]), *row[4:]) for row in rows)

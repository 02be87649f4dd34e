"""A message's story: its attempts, and the bulk moves it was in (SPEC 2)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from models.actors import Actor, Right
from models.config import current
from models.database import marks, select
from models.errors import NotFoundError
from models.queries.pages import Row, message_of, seen_by
from models.rules.in_doubt import AttemptTold, Explained, explain
from models.words import Channel, MessageStatus, MoveKind, Surface

_ATTEMPT = ", ".join(field.name for field in fields(AttemptTold))


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
    """The message as this actor may see it, with attempts and moves, both oldest first.

    `doubt` explains an Unconfirmed one.
    """

    message: Row
    attempts: tuple[AttemptTold, ...]
    moves: tuple[MoveTold, ...]
    doubt: Explained | None = None


def story_of(campaign_id: int, message_id: int, actor: Actor) -> Story:
    """The story of one message; raises NotFoundError when it is not one of the campaign's."""
    message, attempts = message_of(campaign_id, message_id), _attempts(message_id)
    moves = _moves(campaign_id, [int(move_id) for move_id in message.move_ids.split()])
    in_doubt = (message_id,) if message.status is MessageStatus.UNCONFIRMED else ()
    doubt = explanations(in_doubt, actor).get(message_id)
    return Story(seen_by(message, actor), tuple(_seen(attempt, actor) for attempt in attempts), moves, doubt)


def explanations(message_ids: Sequence[int], actor: Actor) -> dict[int, Explained]:
    """What is known of those of the messages that are Unconfirmed, as this actor may see it."""
    if not message_ids:
        return {}
    columns = ", ".join(f"a.{field.name}" for field in fields(AttemptTold))
    rows = select(
        f"SELECT m.id, c.channel, {columns} FROM messages m JOIN campaigns c ON c.id = m.campaign_id "
        "JOIN attempts a ON a.message_id = m.id AND a.number = m.attempt "
        f"WHERE m.status = 'unconfirmed' AND m.id IN ({marks(message_ids)})",
        *message_ids,
    )
    providers = current().providers
    return {
        message_id: explain(_seen(AttemptTold(*row), actor), configured=providers.get(Channel(channel), ""))
        for message_id, channel, *row in rows
    }


def provider_ids(message_ids: Sequence[int], actor: Actor) -> dict[int, str]:
    """The provider's id of each message that it took, of the latest such attempt; none for who may not see it."""
    if not message_ids or not actor.may(Right.SEE_RECIPIENTS):
        return {}
    taken = select(
        "SELECT message_id, provider_id FROM attempts "
        f"WHERE provider_id IS NOT NULL AND message_id IN ({marks(message_ids)}) ORDER BY message_id, number",
        *message_ids,
    )
    return dict(taken)


def handed_to(campaign_id: int, message_id: int) -> tuple[str, MessageStatus]:
    """The provider that a message was handed to last, '' before that, and its status. Raises NotFoundError."""
    found = select(
        "SELECT a.provider, m.status FROM messages m "
        "LEFT JOIN attempts a ON a.message_id = m.id AND a.number = m.attempt WHERE m.id = ? AND m.campaign_id = ?",
        message_id,
        campaign_id,
    )
    if not found:
        raise NotFoundError(f"There is no message {message_id} in this campaign.", campaign_id=campaign_id)
    provider, status = found[0]
    return provider or "", MessageStatus(status)


def _seen(attempt: AttemptTold, actor: Actor) -> AttemptTold:
    """The attempt as this actor may see it: that an answer was lost, but not in the provider's words."""
    if actor.may(Right.SEE_RECIPIENTS):
        return attempt
    return replace(attempt, provider_text=None, provider_id=None, lost_as=attempt.lost_as and "")


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

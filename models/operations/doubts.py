"""Hand-overs whose answer was lost, and what the provider says it has of them (SPEC 2).

A look-up may only bind a message to what the provider has. Where it has nothing, or several things that fit,
the doubt stays; after the last look-up the sweep shows it as Unconfirmed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.database import execute_many, for_update, marks, select, transaction
from models.operations.settling import settle
from models.queries.doubts import bound_provider_ids
from models.rules.timeouts import LOOKUPS
from models.rules.verdicts import Event
from models.tables.campaigns import IS_HOLDING
from models.words import Listed


@dataclass(frozen=True, slots=True)
class Looked:
    """What the provider, when asked, had of a hand-over: the `event` binds it; `unclear` if more than one may be it."""

    message_id: int
    attempt: int
    event: Event | None = None
    unclear: bool = False

    @property
    def listed(self) -> Listed:
        """The same in a word."""
        return Listed.IT if self.event else Listed.UNCLEAR if self.unclear else Listed.NOTHING


def without_rivals(looked: Sequence[Looked]) -> list[Looked]:
    """What was found long after its hand-over is unclear if another hand-over of now has it, or may come to have it.

    Its campaign has ended, so since the provider was asked another campaign's message with the same text may have
    gone out to the same person.
    """
    ids = [one.message_id for one in looked if one.event]
    if not ids:
        return list(looked)
    rows = select(
        "SELECT m.id, a.provider_id, EXISTS (SELECT 1 FROM messages o WHERE o.campaign_id IN (SELECT c.id "
        f"FROM campaigns c WHERE c.{IS_HOLDING}) AND o.recipient_key = m.recipient_key "
        "AND o.id <> m.id AND o.status = 'sending') FROM messages m "
        f"JOIN attempts a ON a.message_id = m.id AND a.number = m.attempt WHERE m.id IN ({marks(ids)})",
        *ids,
    )
    own = {message_id: provider_id for message_id, provider_id, _ in rows}
    rivalled = {message_id for message_id, _, rival in rows if rival}
    taken = bound_provider_ids([one.event.provider_id for one in looked if one.event])

    def is_sure(one: Looked) -> bool:
        if one.event is None or one.event.provider_id == own.get(one.message_id):
            return True
        return one.event.provider_id not in taken and one.message_id not in rivalled

    return [one if is_sure(one) else replace(one, event=None, unclear=True) for one in looked]


def note_lookups(looked: Sequence[Looked], *, now: int, scale: float) -> None:
    """Bind what was found; count the look-ups that found nothing, or several that fit."""
    in_vain = sorted((one.message_id, one.attempt) for one in looked if not one.event)
    with transaction():
        note_listed(looked, now=now, scale=scale)
        execute_many(
            "UPDATE attempts SET lookups = lookups + 1 "
            "WHERE message_id = ? AND number = ? AND status = 'sending' AND answer = 'unknown' AND progress IS NULL",
            in_vain,
        )
        execute_many(
            "UPDATE messages SET due_at = ? WHERE id = ? AND attempt = ? AND status = 'sending' AND EXISTS (SELECT 1 "
            "FROM attempts a WHERE a.message_id = messages.id AND a.number = messages.attempt "
            "AND a.answer = 'unknown' AND a.progress IS NULL AND a.lookups >= ?)",
            [(now, *one, LOOKUPS) for one in in_vain],
        )


def note_listed(looked: Sequence[Looked], *, now: int, scale: float) -> None:
    """Bind what was found, and keep what each look-up showed, for people to read; call it inside a transaction."""
    if looked and (clause := for_update()):  # messages before their attempts, as in settling
        ids = sorted({one.message_id for one in looked})
        select(f"SELECT id FROM messages WHERE id IN ({marks(ids)}) ORDER BY id{clause}", *ids)
    settle([one.event for one in looked if one.event], now=now, scale=scale)
    shown = sorted((now, one.listed.value, one.message_id, one.attempt) for one in looked)
    execute_many("UPDATE attempts SET looked_up_at = ?, listed = ? WHERE message_id = ? AND number = ?", shown)

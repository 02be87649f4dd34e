"""A bulk move in words: at work with how far it is, or over with what came of it."""

from dataclasses import dataclass

from admin.presenting.words import MOVE_WORDS
from models.rules.stopping import nothing_stopped
from models.tables import BulkMove
from models.words import OPEN_WORK, MoveKind, WorkState

FRESH = 10 * 60_000  # ms after its end in which its result is still news
_WHY_LEFT_OUT = {
    MoveKind.RUN: "reached in the 24 hours before Run",
    MoveKind.RESUME: "people who were forgotten",
    MoveKind.RETRY: "no longer failed, or opted out by then",
}


@dataclass(frozen=True)
class Shown:
    """What the strip above the progress says; `percent` is None once it is over."""

    icon: str
    lead: str
    told: str
    percent: int | None


def shown(move: BulkMove | None, *, now: int) -> Shown | None:
    """The strip for a campaign's latest move; None when there is none, or its end is no news any more."""
    if move is None:
        return None
    kind, state = MoveKind(move.kind), WorkState(move.state)
    name, _, icon = MOVE_WORDS[kind]
    lead = f"{name} by {move.actor_name}"
    if state in OPEN_WORK:
        percent = 100 * move.done // move.total if move.total else None
        return Shown(icon, lead, so_far(move), percent)
    if now - (move.ended_at or 0) > FRESH or (kind is MoveKind.RUN and state is WorkState.DONE and not move.left_out):
        return None  # that a run has queued everything is what one expects
    if state is not WorkState.DONE:
        return Shown(icon, lead, move.result, None)
    left_out = f", {move.left_out:,} left out: {_WHY_LEFT_OUT[kind]}" if move.left_out and kind in _WHY_LEFT_OUT else ""
    return Shown(icon, lead, f"{so_far(move)}{left_out}", None)


def so_far(move: BulkMove) -> str:
    """What a move has done by now, with what it found beside: with the provider at a stop, still Queued at a resume."""
    kind = MoveKind(move.kind)
    if WorkState(move.state) in OPEN_WORK and move.total:
        return f"{move.done:,} of {move.total:,} {MOVE_WORDS[kind][1]}"
    if kind is MoveKind.STOP and not move.done:
        return nothing_stopped(move.criteria.get("sending", 0))
    if kind is MoveKind.RESUME and (queued := move.criteria.get("queued")):
        goes_on = move.done + queued
        return f"{goes_on:,} {'goes' if goes_on == 1 else 'go'} on"
    return f"{move.done:,} {MOVE_WORDS[kind][1]}"

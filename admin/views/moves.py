"""Outreach, Bulk moves: every run, stop, resume, retry and delete, and how far it has come."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from admin import sessions
from admin.presenting import words
from admin.presenting.moves import so_far
from admin.views.base import ListView
from admin.views.given import word_of
from admin.views.paging import edge_of_request, edges
from models.actors import Right
from models.queries.ledgers import any_open, moves_seen_by, names_of_campaigns
from models.tables import BulkMove
from models.words import OPEN_WORK, SURFACE_LABELS, MoveKind, Surface, WorkState


class Whose(StrEnum):
    """Which bulk moves a list has."""

    OWN = "own"
    EVERYBODYS = "all"


@dataclass(frozen=True)
class Line:
    """A bulk move in the list."""

    move: BulkMove
    badge: words.Badge
    name: str
    icon: str
    surface: str
    open: bool
    told: str


class MovesView(ListView):
    """One's own bulk moves, or everybody's, the latest first."""

    list_template = "administration/moves.html"

    def get_list(self, *_: Any, **__: Any) -> tuple[None, list[Line]]:
        """The stretch that the URL asks for."""
        actor = sessions.current_actor()
        sees_all = actor.may(Right.SEE_OPERATIONS)
        whose = word_of("whose", Whose)
        everybodys = sees_all and whose != Whose.OWN
        stretch = moves_seen_by(actor, edge_of_request(), everybodys=everybodys)
        self._template_args.update(
            sees_all=sees_all,
            everybodys=everybodys,
            live=any_open(stretch.rows),
            campaigns=names_of_campaigns([move.campaign_id for move in stretch.rows]),
            **edges("moves.index_view", stretch, whose=whose),
        )
        return None, [_line(move) for move in stretch.rows]


def _line(move: BulkMove) -> Line:
    name, _, icon = words.MOVE_WORDS[MoveKind(move.kind)]
    still_open = WorkState(move.state) in OPEN_WORK
    told = so_far(move)
    told += f", {move.left_out:,} left out" if move.left_out else ""
    told += f"; {move.result}" if move.state not in (*OPEN_WORK, WorkState.DONE) and move.result else ""
    return Line(move, words.work_badge(move.state), name, icon, SURFACE_LABELS[Surface(move.surface)], still_open, told)

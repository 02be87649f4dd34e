"""Administration, Audit: who did what, from where, with which numbers; never an address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import request

from admin import sessions
from admin.presenting import acts
from admin.views.base import ListView
from admin.views.given import number_of, word_of
from admin.views.paging import edge_of_request, edges
from models.queries.ledgers import AuditFilter, audit_entries, names_of_campaigns
from models.queries.pages import names_of
from models.queries.people import ever_here
from models.tables import Audit
from models.words import SURFACE_LABELS, Surface


@dataclass(frozen=True)
class Line:
    """An act in the audit."""

    entry: Audit
    act: str
    kind: str
    surface: str
    numbers: list[tuple[str, str]]


class AuditView(ListView):
    """Everything that anybody did, the latest first."""

    list_template = "administration/audit.html"

    def get_list(self, *_: Any, **__: Any) -> tuple[None, list[Line]]:
        """The stretch that the URL asks for."""
        since, until = (_day(request.args.get(name, "")) for name in ("since", "until"))
        wanted = AuditFilter(
            actor_id=number_of("actor"),
            act=_known("act", acts.ACTS),
            object_kind=_known("kind", acts.KINDS),
            object_id=number_of("object"),
            surface=word_of("surface", Surface),
            since=_moment(since) if since else None,
            until=_moment(until + timedelta(days=1)) if until else None,
        )
        stretch = audit_entries(wanted, edge_of_request())
        asked = {
            "actor": wanted.actor_id,
            "act": wanted.act,
            "kind": wanted.object_kind,
            "object": wanted.object_id,
            "surface": wanted.surface,
            "since": since.isoformat() if since else None,
            "until": until.isoformat() if until else None,
        }
        about = [entry.object_id for entry in stretch.rows if entry.object_kind == "campaign"]
        self._template_args.update(
            wanted=asked,
            filtered=any(asked.values()),
            campaigns=names_of_campaigns(about),
            **edges("audit.index_view", stretch, **asked),
        )
        askers = names_of([entry.numbers.get("asked_by") for entry in stretch.rows])
        return None, [_line(entry, askers) for entry in stretch.rows]

    def context(self) -> dict[str, Any]:
        """What can be chosen."""
        return {"acts": acts.ACTS, "kinds": acts.KINDS, "surfaces": SURFACE_LABELS, "people": ever_here()}


def _line(entry: Audit, askers: Mapping[int, str]) -> Line:
    asked_by = entry.numbers.get("asked_by")
    named = {"asked_by": askers.get(asked_by, asked_by)} if asked_by else {}
    return Line(
        entry,
        acts.act_name(entry.act),
        acts.kind_name(entry.object_kind),
        SURFACE_LABELS[Surface(entry.surface)],
        acts.numbers_told({**entry.numbers, **named}),
    )


def _known(name: str, words: dict[str, str]) -> str | None:
    given = request.args.get(name, "")
    return given if given in words else None


def _day(given: str) -> date | None:
    try:
        return date.fromisoformat(given) if date(1970, 1, 1) < date.fromisoformat(given) < date(9000, 1, 1) else None
    except ValueError:
        return None


def _moment(day: date) -> int:
    """The beginning of a day in the time zone of who asks, epoch ms."""
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(sessions.current_zone())).timestamp() * 1000)

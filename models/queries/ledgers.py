"""Long lists, the newest first: audit, opt-outs, bulk moves. Paged by id, so that any depth costs the same."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from models.actors import Actor, Right
from models.errors import NotFoundError
from models.queries.pages import COUNTED, PAGE
from models.secret_key import opt_out_hashes
from models.tables import Audit, BulkMove, Campaign, OptOut
from models.words import OPEN_WORK, Channel


@dataclass(frozen=True)
class Edge:
    """Where a page lies: after the row `older_than`, before the row `newer_than`, or with neither at the beginning."""

    older_than: int | None = None
    newer_than: int | None = None


@dataclass(frozen=True)
class Stretch:
    """A page of rows, the newest first, and whether there are newer and older ones."""

    rows: Sequence[Any]
    newer: bool
    older: bool


@dataclass(frozen=True)
class AuditFilter:
    """What is wanted of the audit; what is None does not restrict. Moments are epoch ms, `until` not included."""

    actor_id: int | None = None
    act: str | None = None
    object_kind: str | None = None
    object_id: int | None = None
    surface: str | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True)
class OptOutFilter:
    """What is wanted of the opt-out list; `recipient` is an opt-out key, `removed` asks for those taken off it."""

    channel: str | None = None
    source: str | None = None
    recipient: tuple[Channel, str] | None = None
    removed: bool = False


def audit_entries(wanted: AuditFilter, edge: Edge) -> Stretch:
    """A page of the audit."""
    equal = (
        (Audit.actor_id, wanted.actor_id),
        (Audit.act, wanted.act),
        (Audit.object_kind, wanted.object_kind),
        (Audit.object_id, wanted.object_id),
        (Audit.surface, wanted.surface),
    )
    query = _narrowed(Audit.select(), equal)
    if wanted.since is not None:
        query = query.where(Audit.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Audit.at < wanted.until)
    return _stretch(Audit, query, edge)


def opt_outs(wanted: OptOutFilter, edge: Edge) -> Stretch:
    """A page of the opt-out list."""
    return _stretch(OptOut, _opt_outs(wanted), edge)


def count_opt_outs(wanted: OptOutFilter) -> int:
    """How many there are, counted up to one more than `COUNTED`."""
    return int(_opt_outs(wanted).limit(COUNTED + 1).count())


def opt_out_of(opt_out_id: int) -> OptOut:
    """One that is on the list; raises NotFoundError."""
    found: OptOut | None = OptOut.get_or_none(OptOut.id == opt_out_id, OptOut.removed_at.is_null())
    if found is None:
        raise NotFoundError("That recipient is not on the opt-out list, or no longer.")
    return found


def moves_seen_by(actor: Actor, edge: Edge, *, everybodys: bool) -> Stretch:
    """A page of bulk moves: one's own, or everybody's for who may see operations."""
    query = BulkMove.select()
    if not (everybodys and actor.may(Right.SEE_OPERATIONS)):
        query = query.where(BulkMove.actor_id == actor.person_id)
    return _stretch(BulkMove, query, edge)


def any_open(moves: Sequence[BulkMove]) -> bool:
    """Whether one of them is still at work."""
    return any(move.state in OPEN_WORK for move in moves)


def names_of_campaigns(campaign_ids: Sequence[int | None]) -> dict[int, str]:
    """The names of those campaigns that still exist."""
    wanted = sorted({campaign_id for campaign_id in campaign_ids if campaign_id is not None})
    found = Campaign.select(Campaign.id, Campaign.name).where(Campaign.id.in_(wanted), Campaign.phase != "deleting")
    return {campaign.id: campaign.name for campaign in found} if wanted else {}


def _opt_outs(wanted: OptOutFilter) -> Any:
    query = OptOut.select().where(OptOut.removed_at.is_null(not wanted.removed))
    if wanted.recipient is not None:
        channel, key = wanted.recipient
        query = query.where(OptOut.channel == channel.value, OptOut.key_hash.in_(opt_out_hashes(channel, key)))
    return _narrowed(query, ((OptOut.channel, wanted.channel), (OptOut.source, wanted.source)))


def _narrowed(query: Any, equal: Iterable[tuple[Any, Any]]) -> Any:
    for field, value in equal:
        query = query.where(field == value) if value is not None else query
    return query


def _stretch(model: Any, query: Any, edge: Edge) -> Stretch:
    if edge.newer_than is not None:
        found = list(query.where(model.id > edge.newer_than).order_by(model.id).limit(PAGE + 1))
        return Stretch(found[:PAGE][::-1], newer=len(found) > PAGE, older=True)
    older_than = edge.older_than
    if older_than is not None:
        query = query.where(model.id < older_than)
    found = list(query.order_by(model.id.desc()).limit(PAGE + 1))
    return Stretch(found[:PAGE], newer=older_than is not None, older=len(found) > PAGE)

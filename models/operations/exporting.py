"""Exports: a CSV of one moment, with a receipt (SPEC 6).

The rows are read in one read transaction, as fast as they come, into a temporary file, and served from
the stored copy: a snapshot is never held at the speed of somebody's connection.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import BinaryIO

from models import database
from models.actors import Actor, Right
from models.database import execute, transaction
from models.errors import CampaignError, NotFoundError, WrongStateError
from models.hints import Work, hint
from models.operations import audit, comparing, space, telling
from models.operations.files import remove_file, store_file
from models.operations.resumable import EndedByWhatStopsIt, take
from models.operations.snapshots import Written, write_export
from models.queries.campaigns import counts_of, get_campaign, seen_campaign
from models.queries.messages import count
from models.queries.work import export_seen_by, open_export_of
from models.rules.criteria import Criteria
from models.rules.timeouts import DAY
from models.tables import Campaign, Export
from models.tables.work import IS_OPEN
from models.words import WorkState

KEPT = 7 * DAY
TOLD_EVERY = 0.25  # seconds


def start_export(campaign_id: int, *, criteria: Criteria, actor: Actor, now: int, since_id: int | None = None) -> int:
    """Ask for an export to be made by a job; returns its id.

    With `since_id` it is what changed since that export. A request that is being made already is not begun twice;
    who asks for it in Slack gets its file there, wherever it was asked for first.
    Raises NotFoundError, NotAllowedError, WrongStateError, NoSpaceError.
    """
    campaign = _exportable(campaign_id, actor, since_id, now=now)
    with transaction():
        get_campaign(campaign_id, lock=True)  # of two requests at once the second finds the first
        being_made = open_export_of(actor, campaign_id, criteria, since_id)
        export_id = int(being_made.id) if being_made else _add(campaign, criteria, actor, since_id, now=now)
        telling.start_export_message(export_id, actor, now=now)
        if not being_made:
            hint(Work.EXPORT, export_id)
    return export_id


def export_now(
    campaign_id: int, *, criteria: Criteria, actor: Actor, clock: Callable[[], int], since_id: int | None = None
) -> Export:
    """Make an export within a request, which suits a few thousand rows; it is kept like any other.

    Raises NotFoundError, NotAllowedError, NoSpaceError, and WrongStateError also when something stops it.
    """
    campaign = _exportable(campaign_id, actor, since_id, now=clock())
    with transaction():  # taken already: no sweep shall find it and no job make it too
        taken = {"state": WorkState.RUNNING.value, "beat_at": clock()}
        export_id = _add(campaign, criteria, actor, since_id, now=clock(), **taken)
    do_export(export_id, clock=clock)
    made: Export = Export.get_by_id(export_id)
    if made.state != WorkState.DONE:
        raise WrongStateError(f"The export was not made: {made.result}", campaign_id=campaign_id)
    return made


def _exportable(campaign_id: int, actor: Actor, since_id: int | None, *, now: int) -> Campaign:
    actor.require(Right.EXPORT)
    campaign = seen_campaign(campaign_id, actor)
    if since_id is not None:
        comparing.earlier_rows(export_seen_by(actor, since_id), campaign_id, now=now)
    return campaign


def _add(
    campaign: Campaign, criteria: Criteria, actor: Actor, since_id: int | None, *, now: int, **taken: object
) -> int:
    expected = require_space(campaign.id, criteria)
    columns = {
        "campaign_id": campaign.id,
        "campaign_name": campaign.name,
        "criteria": criteria.to_json(),
        "since_id": since_id,
        "state": WorkState.QUEUED.value,
        "rows_total": expected,
        **actor.as_columns(),
        "created_at": now,
        **taken,
    }
    export_id = Export.insert(columns).execute()
    record_export(campaign, rows=expected, actor=actor, now=now)
    return int(export_id)


def require_space(campaign_id: int, criteria: Criteria) -> int:
    """How many rows an export will have; raises NoSpaceError when there is no room for them."""
    expected = _expected(campaign_id, criteria)
    space.require_for_export(expected)
    return expected


def _expected(campaign_id: int, criteria: Criteria) -> int:
    """How many rows it will have, by the counters where they know: to count 300,000 takes longer than people wait."""
    if criteria != Criteria(statuses=criteria.statuses):
        return count(campaign_id, criteria)
    counts = counts_of(campaign_id)
    return sum(counts[status] for status in criteria.statuses) if criteria.statuses else counts.total


def record_export(campaign: Campaign, *, rows: int, actor: Actor, now: int) -> None:
    """Note in the audit that somebody takes messages out."""
    with transaction():
        audit.record(actor, "export", now=now, kind="campaign", object_id=campaign.id, name=campaign.name, rows=rows)


def cancel_export(export_id: int, *, actor: Actor, now: int) -> bool:
    """End an export that is not done; False when there was nothing to end.

    Raises NotFoundError for one that this actor may not see.
    """
    export = export_seen_by(actor, export_id)
    with transaction():
        ended = _end(export_id, WorkState.CANCELLED, f"cancelled by {actor.name}", now=now)
        if ended:
            name = export.campaign_name
            audit.record(actor, "cancel_export", now=now, kind="export", object_id=export_id, name=name)
    return ended


def do_export(export_id: int, *, clock: Callable[[], int]) -> None:
    """Make an export that is still open; what stops it is kept as its result.

    Raises NotFoundError, and what nobody foresaw, for the log.
    """
    export = Export.get_or_none(Export.id == export_id)
    if export is None:
        raise NotFoundError(f"There is no export {export_id}.")
    export.started_at = clock()
    if not take("exports", export_id, now=export.started_at):
        return
    with (
        suppress(CampaignError, OSError),  # its result says why
        EndedByWhatStopsIt(lambda state, why: _end(export_id, state, why, now=clock(), taken_at=export.started_at)),
        TemporaryFile() as spool,
        _Progress(export, clock) as progress,
    ):
        written = write_export(
            export.campaign_id,
            Criteria.from_json(export.criteria),
            spool,
            clock=clock,
            tell=progress.tell,
            since=Export.get_by_id(export.since_id) if export.since_id else None,
        )
        spool.seek(0)
        _store(export, written, spool, now=clock())


class _Progress:
    """Tells of progress over a connection of its own: the reading one is inside its snapshot."""

    def __init__(self, export: Export, clock: Callable[[], int]) -> None:
        self._export = export
        self._clock = clock
        self._teller = ThreadPoolExecutor(1, "export")
        self._told: Future[int] | None = None
        self._next_at = 0.0

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self._teller.submit(database.close)
        self._teller.shutdown()

    def tell(self, rows: int) -> None:
        """Note the progress; raises WrongStateError once somebody has cancelled, or begun it anew."""
        if time.monotonic() < self._next_at or (self._told is not None and not self._told.done()):
            return
        self._next_at = time.monotonic() + TOLD_EVERY
        if self._told is not None and not self._told.result():
            raise WrongStateError("The export was cancelled.")
        self._told = self._teller.submit(self._write, rows)

    def _write(self, rows: int) -> int:
        with transaction():
            return execute(
                "UPDATE exports SET rows_done = ?, beat_at = ? WHERE id = ? AND state = 'running' AND started_at = ?",
                rows,
                self._clock(),
                self._export.id,
                self._export.started_at,
            )


def _store(export: Export, written: Written, spool: BinaryIO, *, now: int) -> None:
    moment = datetime.fromtimestamp(written.moment_at / 1000, UTC).strftime("%Y-%m-%d %H%M%S")
    name = f"{export.campaign_name} {moment} UTC.csv"
    file_id = store_file(name, "text/csv", iter(lambda: spool.read(65536), b""), now=now, expires_at=now + KEPT)
    with transaction():
        done = (
            Export.update(
                state=WorkState.DONE.value,
                rows_done=written.rows,
                rows_total=written.rows,
                totals=written.totals,
                moment_at=written.moment_at,
                sha256=written.sha256,
                file_id=file_id,
                result=f"{written.rows} rows",
                ended_at=now,
                expires_at=now + KEPT,
            )
            .where(
                Export.id == export.id,
                Export.state == WorkState.RUNNING.value,
                Export.started_at == export.started_at,
            )
            .execute()
        )
        if done:
            telling.hand_over_file(export, now=now)
        else:  # cancelled in its last moment, or begun anew by somebody who had heard nothing of us
            remove_file(file_id)


def _end(export_id: int, state: WorkState, result: str, *, now: int, taken_at: int | None = None) -> bool:
    """End it, if it is open; with `taken_at` only if nobody has begun it anew since."""
    with transaction():
        return bool(
            execute(
                "UPDATE exports SET state = ?, result = ?, ended_at = ? WHERE id = ? "
                f"AND {IS_OPEN} AND COALESCE(started_at, 0) = COALESCE(?, started_at, 0)",
                state.value,
                result,
                now,
                export_id,
                taken_at,
            )
        )

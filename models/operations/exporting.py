"""Exports: a CSV of one moment, with a receipt (SPEC 6).

The rows are read in one read transaction, as fast as they come, into a temporary file, and served from
the stored copy: a snapshot is never held at the speed of somebody's connection.
"""

import csv
import hashlib
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from tempfile import TemporaryFile
from typing import Any, BinaryIO, TypeVar

from models import database
from models.actors import Actor, Right
from models.csv_cells import neutralised
from models.database import execute, iterate, snapshot, transaction
from models.errors import CampaignError, NotFoundError, WrongStateError
from models.hints import Work, hint
from models.operations import audit, comparing, telling
from models.operations.files import store_file
from models.queries.campaigns import counts_of, get_campaign
from models.queries.messages import count, where
from models.queries.work import export_seen_by, open_export_of
from models.rules.criteria import Criteria
from models.tables import Campaign, Export
from models.words import Phase, WorkState

COLUMNS = (
    "recipient",
    "status",
    "failure_reason",
    "provider_code",
    "provider_text",
    "attempts",
    "queued_at",
    "sent_at",
    "updated_at",
)
Row = TypeVar("Row")
BOM = b"\xef\xbb\xbf"
BATCH = 250  # rows made and written at a time: few enough to stay in the processor's cache
TOLD_EVERY = 0.25  # seconds
KEPT = 7 * 24 * 3600 * 1000  # ms
_READ = (
    "SELECT recipient, status, failure_reason, provider_code, provider_text, attempt, queued_at, sent_at, updated_at, "
    "field_values FROM messages WHERE {condition} ORDER BY id"
)


@dataclass(frozen=True)
class Written:
    """An export's receipt: how many rows, by status, of which moment (epoch ms), and the file's SHA-256."""

    rows: int
    totals: dict[str, int]
    moment_at: int
    sha256: str


def write_export(
    campaign_id: int,
    criteria: Criteria,
    out: BinaryIO,
    *,
    clock: Callable[[], int],
    tell: Callable[[int], None] | None = None,
    since: Export | None = None,
) -> Written:
    """Write the CSV of what matches now, or of what changed `since` an export of all messages.

    `tell` hears how many rows are done and may raise to end it. Raises NotFoundError when the campaign is gone, or
    being deleted, and what `comparing.earlier_rows` raises.
    """
    with snapshot():
        campaign = get_campaign(campaign_id)
        if campaign.phase == Phase.DELETING:
            raise NotFoundError(f"{campaign.name} was deleted.", campaign_id=campaign_id)
        moment_at = clock()
        digest, totals, rows = hashlib.sha256(), Counter[str](), 0
        columns = header(campaign) if since is None else [*header(campaign), comparing.PREVIOUS]
        _put(BOM + _encoded([columns]), out, digest)
        cells = _rows(campaign, criteria)
        if since is not None:
            cells = comparing.changed(cells, comparing.earlier_rows(since, now=moment_at))
        for batch in _batches(cells):
            _put(_encoded(batch), out, digest)
            rows += len(batch)
            totals.update(row[1] for row in batch)
            if tell:
                tell(rows)
    return Written(rows, dict(totals), moment_at, digest.hexdigest())


def header(campaign: Campaign) -> list[str]:
    """The columns of SPEC 6, then the custom fields; a field with the name of a column gets `field.` before it."""
    names = [field["name"] for field in campaign.fields]
    fields = [f"field.{name}" if name.casefold() in COLUMNS else name for name in names]
    return [*COLUMNS, *neutralised(fields)]


def start_export(campaign_id: int, *, criteria: Criteria, actor: Actor, now: int, since_id: int | None = None) -> int:
    """Ask for an export to be made by a job; returns its id.

    With `since_id` it is what changed since that export. A request that is being made already is not begun twice.
    Raises NotFoundError, NotAllowedError, WrongStateError.
    """
    actor.require(Right.EXPORT)
    campaign = get_campaign(campaign_id)
    if since_id is not None:
        comparing.earlier_rows(export_seen_by(actor, since_id), now=now)
    expected = _expected(campaign_id, criteria)
    with transaction():
        get_campaign(campaign_id, lock=True)  # of two requests at once the second finds the first
        if being_made := open_export_of(actor, campaign_id, criteria, since_id):
            return int(being_made.id)
        export_id = int(
            Export.insert(
                campaign_id=campaign_id,
                campaign_name=campaign.name,
                criteria=criteria.to_json(),
                since_id=since_id,
                state=WorkState.QUEUED.value,
                rows_total=expected,
                **actor.as_columns(),
                created_at=now,
            ).execute()
        )
        record_export(campaign, rows=expected, actor=actor, now=now)
        telling.start_export_message(export_id, actor, now=now)
        hint(Work.EXPORT, export_id)
    return export_id


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
    """Make an export that is still open; whatever stops it is kept as its result."""
    export = Export.get_or_none(Export.id == export_id)
    if export is None:
        raise NotFoundError(f"There is no export {export_id}.")
    with transaction():
        execute(
            "UPDATE exports SET state = 'running', started_at = ?, beat_at = ? "
            "WHERE id = ? AND state IN ('queued', 'running')",
            clock(),
            clock(),
            export_id,
        )
    try:
        with TemporaryFile() as spool, _Progress(export_id, clock) as progress:
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
    except CampaignError as refused:
        _end(export_id, WorkState.REFUSED, str(refused), now=clock())


class _Progress:
    """Tells of progress over a connection of its own: the reading one is inside its snapshot."""

    def __init__(self, export_id: int, clock: Callable[[], int]) -> None:
        self._export_id = export_id
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
        """Note the progress; raises WrongStateError once somebody has cancelled."""
        if time.monotonic() < self._next_at or (self._told is not None and not self._told.done()):
            return
        self._next_at = time.monotonic() + TOLD_EVERY
        if self._told is not None and not self._told.result():
            raise WrongStateError("The export was cancelled.")
        self._told = self._teller.submit(self._write, rows)

    def _write(self, rows: int) -> int:
        with transaction():
            return execute(
                "UPDATE exports SET rows_done = ?, beat_at = ? WHERE id = ? AND state = 'running'",
                rows,
                self._clock(),
                self._export_id,
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
            .where(Export.id == export.id, Export.state == WorkState.RUNNING.value)
            .execute()
        )
        if done:
            telling.hand_over_file(export, now=now)


def _end(export_id: int, state: WorkState, result: str, *, now: int) -> bool:
    with transaction():
        return bool(
            execute(
                "UPDATE exports SET state = ?, result = ?, ended_at = ? "
                "WHERE id = ? AND state IN ('queued', 'running')",
                state.value,
                result,
                now,
                export_id,
            )
        )


def _rows(campaign: Campaign, criteria: Criteria) -> Iterator[list[str]]:
    condition, values = where(campaign.id, criteria)
    missing = [""] * len(campaign.fields)
    for rows in _batches(iterate(_READ.format(condition=condition), *values)):
        # One text for all of them: to be called 300,000 times costs a JSON parser more than to parse.
        for row, of_contact in zip(rows, json.loads(f"[{','.join([row[-1] for row in rows])}]"), strict=True):
            yield _cells(row, of_contact + missing[len(of_contact) :])


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _put(encoded: bytes, out: BinaryIO, digest: "hashlib._Hash") -> None:
    digest.update(encoded)
    out.write(encoded)


def _cells(row: tuple[Any, ...], of_contact: list[str]) -> list[str]:
    """The cells of a message; what others have written in them is made harmless."""
    recipient, status, reason, code, text, attempt, *moments, _ = row
    recipient, code, text, *of_contact = neutralised([recipient, code or "", text or "", *of_contact])
    return [recipient, status, reason or "", code, text, str(attempt), *map(_moment, moments), *of_contact]


def _moment(at: int | None) -> str:
    return "" if at is None else f"{_second(at // 1000)}.{at % 1000:03}Z"


@lru_cache(4096)
def _second(at: int) -> str:
    """Many messages share a second, and to write one out is what an export would spend most on."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _encoded(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()

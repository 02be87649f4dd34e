"""The CSV of one moment (SPEC 6): the rows of a snapshot, counted and hashed while they are written."""

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice, zip_longest
from operator import itemgetter
from typing import Any, BinaryIO, TypeVar

from models.csv_cells import neutralised
from models.database import iterate, snapshot
from models.errors import NotFoundError
from models.operations import comparing
from models.queries.messages import where
from models.rules.criteria import Criteria
from models.tables import Campaign, Export
from models.words import Phase

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
_STATUS = itemgetter(COLUMNS.index("status"))
Row = TypeVar("Row")
BOM = b"\xef\xbb\xbf"
BATCH = 250  # rows made and written at a time: few enough to stay in the processor's cache
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
    being deleted, and what `comparing` raises.
    """
    with snapshot():
        campaign: Campaign | None = Campaign.get_or_none(Campaign.id == campaign_id)
        if campaign is None or campaign.phase == Phase.DELETING:
            raise NotFoundError("The campaign was deleted.", campaign_id=campaign_id)
        moment_at = clock()
        digest, totals, rows = hashlib.sha256(), Counter[str](), 0
        more = () if since is None else (comparing.PREVIOUS,)
        columns = [*header(campaign, more), *more]
        _put(BOM + _encoded([columns]), out, digest)
        cells = _rows(campaign, criteria)
        if since is not None:
            cells = comparing.changed(cells, comparing.earlier_rows(since, campaign_id, now=moment_at))
        for batch in _batches(cells):
            _put(_encoded(batch), out, digest)
            rows += len(batch)
            totals.update(map(_STATUS, batch))
            if tell:
                tell(rows)
    return Written(rows, dict(totals), moment_at, digest.hexdigest())


def header(campaign: Campaign, more: Collection[str] = ()) -> list[str]:
    """The columns of SPEC 6, then the custom fields; one with the name of a column, or of `more`, gets `field.`."""
    names = [field["name"] for field in campaign.fields]
    fields = [f"field.{name}" if name.casefold() in {*COLUMNS, *more} else name for name in names]
    return [*COLUMNS, *neutralised(fields)]


def _rows(campaign: Campaign, criteria: Criteria) -> Iterator[tuple[str, ...]]:
    condition, values = where(campaign.id, criteria)
    for rows in _batches(iterate(_READ.format(condition=condition), *values)):
        yield from _cells(rows, len(campaign.fields))


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _cells(rows: Sequence[tuple[Any, ...]], fields: int) -> Iterator[tuple[str, ...]]:
    """The cells of messages, made column by column, which takes half as long; what others wrote is made harmless."""
    recipients, statuses, reasons, codes, texts, attempts, *moments, values = zip(*rows, strict=True)
    # One text for all of them: to be called 300,000 times costs a JSON parser more than to parse.
    of_contacts = json.loads(f"[{','.join(values)}]")
    none = [[""] * fields]  # whoever has no values, or fewer, has empty ones
    of_fields = zip_longest(*of_contacts, *none, fillvalue="")
    return zip(
        neutralised(recipients),
        statuses,
        _filled(reasons),
        neutralised(_filled(codes)),
        neutralised(_filled(texts)),
        map(str, attempts),
        *(map(_moment, column) for column in moments),
        *map(neutralised, of_fields),
        strict=False,  # the values have a row more
    )


def _filled(column: Sequence[str | None]) -> list[str]:
    return [cell or "" for cell in column]


def _put(encoded: bytes, out: BinaryIO, digest: "hashlib._Hash") -> None:
    digest.update(encoded)
    out.write(encoded)


@lru_cache(4096)
def _moment(at: int | None) -> str:
    return "" if at is None else f"{_second(at // 1000)}.{at % 1000:03}Z"


@lru_cache(4096)
def _second(at: int) -> str:
    """Many messages share a second, and to write one out is what an export would spend most on."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _encoded(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()

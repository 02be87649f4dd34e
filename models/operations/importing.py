"""Importing contacts: a file becomes the messages of a draft, slice by slice, with a report (SPEC 3)."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile

from models.actors import Actor, Right
from models.contacts.checking import Contact, check_contacts
from models.contacts.mapping import ColumnMapping
from models.contacts.reading import Examined, contact_rows, examine
from models.contacts.refused import RefusedRow, refused_header, refused_line
from models.contacts.report import Report
from models.contacts.text import Source
from models.database import execute, insert_many, select, transaction
from models.errors import InvalidInputError, NoSpaceError, NotFoundError, UnreadableFileError, WrongStateError
from models.hints import Work, hint
from models.operations import audit, deleting, space
from models.operations.campaigns import DRAFT_KEPT
from models.operations.counters import Deltas
from models.operations.files import remove_file, store_file
from models.operations.forgetting import forget_who_came_in, who_came_in
from models.operations.resumable import EndedByWhatStopsIt, take
from models.queries.campaigns import get_campaign, seen_campaign
from models.queries.files import read_file, stored_file
from models.queries.messages import sought_form
from models.queries.refusing import opted_out
from models.rules.timeouts import HOUR
from models.tables import Campaign, Import
from models.words import Channel, MessageStatus, Phase, WorkState

SLICE = 1000  # rows; a transaction of some 20 ms
REFUSED_IN_MEMORY = 1_000_000  # bytes; more goes to a temporary file
_COLUMNS = (
    "campaign_id",
    "recipient",
    "recipient_key",
    "field_values",
    "search_1",
    "search_2",
    "search_3",
    "status",
    "attempt",
    "retries",
    "move_ids",
    "erase_at_verdict",
    "updated_at",
)


@dataclass(frozen=True)
class ContactsFile:
    """A stored file, how its columns are used, and whether its first row is a header (None: to be detected)."""

    file_id: int
    mapping: ColumnMapping
    header: bool | None = None


def store_contacts(name: str, pieces: Iterable[bytes], *, header: bool | None, now: int, kept_until: int) -> int:
    """Store an uploaded file that can be read whole and has contacts; returns its id.

    Raises NoSpaceError and UnreadableFileError, and then nothing of it is kept.
    """
    file_id = store_file(name, "text/csv", pieces, now=now, expires_at=kept_until)
    try:
        _require_room(file_id)
        _require_contacts(examine(lambda: read_file(file_id), name, header=header))
    except (NoSpaceError, UnreadableFileError):
        remove_file(file_id)
        raise
    return file_id


def _require_room(file_id: int) -> None:
    space.require_for_import(sum(size for (size,) in select("SELECT size FROM files WHERE id = ?", file_id)))


def _require_contacts(examined: Examined) -> None:
    if not examined.rows:
        raise UnreadableFileError("The file has a header and no contacts below it.")


def start_import(
    campaign_id: int, contacts: ContactsFile, *, consent: bool, actor: Actor, now: int, by_job: bool = True
) -> int:
    """Ask for a stored file's contacts to be imported into a draft; returns the import's id.

    With `by_job` false the caller does it at once (`do_import`), and no worker is told.

    Raises NotFoundError, NotAllowedError, WrongStateError, NoSpaceError, and InvalidInputError without consent.
    """
    actor.require(Right.CHANGE_CAMPAIGNS)
    if not consent:
        raise InvalidInputError("Confirm that these contacts agreed to be written to.", field="consent")
    _require_room(contacts.file_id)
    mapping = contacts.mapping.to_json()
    with transaction():
        campaign = seen_campaign(campaign_id, actor, lock=True)
        if campaign.phase != Phase.DRAFT:
            sentence = f"The contacts of {campaign.name} can't be changed any more."
            raise WrongStateError(sentence, campaign_id=campaign_id)
        fields = [{"name": field.name, "searchable": field.searchable} for field in contacts.mapping.fields]
        Campaign.update(fields=fields, mapping=mapping, consent_by=actor.name, consent_at=now, updated_at=now).where(
            Campaign.id == campaign_id
        ).execute()
        import_id = int(
            Import.insert(
                campaign_id=campaign_id,
                file_id=contacts.file_id,
                mapping=mapping,
                header=contacts.header,
                state=(WorkState.QUEUED if by_job else WorkState.RUNNING).value,
                beat_at=now,
                **actor.as_columns(),
                created_at=now,
            ).execute()
        )
        _keep_upload(contacts.file_id, now=now)
        audit.record(actor, "import", now=now, kind="campaign", object_id=campaign_id, name=campaign.name)
        if by_job:
            hint(Work.IMPORT, import_id)
    return import_id


def _keep_upload(file_id: int, *, now: int) -> None:
    """From now on it stays as long as a draft may."""
    execute("UPDATE files SET expires_at = ? WHERE id = ? AND expires_at IS NOT NULL", now + DRAFT_KEPT, file_id)


def do_import(import_id: int, *, clock: Callable[[], int]) -> Report:
    """Do an import from its beginning, also one that a crash left half done; returns the report.

    Raises NotFoundError, also for a file that is gone, and UnreadableFileError for one that can't be read whole: none
    of its contacts can be used then, and the import keeps the sentence.
    """
    work = Import.get_or_none(Import.id == import_id)
    if work is None:
        raise NotFoundError(f"There is no import {import_id}.")
    _begin(work, now=clock())
    with EndedByWhatStopsIt(lambda state, why: _end(work, state, why, now=clock())):
        _refuse_unless_draft(work)
        return _do(work, clock)


def _begin(work: Import, *, now: int) -> None:
    """Take the import on, unless somebody is at it; another one that is at work on the same draft ends."""
    work.started_at = now
    with transaction():
        if not take("imports", work.id, now=now):
            raise WrongStateError("This import is at work already, or has ended.")
        execute("UPDATE imports SET rows_done = 0 WHERE id = ?", work.id)
        execute(
            "UPDATE imports SET state = 'cancelled', ended_at = ?, result = 'another import took its place' "
            "WHERE campaign_id = ? AND id <> ? AND state = 'running'",
            now,
            work.campaign_id,
            work.id,
        )


def _do(work: Import, clock: Callable[[], int]) -> Report:
    campaign = get_campaign(work.campaign_id)
    file = stored_file(work.file_id)
    source: Source = lambda: read_file(work.file_id)  # noqa: E731  # a source is any callable that reads anew
    examined = examine(source, file.name, header=None if work.header is None else bool(work.header))
    with transaction():
        execute("UPDATE imports SET rows_total = ? WHERE id = ?", examined.rows, work.id)
    _start_anew(work)
    report = Report()
    mapping = ColumnMapping.from_json(work.mapping)
    with SpooledTemporaryFile(max_size=REFUSED_IN_MEMORY) as refused:
        refused.write(refused_header(examined.columns))
        for contacts in check_contacts(
            contact_rows(source, examined),
            channel=Channel(campaign.channel),
            mapping=mapping,
            opted_out=lambda keys: opted_out(campaign.channel, keys),
            report=report,
            refuse=lambda row: _write_refused(refused, row),
        ):
            _write(work, contacts, mapping, done=report.rows, now=clock())
        _require_all_read(report, examined)
        _keep(work, report, refused, uploaded_at=file.created_at, now=clock())
    return report


def _write_refused(file: SpooledTemporaryFile[bytes], row: RefusedRow) -> None:
    file.write(refused_line(row))


def _start_anew(work: Import) -> None:
    """Remove what an import before this one left behind."""
    removed = 1
    while removed:
        with transaction():
            _refuse_unless_draft(work)
            removed = deleting.remove_messages(work.campaign_id, SLICE)
    with transaction():
        execute("DELETE FROM message_counts WHERE campaign_id = ?", work.campaign_id)


def _write(work: Import, contacts: Sequence[Contact], mapping: ColumnMapping, *, done: int, now: int) -> None:
    searchable = [place for place, field in enumerate(mapping.fields) if field.searchable][:3]
    for start in range(0, len(contacts), SLICE):
        part = contacts[start : start + SLICE]
        with transaction():
            _refuse_unless_draft(work)
            insert_many(
                "messages",
                _COLUMNS,
                [_message(work.campaign_id, contact, searchable, now) for contact in part],
            )
            deltas = Deltas()
            for contact in part:
                deltas.add(work.campaign_id, _status(contact), None, None, 1)
            deltas.write(now)
            execute("UPDATE imports SET rows_done = ?, beat_at = ? WHERE id = ?", done, now, work.id)


def _refuse_unless_draft(work: Import) -> None:
    """Within a transaction: go on only if nobody else has begun this import anew, having heard nothing of us."""
    get_campaign(work.campaign_id, lock=True)
    found = select(
        "SELECT i.state, i.started_at, c.phase FROM imports i JOIN campaigns c ON c.id = i.campaign_id WHERE i.id = ?",
        work.id,
    )
    if found != [(WorkState.RUNNING, work.started_at, Phase.DRAFT)]:
        raise WrongStateError("The import was cancelled, or its campaign is gone.", campaign_id=work.campaign_id)


# As `tables.base.JsonText` does; made once, for `json.dumps` makes an encoder for each call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _message(campaign_id: int, contact: Contact, searchable: Sequence[int], now: int) -> tuple[object, ...]:
    values = _encode(contact.values)
    sought = [sought_form(contact.values[place]) or None for place in searchable]
    sought += [None] * (3 - len(sought))
    return (campaign_id, contact.recipient, contact.key, values, *sought, _status(contact), 0, 0, "", 0, now)


def _status(contact: Contact) -> str:
    return MessageStatus.OPTED_OUT.value if contact.opted_out else MessageStatus.WAITING.value


def _require_all_read(report: Report, examined: Examined) -> None:
    if report.rows != examined.rows:
        read = f"{report.rows:,} contacts were read of the {examined.rows:,} that it had at first"
        raise UnreadableFileError(f"The file changed meanwhile: {read}. Upload it again.")


def _keep(work: Import, report: Report, refused: SpooledTemporaryFile[bytes], *, uploaded_at: int, now: int) -> None:
    """End it with its report."""
    refused_file_id = None
    if report.refused_rows:
        refused.seek(0)
        pieces = iter(lambda: refused.read(65536), b"")
        # It is swept away by itself, unless the report comes to name it.
        refused_file_id = store_file("refused.csv", "text/csv", pieces, now=now, expires_at=now + HOUR)
    came_in = who_came_in(work.campaign_id, since=uploaded_at)
    with transaction():
        _refuse_unless_draft(work)
        execute(  # what a process that died at the end of this import has kept
            "UPDATE files SET expires_at = 0 WHERE id = (SELECT refused_file_id FROM imports WHERE id = ?)", work.id
        )
        execute("UPDATE files SET expires_at = NULL WHERE id = ?", refused_file_id)
        Import.update(report=report.to_json(), refused_file_id=refused_file_id, rows_done=report.rows).where(
            Import.id == work.id
        ).execute()
        _end(work, WorkState.DONE, " ".join(report.sentences()[:1]), now=now)
        forget_who_came_in(work.campaign_id, came_in, now=now)


def _end(work: Import, state: WorkState, result: str, *, now: int) -> None:
    with transaction():
        execute(
            "UPDATE imports SET state = ?, result = ?, ended_at = ? WHERE id = ? AND started_at = ?",
            state.value,
            result,
            now,
            work.id,
            work.started_at,
        )

"""Making a campaign: its contacts, from the file to the report of what became of its rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from admin import sessions
from admin.presenting import words
from admin.views.drafts import STEPS, draft_of, typed
from models import secret_key
from models.addresses import REFUSAL_LABELS, Refusal
from models.clock import now_ms
from models.contacts.layout import looks_like_destination
from models.contacts.mapping import ColumnMapping, map_columns
from models.contacts.reading import Examined, examine
from models.contacts.report import Report
from models.contacts.text import ENCODING_LABELS
from models.errors import InvalidInputError, NotFoundError, UnreadableFileError
from models.operations import importing
from models.operations.files import read_file, remove_file, store_file
from models.queries.campaigns import counts_of
from models.queries.work import latest_import, stored_file
from models.tables import Campaign, File, Import
from models.template import is_field_name
from models.words import OPEN_WORK, WorkState

blueprint = Blueprint("contacts", __name__, url_prefix="/campaigns/<id:campaign_id>/contacts")
STOP_POLLING = 286
UPLOAD_KEPT = 14 * 24 * 3600 * 1000  # ms: as long as a draft
PIECE = 1 << 20
SAMPLES = 3
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
HEADERS = {"": None, "yes": True, "no": False}
_UPLOADS = "contacts upload"


@dataclass(frozen=True)
class Column:
    """A column of the file with what a person wants of it."""

    number: int
    header: str
    samples: tuple[str, ...]
    use: str
    name: str
    searchable: bool


@blueprint.route("", methods=["GET", "POST"])
def upload(campaign_id: int) -> ResponseReturnValue:
    """The file and the confirmation of consent; once it is imported, the report."""
    campaign = draft_of(campaign_id)
    if request.method == "GET":
        work = latest_import(campaign_id)
        if work is not None and "replace" not in request.args:
            return _page("create/imported.html", campaign, **_report(campaign, work))
        return _page("create/upload.html", campaign, refused=None)
    try:
        file_id = _store()
    except InvalidInputError as refused:
        return _page("create/upload.html", campaign, refused=refused), 422
    sealed = _sealer().dumps([campaign_id, file_id, request.form.get("header", "")])
    return redirect(url_for("contacts.mapping", campaign_id=campaign_id, sealed=sealed), 303)


@blueprint.route("/columns/<sealed>", methods=["GET", "POST"])
def mapping(campaign_id: int, sealed: str) -> ResponseReturnValue:
    """Which column is the destination, and which become fields; then the import begins.

    The address carries which file it is, sealed, because a file's bare number could be anybody's.
    """
    campaign = draft_of(campaign_id)
    file_id, header = _opened(sealed, campaign_id)
    file = stored_file(file_id)
    examined = examine(lambda: read_file(file_id), file.name, header=header)
    if request.method == "GET":
        return _columns_page(campaign, file, examined, _guessed(examined, campaign.channel))
    columns = _typed_columns(examined)
    try:
        importing.start_import(
            campaign_id,
            importing.ContactsFile(file_id, _mapping(columns), examined.has_header),
            consent=True,
            actor=sessions.current_actor(),
            now=now_ms(),
        )
    except InvalidInputError as refused:
        return _columns_page(campaign, file, examined, columns, refused), 422
    return redirect(url_for("contacts.upload", campaign_id=campaign_id), 303)


@blueprint.get("/report")
def report(campaign_id: int) -> ResponseReturnValue:
    """How far the import is, or its report."""
    campaign = draft_of(campaign_id)
    work = latest_import(campaign_id)
    if work is None:
        raise NotFoundError("There is no import yet.", campaign_id=campaign_id)
    shown = _report(campaign, work)
    return render_template("create/report.html", campaign=campaign, **shown), 200 if shown["live"] else STOP_POLLING


@blueprint.get("/refused.csv")
def refused_rows(campaign_id: int) -> ResponseReturnValue:
    """The rows that were left out, with the reason, to be mended and imported again."""
    draft_of(campaign_id)
    work = latest_import(campaign_id)
    if work is None or work.refused_file_id is None:
        raise NotFoundError("No rows were refused.", campaign_id=campaign_id)
    response = Response(read_file(work.refused_file_id), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename="refused rows.csv")
    return response


def _store() -> int:
    """Store the uploaded file; raises InvalidInputError, and then nothing of it is kept."""
    if "consent" not in request.form:
        raise InvalidInputError("Confirm that these contacts agreed to be written to.", field="consent")
    given = request.files.get("file")
    if given is None or not given.filename:
        raise InvalidInputError("Choose a .csv file.", field="file")
    name = given.filename.replace("\0", "")[-200:]
    file_id = store_file(name, "text/csv", _pieces(given.stream), now=now_ms(), expires_at=now_ms() + UPLOAD_KEPT)
    try:
        examine(lambda: read_file(file_id), name, header=HEADERS.get(request.form.get("header", "")))
    except UnreadableFileError:
        remove_file(file_id)
        raise
    return file_id


def _pieces(stream: Any) -> Iterator[bytes]:
    file: BinaryIO = stream
    while piece := file.read(PIECE):
        yield piece


def _guessed(examined: Examined, channel: str) -> list[Column]:
    """A first mapping: the first column whose samples look like destinations, the others as fields."""
    destination = next(
        (at for at in range(len(examined.columns)) if _is_destination(_samples(examined, at), channel)), 0
    )
    return [
        Column(
            at,
            header,
            _samples(examined, at)[:SAMPLES],
            "destination" if at == destination else "field",
            _field_name(header),
            searchable=False,
        )
        for at, header in enumerate(examined.columns)
    ]


def _is_destination(samples: Sequence[str], channel: str) -> bool:
    filled = [sample for sample in samples if sample.strip()]
    wanted = channel == "email"
    return bool(filled) and all(looks_like_destination(cell) and ("@" in cell) == wanted for cell in filled)


def _samples(examined: Examined, at: int) -> tuple[str, ...]:
    return tuple(row[at] if at < len(row) else "" for row in examined.sample)


def _field_name(header: str) -> str:
    """The header as a field's name, without what no name may have."""
    kept = "".join(character if is_field_name(character) else " " for character in header)
    return " ".join(kept.split())[:40].strip()


def _typed_columns(examined: Examined) -> list[Column]:
    return [
        Column(
            at,
            header,
            _samples(examined, at)[:SAMPLES],
            typed(f"use-{at}", longest=20),
            typed(f"name-{at}", longest=200),
            searchable=f"searchable-{at}" in request.form,
        )
        for at, header in enumerate(examined.columns)
    ]


def _mapping(columns: Sequence[Column]) -> ColumnMapping:
    """Checked by the same rules as anywhere; columns go by their numbers, since two may have one header."""
    destinations = [column for column in columns if column.use == "destination"]
    if len(destinations) != 1:
        raise InvalidInputError("Choose exactly one column as the destination.", field="destination")
    fields = [column for column in columns if column.use == "field"]
    return map_columns(
        [_by_number(column) for column in columns],
        destination=_by_number(destinations[0]),
        fields={_by_number(column): column.name for column in fields},
        searchable=[column.name for column in fields if column.searchable],
    )


def _by_number(column: Column) -> str:
    return f"Column {column.number + 1}"


def _columns_page(
    campaign: Campaign,
    file: File,
    examined: Examined,
    columns: Sequence[Column],
    refused: InvalidInputError | None = None,
) -> str:
    return _page(
        "create/columns.html",
        campaign,
        file=file,
        examined=examined,
        encoding=ENCODING_LABELS.get(examined.encoding, examined.encoding),
        delimiter=DELIMITERS[examined.delimiter],
        columns=columns,
        refused=refused,
    )


def _report(campaign: Campaign, work: Import) -> dict[str, Any]:
    found = Report.from_json(work.report) if work.report else None
    left_out = [(REFUSAL_LABELS[Refusal(reason)], lines) for reason, lines in found.refused.items()] if found else []
    left_out.sort(key=lambda item: -item[1].count)
    return {
        "work": work,
        "badge": words.work_badge(work.state),
        "file": File.get_or_none(File.id == work.file_id),
        "report": found if work.state == WorkState.DONE else None,
        "left_out": left_out,
        "live": WorkState(work.state) in OPEN_WORK,
        "imported": counts_of(campaign.id).total,
    }


def _page(template: str, campaign: Campaign, **shown: Any) -> str:
    return render_template(template, campaign=campaign, steps=STEPS, **shown)


def _sealer() -> URLSafeSerializer:
    return URLSafeSerializer(secret_key.derived(_UPLOADS), salt=_UPLOADS)


def _opened(sealed: str, campaign_id: int) -> tuple[int, bool | None]:
    """The file that the address names, and whether its first row is a header; raises NotFoundError."""
    try:
        sealed_for, file_id, header = _sealer().loads(sealed)
    except BadSignature as forged:
        raise NotFoundError("There is no such upload.", campaign_id=campaign_id) from forged
    if sealed_for != campaign_id:
        raise NotFoundError("There is no such upload.", campaign_id=campaign_id)
    return file_id, HEADERS.get(header)

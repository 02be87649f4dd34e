"""Making a campaign: its contacts, from the file to the report of what became of its rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from admin import sessions
from admin.presenting import words
from admin.views.base import STOP_POLLING, go_to, wants_part
from admin.views.drafts import STEPS, draft_of, reached
from admin.views.given import typed
from models import secret_key
from models.addresses import REFUSAL_LABELS, Refusal
from models.clock import now_ms
from models.contacts.country import country_names
from models.contacts.layout import looks_like_destination
from models.contacts.mapping import ColumnMapping, map_columns
from models.contacts.reading import MAX_COLUMNS, Examined, examine
from models.contacts.report import Report
from models.contacts.text import ENCODING_LABELS
from models.errors import InvalidInputError, NotFoundError
from models.operations import importing
from models.operations.files import read_file
from models.queries.campaigns import counts_of
from models.queries.work import imported_file, latest_import, stored_file
from models.tables import Campaign, File, Import
from models.template import is_field_name
from models.words import OPEN_WORK, WorkState

blueprint = Blueprint("contacts", __name__, url_prefix="/campaigns/<id:campaign_id>/contacts")
UPLOAD_KEPT = 24 * 3600 * 1000  # ms, until its import is asked for: it is full of addresses
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
        # The page's script keeps the page, and with it the choice of a file.
        template = "create/refused.html" if wants_part() else "create/upload.html"
        return _page(template, campaign, refused=refused), 422
    return go_to(_mapping_address(campaign_id, file_id, request.form.get("header", "")))


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
        return _columns_page(campaign, file, examined, _first_mapping(examined, campaign))
    columns = _typed_columns(examined)
    try:
        importing.start_import(
            campaign_id,
            importing.ContactsFile(file_id, _mapping(columns, _taken_country()), examined.has_header),
            consent=True,
            actor=sessions.current_actor(),
            now=now_ms(),
        )
    except InvalidInputError as refused:
        return _columns_page(campaign, file, examined, columns, refused), 422
    return redirect(url_for("contacts.upload", campaign_id=campaign_id), 303)


@blueprint.post("/columns/<sealed>/offer")
def offer(campaign_id: int, sealed: str) -> ResponseReturnValue:
    """What reading the destinations as numbers of a country would change."""
    draft_of(campaign_id)
    file_id, header = _opened(sealed, campaign_id)
    return render_template("create/offer.html", **_offer(stored_file(file_id), header))


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
    name, now = given.filename.replace("\0", "")[-200:], now_ms()
    header = HEADERS.get(request.form.get("header", ""))
    return importing.store_contacts(name, _pieces(given.stream), header=header, now=now, kept_until=now + UPLOAD_KEPT)


def _pieces(stream: Any) -> Iterator[bytes]:
    file: BinaryIO = stream
    while piece := file.read(PIECE):
        yield piece


def _first_mapping(examined: Examined, campaign: Campaign) -> list[Column]:
    """That of the file before, or of the campaign that this is a duplicate of, if it fits; else a guess."""
    guessed = _guessed(examined, campaign.channel)
    before = ColumnMapping.from_json(campaign.mapping) if campaign.mapping else None
    if before is None or before.width != len(guessed) or guessed[before.destination].use != "destination":
        return guessed
    fields = {field.column: field for field in before.fields}
    return [
        replace(column, use="field", name=fields[column.number].name, searchable=fields[column.number].searchable)
        if column.number in fields
        else replace(column, use=column.use if column.use == "destination" else "none")
        for column in guessed
    ]


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
            typed(f"use-{at}"),
            typed(f"name-{at}"),
            searchable=f"searchable-{at}" in request.form,
        )
        for at, header in enumerate(examined.columns)
    ]


def _taken_country() -> str | None:
    """The country whose numbers the file's are to be read as, if that was ticked."""
    return typed("country") or None if "as_country" in request.form else None


def _offer(file: File, header: bool | None) -> dict[str, Any]:
    """The offer of SPEC 3 for the column and country that the form names; nothing without a country."""
    country, name = typed("country"), country_names().get(typed("country"))
    if name is None:
        return {"offer": None}
    columns = (at for at in range(MAX_COLUMNS) if request.form.get(f"use-{at}") == "destination")
    found = importing.offer_for(file.id, file.name, header=header, column=next(columns, 0), country=country)
    return {"offer": found, "country_name": name, "taken": _taken_country() is not None}


def _mapping(columns: Sequence[Column], country: str | None) -> ColumnMapping:
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
        country=country,
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
        other_reading=_mapping_address(campaign.id, file.id, "no" if examined.has_header else "yes"),
        offer_address=f"{request.path}/offer",
        countries=country_names(),
        **_offer(file, examined.has_header),
    )


def _mapping_address(campaign_id: int, file_id: int, header: str) -> str:
    sealed = _sealer().dumps([campaign_id, file_id, header])
    return url_for("contacts.mapping", campaign_id=campaign_id, sealed=sealed)


def _report(campaign: Campaign, work: Import) -> dict[str, Any]:
    found = Report.from_json(work.report) if work.report else None
    left_out = [(REFUSAL_LABELS[Refusal(reason)], lines) for reason, lines in found.refused.items()] if found else []
    left_out.sort(key=lambda item: -item[1].count)
    return {
        "work": work,
        "badge": words.work_badge(work.state),
        "file": imported_file(work),
        "report": found if work.state == WorkState.DONE else None,
        "left_out": left_out,
        "live": WorkState(work.state) in OPEN_WORK,
        "imported": counts_of(campaign.id).total,
        "country": country_names().get(found.country or "") if found else None,
        "empty": [(name, n) for name, n in found.empty.items() if n] if found else [],
    }


def _page(template: str, campaign: Campaign, **shown: Any) -> str:
    done = max(2, reached(counts_of(campaign.id).total, is_written=bool(campaign.body)))
    return render_template(template, campaign=campaign, steps=STEPS, reached=done, **shown)


def _sealer() -> URLSafeSerializer:
    return URLSafeSerializer(secret_key.all_derived(_UPLOADS)[::-1], salt=_UPLOADS)


def _opened(sealed: str, campaign_id: int) -> tuple[int, bool | None]:
    """The file that the address names, and whether its first row is a header; raises NotFoundError."""
    try:
        sealed_for, file_id, header = _sealer().loads(sealed)
    except BadSignature as forged:
        raise NotFoundError("There is no such upload.", campaign_id=campaign_id) from forged
    if sealed_for != campaign_id:
        raise NotFoundError("There is no such upload.", campaign_id=campaign_id)
    return file_id, HEADERS.get(header)

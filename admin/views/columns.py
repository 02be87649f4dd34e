"""Making a campaign: which column of the contacts file is the destination, and which become fields."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from admin import sessions
from admin.presenting.columns import SAMPLES, Column, first_columns, samples
from admin.views.drafts import draft_of, draw_step
from admin.views.given import typed
from models import secret_key
from models.clock import now_ms
from models.contacts.country import country_names
from models.contacts.mapping import ColumnMapping, map_columns
from models.contacts.reading import MAX_COLUMNS, Examined, examine
from models.contacts.text import ENCODING_LABELS
from models.errors import FieldNameError, InvalidInputError, NotFoundError
from models.operations import importing
from models.queries.files import offer_for, read_file, stored_file
from models.tables import Campaign, File
from models.words import Channel

blueprint = Blueprint("columns", __name__, url_prefix="/campaigns/<id:campaign_id>/contacts/columns/<sealed>")
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
HEADERS = {"": None, "yes": True, "no": False}
_UPLOADS = "contacts upload"


@blueprint.route("", methods=["GET", "POST"])
def page(campaign_id: int, sealed: str) -> ResponseReturnValue:
    """Which column is the destination, and which become fields; then the import begins.

    The address carries which file it is, sealed, because a file's bare number could be anybody's.
    """
    campaign = draft_of(campaign_id)
    file_id, header = _opened(sealed, campaign_id)
    file = stored_file(file_id)
    examined = examine(lambda: read_file(file_id), file.name, header=header)
    if request.method == "GET":
        return _page(campaign, file, examined, _first(examined, campaign))
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
        return _page(campaign, file, examined, columns, refused), 422
    return redirect(url_for("contacts.upload", campaign_id=campaign_id), 303)


@blueprint.post("/offer")
def offer(campaign_id: int, sealed: str) -> ResponseReturnValue:
    """What reading the destinations as numbers of a country would change."""
    draft_of(campaign_id)
    file_id, header = _opened(sealed, campaign_id)
    return render_template("create/offer.html", **_offer(stored_file(file_id), header))


def address_of(campaign_id: int, file_id: int, header: str) -> str:
    """Where an uploaded file's columns are chosen; `header` says whether its first row is one, '' to find out."""
    sealed = _sealer().dumps([campaign_id, file_id, header])
    return url_for("columns.page", campaign_id=campaign_id, sealed=sealed)


def _first(examined: Examined, campaign: Campaign) -> list[Column]:
    before = ColumnMapping.from_json(campaign.mapping) if campaign.mapping else None
    return first_columns(examined, Channel(campaign.channel), before)


def _typed_columns(examined: Examined) -> list[Column]:
    return [
        Column(
            at,
            header,
            samples(examined, at)[:SAMPLES],
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
    found = offer_for(file.id, file.name, header=header, column=next(columns, 0), country=country)
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


def _page(
    campaign: Campaign,
    file: File,
    examined: Examined,
    columns: Sequence[Column],
    refused: InvalidInputError | None = None,
) -> str:
    return draw_step(
        "create/columns.html",
        campaign,
        least=2,
        file=file,
        examined=examined,
        encoding=ENCODING_LABELS.get(examined.encoding, examined.encoding),
        delimiter=DELIMITERS[examined.delimiter],
        columns=columns,
        refused=refused,
        misnamed=refused.column if isinstance(refused, FieldNameError) else None,
        other_reading=address_of(campaign.id, file.id, "no" if examined.has_header else "yes"),
        offer_address=f"{request.path}/offer",
        countries=country_names(),
        **_offer(file, examined.has_header),
    )


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

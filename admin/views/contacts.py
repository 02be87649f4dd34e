"""Making a campaign: its contacts, from the file to the report of what became of its rows."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import words
from admin.views import columns
from admin.views.base import STOP_POLLING, go_to, wants_part
from admin.views.drafts import draft_of, draw_step
from admin.views.given import typed
from models.addresses import REFUSAL_LABELS, Refusal
from models.clock import now_ms
from models.contacts.country import country_names
from models.contacts.report import Report
from models.errors import InvalidInputError, NotFoundError
from models.operations import importing
from models.queries.campaigns import counts_of, seen_campaign
from models.queries.files import imported_file, read_file
from models.queries.work import latest_import
from models.tables import Campaign, Import
from models.words import OPEN_WORK, WorkState

blueprint = Blueprint("contacts", __name__, url_prefix="/campaigns/<id:campaign_id>/contacts")
UPLOAD_KEPT = 24 * 3600 * 1000  # ms, until its import is asked for: it is full of addresses
PIECE = 1 << 20


@blueprint.route("", methods=["GET", "POST"])
def upload(campaign_id: int) -> ResponseReturnValue:
    """The file and the confirmation of consent; once it is imported, the report."""
    campaign = draft_of(campaign_id)
    if request.method == "GET":
        work = latest_import(campaign_id)
        if work is not None and "replace" not in request.args:
            return draw_step("create/imported.html", campaign, least=2, **_report(campaign, work))
        return draw_step("create/upload.html", campaign, least=2, refused=None)
    try:
        file_id = _store()
    except InvalidInputError as refused:
        # The page's script keeps the page, and with it the choice of a file.
        template = "create/refused.html" if wants_part() else "create/upload.html"
        return draw_step(template, campaign, least=2, refused=refused), 422
    return go_to(columns.address_of(campaign_id, file_id, typed("header")))


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
    """The rows that were left out, with the reason, to be mended and imported again; there as long as the campaign."""
    seen_campaign(campaign_id, sessions.current_actor())
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
    header = columns.HEADERS.get(typed("header"))
    return importing.store_contacts(name, _pieces(given.stream), header=header, now=now, kept_until=now + UPLOAD_KEPT)


def _pieces(stream: Any) -> Iterator[bytes]:
    file: BinaryIO = stream
    while piece := file.read(PIECE):
        yield piece


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

"""Exports: small ones in the answer, larger ones by a job; all are kept, with their own list."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, render_template, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer

from admin import sessions
from admin.presenting import words
from admin.views.base import STOP_POLLING, ListView, done
from admin.views.given import number_of
from admin.views.seeing import criteria_for, filter_of_request
from models import secret_key
from models.clock import now_ms
from models.errors import NotFoundError
from models.operations import exporting
from models.queries.campaigns import counts_of, seen_campaign
from models.queries.files import read_file
from models.queries.pages import total_of
from models.queries.work import export_seen_by, exports_seen_by, file_of, moments_of, unchanged_export_of
from models.rules.criteria import CHANGED, Criteria
from models.tables import Campaign, Export
from models.words import OPEN_WORK, WorkState

blueprint = Blueprint("export", __name__)
AT_ONCE = 10_000  # rows
LINK_SECONDS = 15 * 60
LINKS = "export link"


@dataclass(frozen=True)
class Line:
    """An export in the list; `link` downloads its file for a quarter of an hour.

    `since` is the moment (epoch ms) of the export that it is compared with.
    """

    export: Any
    badge: words.Badge
    what: str
    since: int | None
    link: str
    open: bool


class ExportsView(ListView):
    """The exports that a person may see, the latest first."""

    list_template = "panel/exports.html"

    def get_list(self, *_: Any, **__: Any) -> tuple[None, list[Line]]:
        """Those that are being made, were made, or came to nothing."""
        lines = _lines()
        self._template_args.update(live=any(line.open for line in lines))
        return None, lines


@blueprint.get("/exports/progress")
def progress() -> ResponseReturnValue:
    """The list as it stands."""
    lines = _lines()
    live = any(line.open for line in lines)
    return render_template("panel/exports_list.html", data=lines, live=live), 200 if live else STOP_POLLING


@blueprint.post("/campaigns/<id:campaign_id>/export")
def start(campaign_id: int) -> ResponseReturnValue:
    """All messages, those of the filter, or what changed `since` an export: at once if they are few, else by a job."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    if since_id := number_of("since"):
        return _export(campaign, Criteria(), since_id)
    return _export(campaign, criteria_for(campaign, filter_of_request(actor), actor))


@blueprint.post("/exports/<id:export_id>/again")
def again(export_id: int) -> ResponseReturnValue:
    """The same rows as they stand now."""
    actor = sessions.current_actor()
    export = export_seen_by(actor, export_id)
    campaign = seen_campaign(export.campaign_id, actor)
    return _export(campaign, Criteria.from_json(export.criteria), export.since_id)


@blueprint.post("/exports/<id:export_id>/cancel")
def cancel(export_id: int) -> ResponseReturnValue:
    """End one that is not done."""
    cancelled = exporting.cancel_export(export_id, actor=sessions.current_actor(), now=now_ms())
    told = "Export cancelled." if cancelled else "It had ended already: nothing was cancelled."
    return done(told, url_for("exports.index_view"), stay=False)


@blueprint.get("/exports/file/<link>")
def download(link: str) -> ResponseReturnValue:
    """The file behind a link that is signed, ends, and needs who may export."""
    try:
        export_id = int(_signer().loads(link, max_age=LINK_SECONDS))
    except BadData as wrong:
        raise NotFoundError("This link has expired. Open Exports for a new one.") from wrong
    return _file(export_seen_by(sessions.current_actor(), export_id))


def _export(campaign: Campaign, criteria: Criteria, since_id: int | None = None) -> ResponseReturnValue:
    actor = sessions.current_actor()
    if since_id is None and (unchanged := unchanged_export_of(actor, campaign.id, criteria, now=now_ms())):
        return _file(unchanged)
    asked: dict[str, Any] = {"criteria": criteria, "actor": actor, "since_id": since_id}
    total = total_of(campaign.id, criteria, counts_of(campaign.id))
    if total.n <= AT_ONCE and total.exact:
        return _file(exporting.export_now(campaign.id, clock=now_ms, **asked))
    exporting.start_export(campaign.id, now=now_ms(), **asked)
    return done(f"The export of {campaign.name} is being made.", url_for("exports.index_view"), stay=False)


def _file(export: Export) -> Response:
    file = file_of(export, now=now_ms())
    response = Response(read_file(file.id), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=file.name)
    response.content_length = file.size
    return response


def _lines() -> list[Line]:
    exports = exports_seen_by(sessions.current_actor())
    moments = moments_of({export.since_id for export in exports if export.since_id})
    return [
        Line(
            export,
            words.work_badge(export.state),
            _what(export),
            moments.get(export.since_id or 0),
            str(_signer().dumps(export.id)) if export.state == WorkState.DONE and export.file_id else "",
            WorkState(export.state) in OPEN_WORK,
        )
        for export in exports
    ]


def _what(export: Export) -> str:
    """Which messages it has; what it is compared with follows."""
    told = CHANGED if export.since_id else Criteria.from_json(export.criteria).told
    return f"{told[0].upper()}{told[1:]}"


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key.all_derived(LINKS)[::-1], salt=LINKS)

"""A campaign's live parts, and its summary."""

from flask import abort, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import previews
from admin.views.acting import blueprint  # with the acts already on it
from admin.views.asking import draw_dialog
from admin.views.base import STOP_POLLING
from admin.views.given import number_of
from admin.views.seeing import (
    LIVE,
    chart_of_campaign,
    filter_of_request,
    live_context,
    owner_of,
    told_start,
    typed_in_place,
)
from models.clock import now_ms
from models.contacts.report import Report
from models.errors import NotFoundError
from models.queries.campaigns import attachments_of, seen_campaign
from models.queries.pages import total_of
from models.queries.previews import contact_values
from models.queries.starts import planned_of
from models.queries.work import latest_import
from models.words import Channel, Phase

LOOKS_PER_CHART = 10  # the chart is looked at in one look of so many


@blueprint.get("/progress")
def progress(campaign_id: int) -> ResponseReturnValue:
    """The panel as it stands; with it the head, when the state is another than the page shows."""
    actor = sessions.current_actor()
    try:
        campaign = seen_campaign(campaign_id, actor)
    except NotFoundError:
        campaign = None
    if campaign is None or campaign.phase in (Phase.DELETING, Phase.DRAFT):  # no page that asks is about one
        return render_template("panel/gone.html"), STOP_POLLING
    shown = live_context(campaign, actor, filter_of_request(actor))
    if not shown["filter"].text:  # what the counters know; a search is only counted with its page
        shown["total"] = total_of(campaign_id, shown["filter"].criteria(), shown["progress"].counts)
    stale_head = request.args.get("was") != shown["standing"]
    if stale_head and shown["was_run"]:  # a page that was opened before the run has no chart yet
        shown["chart"] = chart_of_campaign(campaign)
    response = make_response(render_template("panel/progress_answer.html", **shown, stale_head=stale_head))
    if shown["live"] and now_ms() // (LIVE * 1000) % LOOKS_PER_CHART == 0:
        response.headers["HX-Trigger"] = "moving"
    elif not shown["every"]:
        response.status_code = STOP_POLLING
        response.headers["HX-Trigger"] = "settled"
    return response


@blueprint.get("/flow")
def flow(campaign_id: int) -> ResponseReturnValue:
    """Delivery over time as it stands."""
    try:
        campaign = seen_campaign(campaign_id, sessions.current_actor())
    except NotFoundError:
        return "", STOP_POLLING  # the figures beside it say that it is gone
    return render_template("panel/flow.html", campaign=campaign, chart=chart_of_campaign(campaign))


@blueprint.get("/preview")
def preview(campaign_id: int) -> ResponseReturnValue:
    """An email's body for one contact, for a sandboxed frame."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    if campaign.channel != Channel.EMAIL:
        abort(404)
    typing = typed_in_place(campaign, actor)
    _, values = contact_values(campaign, actor, number_of("contact") or 1, typed=typing)
    return previews.email_document(campaign.body, values)


@blueprint.get("/summary")
def summary(campaign_id: int) -> ResponseReturnValue:
    """Details, and the template with a contact's values."""
    campaign = seen_campaign(campaign_id, sessions.current_actor())
    start = told_start(planned_of(campaign).pending, campaign)
    work = latest_import(campaign_id)
    details = {
        "owner": owner_of(campaign),
        "start": start,
        "attachments": attachments_of(campaign_id),
        "work": work,
        "report": Report.from_json(work.report) if work and work.report else None,
    }
    # The dialog's one act, offered while something is to start later.
    return draw_dialog(
        "view_summary", campaign, **details, post_to=url_for("campaign.cancel_start", campaign_id=campaign_id)
    )

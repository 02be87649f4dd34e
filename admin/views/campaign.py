"""A campaign's live parts, its summary, and Retry."""

from typing import Any

from flask import abort, make_response, render_template, request
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import previews, words
from admin.views.acting import blueprint  # with the acts already on it
from admin.views.asking import act_done, ask_then, draw_dialog
from admin.views.seeing import (
    chart_of_campaign,
    filter_of_request,
    live_context,
    owner_of,
    seen_campaign,
    start_of,
)
from models.actors import Actor
from models.clock import now_ms
from models.errors import InvalidInputError, NotFoundError
from models.operations import retrying
from models.queries.campaigns import attachments_of
from models.queries.messages import count
from models.queries.pages import Row, message_of, total_of
from models.queries.previews import contact_values
from models.rules.criteria import Criteria
from models.tables import Campaign
from models.words import RETRYABLE, Action, Channel, MessageStatus, Phase

STOP_POLLING = 286  # htmx's own status: take this answer and ask no more


@blueprint.get("/progress")
def progress(campaign_id: int) -> ResponseReturnValue:
    """The panel as it stands; with it the head, when the state is another than the page shows."""
    actor = sessions.current_actor()
    try:
        phase = seen_campaign(campaign_id, actor).phase
    except NotFoundError:
        phase = Phase.DELETING
    if phase in (Phase.DELETING, Phase.DRAFT):  # no page that asks is about one
        return render_template("panel/gone.html"), STOP_POLLING
    shown = live_context(campaign_id, actor, filter_of_request(actor))
    if not shown["filter"].text:  # what the counters know; a search is only counted with its page
        shown["total"] = total_of(campaign_id, shown["filter"].criteria(), shown["progress"].counts)
    stale_head = request.args.get("was") != shown["standing"]
    response = make_response(render_template("panel/progress_answer.html", **shown, stale_head=stale_head))
    if shown["live"]:
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
    return render_template("panel/flow.html", chart=chart_of_campaign(campaign))


@blueprint.get("/preview")
def preview(campaign_id: int) -> ResponseReturnValue:
    """An email's body for one contact, for a sandboxed frame."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    if campaign.channel != Channel.EMAIL:
        abort(404)
    given = request.args.get("contact", "1")
    place = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 1
    _, values = contact_values(campaign, actor, max(1, place))
    return previews.email_document(campaign.body, values)


@blueprint.get("/summary")
def summary(campaign_id: int) -> ResponseReturnValue:
    """Details, and the template with a contact's values."""
    campaign = seen_campaign(campaign_id, sessions.current_actor())
    details = {"owner": owner_of(campaign), "start": start_of(campaign), "attachments": attachments_of(campaign_id)}
    return draw_dialog("view_summary", campaign, **details)


@blueprint.route("/retry", methods=["GET", "POST"])
def retry(campaign_id: int) -> ResponseReturnValue:
    """Queue all failed messages again, those in doubt only by their own tick."""
    return _retry(campaign_id, None)


@blueprint.route("/messages/<id:message_id>/retry", methods=["GET", "POST"])
def retry_message(campaign_id: int, message_id: int) -> ResponseReturnValue:
    """Queue one message again."""
    seen_campaign(campaign_id, sessions.current_actor())
    return _retry(campaign_id, message_of(campaign_id, message_id))


def _retry(campaign_id: int, message: Row | None) -> ResponseReturnValue:
    chosen = Criteria(message_ids=(message.id,) if message else (), cutoff_at=_cutoff())

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        ticked = tuple(request.form.getlist("status"))
        if not ticked or not set(ticked) <= RETRYABLE:
            raise InvalidInputError("Nothing is ticked, so nothing will be sent again.", field="status")
        moved = retrying.retry_messages(
            campaign.id,
            actor=actor,
            criteria=Criteria(ticked, message_ids=chosen.message_ids, cutoff_at=chosen.cutoff_at),
            include_unconfirmed=MessageStatus.UNCONFIRMED in ticked,
            now=now_ms(),
        )
        return act_done(campaign, f"{words.counted(moved.messages, 'message')} will be sent again.")

    def shown(_campaign: Campaign) -> dict[str, Any]:
        numbers = {status: count(campaign_id, chosen.for_status(status)) for status in sorted(RETRYABLE)}
        return {"message": message, "numbers": numbers, "cutoff_at": chosen.cutoff_at}

    return ask_then(Action.RETRY, campaign_id, act, shown)


def _cutoff() -> int:
    """The moment at which the dialog fixed its set: what fails later is not in it."""
    given, now = request.form.get("cutoff_at", ""), now_ms()
    return min(int(given), now) if given.isascii() and given.isdigit() and len(given) < 16 else now

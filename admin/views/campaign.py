"""A campaign's live parts and the acts on it: each act is a dialog by GET and done by POST."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, abort, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import previews, words
from admin.views.base import done, wants_part
from admin.views.seeing import (
    filter_of_request,
    live_context,
    owner_of,
    preview_context,
    seen_campaign,
    sending_of,
)
from jobs import starting
from models.actors import Actor
from models.clock import now_ms
from models.errors import InvalidInputError, NotFoundError
from models.operations import retrying, running
from models.queries.campaigns import standing_of, summary_of
from models.queries.messages import count
from models.queries.pages import Row, message_of, total_of
from models.queries.previews import contact_values
from models.rules.actions import answer_for
from models.rules.criteria import Criteria
from models.tables import Campaign
from models.words import RETRYABLE, Action, Channel, MessageStatus, Phase

blueprint = Blueprint("campaign", __name__, url_prefix="/campaigns/<id:campaign_id>")
STOP_POLLING = 286  # htmx's own status: take this answer and ask no more
Act = Callable[[Campaign, Actor], ResponseReturnValue]


@blueprint.get("/progress")
def progress(campaign_id: int) -> ResponseReturnValue:
    """The panel as it stands; with it the head, when the state is another than the page shows."""
    actor = sessions.current_actor()
    try:
        seen_campaign(campaign_id, actor)
    except NotFoundError:
        return render_template("panel/gone.html"), STOP_POLLING
    shown = live_context(campaign_id, actor, filter_of_request(actor))
    if not shown["filter"].text:  # what the counters know; a search is only counted with its page
        shown["total"] = total_of(campaign_id, shown["filter"].criteria(), shown["progress"].counts)
    stale_head = request.args.get("was") != shown["standing"]
    response = make_response(render_template("panel/progress_answer.html", **shown, stale_head=stale_head))
    if not shown["live"]:
        response.status_code = STOP_POLLING
        response.headers["HX-Trigger"] = "settled"
    return response


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
    return _dialog("view_summary", campaign, owner=owner_of(campaign))


@blueprint.route("/run", methods=["GET", "POST"])
def run(campaign_id: int) -> ResponseReturnValue:
    """Start sending."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        accepted = len(set(request.form.getlist("confirm"))) == len(running.DISCLAIMER)
        moved = starting.run_campaign(campaign.id, actor=actor, disclaimer_accepted=accepted, now=now_ms())
        return _done(campaign, f"{campaign.name} is In Progress: {words.counted(moved.messages, 'message')} to send.")

    return _ask_then(Action.RUN, campaign_id, act, disclaimer=running.DISCLAIMER, sending=sending_of(campaign_id))


@blueprint.route("/stop", methods=["GET", "POST"])
def stop(campaign_id: int) -> ResponseReturnValue:
    """Halt hand-overs."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        moved = running.stop_campaign(campaign.id, actor=actor, now=now_ms())
        return _done(campaign, f"Stopped: {words.counted(moved.messages, 'message')} will not be sent.")

    return _ask_then(Action.STOP, campaign_id, act)


@blueprint.route("/resume", methods=["GET", "POST"])
def resume(campaign_id: int) -> ResponseReturnValue:
    """Go on with a stopped, held or failed campaign."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        moved = starting.resume_campaign(campaign.id, actor=actor, now=now_ms())
        return _done(campaign, f"Resumed: {words.counted(moved.messages, 'message')} will be sent.")

    return _ask_then(Action.RESUME, campaign_id, act)


@blueprint.route("/delete", methods=["GET", "POST"])
def delete(campaign_id: int) -> ResponseReturnValue:
    """Remove the campaign, once its name was typed."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        typed = request.form.get("typed_name", "")
        running.delete_campaign(campaign.id, actor=actor, typed_name=typed, now=now_ms())
        return done(f"{campaign.name} is being deleted.", url_for("campaigns.index_view"), stay=False)

    return _ask_then(Action.DELETE, campaign_id, act)


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
        return _done(campaign, f"{words.counted(moved.messages, 'message')} will be sent again.")

    numbers = {status: count(campaign_id, chosen.for_status(status)) for status in sorted(RETRYABLE)}
    return _ask_then(Action.RETRY, campaign_id, act, message=message, numbers=numbers, cutoff_at=chosen.cutoff_at)


def _cutoff() -> int:
    """The moment at which the dialog fixed its set: what fails later is not in it."""
    given, now = request.form.get("cutoff_at", ""), now_ms()
    return min(int(given), now) if given.isascii() and given.isdigit() and len(given) < 16 else now


def _ask_then(action: Action, campaign_id: int, act: Act, **shown: Any) -> ResponseReturnValue:
    """The dialog, refused when the act would be; at POST the act, and the dialog again when a value was wrong."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    if request.method == "GET":
        answer = answer_for(action, standing_of(campaign_id, now=now_ms()), actor)
        if not answer.allowed:
            raise running.refusal(answer, campaign_id)
        return _dialog(action.value, campaign, **shown)
    try:
        return act(campaign, actor)
    except InvalidInputError as refused:
        return _dialog(action.value, campaign, **shown, refusal=str(refused)), 422


def _dialog(name: str, campaign: Campaign, **shown: Any) -> str:
    """A dialog as a part for the open page, else as a page."""
    found = summary_of(campaign.id)
    return render_template(
        f"dialogs/{name}.html",
        **{"refusal": "", **shown, **preview_context(campaign, sessions.current_actor(), found.counts.total)},
        alone=not wants_part(),
        layout="dialogs/bare.html" if wants_part() else "panel/base.html",
        campaign=campaign,
        counts=found.counts,
        badge=words.campaign_badge(Phase(campaign.phase), found.counts),
    )


def _done(campaign: Campaign, sentence: str) -> ResponseReturnValue:
    return done(sentence, url_for("messages.index_view", campaign_id=campaign.id))

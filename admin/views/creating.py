"""Making a campaign: its basics, its template, and the last look before it is Ready."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import previews
from admin.views.base import done
from admin.views.drafts import STEPS, draft_of, typed
from admin.views.seeing import preview_context, seen_campaign
from models.clock import now_ms
from models.config import current
from models.errors import InvalidInputError
from models.operations import campaigns, running
from models.queries.campaigns import counts_of, standing_of
from models.queries.previews import contact_values
from models.rules.actions import answer_for
from models.segments import count_segments
from models.tables import Campaign
from models.template import missing_fields, render
from models.words import CHANNEL_LABELS, Action, Channel, Phase

blueprint = Blueprint("creating", __name__, url_prefix="/campaigns")


@blueprint.route("/new", methods=["GET", "POST"])
def basics() -> ResponseReturnValue:
    """Name, description and channel: the draft begins."""
    if request.method == "GET":
        return _basics({"channel": Channel.SMS.value})
    actor = sessions.current_actor()
    given = {name: typed(name, longest=2000) for name in ("name", "description", "channel")}
    if given["channel"] not in list(Channel):
        return _basics(given, InvalidInputError("Choose SMS or email.", field="channel")), 422
    try:
        campaign_id = campaigns.create_draft(
            name=given["name"],
            description=given["description"],
            channel=Channel(given["channel"]),
            owner_id=actor.person_id,
            actor=actor,
            now=now_ms(),
        )
    except InvalidInputError as refused:
        return _basics(given, refused), 422
    return redirect(url_for("contacts.upload", campaign_id=campaign_id), 303)


@blueprint.route("/<id:campaign_id>/template", methods=["GET", "POST"])
def template(campaign_id: int) -> ResponseReturnValue:
    """The text and, for email, subject and sender; also of a Ready campaign. A draft keeps what is not right yet."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    answer = answer_for(Action.EDIT, standing_of(campaign_id, now=now_ms()), actor)
    if not answer.allowed:
        raise running.refusal(answer, campaign_id)
    if request.method == "GET":
        return _template(campaign, campaigns.message_of(campaign))
    message = _typed_message()
    try:
        campaigns.set_message(campaign_id, message, actor=actor, now=now_ms())
        campaigns.check_message(campaign, message)
    except InvalidInputError as refused:
        return _template(campaign, message, refused), 422
    if campaign.phase == Phase.DRAFT:
        return redirect(url_for("creating.review", campaign_id=campaign_id), 303)
    return done("The template is saved.", url_for("messages.index_view", campaign_id=campaign_id))


@blueprint.post("/<id:campaign_id>/template/measure")
def measure(campaign_id: int) -> ResponseReturnValue:
    """The size of an SMS as it is typed, and how it looks to the first contact."""
    campaign = seen_campaign(campaign_id, sessions.current_actor())
    return render_template("create/measure.html", **_measured(campaign, typed("body")))


@blueprint.post("/<id:campaign_id>/template/try")
def try_out(campaign_id: int) -> ResponseReturnValue:
    """An email as it is typed, with the first contact's values, for a sandboxed frame."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    _, values = contact_values(campaign, actor, 1)
    return previews.email_document(typed("body"), values)


@blueprint.route("/<id:campaign_id>/review", methods=["GET", "POST"])
def review(campaign_id: int) -> ResponseReturnValue:
    """All of it at a glance; confirmed, the campaign is Ready."""
    actor, campaign = sessions.current_actor(), draft_of(campaign_id)
    if request.method == "POST":
        campaigns.finish_draft(campaign_id, actor=actor, now=now_ms())
        return done(f"{campaign.name} is Ready.", url_for("messages.index_view", campaign_id=campaign_id), stay=False)
    counts = counts_of(campaign_id)
    return render_template(
        "create/review.html",
        steps=STEPS,
        campaign=campaign,
        counts=counts,
        lacks=current().lacks(Channel(campaign.channel)),
        **preview_context(campaign, actor, counts.total),
    )


def _basics(given: dict[str, str], refused: InvalidInputError | None = None) -> str:
    lacking = {CHANNEL_LABELS[channel]: current().lacks(channel) for channel in Channel}
    return render_template("create/basics.html", steps=STEPS, given=given, refused=refused, lacking=lacking)


def _template(campaign: Campaign, message: campaigns.Message, refused: InvalidInputError | None = None) -> str:
    shown: dict[str, Any] = _measured(campaign, message.body) if campaign.channel == Channel.SMS else {}
    names = [field["name"] for field in campaign.fields]
    if campaign.channel == Channel.EMAIL:
        names.append("unsubscribe_url")
    return render_template(
        "create/template.html",
        steps=STEPS,
        campaign=campaign,
        message=message,
        refused=refused,
        names=names,
        contacts=counts_of(campaign.id).total,
        **shown,
    )


def _typed_message() -> campaigns.Message:
    def line(field: str) -> str:
        return typed(field, longest=1000).strip()

    return campaigns.Message(typed("body"), line("subject"), line("from_address"), line("reply_to"))


def _measured(campaign: Campaign, body: str) -> dict[str, Any]:
    recipient, values = contact_values(campaign, sessions.current_actor(), 1)
    names = [field["name"] for field in campaign.fields]
    return {
        "typed": count_segments(body),
        "rendered": count_segments(render(body, values)),
        "sms": previews.marked(body, values),
        "recipient": recipient,
        "unknown": missing_fields(body, names, channel=Channel(campaign.channel)),
    }

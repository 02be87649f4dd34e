"""Making a campaign: its basics, its template, and the last look before it is Ready."""

from collections.abc import Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.views.base import done
from admin.views.composing import look_at, typed_template
from admin.views.drafts import STEPS, draft_of, draw_step, reached
from admin.views.given import typed
from admin.views.seeing import edit_cancelled, edit_cancels, owner_of, preview_context
from models.clock import now_ms
from models.config import current
from models.errors import InvalidInputError
from models.operations import campaigns, running
from models.queries.campaigns import attachments_of, counts_of, get_campaign, seen_campaign, standing_of
from models.queries.files import imported_file
from models.queries.run_check import run_check
from models.queries.settings import setting
from models.queries.work import latest_import
from models.rules.actions import answer_for
from models.tables import Campaign
from models.words import CHANNEL_LABELS, Action, Channel, Phase

blueprint = Blueprint("creating", __name__, url_prefix="/campaigns")
BASICS = ("name", "description", "channel", "slack_channel_id")


@blueprint.route("/new", methods=["GET", "POST"])
def basics() -> ResponseReturnValue:
    """Name, description, channel, and where its card goes: the draft begins."""
    if request.method == "GET":
        return _basics({"channel": Channel.SMS.value, "slack_channel_id": setting("slack_channel") or ""})
    given, actor = _typed_basics(), sessions.current_actor()
    try:
        campaign_id = campaigns.create_draft(
            name=given["name"],
            description=given["description"],
            channel=_channel(given),
            slack_channel_id=given["slack_channel_id"],
            owner_id=actor.person_id,
            actor=actor,
            now=now_ms(),
        )
    except InvalidInputError as refused:
        return _basics(given, refused=refused), 422
    return redirect(url_for("contacts.upload", campaign_id=campaign_id), 303)


@blueprint.route("/<id:campaign_id>/basics", methods=["GET", "POST"])
def change_basics(campaign_id: int) -> ResponseReturnValue:
    """The same of a draft that was begun."""
    campaign = draft_of(campaign_id)
    if request.method == "GET":
        return _basics({field: getattr(campaign, field) or "" for field in BASICS}, campaign)
    given = _typed_basics()
    try:
        campaigns.set_basics(
            campaign_id,
            name=given["name"],
            channel=_channel(given),
            description=given["description"],
            slack_channel_id=given["slack_channel_id"],
            actor=sessions.current_actor(),
            now=now_ms(),
        )
    except InvalidInputError as refused:
        return _basics(given, campaign, refused), 422
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
        return _template(campaign, campaigns.template_of(campaign))
    given, start = typed_template(), edit_cancels(campaign)
    try:
        campaigns.set_template(campaign_id, given, actor=actor, now=now_ms(), seen=request.form.get("seen"))
        campaigns.check_template(campaign, given)
    except InvalidInputError as refused:
        return _template(get_campaign(campaign_id), given, refused), 422
    saved = f"The template is saved.{edit_cancelled(campaign, start)}"
    if "test" in request.form:
        return done(saved, url_for("testing.send", campaign_id=campaign_id), stay=False)
    if campaign.phase == Phase.DRAFT:
        return redirect(url_for("creating.review", campaign_id=campaign_id), 303)
    return done(saved, url_for("messages.index_view", campaign_id=campaign_id))


@blueprint.route("/<id:campaign_id>/review", methods=["GET", "POST"])
def review(campaign_id: int) -> ResponseReturnValue:
    """All of it at a glance, with what Run would warn of; confirmed, the campaign is Ready."""
    actor, campaign = sessions.current_actor(), draft_of(campaign_id)
    if request.method == "POST":
        campaigns.finish_draft(campaign_id, actor=actor, now=now_ms())
        return done(f"{campaign.name} is Ready.", url_for("messages.index_view", campaign_id=campaign_id), stay=False)
    counts, work = counts_of(campaign_id), latest_import(campaign_id)
    return draw_step(
        "create/review.html",
        campaign,
        owner=owner_of(campaign),
        counts=counts,
        check=run_check(campaign_id, now=now_ms()),
        file=imported_file(work) if work else None,
        attachments=attachments_of(campaign_id),
        slack_channel=_slack_channel(campaign),
        lacks=current().lacks(Channel(campaign.channel)),
        fault=_fault(campaign),
        **preview_context(campaign, actor, counts.total),
    )


def _basics(
    given: Mapping[str, str], campaign: Campaign | None = None, refused: InvalidInputError | None = None
) -> str:
    contacts = counts_of(campaign.id).total if campaign else 0
    return render_template(
        "create/basics.html",
        steps=STEPS,
        reached=reached(contacts, is_written=bool(campaign.body)) if campaign else 1,
        campaign=campaign,
        contacts=contacts,
        given=given,
        refused=refused,
        lacking={channel: current().lacks(channel) for channel in Channel},
        labels=CHANNEL_LABELS,
    )


def _typed_basics() -> dict[str, str]:
    return {field: typed(field) for field in BASICS}


def _channel(given: Mapping[str, str]) -> Channel:
    if given["channel"] not in list(Channel):
        raise InvalidInputError("Choose SMS or email.", field="channel")
    return Channel(given["channel"])


def _template(campaign: Campaign, given: campaigns.CampaignTemplate, refused: InvalidInputError | None = None) -> str:
    return draw_step(
        "create/template.html",
        campaign,
        least=3,
        counts=counts_of(campaign.id),
        given=given,
        seen=campaigns.template_of(campaign).mark,
        refused=refused,
        attachments=attachments_of(campaign.id),
        start=edit_cancels(campaign),
        **look_at(campaign, given),
    )


def _slack_channel(campaign: Campaign) -> str:
    """Where its card will go, '' for the owner's own messages; see `bot.outgoing.places`."""
    return campaign.slack_channel_id or setting("slack_channel") or ""


def _fault(campaign: Campaign) -> str:
    """Why the template can't be sent as it is, '' if it can."""
    try:
        campaigns.check_template(campaign, campaigns.template_of(campaign))
    except InvalidInputError as refused:
        return str(refused)
    return ""

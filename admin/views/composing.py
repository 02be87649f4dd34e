"""A template while it is written: how it comes out, how large it is, and what is attached to it."""

import json
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import previews
from admin.views.base import go_to, wants_part
from admin.views.given import typed
from admin.views.seeing import asked_place, edit_cancelled, edit_cancels
from models.clock import now_ms
from models.errors import InvalidInputError
from models.operations.attaching import attach_file, detach_file
from models.operations.campaigns import CampaignTemplate
from models.queries.campaigns import attachments_of, counts_of, seen_campaign
from models.queries.previews import NOWHERE, contact_values
from models.queries.sizes import sizes_of
from models.rules.run_warnings import sent_as_typed
from models.segments import count_segments
from models.tables import Campaign
from models.template import UNSUBSCRIBE_URL, broken_placeholders, missing_fields, plain_text, render
from models.words import Channel

blueprint = Blueprint("composing", __name__, url_prefix="/campaigns/<id:campaign_id>")


@blueprint.post("/template/measure")
def measure(campaign_id: int) -> ResponseReturnValue:
    """What was typed as one contact will read it, and what is amiss with it."""
    campaign = seen_campaign(campaign_id, sessions.current_actor())
    return render_template("create/measure.html", campaign=campaign, **look_at(campaign, typed_template()))


@blueprint.post("/template/sizes")
def sizes(campaign_id: int) -> ResponseReturnValue:
    """The segments of an SMS over all contacts, and their price."""
    campaign = seen_campaign(campaign_id, sessions.current_actor())
    return render_template("create/sizes.html", campaign=campaign, sizes=sizes_of(campaign, typed("body")))


@blueprint.post("/template/try")
def try_out(campaign_id: int) -> ResponseReturnValue:
    """An email as it is typed, with one contact's values, for a sandboxed frame."""
    campaign = seen_campaign(campaign_id, sessions.current_actor())
    _, values = contact_values(campaign, sessions.current_actor(), asked_place(counts_of(campaign_id).total))
    return previews.email_document(typed("body"), values)


@blueprint.post("/attachments")
def attach(campaign_id: int) -> ResponseReturnValue:
    """Add a file to all messages."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    given = request.files.get("attachment")
    if given is None:
        return _attachments(campaign)
    start = edit_cancels(campaign)
    try:
        attach_file(campaign_id, given.filename or "", given.stream.read(), actor=actor, now=now_ms())
    except InvalidInputError as refused:
        if not wants_part():
            raise
        return _attachments(campaign, refused)
    return _attachments(campaign, cancelled=edit_cancelled(campaign, start))


@blueprint.post("/attachments/<id:file_id>/remove")
def detach(campaign_id: int, file_id: int) -> ResponseReturnValue:
    """Take a file away again."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    start = edit_cancels(campaign)
    detach_file(campaign_id, file_id, actor=actor, now=now_ms())
    return _attachments(campaign, cancelled=edit_cancelled(campaign, start))


def typed_template() -> CampaignTemplate:
    """The template as a form holds it."""
    return CampaignTemplate(
        typed("body"), typed("subject").strip(), typed("from_address").strip(), typed("reply_to").strip()
    )


def look_at(campaign: Campaign, template: CampaignTemplate) -> dict[str, Any]:
    """What is shown of a text beside it: one contact's, by the place that the form names, and what is amiss."""
    total = counts_of(campaign.id).total
    place = asked_place(total)
    recipient, values = contact_values(campaign, sessions.current_actor(), place)
    names = [field["name"] for field in campaign.fields]
    channel = Channel(campaign.channel)
    shown: dict[str, Any] = {
        "now": now_ms(),
        "place": place,
        "contacts": total,
        "recipient": recipient,
        "names": names,
        "unknown": missing_fields(template.body + template.subject, names, channel=channel),
        "as_typed": sent_as_typed(broken_placeholders(template.subject, template.body, field_names=names)),
    }
    if channel is Channel.SMS:
        return shown | {
            "written": count_segments(template.body),
            "rendered": count_segments(render(template.body, values)),
            "sms": previews.marked(template.body, values),
        }
    return shown | {
        "subject": previews.marked(template.subject, values),
        "plain": render(plain_text(template.body), {**values, UNSUBSCRIBE_URL: NOWHERE}),
    }


def _attachments(
    campaign: Campaign, refused: InvalidInputError | None = None, *, cancelled: str = ""
) -> ResponseReturnValue:
    """The list anew for the page's script, which leaves what was typed as it is."""
    if not wants_part():
        if cancelled:
            flash(cancelled.strip())
        return go_to(url_for("creating.template", campaign_id=campaign.id))
    attachments = attachments_of(campaign.id)
    page = render_template(
        "create/attachments.html", campaign=campaign, attachments=attachments, problem=refused, cancelled=cancelled
    )
    toast = {"HX-Trigger": json.dumps({"toast": cancelled.strip()})} if cancelled else {}
    return page, 422 if refused else 200, toast

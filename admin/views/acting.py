"""The acts on a whole campaign, each with its dialog."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.numbers import whole_number
from admin.views import later
from admin.views.asking import act_done, ask_then
from admin.views.base import done, wants_part
from admin.views.given import typed
from admin.views.seeing import edit_cancelled, edit_cancels, sending_of
from jobs import starting
from models.actors import Actor, Right
from models.clock import now_ms
from models.operations import campaigns, duplicating, handing_on, running, scheduling
from models.queries.campaigns import counts_of, seen_campaign
from models.queries.people import people_who_may
from models.queries.reached import has_left_out
from models.queries.run_check import run_check
from models.rules.stopping import nothing_stopped
from models.tables import Campaign
from models.words import NO_START, NOTHING_TO_RESUME, START_CANCELLED, Action, Channel, StartKind, counted

CHECKED_AT_ONCE = 20_000  # contacts: to look at so many takes some 50 ms
blueprint = Blueprint("campaign", __name__, url_prefix="/campaigns/<id:campaign_id>")


@blueprint.route("/run", methods=["GET", "POST"])
def run(campaign_id: int) -> ResponseReturnValue:
    """Start sending: now, at a time, or when the channel is free."""
    return ask_then(Action.RUN, campaign_id, _run, _shown_before_run, may_wait=True)


@blueprint.route("/stop", methods=["GET", "POST"])
def stop(campaign_id: int) -> ResponseReturnValue:
    """Halt hand-overs."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        moved = running.stop_campaign(campaign.id, actor=actor, now=now_ms())
        unsent = f"{counted(moved.messages, 'message')} will not be sent" if moved.messages else ""
        return act_done(campaign, f"Stopped: {unsent or nothing_stopped(moved.sending)}.")

    return ask_then(Action.STOP, campaign_id, act)


@blueprint.route("/resume", methods=["GET", "POST"])
def resume(campaign_id: int) -> ResponseReturnValue:
    """Go on with a stopped, held or failed campaign."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        moved = starting.resume_campaign(campaign.id, actor=actor, now=now_ms())
        if moved.move_id is None:
            return act_done(campaign, NOTHING_TO_RESUME)
        to_send = counted(moved.messages, "message")
        return act_done(campaign, f"Resumed: {to_send} will be sent. {moved.warning}".rstrip())

    def shown(campaign: Campaign) -> dict[str, Any]:
        standing = running.permitted(Action.RESUME, campaign.id, sessions.current_actor(), now=now_ms())
        return {"left": standing.counts, "left_out": has_left_out(campaign.id)}

    return ask_then(Action.RESUME, campaign_id, act, shown)


@blueprint.route("/delete", methods=["GET", "POST"])
def delete(campaign_id: int) -> ResponseReturnValue:
    """Remove the campaign, once its name was typed."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        running.delete_campaign(campaign.id, actor=actor, typed_name=typed("typed_name"), now=now_ms())
        return done(f"{campaign.name} is being deleted.", url_for("campaigns.index_view"), stay=False)

    return ask_then(Action.DELETE, campaign_id, act)


@blueprint.route("/duplicate", methods=["GET", "POST"])
def duplicate(campaign_id: int) -> ResponseReturnValue:
    """The same message for new contacts, as a draft."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        copy_id = duplicating.duplicate_campaign(campaign.id, actor=actor, now=now_ms())
        contacts = url_for("contacts.upload", campaign_id=copy_id)
        return done(f"{campaign.name} is duplicated. Now its contacts.", contacts, stay=False)

    return ask_then(Action.DUPLICATE, campaign_id, act)


@blueprint.route("/hand-on", methods=["GET", "POST"])
def hand_on(campaign_id: int) -> ResponseReturnValue:
    """Name another owner."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        name = handing_on.hand_on(campaign.id, to=whole_number(typed("to")) or 0, actor=actor, now=now_ms())
        return act_done(campaign, f"{name} owns {campaign.name} now.")

    return ask_then(Action.HAND_ON, campaign_id, act, _who_may_own)


@blueprint.route("/sender", methods=["GET", "POST"])
def sender(campaign_id: int) -> ResponseReturnValue:
    """The sender of an email that Failed: perhaps it is why."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        changed = replace(
            campaigns.template_of(campaign),
            from_address=typed("from_address", longest=1000).strip(),
            reply_to=typed("reply_to", longest=1000).strip(),
        )
        start = edit_cancels(campaign)
        campaigns.set_template(campaign.id, changed, actor=actor, now=now_ms())
        return act_done(campaign, f"The sender is saved. Resume to go on.{edit_cancelled(campaign, start)}")

    if seen_campaign(campaign_id, sessions.current_actor()).channel != Channel.EMAIL:
        abort(404)
    return ask_then(
        Action.EDIT, campaign_id, act, lambda campaign: {"start": edit_cancels(campaign)}, template="sender"
    )


@blueprint.post("/start/cancel")
def cancel_start(campaign_id: int) -> ResponseReturnValue:
    """Take back what was to start later."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    cancelled = scheduling.cancel_start(campaign_id, actor=actor, now=now_ms())
    return act_done(campaign, START_CANCELLED if cancelled else NO_START)


def _run(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
    accepted = len(set(request.form.getlist("confirm"))) == len(running.DISCLAIMER)
    asked: dict[str, Any] = {
        "actor": actor,
        "disclaimer_accepted": accepted,
        "leave_out_reached": "leave_out" in request.form,
        "now": now_ms(),
    }
    if later.is_asked():
        return act_done(campaign, later.schedule(campaign, StartKind.RUN, criteria=None, **asked))
    moved = starting.run_campaign(campaign.id, **asked)
    to_send = counted(moved.messages, "message")
    return act_done(campaign, f"{campaign.name} is In Progress: {to_send} to send. {moved.warning}".rstrip())


def _shown_before_run(campaign: Campaign) -> dict[str, Any]:
    """What the dialog says; of a large campaign what is known at once, as the rest comes by itself a moment later."""
    sketched = wants_part() and request.method == "GET" and "whole" not in request.args
    at_once = not sketched or counts_of(campaign.id).total <= CHECKED_AT_ONCE
    sendable = running.require_recipients(campaign.id, now=now_ms())
    return {
        "disclaimer": running.DISCLAIMER,
        "check": run_check(campaign.id, now=now_ms()) if at_once else None,
        "sending": sending_of(campaign, sendable),
        **later.fields(),
    }


def _who_may_own(campaign: Campaign) -> dict[str, Any]:
    return {"people": [person for person in people_who_may(Right.CHANGE_CAMPAIGNS) if person.id != campaign.owner_id]}

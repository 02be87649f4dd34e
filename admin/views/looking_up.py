"""Look-ups of what is Unconfirmed: the provider is asked, and what came of it is shown where it was asked."""

from typing import Any

from flask import Blueprint, flash, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import words
from admin.views.base import go_to, wants_part
from models.actors import Actor, Right
from models.clock import now_ms
from models.config import current
from models.operations.asking import ask_provider
from models.providers import provider_name
from models.queries.campaigns import counts_of, seen_campaign
from models.queries.look_ups import latest_look_up
from models.queries.stories import handed_to
from models.rules.in_doubt import why_not_asked
from models.tables import Campaign
from models.words import OPEN_WORK, Channel, MessageStatus

blueprint = Blueprint("looking_up", __name__, url_prefix="/campaigns/<id:campaign_id>")


@blueprint.route("/look-up", methods=["GET", "POST"])
def all_unconfirmed(campaign_id: int) -> ResponseReturnValue:
    """Ask about all of a campaign, and tell how far that is."""
    return _answer(seen_campaign(campaign_id, sessions.current_actor()), 0)


@blueprint.route("/messages/<id:message_id>/look-up", methods=["GET", "POST"])
def one(campaign_id: int, message_id: int) -> ResponseReturnValue:
    """The same about one message."""
    return _answer(seen_campaign(campaign_id, sessions.current_actor()), message_id)


def asking(campaign: Campaign, actor: Actor, message_id: int = 0) -> dict[str, Any] | None:
    """The way to ask, and what came of it the last time; None for who may not, and where there is nothing in doubt."""
    configured = current().providers.get(Channel(campaign.channel), "")
    if message_id:
        provider, status = handed_to(campaign.id, message_id)
        unconfirmed = int(status is MessageStatus.UNCONFIRMED)
    else:
        provider, unconfirmed = configured, counts_of(campaign.id)[MessageStatus.UNCONFIRMED]
    last = latest_look_up(campaign.id, message_id)
    if not actor.may(Right.CHANGE_CAMPAIGNS) or not (unconfirmed or last):
        return None
    given: dict[str, Any] = {"campaign_id": campaign.id, **({"message_id": message_id} if message_id else {})}
    name = provider_name(provider)
    return {
        "last": last,
        "live": last is not None and last.state in OPEN_WORK,
        "done": last.found + last.unlisted + last.unclear + last.unasked if last else 0,
        "url": url_for("looking_up.one" if message_id else "looking_up.all_unconfirmed", **given),
        "provider": name,
        "why_not": why_not_asked(provider, configured),
        "button": f"Ask {name}" if message_id else f"Look up {words.number(unconfirmed)} unconfirmed",
        "wanted": unconfirmed > 0,
    }


def _answer(campaign: Campaign, message_id: int) -> ResponseReturnValue:
    actor = sessions.current_actor()
    if request.method == "POST":
        ask_provider(campaign.id, message_id=message_id, actor=actor, now=now_ms())
    shown = asking(campaign, actor, message_id)
    if not wants_part():
        if request.method == "POST":
            flash("The provider is being asked.")
        about = {"message": message_id} if message_id else {"status": MessageStatus.UNCONFIRMED.value}
        return go_to(url_for("messages.index_view", campaign_id=campaign.id, **about))
    response = make_response(render_template("panel/look_up.html", asking=shown))
    if shown and not shown["live"]:
        response.headers["HX-Trigger"] = "moved"  # the rows, the figures and the story may have changed
    return response

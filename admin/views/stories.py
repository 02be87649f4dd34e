"""A message's story, in a drawer beside the table: as a part for the open page, or with the page."""

from typing import Any

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import lines, stories
from admin.views.base import wants_part
from admin.views.looking_up import asking
from admin.views.seeing import filter_of_request
from models.actors import Actor
from models.clock import now_ms
from models.queries.campaigns import seen_campaign, standing_of
from models.queries.stories import story_of
from models.rules.actions import answer_for
from models.tables import Campaign
from models.words import Action

blueprint = Blueprint("stories", __name__, url_prefix="/campaigns/<id:campaign_id>")


@blueprint.get("/messages/<id:message_id>")
def story(campaign_id: int, message_id: int) -> ResponseReturnValue:
    """The drawer; without a page's script the page with the drawer open."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    shown = drawer(campaign, message_id, actor)
    if not wants_part():
        given: dict[str, Any] = {"campaign_id": campaign_id, **filter_of_request(actor).here(message=message_id)}
        return redirect(url_for("messages.index_view", **given))
    return render_template("panel/drawer.html", **shown, campaign=campaign, filter=filter_of_request(actor))


def drawer(campaign: Campaign, message_id: int, actor: Actor) -> dict[str, Any]:
    """What the drawer shows of a message; raises NotFoundError when it is not one of the campaign's."""
    found = story_of(campaign.id, message_id, actor)
    return {
        "doubt": found.doubt,
        "asking": asking(campaign, actor, message_id),
        "story": lines.line_of(found.message, [field["name"] for field in campaign.fields]),
        "chapters": stories.chapters(found),
        "retry_answer": answer_for(Action.RETRY, standing_of(campaign.id, now=now_ms()), actor),
    }

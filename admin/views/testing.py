"""Send a test: the dialog that asks to whom and with which values, and what came of it."""

import re
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting.sent_tests import told
from admin.views.asking import ask_then, draw_dialog
from admin.views.base import go_to, wants_part
from admin.views.given import typed
from admin.views.seeing import asked_place, used_fields
from models.actors import Actor
from models.clock import now_ms
from models.operations.testing import MOST, Result, ask_for_test
from models.queries.campaigns import counts_of, seen_campaign
from models.queries.previews import contact_values
from models.queries.work import sent_test_of
from models.tables import Campaign
from models.words import OPEN_WORK, Action, Channel, WorkState

blueprint = Blueprint("testing", __name__, url_prefix="/campaigns/<id:campaign_id>")
BETWEEN = re.compile(r"[\n,;]+")


@blueprint.route("/test", methods=["GET", "POST"])
def send(campaign_id: int) -> ResponseReturnValue:
    """Ask, then leave it to the job that sends it."""

    def act(campaign: Campaign, actor: Actor) -> ResponseReturnValue:
        recipients, values = BETWEEN.split(typed("recipients")), _typed_values(used_fields(campaign))
        test_id = ask_for_test(campaign_id, recipients, values, actor=actor, now=now_ms())
        if wants_part():
            return _result(campaign, test_id)
        return go_to(url_for("testing.result", campaign_id=campaign_id, test_id=test_id))

    return ask_then(Action.SEND_TEST, campaign_id, act, _shown, template="test")


@blueprint.get("/tests/<id:test_id>")
def result(campaign_id: int, test_id: int) -> ResponseReturnValue:
    """What came of a test, asked again and again until it is known."""
    return _result(seen_campaign(campaign_id, sessions.current_actor()), test_id)


def _shown(campaign: Campaign) -> dict[str, Any]:
    """What was typed, or to begin with one's own address and the values of the contact that is asked for."""
    names = used_fields(campaign)
    if request.method == "POST":
        return {"recipients": typed("recipients"), "values": _typed_values(names), "most": MOST}
    person = sessions.current_person()
    place = asked_place(counts_of(campaign.id).total)
    _, values = contact_values(campaign, sessions.current_actor(), place)
    return {
        "recipients": person.email if person and campaign.channel == Channel.EMAIL else "",
        "values": {name: values.get(name, "") for name in names},
        "most": MOST,
    }


def _result(campaign: Campaign, test_id: int) -> str:
    test = sent_test_of(campaign.id, test_id)
    return draw_dialog(
        "test_sent",
        campaign,
        test=test,
        live=WorkState(test.state) in OPEN_WORK,
        results=[told(Result(**one), Channel(campaign.channel)) for one in test.results],
    )


def _typed_values(names: Sequence[str]) -> dict[str, str]:
    return {name: typed(f"value-{at}") for at, name in enumerate(names)}

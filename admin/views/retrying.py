"""The retry plan: a dialog that fixes a set and says what it is worth; what is ticked of it is sent again."""

import re
from collections.abc import Collection
from typing import Any

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import retry_plans
from admin.views import later
from admin.views.asking import act_done, draw_dialog
from admin.views.seeing import criteria_for, filter_of_request
from models.clock import now_ms
from models.errors import ChannelTakenError, InvalidInputError
from models.operations import retrying
from models.queries.campaigns import counts_of, seen_campaign
from models.queries.pages import message_of
from models.queries.retries import require_plan
from models.rules.criteria import Criteria
from models.rules.retry_plan import UNCONFIRMED, RetryPlan
from models.tables import Campaign
from models.words import MessageStatus, StartKind

blueprint = Blueprint("retrying", __name__, url_prefix="/campaigns/<id:campaign_id>")
MOST_SELECTED = 5_000  # messages picked by hand
_IDS = re.compile(r"[0-9]{1,18}(,[0-9]{1,18})*")


@blueprint.get("/retry")
def matching(campaign_id: int) -> ResponseReturnValue:
    """Open a plan for all that the address' filter leaves, however many pages that is."""
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    return _open(campaign, criteria_for(campaign, filter_of_request(actor), actor))


@blueprint.post("/retry/selected")
def selected(campaign_id: int) -> ResponseReturnValue:
    """Open a plan for the messages that were picked by hand."""
    campaign = seen_campaign(campaign_id, sessions.current_actor())
    ids = _ids(request.form.get("messages", ""))
    return _open(campaign, Criteria(message_ids=ids), picked=len(ids))


@blueprint.get("/messages/<id:message_id>/retry")
def message(campaign_id: int, message_id: int) -> ResponseReturnValue:
    """Open a plan for one message."""
    campaign = seen_campaign(campaign_id, sessions.current_actor())
    return _open(campaign, Criteria(message_ids=(message_id,)), message=message_of(campaign_id, message_id))


@blueprint.post("/retry/<id:plan_id>")
def confirm(campaign_id: int, plan_id: int) -> ResponseReturnValue:
    """Send again what is ticked of a plan: now, at a time, or when the channel is free.

    A repeated request does nothing more.
    """
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    require_plan(campaign_id, plan_id)
    ticked = request.form.getlist("tick")
    try:
        sentence = (_retry_later if later.is_asked() else _retry)(campaign, plan_id, ticked)
    except (InvalidInputError, ChannelTakenError) as refused:
        plan = retrying.read_plan(plan_id, actor=actor, now=now_ms())
        status = 422 if isinstance(refused, InvalidInputError) else 409
        return _drawn(campaign, plan, ticked, refused=refused), status
    return act_done(campaign, sentence, event="retried")


def _open(campaign: Campaign, wanted: Criteria, **shown: Any) -> str:
    plan = retrying.open_plan(campaign.id, criteria=wanted, actor=sessions.current_actor(), now=now_ms())
    return _drawn(campaign, plan, plan.ticked, **shown)


def _retry(_campaign: Campaign, plan_id: int, ticked: Collection[str]) -> str:
    return retrying.confirm_plan(
        plan_id,
        ticked=ticked,
        include_unconfirmed=UNCONFIRMED in ticked,
        actor=sessions.current_actor(),
        now=now_ms(),
    ).told


def _retry_later(campaign: Campaign, plan_id: int, ticked: Collection[str]) -> str:
    criteria = retrying.plan_criteria(plan_id, ticked=ticked, include_unconfirmed=UNCONFIRMED in ticked)
    actor = sessions.current_actor()
    return later.schedule(campaign, StartKind.RETRY, criteria=criteria, actor=actor, now=now_ms())


def _drawn(campaign: Campaign, plan: RetryPlan, ticked: Collection[str], **shown: Any) -> str:
    """The dialog, as a part for the open page, else as a page."""
    counts = counts_of(campaign.id)
    return draw_dialog(
        "retry",
        campaign,
        **{"picked": 0, "message": None, **shown},
        plan=plan,
        ticked=ticked,
        groups=retry_plans.groups(plan, counts[MessageStatus.FAILED]),
        sum=retry_plans.sum_of(plan, ticked),
        **later.fields(),
        post_to=url_for("retrying.confirm", campaign_id=campaign.id, plan_id=plan.id),
    )


def _ids(given: str) -> tuple[int, ...]:
    if not _IDS.fullmatch(given):
        raise InvalidInputError("Nothing is selected. Tick the messages to send again.", field="messages")
    ids = tuple(sorted({int(number) for number in given.split(",")}))
    if len(ids) > MOST_SELECTED:
        raise InvalidInputError(
            f"At most {MOST_SELECTED:,} messages can be picked by hand. Filter the table, then select all that match.",
            field="messages",
        )
    return ids

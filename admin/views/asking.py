"""Acts on a campaign as people ask for them: a dialog by GET, done by POST, the dialog again when a value was wrong."""

from collections.abc import Callable
from typing import Any

from flask import request, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.presenting import words
from admin.views.base import dialog, done
from admin.views.seeing import preview_context
from models.actors import Actor
from models.clock import now_ms
from models.errors import InvalidInputError
from models.operations import running
from models.queries.campaigns import seen_campaign, standing_of, summarised
from models.rules.actions import Answer, answer_for
from models.tables import Campaign
from models.words import Action, Phase

Act = Callable[[Campaign, Actor], ResponseReturnValue]
Shown = Callable[[Campaign], dict[str, Any]]


def ask_then(
    action: Action,
    campaign_id: int,
    act: Act,
    shown: Shown | None = None,
    *,
    template: str = "",
    may_wait: bool = False,
) -> ResponseReturnValue:
    """The dialog of an action, refused when the action would be; at POST the act itself.

    With `may_wait` it also opens while another campaign holds the channel, and its template has the reason as `taken`.
    What `shown` gives is only looked up where a dialog is drawn.
    """
    actor = sessions.current_actor()
    campaign = seen_campaign(campaign_id, actor)
    refused = None
    if request.method == "POST":
        try:
            return act(campaign, actor)
        except InvalidInputError as wrong:
            refused = wrong
    answer = answer_for(action, standing_of(campaign_id, now=now_ms()), actor)
    if not answer.allowed and not (may_wait and answer.blocker_id is not None):
        raise running.refusal(answer, campaign_id)
    return _drawn(template or action.value, campaign, shown, answer, refused)


def draw_dialog(name: str, campaign: Campaign, **shown: Any) -> str:
    """One of a campaign's dialogs, with its template as one contact will read it."""
    found = summarised(campaign)
    return dialog(
        f"dialogs/{name}.html",
        **{**shown, **preview_context(campaign, sessions.current_actor(), found.counts.total)},
        back=url_for("messages.index_view", campaign_id=campaign.id),
        campaign=campaign,
        counts=found.counts,
        badge=words.campaign_badge(Phase(campaign.phase), found.counts),
    )


def act_done(campaign: Campaign, sentence: str, *, event: str = "") -> ResponseReturnValue:
    """An act is done: said on the campaign's page, which hears `event` if one is named."""
    return done(sentence, url_for("messages.index_view", campaign_id=campaign.id), event=event)


def _drawn(
    name: str, campaign: Campaign, shown: Shown | None, answer: Answer, refused: InvalidInputError | None
) -> ResponseReturnValue:
    details = shown(campaign) if shown else {}
    drawn = draw_dialog(name, campaign, **details, taken=answer.reason, refused=refused)
    return (drawn, 422) if refused else drawn

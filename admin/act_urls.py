"""Where each act on a campaign is asked for, and how a button that leads there reads."""

from flask import url_for

from models.tables import Campaign
from models.words import CHANNEL_LABELS, NOT_RUN, Action, Channel, Phase

_ENDPOINTS = {
    Action.RUN: "campaign.run",
    Action.STOP: "campaign.stop",
    Action.RESUME: "campaign.resume",
    Action.RETRY: "retrying.matching",
    Action.DELETE: "campaign.delete",
    Action.DUPLICATE: "campaign.duplicate",
    Action.HAND_ON: "campaign.hand_on",
    Action.VIEW_SUMMARY: "campaign.summary",
    Action.SEND_TEST: "testing.send",
}
# How the next step of a refusal reads; the others are one word.
_STEPS = {Action.RUN: "Run…", Action.STOP: "Stop…", Action.RESUME: "Resume…", Action.RETRY: "Retry…"}


def act_url(action: Action, campaign: Campaign) -> str:
    """The address of an act's dialog, or of its page; templates name the act by its slug."""
    if action == Action.EDIT:
        endpoint = "creating.template" if opens_page(action, campaign) else "campaign.sender"
    elif action == Action.START_LATER:  # a part of the dialog of what starts
        endpoint = "campaign.run" if campaign.phase == Phase.READY else "retrying.matching"
    else:
        endpoint = _ENDPOINTS[action]
    return url_for(endpoint, campaign_id=campaign.id)


def opens_page(action: Action, campaign: Campaign) -> bool:
    """Whether the act has a page of its own instead of a dialog: a template needs the room, a sender does not."""
    return action == Action.EDIT and campaign.phase in NOT_RUN


def step_word(action: Action, campaign: Campaign) -> str:
    """How a refusal offers its next step."""
    if action == Action.START_LATER:
        return f"Start when {CHANNEL_LABELS[Channel(campaign.channel)]} is free…"
    return _STEPS.get(action, action.value.capitalize())

"""What the steps of making a campaign share: whose draft it is, and where it goes on."""

from typing import Any

from flask import render_template, url_for

from admin import sessions
from models.errors import WrongStateError
from models.queries.campaigns import counts_of, seen_campaign
from models.tables import Campaign
from models.words import Phase

STEPS = (
    ("Basics", "creating.change_basics"),
    ("Contacts", "contacts.upload"),
    ("Template", "creating.template"),
    ("Review", "creating.review"),
)


def draft_of(campaign_id: int) -> Campaign:
    """A draft that this person may go on with.

    Raises NotFoundError, and WrongStateError for a campaign that is a draft no more.
    """
    campaign = seen_campaign(campaign_id, sessions.current_actor())
    if campaign.phase != Phase.DRAFT:
        raise WrongStateError(f"{campaign.name} is no Draft any more.", campaign_id=campaign_id)
    return campaign


def reached(contacts: int, *, is_written: bool) -> int:
    """The first step, from 1, that is not done: how far a draft is."""
    if not contacts:
        return 2
    return 4 if is_written else 3


def draw_step(template: str, campaign: Campaign, *, least: int = 1, **shown: Any) -> str:
    """The page of a step, with the steps that can be gone to: those that are done, and at any rate `least`."""
    done = reached(counts_of(campaign.id).total, is_written=bool(campaign.body))
    return render_template(template, campaign=campaign, steps=STEPS, reached=max(least, done), **shown)


def next_step(campaign: Campaign) -> str:
    """The address of the first step that is not done."""
    _, endpoint = STEPS[reached(counts_of(campaign.id).total, is_written=bool(campaign.body)) - 1]
    return url_for(endpoint, campaign_id=campaign.id)


def how_far(contacts: int, *, is_written: bool) -> str:
    """The same in a word, for lists."""
    return f"next: {STEPS[reached(contacts, is_written=is_written) - 1][0].lower()}"

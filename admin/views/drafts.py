"""What the steps of making a campaign share: whose draft it is, where it goes on, what a form gave."""

from flask import request, url_for

from admin import sessions
from admin.views.seeing import seen_campaign
from models.errors import WrongStateError
from models.queries.campaigns import counts_of
from models.tables import Campaign
from models.words import Phase

STEPS = (
    ("Basics", ""),
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


def next_step(campaign: Campaign) -> str:
    """The address of the first step that is not done."""
    if not counts_of(campaign.id).total:
        return url_for("contacts.upload", campaign_id=campaign.id)
    step = "creating.review" if campaign.body else "creating.template"
    return url_for(step, campaign_id=campaign.id)


def typed(field: str, *, longest: int = 2_000_000) -> str:
    """What a form's field holds: browsers send line ends as CRLF, and no database keeps a NUL."""
    return request.form.get(field, "")[:longest].replace("\r\n", "\n").replace("\0", "")

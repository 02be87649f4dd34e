"""Finding a campaign by what somebody typed."""

from models.actors import Actor
from models.errors import NotFoundError
from models.queries.campaigns import CampaignSummary, list_campaigns


def find_campaigns(typed: str, number: int | None, actor: Actor) -> list[CampaignSummary]:
    """The campaigns that may be meant, best first: by number, by name, by the beginning of it, by a part of it.

    One when it is clear, several when it is not. Raises NotFoundError when nothing fits.
    """
    campaigns = list_campaigns(actor)
    if number is not None and (exact := [found for found in campaigns if found.campaign.id == number]):
        return exact
    key = " ".join(typed.split()).casefold()
    for fits in (str.__eq__, str.startswith, str.__contains__):
        if key and (found := [campaign for campaign in campaigns if fits(campaign.campaign.name_key, key)]):
            return found
    raise NotFoundError(f"There is no campaign {typed!r}. Type /campaign list to see them.")

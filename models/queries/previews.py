"""A campaign's template with the values of a real contact, as far as the person who looks may see them."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.actors import Actor, Right
from models.addresses import mask
from models.queries.campaigns import counts_of, seen_campaign
from models.queries.pages import contact_at
from models.segments import count_segments
from models.tables import Campaign
from models.template import UNSUBSCRIBE_URL, is_blank, plain_text, render
from models.words import Channel

HIDDEN_VALUE = "•••"
# In a preview the link leads nowhere: a click must not opt anybody out.
NOWHERE = "#"


@dataclass(frozen=True)
class Preview:
    """What one contact will read. `place` counts from 1 in the order of the file; 0 of 0 when there are no contacts.

    `body` is as it is sent, HTML for an email; `text` is what a reader of plain text sees of it. `segments` is None for
    an email. `previous` and `next` are places, None at the ends.
    """

    place: int
    total: int
    recipient: str
    subject: str
    body: str
    text: str
    segments: int | None

    @property
    def previous(self) -> int | None:
        """The place before this one."""
        return self.place - 1 if self.place > 1 else None

    @property
    def next(self) -> int | None:
        """The place after this one."""
        return self.place + 1 if self.place < self.total else None


def preview_of(campaign_id: int, place: int, actor: Actor) -> Preview:
    """The contact at `place`, from 1, or the nearest one there is. Raises NotFoundError for an unknown campaign."""
    campaign = seen_campaign(campaign_id, actor)
    total = counts_of(campaign_id).total
    place = min(max(1, place), total)
    recipient, values = contact_values(campaign, actor, place)
    subject = render(campaign.subject, values)
    if campaign.channel == Channel.SMS:
        text = render(campaign.body, values)
        return Preview(place, total, recipient, subject, text, text, count_segments(text).count)
    linked = {**values, UNSUBSCRIBE_URL: NOWHERE}
    body = render(campaign.body, linked, escape_html=True)
    return Preview(place, total, recipient, subject, body, render(plain_text(campaign.body), linked), None)


def contact_values(
    campaign: Campaign, actor: Actor, place: int, *, typed: Mapping[str, str] | None = None
) -> tuple[str, dict[str, str]]:
    """The recipient and fields of the contact at a place, from 1, hidden from who may not see them.

    They see what they `typed` for a field instead, by its name; what is blank stays hidden.
    """
    row = contact_at(campaign.id, place - 1) if place > 0 else None
    names = [field["name"] for field in campaign.fields]
    if row is None:
        return "", {}
    if not actor.may(Right.SEE_RECIPIENTS):
        own = {name: value for name, value in (typed or {}).items() if not is_blank(value)}
        return mask(row.recipient), {name: own.get(name, HIDDEN_VALUE) for name in names}
    return row.recipient, dict(zip(names, row.values, strict=False))

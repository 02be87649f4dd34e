"""From a claimed message to one that can be handed over."""

from jobs.providers.base import OutgoingMessage
from models.operations.sending import Claimed
from models.tables import Campaign
from models.template import Template, plain_text
from models.words import Channel


class Renderer:
    """A campaign's template, taken apart once."""

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._names = [field["name"] for field in campaign.fields]
        self._is_email = campaign.channel == Channel.EMAIL
        self._body = Template.parse(campaign.body)
        self._subject = Template.parse(campaign.subject)
        self._text = Template.parse(plain_text(campaign.body)) if self._is_email else None

    def render(self, claimed: Claimed) -> OutgoingMessage:
        """The message for one recipient."""
        values = dict(zip(self._names, claimed.field_values, strict=False))
        if self._text is None:
            return OutgoingMessage(claimed.message_id, claimed.attempt, claimed.recipient, self._body.render(values))
        return OutgoingMessage(
            claimed.message_id,
            claimed.attempt,
            claimed.recipient,
            body=self._body.render(values, escape_html=True),
            subject=" ".join(self._subject.render(values).split()),
            text=self._text.render(values),
            from_address=self._campaign.from_address,
            reply_to=self._campaign.reply_to,
        )

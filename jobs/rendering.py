"""From a claimed message to one that can be handed over."""

from jobs.providers.messages import Attachment, Content, OutgoingMessage
from models import unsubscribe
from models.addresses import opt_out_key
from models.operations.sending import Claimed
from models.queries.campaigns import attachments_of
from models.queries.files import read_file
from models.tables import Campaign
from models.template import UNSUBSCRIBE_URL
from models.words import Channel


class Renderer:
    """A campaign's template, taken apart once; `public_url` is where its links lead."""

    def __init__(self, campaign: Campaign, public_url: str) -> None:
        self._names = [field["name"] for field in campaign.fields]
        self._is_email = campaign.channel == Channel.EMAIL
        self._public_url = public_url
        self._content = _content_of(campaign)

    def render(self, claimed: Claimed) -> OutgoingMessage:
        """The message for one recipient."""
        values = dict(zip(self._names, claimed.field_values, strict=False))
        if self._is_email:
            key = opt_out_key(Channel.EMAIL, claimed.recipient)
            values[UNSUBSCRIBE_URL] = unsubscribe.link(self._public_url, Channel.EMAIL, key)
        return OutgoingMessage(claimed.message_id, claimed.attempt, claimed.recipient, self._content, values)


def _content_of(campaign: Campaign) -> Content:
    if campaign.channel == Channel.SMS:
        return Content.of_sms(campaign.body)
    return Content.of_email(
        subject=campaign.subject,
        html=campaign.body,
        from_address=campaign.from_address,
        reply_to=campaign.reply_to,
        attachments=tuple(
            Attachment(file.name, file.media_type, b"".join(read_file(file.id))) for file in attachments_of(campaign.id)
        ),
    )

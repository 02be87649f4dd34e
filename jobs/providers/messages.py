"""A message on its way to a provider: what the whole campaign shares, and what is one recipient's own."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.template import UNSUBSCRIBE_URL, Template, plain_text


@dataclass(frozen=True)
class Attachment:
    """A file that goes with every message of a campaign."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Content:
    """What all messages of a campaign have in common, taken apart once.

    `body` is the text of an SMS or the HTML of an email; the other parts are an email's alone.
    """

    body: Template
    subject: Template | None = None
    text: Template | None = None
    from_address: str = ""
    reply_to: str = ""
    attachments: tuple[Attachment, ...] = ()

    @classmethod
    def of_sms(cls, body: str) -> "Content":
        """From the template of an SMS campaign."""
        return cls(Template.parse(body))

    @classmethod
    def of_email(
        cls,
        *,
        subject: str,
        html: str,
        from_address: str,
        reply_to: str = "",
        attachments: tuple[Attachment, ...] = (),
    ) -> "Content":
        """From the template of an email campaign; its plain-text part is made from the HTML."""
        return cls(
            Template.parse(html),
            subject=Template.parse(subject),
            text=Template.parse(plain_text(html)),
            from_address=from_address,
            reply_to=reply_to,
            attachments=attachments,
        )


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message ready to be handed over; `values` are the recipient's fields by name."""

    message_id: int
    attempt: int
    recipient: str
    content: Content
    values: Mapping[str, str]

    @property
    def body(self) -> str:
        """The text of an SMS; of an email the HTML, values escaped."""
        return self.content.body.render(self.values, escape_html=self.content.text is not None)

    @property
    def subject(self) -> str:
        """An email's subject on one line, so that no value can add a header; '' for an SMS."""
        return one_line(self.content.subject.render(self.values)) if self.content.subject else ""

    @property
    def text(self) -> str:
        """An email's plain-text part; '' for an SMS."""
        return self.content.text.render(self.values) if self.content.text else ""

    @property
    def unsubscribe_url(self) -> str:
        """Where an email's recipient can opt out; '' for an SMS."""
        return self.values.get(UNSUBSCRIBE_URL, "")


def one_line(text: str) -> str:
    """`text` with every run of white space and line ends as one space."""
    return " ".join(text.replace("\0", " ").split())

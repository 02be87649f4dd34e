"""A campaign's content as SendGrid takes it: the text once, with tokens, and the values beside it for each person."""

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parseaddr
from typing import Any, NamedTuple

from jobs.providers.messages import Attachment, Content, OutgoingMessage, one_line
from models.template import Placeholder, Template, normalise_name

SUBSTITUTIONS_LENGTH = 10_000  # bytes per person, says SendGrid's description of the API
TOKEN_LENGTH = 22
ONE_CLICK = {"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}  # RFC 8058

# Tracked links lead over SendGrid's own host: previews would not be true, and the unsubscribe link would no
# longer be the one that the one-click header names. Its own unsubscribe footer would stand beside ours and
# leave our opt-out list unaware. A tracking pixel would be in mail that nobody wrote one into.
TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
}


class Person(NamedTuple):
    """A message, and what is put in for each token of its letter."""

    message: OutgoingMessage
    values: tuple[str, ...]


_NOTHING = Template("", ())


class Letter:
    """A campaign's content as SendGrid takes it; attachments are encoded once."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.attachments = _encoded([_attachment(one) for one in content.attachments])
        self.head: dict[str, Any] = {"from": _address(content.from_address), "tracking_settings": TRACKING}
        if content.reply_to:
            self.head["reply_to"] = _address(content.reply_to)
        # What tokens stand for: the whole subject, since it is put on one line as a whole, and each placeholder,
        # once for HTML and once for text: there it is escaped.
        self._own_subject = content.subject is not None and bool(content.subject.rest)
        self._html = _placeholders(content.body)
        self._text = _placeholders(content.text or _NOTHING)

    def requests(self, messages: Sequence[OutgoingMessage]) -> Iterator["Request"]:
        """Together whoever may be together: no address twice, and no more values than SendGrid takes for one."""
        together: list[dict[str, Person]] = []
        for message in messages:
            person = Person(message, self._values(message))
            if _is_oversized(person.values):
                yield Request(self, (Person(message, ()),), _rendered(message))
                continue
            address = message.recipient.casefold()
            fitting = next((people for people in together if address not in people), None)
            if fitting is None:
                fitting = {}
                together.append(fitting)
            fitting[address] = person
        for people in together:
            yield Request(self, tuple(people.values()))

    def _values(self, message: OutgoingMessage) -> tuple[str, ...]:
        """What is one person's own, in the order in which `with_tokens` takes tokens."""
        # Rendering looks at all the fields that it is given: too dear for each placeholder of each person.
        fields = {normalise_name(name): value for name, value in message.values.items()}
        return (
            *((message.subject,) if self._own_subject else ()),
            *(
                alone.render({one.name: fields.get(one.name, "")}, escape_html=True)
                for one, alone in self._html.items()
            ),
            *(alone.render({one.name: fields.get(one.name, "")}) for one, alone in self._text.items()),
        )

    def with_tokens(self, tokens: Sequence[str]) -> Content:
        """The content with a token for whatever is one person's own."""
        own, rest = (tokens[:1], tokens[1:]) if self._own_subject else ((), tokens)
        html = dict(zip(self._html, rest, strict=False))
        text = dict(zip(self._text, rest[len(html) :], strict=True))
        return replace(
            self.content,
            subject=Template(own[0], ()) if own else self.content.subject,
            body=_marked(self.content.body, html),
            text=_marked(self.content.text or _NOTHING, text),
        )


@dataclass(frozen=True)
class Request:
    """One POST: a letter and those who get it; `content` is given if it is rendered already."""

    letter: Letter
    people: tuple[Person, ...]
    content: Content | None = None

    @property
    def messages(self) -> list[OutgoingMessage]:
        """Those of its people."""
        return [person.message for person in self.people]

    def of(self, people: Iterable[Person]) -> "Request":
        """The same for some of them."""
        return replace(self, people=tuple(people))

    def body(self) -> list[bytes]:
        """The JSON, in pieces; tokens are new and random each time, so no value can hold one."""
        nonce = secrets.token_hex(8)
        tokens = [f"t{nonce}n{number:04}" for number in range(len(self.people[0].values))]
        content = self.content or self.letter.with_tokens(tokens)
        parts = (("text/plain", content.text), ("text/html", content.body))
        request = {
            "personalizations": [_personalization(person, tokens) for person in self.people],
            "subject": one_line(content.subject.lead) if content.subject else "",
            # SendGrid refuses an empty part.
            "content": [{"type": kind, "value": part.lead} for kind, part in parts if part and part.lead],
            **self.letter.head,
        }
        if not self.letter.content.attachments:
            return [_encoded(request)]
        return [_encoded(request)[:-1], b',"attachments":', self.letter.attachments, b"}"]


def _personalization(person: Person, tokens: Sequence[str]) -> dict[str, Any]:
    """What is one person's own. SendGrid keeps custom_args for ever, so they hold nothing about anybody."""
    message = person.message
    url = one_line(message.unsubscribe_url)
    return {
        "to": [{"email": message.recipient}],
        "custom_args": {"message_id": str(message.message_id), "attempt": str(message.attempt)},
        **({"substitutions": dict(zip(tokens, person.values, strict=True))} if tokens else {}),
        **({"headers": {"List-Unsubscribe": f"<{url}>", **ONE_CLICK}} if url else {}),
    }


def _placeholders(template: Template) -> dict[Placeholder, Template]:
    """Each placeholder of a template once, with a template that holds nothing else."""
    return {placeholder: Template("", ((placeholder, ""),)) for placeholder, _ in template.rest}


def _marked(template: Template, tokens: Mapping[Placeholder, str]) -> Template:
    pieces = (f"{tokens[placeholder]}{following}" for placeholder, following in template.rest)
    return Template(template.lead + "".join(pieces), ())


def _rendered(message: OutgoingMessage) -> Content:
    """The content as one person gets it."""
    subject, html, text = (Template(text, ()) for text in (message.subject, message.body, message.text))
    return replace(message.content, subject=subject, body=html, text=text)


def _is_oversized(values: Sequence[str]) -> bool:
    """Counted as JSON, quotes and commas included: nobody says how SendGrid counts."""
    return len(_encoded(values)) + len(values) * (TOKEN_LENGTH + len('"":')) > SUBSTITUTIONS_LENGTH


def _address(written: str) -> dict[str, str]:
    """`Ada <ada@example.com>` as SendGrid takes it; what is no address is left for SendGrid to refuse."""
    name, email = parseaddr(one_line(written))
    return {"email": email or written, **({"name": name} if name else {})}


def _attachment(one: Attachment) -> dict[str, str]:
    return {
        "content": base64.b64encode(one.content).decode(),
        "type": one.media_type,
        "filename": one_line(one.name),
        "disposition": "attachment",
    }


def _encoded(document: object) -> bytes:
    """JSON in UTF-8. Halves of surrogate pairs, which UTF-8 can't hold, become question marks."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")

"""SendGrid: one request for up to 100 people, who share the content and differ in what is put in for tokens.

SendGrid knows no key by which it would recognise a repeated request, so nothing is ever sent again from
here, but for parts of a batch that was refused as a whole (400, 413): nobody in it was sent anything.
"""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parseaddr
from typing import Any, NamedTuple, Self

import aiohttp

from jobs.providers.base import AccountCheck, Outcome
from jobs.providers.http import LostAnswerError, NotSentError, Reply, ask, open_session
from jobs.providers.messages import Attachment, Content, OutgoingMessage, one_line
from jobs.providers.sendgrid_receipts import is_signed, parse_receipts
from jobs.providers.sendgrid_words import (
    DIVISIBLE,
    IN_DOUBT,
    NO_CONNECTION,
    Said,
    account_check,
    answer_of,
    kept,
    refusal_of,
    sender_check,
    wait_of,
)
from models.errors import NotConfiguredError
from models.rules.verdicts import Word
from models.template import Placeholder, Template, normalise_name
from models.words import Channel, Scope

__all__ = ["NAME", "SendGridAccount", "SendGridProvider", "is_signed", "parse_receipts"]

NAME = "sendgrid"
API_URL = "https://api.sendgrid.com"
PEOPLE_PER_REQUEST = 100  # SendGrid takes 1,000; a lost answer leaves all of a request in doubt
REQUESTS_AT_ONCE = 8
REQUEST_SECONDS = 120  # for a request in all; time-outs of `http` don't cover a server that reads it too slowly
CHECK_SECONDS = 2
SUBSTITUTIONS_LENGTH = 10_000  # bytes per person, says SendGrid's description of the API
SAME_REFUSALS = 3
PIECE = 65_536  # bytes of a body written at a time
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


@dataclass(frozen=True)
class SendGridAccount:
    """Whose account mail goes through; `repr` leaves the key out."""

    key: str = field(repr=False)
    api_url: str = API_URL

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> "SendGridAccount":
        """From SENDGRID_API_KEY and SENDGRID_API_URL. Raises NotConfiguredError naming the one that is amiss."""
        key = variables.get("SENDGRID_API_KEY", "").strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise NotConfiguredError("SENDGRID_API_KEY is missing, or holds characters that no key has.")
        api_url = variables.get("SENDGRID_API_URL", "").rstrip("/") or API_URL
        if not api_url.startswith(("https://", "http://")):
            raise NotConfiguredError("SENDGRID_API_URL must begin with https://.")
        return cls(key, api_url)


@dataclass
class SendGridProvider:
    """Satisfies `jobs.providers.base.Provider`."""

    account: SendGridAccount
    name: str = NAME
    channel: Channel = Channel.EMAIL
    batch_size: int = PEOPLE_PER_REQUEST
    concurrency: int = REQUESTS_AT_ONCE * PEOPLE_PER_REQUEST
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)
    _slots: asyncio.Semaphore = field(init=False, repr=False)
    _letter: "_Letter | None" = field(default=None, init=False, repr=False)

    @property
    def speed(self) -> float | None:
        """None: SendGrid publishes no limit, it answers 429."""
        return None

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self.account.key}"}
        self._session = open_session(connections=REQUESTS_AT_ONCE, headers=headers)
        self._slots = asyncio.Semaphore(REQUESTS_AT_ONCE)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, batch: Sequence[OutgoingMessage]) -> Sequence[Outcome]:
        """One request, and more only for repeated addresses, oversized values and parts of a refused batch.

        The account's refusal of a request is one refusal, however many people were in it: only the first of
        them has scope ACCOUNT, the others are not sent with scope MESSAGE.
        """
        found = await asyncio.gather(*(self._hand_over(request) for request in self._requests(batch)))
        outcome_of = {id(outcome.message): outcome for outcomes in found for outcome in outcomes}
        return [outcome_of[id(message)] for message in batch]

    async def check_account(self) -> AccountCheck:
        """Whether the key is let in and may send mail, within 2 s."""
        return account_check(await self._look_up("/v3/scopes"))

    async def check_sender(self, address: str) -> AccountCheck:
        """Warns of a from address that is neither verified nor on an authenticated domain, within 2 s.

        Claims nothing when SendGrid does not tell, as for a key that may do no more than send mail.
        """
        paths = ("/v3/verified_senders", "/v3/whitelabel/domains?limit=3000")  # an account has 3,000 at most
        senders, domains = await asyncio.gather(*map(self._look_up, paths))
        return sender_check(parseaddr(address)[1], senders, domains)

    def _requests(self, batch: Sequence[OutgoingMessage]) -> Iterator["_Request"]:
        """The requests that carry a batch; a send job has one content, so its letter is written once."""
        messages_of: dict[int, list[OutgoingMessage]] = {}
        for message in batch:
            messages_of.setdefault(id(message.content), []).append(message)
        for messages in messages_of.values():
            if self._letter is None or self._letter.content is not messages[0].content:
                self._letter = _Letter(messages[0].content)
            yield from self._letter.requests(messages)

    async def _hand_over(self, request: "_Request") -> list[Outcome]:
        """Post a request, and if it is refused for the sake of some, its parts, one after the other.

        After an answer that says wait, or nothing, the parts left are not sent. Nor are they when refusals
        say the same again and again and nobody was accepted: that is no single recipient's fault, and a
        hundred requests would not find one. Who is left may come again, in other company.
        """
        outcomes: list[Outcome] = []
        refusals: list[str] = []
        parts = [request]
        while parts:
            part = parts.pop()
            said = await self._post(part)
            settled, divided = _sorted_out(part, said)
            outcomes += settled
            parts += reversed(divided)
            if settled and said.answer.word is Word.FAILED:
                refusals.append(said.text)
            if _is_hopeless(said, outcomes, refusals):
                break
        return outcomes + [said.not_sent(message) for part in parts for message in part.messages]

    async def _post(self, request: "_Request") -> Said:
        pieces = request.body()
        headers = {"Content-Type": "application/json", "Content-Length": str(sum(map(len, pieces)))}
        try:
            reply = await self._ask("POST", "/v3/mail/send", REQUEST_SECONDS, data=_in_pieces(pieces), headers=headers)
        except NotSentError as trouble:
            return Said(NO_CONNECTION, "no_connection", str(trouble))
        except LostAnswerError as trouble:
            return Said(IN_DOUBT, "lost_answer", str(trouble))
        refusal = refusal_of(reply.body.replace(self.account.key.encode(), b"(key)"))
        answer = answer_of(reply.status, refusal)
        return Said(
            answer,
            str(reply.status),
            refusal.text,
            provider_id=kept(reply.headers.get("X-Message-Id", "")),
            retry_after=wait_of(reply.headers, time.time()) if reply.status == 429 else None,
            refusal=refusal if reply.status in DIVISIBLE and answer.word is Word.FAILED else None,
        )

    async def _look_up(self, path: str) -> tuple[int, bytes] | None:
        """Status and body; None if no answer came in time."""
        try:
            reply = await self._ask("GET", path, CHECK_SECONDS)
        except (NotSentError, LostAnswerError):
            return None
        return reply.status, reply.body

    async def _ask(self, method: str, path: str, seconds: float, **given: Any) -> Reply:
        """As `http.ask`, within so many seconds in all."""
        assert self._session is not None, "a provider is used as an async context"
        try:
            async with self._slots, asyncio.timeout(seconds):
                return await ask(self._session, method, f"{self.account.api_url}{path}", **given)
        except TimeoutError as slow:
            raise LostAnswerError(type(slow).__name__) from slow


def _sorted_out(request: "_Request", said: Said) -> tuple[list[Outcome], list["_Request"]]:
    """The outcomes that an answer settles, and the parts to be sent for the rest."""
    people, refusal = request.people, said.refusal
    named = [(people[index], text) for index, text in refusal.rows.items() if index < len(people)] if refusal else []
    if refusal is None or len(people) == 1 or (refusal.of_everybody and not named):
        return _of_all(request, said), []
    if named:
        bad = {id(person) for person, _ in named}
        rest = request.of(person for person in people if id(person) not in bad)
        outcomes = [said.outcome(person.message, text=text) for person, text in named]
        return outcomes, [rest] if rest.people else []
    middle = len(people) // 2
    return [], [request.of(people[:middle]), request.of(people[middle:])]


def _of_all(request: "_Request", said: Said) -> list[Outcome]:
    """One outcome each; the account's refusal is told once."""
    first, *others = [said.outcome(message) for message in request.messages]
    if first.scope is Scope.ACCOUNT:
        others = [said.not_sent(outcome.message) for outcome in others]
    return [first, *others]


def _is_hopeless(said: Said, outcomes: Sequence[Outcome], refusals: Sequence[str]) -> bool:
    if said.answer.word not in (Word.ACCEPTED, Word.FAILED):
        return True
    latest = refusals[-SAME_REFUSALS:]
    accepted = any(outcome.word is Word.ACCEPTED for outcome in outcomes)
    return len(latest) == SAME_REFUSALS and len(set(latest)) == 1 and not accepted


async def _in_pieces(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A body bit by bit, so that one with attachments is neither copied whole nor holds up the loop."""
    for part in parts:
        for start in range(0, len(part), PIECE):
            yield part[start : start + PIECE]


class _Person(NamedTuple):
    """A message, and what is put in for each token of its letter."""

    message: OutgoingMessage
    values: tuple[str, ...]


_NOTHING = Template("", ())


class _Letter:
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

    def requests(self, messages: Sequence[OutgoingMessage]) -> Iterator["_Request"]:
        """Together whoever may be together: no address twice, and no more values than SendGrid takes for one."""
        together: list[dict[str, _Person]] = []
        for message in messages:
            person = _Person(message, self._values(message))
            if _is_oversized(person.values):
                yield _Request(self, (_Person(message, ()),), _rendered(message))
                continue
            address = message.recipient.casefold()
            fitting = next((people for people in together if address not in people), None)
            if fitting is None:
                fitting = {}
                together.append(fitting)
            fitting[address] = person
        for people in together:
            yield _Request(self, tuple(people.values()))

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
class _Request:
    """One POST: a letter and those who get it; `content` is given if it is rendered already."""

    letter: _Letter
    people: tuple[_Person, ...]
    content: Content | None = None

    @property
    def messages(self) -> list[OutgoingMessage]:
        return [person.message for person in self.people]

    def of(self, people: Iterable[_Person]) -> "_Request":
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


def _personalization(person: _Person, tokens: Sequence[str]) -> dict[str, Any]:
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

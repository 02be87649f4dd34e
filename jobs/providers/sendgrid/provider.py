"""SendGrid: one request for up to 100 people, who share the content and differ in what is put in for tokens.

SendGrid knows no key by which it would recognise a repeated request, so nothing is ever sent again from
here, but for parts of a batch that was refused as a whole (400, 413): nobody in it was sent anything.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp

from jobs.providers.base import AccountCheck, Outcome
from jobs.providers.http import LostAnswerError, NotSentError, Reply, ask, open_session
from jobs.providers.messages import OutgoingMessage
from jobs.providers.sendgrid.letter import Letter, Request
from jobs.providers.sendgrid.words import (
    DIVISIBLE,
    IN_DOUBT,
    NO_CONNECTION,
    Said,
    account_check,
    answer_of,
    kept,
    refusal_of,
    wait_of,
)
from models.config import Config
from models.errors import NotConfiguredError
from models.rules.verdicts import Word
from models.words import Channel, Scope

NAME = "sendgrid"
API_URL = "https://api.sendgrid.com"
PEOPLE_PER_REQUEST = 100  # SendGrid takes 1,000; a lost answer leaves all of a request in doubt
REQUESTS_AT_ONCE = 8
REQUEST_SECONDS = 120  # for a request in all; time-outs of `http` don't cover a server that reads it too slowly
CHECK_SECONDS = 2
SAME_REFUSALS = 3
PIECE = 65_536  # bytes of a body written at a time


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
    _letter: Letter | None = field(default=None, init=False, repr=False)
    _holds_back: bool = field(default=False, init=False, repr=False)

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """As the environment names it. Raises NotConfiguredError."""
        return cls(SendGridAccount.from_variables(config.variables))

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

    def hold_back(self) -> None:
        """The parts of a refused batch that are still to be tried, and requests that wait for a slot, are not sent."""
        self._holds_back = True

    async def check_account(self) -> AccountCheck:
        """Whether the key is let in and may send mail, within 2 s."""
        try:
            return account_check(await self._ask("GET", "/v3/scopes", CHECK_SECONDS))
        except (NotSentError, LostAnswerError):
            return account_check(None)

    def _requests(self, batch: Sequence[OutgoingMessage]) -> Iterator[Request]:
        """The requests that carry a batch; a send job has one content, so its letter is written once."""
        messages_of: dict[int, list[OutgoingMessage]] = {}
        for message in batch:
            messages_of.setdefault(id(message.content), []).append(message)
        for messages in messages_of.values():
            if self._letter is None or self._letter.content is not messages[0].content:
                self._letter = Letter(messages[0].content)
            yield from self._letter.requests(messages)

    async def _hand_over(self, request: Request) -> list[Outcome]:
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

    async def _post(self, request: Request) -> Said:
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

    async def _ask(self, method: str, path: str, seconds: float, **given: Any) -> Reply:
        """As `http.ask`, within so many seconds in all."""
        assert self._session is not None, "a provider is used as an async context"
        try:
            async with self._slots, asyncio.timeout(seconds):
                if self._holds_back and method == "POST":
                    raise NotSentError("held back by a stop")
                return await ask(self._session, method, f"{self.account.api_url}{path}", **given)
        except TimeoutError as slow:
            raise LostAnswerError(type(slow).__name__) from slow


def _sorted_out(request: Request, said: Said) -> tuple[list[Outcome], list[Request]]:
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


def _of_all(request: Request, said: Said) -> list[Outcome]:
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

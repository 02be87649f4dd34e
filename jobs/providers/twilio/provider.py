"""Twilio Programmable Messaging: hand-overs, the check of the account, and look-ups.

Source: https://www.twilio.com/docs/messaging/api/message-resource (API 2010-04-01). Twilio knows no key by
which it would recognise a repeated request: a hand-over whose answer was lost is looked up, never repeated.
"""

import asyncio
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, urlencode

import aiohttp

from jobs.providers import http
from jobs.providers.base import AccountCheck, Doubt, LookedUp, Outcome
from jobs.providers.messages import OutgoingMessage
from jobs.providers.twilio.webhooks import STATUS
from jobs.providers.twilio.words import (
    Resource,
    Told,
    account_check_of,
    object_in,
    outcome_of,
    resource_in,
    told_by,
    unchecked,
)
from models.config import Config
from models.errors import NotConfiguredError
from models.providers import PROVIDERS
from models.rules.timeouts import VALIDITY
from models.rules.verdicts import Event, Word
from models.words import Channel, FailureReason, RetryClass

NAME = "twilio"
API_URL = "https://api.twilio.com"
LONGEST_VALIDITY = 36_000  # seconds; https://www.twilio.com/docs/api/errors/90007
CHECK_SECONDS = 2

# Twilio lists the newest first. So long a page stays within `http.ANSWER_LENGTH`, whatever the texts.
PAGE_SIZE = 50
PAGES = 4
HANDED_OVER_WITHIN = 600_000  # ms after its claim: what was made later is another hand-over's
CLOCK_TOLERANCE = 5_000  # ms: clocks differ, and Twilio's dates are in whole seconds

_ADDRESS = re.compile(r"https?://[^/?#@\s]+(/[^?#\s]*)?")
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class TwilioAccount:
    """Who sends: an account, and a messaging service of it."""

    sid: str
    token: str = field(repr=False)
    service_sid: str
    api_url: str = API_URL

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> "TwilioAccount":
        """From the environment; raises NotConfiguredError naming the variable that is missing or not understood."""
        credentials = PROVIDERS[NAME].credentials
        for name in credentials:
            if not variables.get(name):
                raise NotConfiguredError(f"{name} is not set.")
            if not (variables[name].isascii() and variables[name].isprintable()):
                raise NotConfiguredError(f"{name} holds characters that Twilio's credentials don't have.")
        api_url = (variables.get("TWILIO_API_URL") or API_URL).rstrip("/")
        if not _ADDRESS.fullmatch(api_url):
            raise NotConfiguredError(f"TWILIO_API_URL must be an address like {API_URL}.")
        sid, token, service_sid = (variables[name] for name in credentials)
        return cls(sid, token, service_sid, api_url)


class TwilioProvider:
    """Satisfies `jobs.providers.base.Provider`.

    Status callbacks go to `callback_url` with our ids in its query (`m` message, `a` attempt), so that they find
    their attempt even if our process died before it learnt the sid; without it none are asked for. Twilio gives
    up on a message after `validity_seconds`, which is brought within what it allows.
    """

    name = NAME
    channel = Channel.SMS
    batch_size = 1
    concurrency = 100
    speed: float | None = None
    _session: aiohttp.ClientSession

    def __init__(self, account: TwilioAccount, callback_url: str | None, validity_seconds: int) -> None:
        self._account = account
        self._callback_url = callback_url
        self._validity_seconds = min(max(1, validity_seconds), LONGEST_VALIDITY)
        self._url = f"{account.api_url}/2010-04-01/Accounts/{quote(account.sid, safe='')}"

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """As the environment names it; without a PUBLIC_URL no callbacks, as Twilio refuses an address it can't reach.

        Raises NotConfiguredError.
        """
        callback_url = f"{config.public_url.rstrip('/')}{STATUS.path}" if config.public_url else None
        validity_seconds = round(VALIDITY / 1000 / config.time_scale)
        return cls(TwilioAccount.from_variables(config.variables), callback_url, validity_seconds)

    async def __aenter__(self) -> Self:
        credentials = b64encode(f"{self._account.sid}:{self._account.token}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}"}
        self._session = http.open_session(connections=self.concurrency, headers=headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def send(self, batch: Sequence[OutgoingMessage]) -> Sequence[Outcome]:
        """One request each. A text that UTF-8 can't carry is refused here: to change it is not ours."""
        return [await self._hand_over(message) for message in batch]

    def hold_back(self) -> None:
        """Nothing waits here: each request begins as soon as it is asked for."""

    async def check_account(self) -> AccountCheck:
        """Whether Twilio knows the account and lets it send; takes 2 s at most."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                reply = await http.ask(self._session, "GET", f"{self._url}.json")
        except (http.NotSentError, http.LostAnswerError) as trouble:
            return unchecked(str(trouble))
        except TimeoutError:
            return unchecked(f"no answer within {CHECK_SECONDS} s")
        return account_check_of(reply)

    async def look_up(
        self, asked: Sequence[Doubt], *, bound: Callable[[Sequence[str]], Collection[str]], at: int
    ) -> Sequence[LookedUp]:
        """What Twilio has of each doubt, in their order; `at` (epoch ms) is the moment of the events.

        A message is the one looked for if recipient, service and text are the same, it was created since the
        claim, no hand-over has it (`bound` gives those of some sids that one has), and no other doubt may have
        it. Never raises for what Twilio may do.
        """
        listings = await self._listings(asked)
        fitting = [self._fitting(doubt, listings[doubt.recipient] or ()) for doubt in asked]
        sids = [resource.sid for resources in fitting for resource in resources]
        taken = bound(sids) if sids else ()
        free = [
            [resource for resource in resources if resource.sid == doubt.provider_id or resource.sid not in taken]
            for doubt, resources in zip(asked, fitting, strict=True)
        ]
        claims = Counter(resource.sid for resources in free for resource in resources)
        return [
            _found(doubt, resources, at, sure=[claims[one.sid] for one in resources] == [1])
            if listings[doubt.recipient] is not None
            else LookedUp(doubt, answered=False)
            for doubt, resources in zip(asked, free, strict=True)
        ]

    async def _hand_over(self, message: OutgoingMessage) -> Outcome:
        try:
            form = urlencode(self._form(message)).encode()
        except UnicodeEncodeError:
            return Outcome(
                message,
                Word.FAILED,
                reason=FailureReason.CONTENT_REJECTED,
                retry_class=RetryClass.POINTLESS,
                text="The text holds half a character, which can't be sent.",
            )
        try:
            reply = await http.ask(self._session, "POST", f"{self._url}/Messages.json", data=form, headers=_FORM)
        except http.NotSentError as trouble:
            return Outcome(message, Word.NOT_SENT, text=f"Twilio can't be reached: {trouble}")
        except http.LostAnswerError as trouble:
            return Outcome(message, Word.UNKNOWN, text=f"Twilio's answer was lost: {trouble}")
        return outcome_of(message, reply)

    def _form(self, message: OutgoingMessage) -> dict[str, str | int]:
        form: dict[str, str | int] = {
            "To": message.recipient,
            "MessagingServiceSid": self._account.service_sid,
            "Body": message.body,
            "ValidityPeriod": self._validity_seconds,
        }
        if self._callback_url:
            form["StatusCallback"] = f"{self._callback_url}?m={message.message_id}&a={message.attempt}"
        return form

    async def _listings(self, asked: Sequence[Doubt]) -> dict[str, list[Resource] | None]:
        """By recipient what `_list` gives, asked once for each."""
        since: dict[str, int] = {}
        for doubt in asked:
            since[doubt.recipient] = min(doubt.claimed_at, since.get(doubt.recipient, doubt.claimed_at))
        return dict(zip(since, await asyncio.gather(*map(self._list, since, since.values())), strict=True))

    async def _list(self, recipient: str, claimed_at: int) -> list[Resource] | None:
        """All messages to the recipient since `claimed_at`, and some older; None if Twilio does not tell them all.

        Only the recipient is asked for: a message still queued has no date sent that Twilio could filter by.
        """
        url = f"{self._url}/Messages.json?{urlencode({'To': recipient, 'PageSize': PAGE_SIZE}, errors='replace')}"
        listing: dict[str, Resource] = {}  # by sid: pages shift while messages come
        for _ in range(PAGES):
            page = await self._page(url)
            if page is None:
                return None
            resources = [resource for given in page["messages"] if (resource := resource_in(given))]
            listing |= {resource.sid: resource for resource in resources}
            following = page.get("next_page_uri")
            if not following or all(resource.created_at < claimed_at - CLOCK_TOLERANCE for resource in resources):
                return list(listing.values())
            url = f"{self._account.api_url}/{str(following).removeprefix('/')}"
        return None

    async def _page(self, url: str) -> Mapping[str, Any] | None:
        try:
            reply = await http.ask(self._session, "GET", url)
        except (http.NotSentError, http.LostAnswerError):
            return None
        said = object_in(reply.body)
        return said if reply.status == 200 and isinstance(said.get("messages"), list) else None

    def _fitting(self, doubt: Doubt, listing: Iterable[Resource]) -> list[Resource]:
        if doubt.provider_id:
            return [resource for resource in listing if resource.sid == doubt.provider_id]
        since, until = doubt.claimed_at - CLOCK_TOLERANCE, doubt.claimed_at + HANDED_OVER_WITHIN
        looked_for = (doubt.recipient, self._account.service_sid, doubt.body)
        return [
            resource
            for resource in listing
            if (resource.to, resource.service_sid, resource.body) == looked_for
            and since <= resource.created_at <= until
        ]


def _found(doubt: Doubt, resources: Sequence[Resource], at: int, *, sure: bool) -> LookedUp:
    if not sure:
        return LookedUp(doubt, answered=True, unclear=bool(resources))
    return LookedUp(doubt, answered=True, event=_event(doubt, resources[0], at))


def _event(doubt: Doubt, resource: Resource, at: int) -> Event:
    told = told_by(resource.status, resource.code) or Told(Word.ACCEPTED)  # whatever its status, Twilio has it
    return Event(
        doubt.message_id,
        doubt.attempt,
        at=at,
        text=resource.text,
        provider_id=resource.sid,
        **told._asdict(),
    )

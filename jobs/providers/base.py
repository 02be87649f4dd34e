"""What every provider offers, and the words in which it answers.

To add one: a folder beside this file with a class that satisfies `Provider` and its word tables as literal
data, its traits in `models.providers`, a line in `jobs.providers.registry`, and its tests.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self, runtime_checkable

from jobs.providers.messages import OutgoingMessage
from models.rules.preferences import Preference
from models.rules.verdicts import Event, Word
from models.words import Channel, FailureReason, RetryClass, Scope


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of handing one message over.

    `word` is one of NOT_SENT, UNKNOWN, ACCEPTED, DELIVERED, FAILED, OPTED_OUT. With scope ACCOUNT the refusal
    is not the message's fault, and the word is NOT_SENT. `retry_after` is in seconds, if the provider named it;
    `unmapped` is set when no table of ours knows the code.
    """

    message: OutgoingMessage
    word: Word
    reason: FailureReason | None = None
    retry_class: RetryClass | None = None
    scope: Scope = Scope.MESSAGE
    code: str = ""
    text: str = ""
    provider_id: str = ""
    retry_after: float | None = None
    unmapped: bool = False

    def event(self, *, at: int, segments: int | None = None) -> Event:
        """The outcome as an event of the attempt, known at `at` (epoch ms)."""
        return Event(
            self.message.message_id,
            self.message.attempt,
            self.word,
            at,
            answers=True,
            reason=self.reason,
            retry_class=self.retry_class,
            scope=self.scope,
            code=self.code,
            text=self.text,
            provider_id=self.provider_id,
            segments=segments,
            unmapped=self.unmapped,
        )


class Meaning(NamedTuple):
    """What a provider's code means; `reason` None stands for Opted Out."""

    reason: FailureReason | None
    retry_class: RetryClass
    scope: Scope = Scope.MESSAGE


UNMAPPED = Meaning(FailureReason.UNKNOWN, RetryClass.MAY_HAVE_ARRIVED)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A hand-over of which more is to be known; `claimed_at` is epoch ms, `provider_id` is '' where it is not known."""

    message_id: int
    attempt: int
    recipient: str
    body: str
    claimed_at: int
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a look-up of one doubt came to.

    Unless the provider `answered` it does not count as one. `event` tells what became of the message; None when the
    provider has none that must be it, or, then it is `unclear`, what may be it and may be another.
    """

    doubt: Doubt
    answered: bool
    event: Event | None = None
    unclear: bool = False


@runtime_checkable
class Asked(Protocol):
    """A provider that can be asked what became of a hand-over, opened as an async context."""

    name: str

    async def __aenter__(self) -> Self:
        """Open what asking needs."""

    async def __aexit__(self, *_: object) -> None:
        """Close it."""

    async def look_up(
        self, asked: Sequence[Doubt], *, bound: Callable[[Sequence[str]], Collection[str]], at: int
    ) -> Sequence[LookedUp]:
        """What it has of each doubt, in their order; `bound` gives those of some ids that a hand-over of ours has."""


@dataclass(frozen=True, slots=True)
class AccountCheck:
    """Whether the account may send: `refusal` is a sentence if it surely may not, `warning` if that is not known.

    `said` is the provider's own text with a refusal: it may name people, so it is for who acts alone.
    """

    refusal: str = ""
    warning: str = ""
    said: str = ""

    @property
    def refusal_in_full(self) -> str:
        """The refusal with the provider's own text."""
        return f"{self.refusal} It said: {self.said}" if self.said else self.refusal


class Provider(Protocol):
    """A company that carries messages, opened as an async context for as long as a send job lasts.

    `batch_size` is how many messages one hand-over carries, `concurrency` how many messages may be under way
    at once, `speed` how many a second it takes at most (None: no limit of its own).
    """

    name: str
    channel: Channel
    batch_size: int
    concurrency: int

    @property
    def speed(self) -> float | None:
        """Messages a second it takes at most."""

    async def __aenter__(self) -> Self:
        """Open connections."""

    async def __aexit__(self, *_: object) -> None:
        """Close them."""

    async def send(self, batch: Sequence[OutgoingMessage]) -> Sequence[Outcome]:
        """Hand over up to `batch_size` messages; one outcome each. Never raises for what a provider may do."""

    def hold_back(self) -> None:
        """Begin no hand-over any more: what only waits for its turn, or for a connection, is answered as not sent."""

    async def check_account(self) -> AccountCheck:
        """Ask the provider whether it lets us in, sending nothing. Never raises for what a provider may do."""


ReceiptParser = Callable[[Mapping[str, str], bytes, int], Sequence[Event | Preference]]
"""Turns one POST (headers, body, epoch ms of arrival) into what it says of attempts and of people, in its order.

Raises ValueError for a body that is not the provider's.
"""


class Post(NamedTuple):
    """A POST as it came; `url` is what the provider signed: PUBLIC_URL with our path and its query, byte for byte."""

    url: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address at which a provider tells us something.

    Its posts are kept under the name `kept_as`, which no other address has. `is_signed` holds a post against the
    environment's variables, at a moment in epoch ms; without the key that signs it is False. `answer` is the XML
    that the provider wants to hear, '' if nothing.
    """

    path: str
    kept_as: str
    is_signed: Callable[[Mapping[str, str], Post, int], bool]
    parse: ReceiptParser
    answer: str = ""

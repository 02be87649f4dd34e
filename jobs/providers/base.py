"""What every provider offers, and the words in which it answers.

To add one: a file beside this one with a class that satisfies `Provider` and its word tables as literal
data, its name in `models.config.PROVIDERS` and in `jobs.providers.registry`, and its tests.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from models.rules.verdicts import Event, Word
from models.words import Channel, FailureReason, RetryClass, Scope


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message ready to be handed over; for SMS only the body matters."""

    message_id: int
    attempt: int
    recipient: str
    body: str
    subject: str = ""
    text: str = ""
    from_address: str = ""
    reply_to: str = ""
    unsubscribe_url: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of handing one message over.

    `word` is one of NOT_SENT, UNKNOWN, ACCEPTED, DELIVERED, FAILED, OPTED_OUT. With scope ACCOUNT the refusal
    is not the message's fault, and the word is NOT_SENT. `retry_after` is in seconds, if the provider named it.
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
        )


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


ReceiptParser = Callable[[Mapping[str, str], bytes, int], Sequence[Event]]
"""Turns one POST of receipts (headers, body, epoch ms of arrival) into events, in the order given.

Raises ValueError for a body that is not the provider's.
"""

"""A provider that answers as it is told, and senders of one campaign that hand over to it."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

import uvloop

from jobs.providers.base import AccountCheck, Outcome, Provider
from jobs.providers.messages import OutgoingMessage
from jobs.runtime.stopping import Stop
from jobs.sending import Sender
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.database import select
from models.operations import running
from models.queries.campaigns import get_campaign
from models.rules.verdicts import Word
from models.words import Channel, FailureReason

Answer = Callable[[OutgoingMessage], Awaitable[Outcome]]


class FaultError(Exception):
    """The provider's code is broken."""


async def accepts(message: OutgoingMessage) -> Outcome:
    return Outcome(message, Word.ACCEPTED, provider_id=f"P{message.message_id}")


async def refuses(message: OutgoingMessage) -> Outcome:
    return Outcome(message, Word.FAILED, reason=FailureReason.BLOCKED, code="30007")


async def loses_the_answer(message: OutgoingMessage) -> Outcome:
    return Outcome(message, Word.UNKNOWN)


async def never_answers(_message: OutgoingMessage) -> Outcome:
    await asyncio.sleep(3600)
    raise AssertionError


async def dies(_message: OutgoingMessage) -> Outcome:
    raise FaultError


async def takes_a_moment(message: OutgoingMessage) -> Outcome:
    await asyncio.sleep(0.01)
    return await accepts(message)


def busy(message: OutgoingMessage, *, retry_after: float | None = None) -> Outcome:
    return Outcome(message, Word.NOT_SENT, code="429", retry_after=retry_after)


async def is_busy(message: OutgoingMessage) -> Outcome:
    return busy(message)


async def is_busy_at_first(message: OutgoingMessage) -> Outcome:
    return busy(message) if message.attempt == 1 else await accepts(message)


@dataclass
class FakeProvider:
    """Answers every message as it was told, and remembers each hand-over with its moment (monotonic)."""

    answer: Answer = accepts
    concurrency: int = 10
    batch_size: int = 1
    channel: Channel = Channel.SMS
    name: str = "simulated"
    speed: float | None = None
    on_hand_over: Callable[[int], object] = lambda _count: None
    handed_over: list[tuple[float, OutgoingMessage]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    held_back: bool = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send(self, batch: Sequence[OutgoingMessage]) -> Sequence[Outcome]:
        self.handed_over += [(time.monotonic(), message) for message in batch]
        self.batches.append(len(batch))
        self.on_hand_over(len(self.handed_over))
        return [await self.answer(message) for message in batch]

    def hold_back(self) -> None:
        self.held_back = True

    async def check_account(self) -> AccountCheck:
        return AccountCheck()

    @property
    def times(self) -> list[float]:
        """When each hand-over began."""
        return [moment for moment, _ in self.handed_over]

    def attempts(self) -> Counter[int]:
        """How often each message was handed over."""
        return Counter(message.message_id for _, message in self.handed_over)


def satisfies(provider: FakeProvider) -> Provider:
    """For the type checker."""
    return provider


@dataclass
class Job:
    """Runs senders of one campaign."""

    config: Config
    stop: Stop
    campaign_id: int

    def send(self, provider: FakeProvider, *, rate: float | Callable[[], float | None] | None = None) -> bool:
        """One sender until its end; whether something may be left."""
        read = rate if callable(rate) else lambda: rate
        sender = Sender(get_campaign(self.campaign_id), satisfies(provider), self.config, self.stop, rate=read)
        return uvloop.run(sender.run())

    def attempts(self) -> dict[int, str | None]:
        """The answer that each attempt in the database has, by message; fails on a second one."""
        rows = select("SELECT message_id, answer FROM attempts WHERE status <> 'not_sent'")
        assert len({message_id for message_id, _ in rows}) == len(rows)
        return dict(rows)

    def stop_campaign(self) -> None:
        running.stop_campaign(self.campaign_id, actor=COMMAND_LINE, now=now_ms())

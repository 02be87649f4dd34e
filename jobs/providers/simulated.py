"""The simulated provider: takes everything, sends nothing, and lets recipients choose their fate (SPEC 10).

It answers after a latency, writing a line per hand-over to `simulated.log` before each answer. The receipts
come from `jobs.simulated_carrier`, which reads that log: so they come even if the process that sent died.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from jobs.providers.base import AccountCheck, Doubt, LookedUp, Outcome
from jobs.providers.messages import OutgoingMessage
from models.providers import SIMULATED
from models.rules.verdicts import Event, Word
from models.words import Channel, FailureReason, RetryClass, Scope

LOG_NAME = "simulated.log"

_FATES_BY_NUMBER = {
    "00": "delivered",
    **{f"{place:02}": f"failed.{reason.value}" for place, reason in enumerate(FailureReason, start=1)},
    "20": "optedout",
    "30": "silent",
    "31": "sent",
    "40": "deferred",
    "50": "lost",
    "51": "lostnever",
    "60": "account",
    "70": "late",
}
FATES = frozenset(_FATES_BY_NUMBER.values())
_NUMBER = re.compile(r"90(\d\d)$")
_ADDRESS = re.compile(r"^sim\.([a-z_.]+)@", re.IGNORECASE)

# A wrong recipient is refused at once; the other failures come by receipt, as with real providers.
REFUSED_AT_ONCE = frozenset(
    {FailureReason.INVALID_RECIPIENT, FailureReason.UNSUPPORTED_RECIPIENT, FailureReason.CONTENT_REJECTED}
)
RETRY_CLASSES = {
    FailureReason.INVALID_RECIPIENT: RetryClass.POINTLESS,
    FailureReason.UNSUPPORTED_RECIPIENT: RetryClass.POINTLESS,
    FailureReason.UNREACHABLE: RetryClass.LIKELY,
    FailureReason.MAILBOX_FULL: RetryClass.LIKELY,
    FailureReason.BLOCKED: RetryClass.POINTLESS,
    FailureReason.CONTENT_REJECTED: RetryClass.POINTLESS,
    FailureReason.RATE_LIMITED: RetryClass.LIKELY,
    FailureReason.EXPIRED: RetryClass.LIKELY,
    FailureReason.CONFIGURATION: RetryClass.POINTLESS,
    FailureReason.INSUFFICIENT_FUNDS: RetryClass.LIKELY,
    FailureReason.PROVIDER_ERROR: RetryClass.MAY_HAVE_ARRIVED,
    FailureReason.UNKNOWN: RetryClass.MAY_HAVE_ARRIVED,
}
# What chance deals to recipients who don't choose: the reasons that a list of real people meets most.
_COMMON_FAILURES = (
    FailureReason.UNREACHABLE,
    FailureReason.INVALID_RECIPIENT,
    FailureReason.UNREACHABLE,
    FailureReason.BLOCKED,
    FailureReason.UNSUPPORTED_RECIPIENT,
    FailureReason.UNKNOWN,
)
SMS_ONLY, EMAIL_ONLY = (
    frozenset({FailureReason.UNSUPPORTED_RECIPIENT}),
    frozenset({FailureReason.MAILBOX_FULL}),
)


@dataclass(frozen=True)
class Simulation:
    """How the simulated world behaves; `mix` weighs the fates of those who don't choose, latency is in ms."""

    seed: int = 1
    latency_ms: float = 80
    speed: float | None = None
    delay_seconds: float = 120
    mix: Mapping[str, float] = field(default_factory=lambda: {"delivered": 1})


@dataclass
class SimulatedProvider:
    """Satisfies `jobs.providers.base.Provider`."""

    channel: Channel
    simulation: Simulation
    directory: Path
    name: str = SIMULATED
    batch_size: int = 1
    concurrency: int = 100
    _log: int = -1

    @property
    def speed(self) -> float | None:
        """Messages per second it takes at most."""
        return self.simulation.speed

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._log >= 0:
            os.close(self._log)

    async def send(self, batch: Sequence[OutgoingMessage]) -> Sequence[Outcome]:
        """One line each in the log, then the answers, after the latency."""
        if self._log < 0:
            self._log = os.open(self.directory / LOG_NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        lines = "".join(hand_over_line(self.channel, message) for message in batch)
        os.write(self._log, lines.encode())  # one write to a file opened for appending: lines never mix
        await asyncio.sleep(self.simulation.latency_ms / 1000)
        return [self._answer(message) for message in batch]

    def hold_back(self) -> None:
        """Nothing waits here: each line is written as soon as it is asked for."""

    async def check_account(self) -> AccountCheck:
        """There is none that could refuse."""
        return AccountCheck()

    async def look_up(
        self,
        asked: Sequence[Doubt],
        *,
        bound: Callable[[Sequence[str]], Collection[str]],  # noqa: ARG002  # an id follows from the hand-over
        at: int,
    ) -> Sequence[LookedUp]:
        """Whatever was handed over, save what `lostnever` says never came."""
        return [LookedUp(doubt, answered=True, event=self._has(doubt, at)) for doubt in asked]

    def _has(self, doubt: Doubt, at: int) -> Event | None:
        fate = fate_of(doubt.recipient, doubt.message_id, doubt.attempt, self.channel, self.simulation)
        if fate == "lostnever":
            return None
        word = Word.DELIVERED if fate in ("lost", "late", "delivered") else Word.ACCEPTED
        provider_id = _provider_id(doubt.message_id, doubt.attempt)
        return Event(doubt.message_id, doubt.attempt, word, at, provider_id=provider_id)

    def _answer(self, message: OutgoingMessage) -> Outcome:
        fate = fate_of(message.recipient, message.message_id, message.attempt, self.channel, self.simulation)
        if fate in ("lost", "lostnever"):
            return Outcome(message, Word.UNKNOWN, text="simulated: the answer was lost")
        if fate == "account":
            return Outcome(
                message,
                Word.NOT_SENT,
                reason=FailureReason.CONFIGURATION,
                scope=Scope.ACCOUNT,
                code="sim-account",
                text="simulated: the account was refused",
            )
        if fate == "optedout":
            return Outcome(message, Word.OPTED_OUT, code="sim-optedout", text="simulated: opted out")
        reason = failure_of(fate)
        if reason in REFUSED_AT_ONCE:
            return Outcome(
                message,
                Word.FAILED,
                reason=reason,
                retry_class=RETRY_CLASSES[reason],
                code=f"sim-{reason}",
                text=f"simulated: {reason}",
            )
        return Outcome(message, Word.ACCEPTED, provider_id=_provider_id(message.message_id, message.attempt))


def _provider_id(message_id: int, attempt: int) -> str:
    return f"SIM{message_id}.{attempt}"


def hand_over_line(channel: Channel, message: OutgoingMessage) -> str:
    """ISO time, channel, message id, attempt, recipient; separated by spaces."""
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return f"{moment} {channel} {message.message_id} {message.attempt} {message.recipient}\n"


def fate_of(recipient: str, message_id: int, attempt: int, channel: Channel, simulation: Simulation) -> str:
    """What becomes of a hand-over: what the recipient chose, else what the seed deals; a retry then mostly arrives."""
    chosen = _chosen(recipient)
    if chosen:
        return chosen
    if attempt > 1:
        return "delivered"
    dice = random.Random(f"{simulation.seed}:{message_id}")  # noqa: S311  # a simulation, no secret
    fate = dice.choices(list(simulation.mix), list(simulation.mix.values()))[0]
    if fate != "failed":
        return "delivered" if fate == "deferred" and channel is Channel.SMS else fate
    unfit = EMAIL_ONLY if channel is Channel.SMS else SMS_ONLY
    return f"failed.{dice.choice([reason for reason in _COMMON_FAILURES if reason not in unfit])}"


def failure_of(fate: str) -> FailureReason | None:
    """The reason in a fate `failed.REASON`."""
    kind, _, reason = fate.partition(".")
    return FailureReason(reason) if kind == "failed" else None


def receipt(message_id: int, attempt: int, word: Word, reason: FailureReason | None = None) -> dict[str, object]:
    """One receipt as the simulated carrier posts it."""
    return {
        "message_id": message_id,
        "attempt": attempt,
        "word": word.value,
        "reason": reason and reason.value,
    }


def parse_receipts(_headers: Mapping[str, str], body: bytes, received_at: int) -> Sequence[Event]:
    """The events of one post of the simulated carrier; raises ValueError for anything else."""
    try:
        return [_event(given, received_at) for given in json.loads(body)]
    except (KeyError, TypeError) as fault:
        raise ValueError(f"not a simulated receipt: {fault}") from fault


def _event(given: Mapping[str, object], received_at: int) -> Event:
    reason = FailureReason(str(given["reason"])) if given["reason"] else None
    return Event(
        int(str(given["message_id"])),
        int(str(given["attempt"])),
        Word(str(given["word"])),
        received_at,
        reason=reason,
        retry_class=RETRY_CLASSES[reason] if reason else None,
        code=f"sim-{reason}" if reason else "",
        text=f"simulated: {reason}" if reason else "",
        scope=Scope.MESSAGE,
        provider_id=f"SIM{given['message_id']}.{given['attempt']}",
    )


def _chosen(recipient: str) -> str | None:
    if by_number := _NUMBER.search(recipient):
        return _FATES_BY_NUMBER.get(by_number[1]) if recipient.startswith("+") else None
    by_name = _ADDRESS.match(recipient)
    return by_name[1].lower() if by_name and by_name[1].lower() in FATES else None

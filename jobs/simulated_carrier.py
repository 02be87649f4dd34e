"""The simulated carrier: reads the log of simulated hand-overs and posts the receipts that follow from it.

All that it does is decided by a line of the log and the seed, so it may die and begin again anywhere: it
then posts again what it is not sure to have posted, which receipts allow. It goes the way of real ones:
through the inbox, out of order, and some of them twice.
"""

import heapq
import json
import random
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import structlog

from jobs.providers.simulated import LOG_NAME, REFUSED_AT_ONCE, Simulation, failure_of, fate_of, receipt
from models.operations.receipts import record_receipts
from models.providers import SIMULATED
from models.rules.timeouts import EMAIL_EVENT, SMS_RECEIPT
from models.rules.verdicts import Word
from models.words import Channel, FailureReason

log = structlog.stdlib.get_logger("signalbox.carrier")

POST_SIZE = 50
TWICE = 0.15
LATE_AFTER = {Channel.SMS: 1.5 * SMS_RECEIPT, Channel.EMAIL: 1.2 * EMAIL_EVENT}  # ms after the hand-over
READ = 1_000_000  # bytes of log at a time


class Due(NamedTuple):
    """A receipt that is to be posted at `at` (epoch ms), and where in the log the line begins that it follows from.

    Its `serial` makes any two of a carrier's posts differ, also those of a receipt that comes twice.
    """

    at: int
    serial: int
    position: int
    receipt: Mapping[str, object]


class Carrier:
    """Holds the receipts that are not due yet."""

    def __init__(self, directory: Path, simulation: Simulation, scale: float) -> None:
        self._log = directory / LOG_NAME
        self._position_file = directory / "simulated.position"
        self._simulation = simulation
        self._scale = scale
        self._pending: list[Due] = []
        self._open_at: dict[int, int] = {}  # where in the log lines with receipts to come begin -> how many
        self._read_to = self._kept_position()
        self._serial = 0

    def work(self, now: int) -> int:
        """Post what is due by `now` (epoch ms); returns how many receipts that were."""
        self._read_log()
        due: list[Due] = []
        while self._pending and self._pending[0].at <= now:
            due.append(heapq.heappop(self._pending))
        total = len(due)
        try:
            while due:
                part = due[:POST_SIZE]
                body = json.dumps([{**entry.receipt, "event": entry.serial} for entry in part]).encode()
                record_receipts(provider=SIMULATED, headers={}, body=body, now=now)
                del due[:POST_SIZE]
                for entry in part:
                    self._close(entry.position)
        finally:
            for entry in due:  # the database refused them, as a provider's posts they come again
                heapq.heappush(self._pending, entry)
        if total:
            self._keep_position()
        return total

    def _read_log(self) -> None:
        if not self._log.exists():
            return
        if self._log.stat().st_size < self._read_to:
            self._read_to = 0  # somebody removed the log, it has begun anew
        with self._log.open("rb") as file:
            file.seek(self._read_to)
            for line in file.read(READ).splitlines(keepends=True):
                if not line.endswith(b"\n"):
                    break  # being written
                self._schedule(line.decode(), self._read_to)
                self._read_to += len(line)

    def _schedule(self, line: str, position: int) -> None:
        try:
            moment, channel, message_id, attempt, recipient = line.rstrip("\n").split(" ", 4)
            handed_over_at = int(datetime.fromisoformat(moment).timestamp() * 1000)
            where = (Channel(channel), int(message_id), int(attempt))
        except ValueError:  # a disk that was full in its midst: its message stays silent, as with real providers
            log.warning("a line of the log can't be read, is left out", position=position)
            return
        fate = fate_of(recipient, where[1], where[2], where[0], self._simulation)
        for at, word, reason in self._course(where, fate, handed_over_at):
            self._serial += 1
            self._open_at[position] = self._open_at.get(position, 0) + 1
            due = Due(at, self._serial, position, receipt(where[1], where[2], word, reason))
            heapq.heappush(self._pending, due)

    def _course(
        self, where: tuple[Channel, int, int], fate: str, since: int
    ) -> Iterator[tuple[int, Word, FailureReason | None]]:
        """The receipts of one hand-over: (when, word, reason)."""
        dice = random.Random(f"{self._simulation.seed}:{where}")  # noqa: S311  # a simulation, no secret
        longest = self._simulation.delay_seconds * 1000

        def after(share: float) -> int:
            return since + int(longest * share * dice.uniform(0.5, 1) / self._scale)

        for share, word, reason in _steps(where[0], fate):
            at = since + int(LATE_AFTER[where[0]] / self._scale) if share is None else after(share)
            yield at, word, reason
            if dice.random() < TWICE:
                yield at + int(dice.uniform(0, longest) / self._scale), word, reason

    def _close(self, position: int) -> None:
        self._open_at[position] -= 1
        if not self._open_at[position]:
            del self._open_at[position]

    def _kept_position(self) -> int:
        """From the beginning if there is none, or a power cut left an empty file."""
        return int(self._position_file.read_text() or 0) if self._position_file.exists() else 0

    def _keep_position(self) -> None:
        """All before it needs no receipt any more."""
        position = min(self._open_at, default=self._read_to)
        draft = self._position_file.with_suffix(".new")
        draft.write_text(str(position))
        draft.replace(self._position_file)


def _steps(channel: Channel, fate: str) -> list[tuple[float | None, Word, FailureReason | None]]:
    """The words of a fate with the share of the longest delay after which they come at most (None: too late).

    Shares overlap on purpose, so that some words overtake others.
    """
    sent = Word.SENT if channel is Channel.SMS else Word.ACCEPTED
    reason = failure_of(fate)
    if reason in REFUSED_AT_ONCE or fate in ("optedout", "account", "lostnever", "silent"):
        return []
    if reason:
        return [(0.4, sent, None), (0.6, Word.FAILED, reason)]
    courses: dict[str, list[tuple[float | None, Word, FailureReason | None]]] = {
        "sent": [(0.4, sent, None)],
        "deferred": [(0.3, Word.DEFERRED, None), (1.0, Word.DELIVERED, None)],
        "late": [(0.4, sent, None), (None, Word.DELIVERED, None)],
    }
    return courses.get(fate, [(0.3, Word.ACCEPTED, None), (0.45, sent, None), (0.6, Word.DELIVERED, None)])

"""A much simpler Signalbox beside the real one: what SPEC 1 and 2 say must be, and a ledger of hand-overs.

No rule of the product decides anything here; only its slugs are the same. Words about a hand-over change this
model exactly. Of a bulk move or a sweep it knows what they may do with a message, and takes over what they did.
Times are epoch milliseconds.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
LEASE = 30 * SECOND
REFUSALS = 5

GOES_ON = ("running", "held")
HOLDS_CHANNEL = ("running", "held", "stopping")
AT_REST = ("draft", "ready", "ended", "failed")
AT_WORK = ("waiting", "queued", "sending", "retrying")
RETRYABLE = ("failed", "unconfirmed")
STRONGEST = {"sms": ("opted_out", "delivered", "failed"), "email": ("opted_out", "failed", "delivered")}
ANSWERS = {"not_sent": "not_sent", "unknown": "unknown", "failed": "refused", "opted_out": "refused"}


class Told(NamedTuple):
    """What a provider may say: a word, a failure's reason, and whether it is about the whole account."""

    word: str
    reason: str | None = None
    account: bool = False


class Said(NamedTuple):
    """What a provider said of one hand-over, and when; `answers` if it is the hand-over's own answer."""

    message_id: int
    number: int
    told: Told
    at: int
    answers: bool = False

    @property
    def word(self) -> str:
        """The word alone."""
        return self.told.word


class Wish(NamedTuple):
    """A person's own word on a channel."""

    channel: str
    key: str
    refuses: bool
    source: str
    at: int


class Row(NamedTuple):
    """What the messages table shows."""

    id: int
    campaign_id: int
    key: str
    status: str
    reason: str | None
    retry_class: str | None
    attempt: int
    updated_at: int


class AttemptRow(NamedTuple):
    """What the attempts table shows."""

    message_id: int
    number: int
    status: str
    answer: str | None
    lookups: int


@dataclass
class Attempt:
    """One claim: who holds it, and what was said of it while it was its message's latest."""

    channel: str
    provider: str
    claimed_at: int
    lease_until: int
    held: bool = True  # by a living process that has not begun the hand-over
    under_way: bool = False  # handed over by a living process that waits for the answer
    answer: str | None = None
    answered_at: int | None = None
    surely_not_sent: bool = False
    said: set[str] = field(default_factory=set)
    reached: bool = False  # a receipt said that the provider has it
    sent_at: int | None = None
    event_at: int = 0
    timed_out: str | None = None
    lookups: int = 0

    @property
    def told(self) -> str | None:
        """The provider's verdict: the strongest that was said, whenever."""
        return next((word for word in STRONGEST[self.channel] if word in self.said), None)

    @property
    def verdict(self) -> str:
        """What it stands at."""
        if self.told:
            return self.told
        if "deferred" in self.said:
            return "failed" if self.timed_out == "failed" else "retrying"
        return self.timed_out or ("not_sent" if self.surely_not_sent else "sending")

    @property
    def in_doubt(self) -> bool:
        """Whether nobody can tell if the provider has it."""
        return self.verdict == "sending" and self.answer == "unknown" and not self.reached

    @property
    def is_heard_of(self) -> bool:
        """Whether its hand-over surely was, or surely was refused."""
        return self.reached or self.answer not in (None, "unknown")

    def renew(self, now: int) -> None:
        """Its holder keeps it for as long again."""
        if self.verdict == "sending" and self.answer is None and not self.reached:
            self.lease_until = now + LEASE

    def hear(self, said: Said) -> None:
        """Note one word."""
        if said.answers and self.answer in (None, "unknown"):
            self.answer = ANSWERS.get(said.word, "accepted")
            self.answered_at = said.at
        if said.word == "not_sent":
            self.surely_not_sent |= self.verdict == "sending" and not self.reached
        elif said.word in STRONGEST[self.channel] or (said.word == "deferred" and self.channel == "email"):
            self.said.add(said.word)
        if said.answers:
            return
        self.reached |= said.word in ("accepted", "sent")
        if said.word == "sent":
            self.sent_at = min(said.at, self.sent_at or said.at)
        if self.verdict in ("sending", "retrying"):
            self.event_at = max(said.at, self.event_at)

    def earliest(self, becomes: str) -> float:
        """When our own time-out may make it that (SPEC 2's table); infinity where it never may."""
        handed_over = min(self.claimed_at, self.answered_at or self.claimed_at)
        if becomes == "failed":
            return handed_over + 73 * HOUR if self.verdict == "retrying" else math.inf
        if self.verdict != "sending":
            return math.inf
        if self.channel == "sms":
            return self._earliest_assumed() if becomes == "assumed_delivered" else self._earliest_in_doubt(handed_over)
        if becomes == "assumed_delivered":
            return math.inf
        at_once = self.provider == "smtp" and self.answer == "unknown"
        return handed_over if at_once else max(handed_over, self.event_at) + HOUR

    def _earliest_assumed(self) -> float:
        accepted_at = self.answered_at if self.answer == "accepted" and not self.reached else None
        since = self.sent_at or accepted_at
        return math.inf if since is None else since + 10 * MINUTE

    def _earliest_in_doubt(self, handed_over: int) -> float:
        if self.sent_at:
            return math.inf
        if self.reached:
            return handed_over + 4 * HOUR + 10 * MINUTE
        if self.answer != "unknown":
            return math.inf
        looked_up = self.provider == "twilio" and self.lookups == 2
        return handed_over + (2 if looked_up else 10) * MINUTE


@dataclass
class Message:
    """One imported row; `retry_after` is which attempt was its latest when a person's retry last queued it."""

    id: int
    campaign: "Campaign"
    key: str
    status: str
    attempts: list[Attempt] = field(default_factory=list)
    retried: bool = False
    retry_after: int | None = None
    reason: str | None = None
    updated_at: int = 0

    @property
    def refuses(self) -> tuple[str, str]:
        """As the list of those who refuse would name the recipient."""
        return self.campaign.channel, self.key

    @property
    def may_be_handed_over(self) -> bool:
        """Never twice: what came before was surely not sent, or a person has confirmed a retry since."""
        number = len(self.attempts)
        return not number or self.attempts[-1].surely_not_sent or self.retry_after == number

    def resting_place(self, attempts: Sequence[Attempt]) -> str:
        """Where it goes when it leaves the queue: Cancelled, or after a person's retry the last verdict by now.

        A deferral of an attempt that is no longer the latest is in doubt: its receipts count no more.
        """
        verdicts = [one for one in attempts if self.retried and one.verdict not in ("sending", "not_sent")]
        if not verdicts:
            return "cancelled"
        last = verdicts[-1]
        return "unconfirmed" if last.verdict == "retrying" and last is not self.attempts[-1] else last.verdict


class Asked(NamedTuple):
    """Which messages somebody means who confirms a retry at `at`; no ids or reasons stand for any.

    `attempts` is how many each message had then: one that has had another since is no longer meant. What fails
    later is not, either, as far as clocks can tell.
    """

    at: int
    attempts: dict[int, int]
    ids: tuple[int, ...]
    reasons: tuple[str, ...]
    unconfirmed: bool

    def means(self, message: Message) -> bool:
        """Whether it is one of them, and still to be retried."""
        by_reason = message.status == "failed" and (not self.reasons or message.reason in self.reasons)
        return (
            message.updated_at <= self.at
            and self.attempts[message.id] == len(message.attempts)
            and (not self.ids or message.id in self.ids)
            and (by_reason or (message.status == "unconfirmed" and self.unconfirmed))
        )


@dataclass
class Campaign:
    """A living campaign; `asked` is what the retry behind a bulk move means, by the move's id.

    `fixed_at` is when the set of the latest retry was fixed: each is later than the one before, whatever clocks say.
    """

    id: int
    name: str
    channel: str
    phase: str = "draft"
    messages: dict[int, Message] = field(default_factory=dict)
    asked: dict[int, Asked] = field(default_factory=dict)
    fixed_at: int = 0
    refusals: int = 0
    refused_fifth: bool = False
    near_guard: bool = False
    failed_first: bool = False

    def count(self, *statuses: str) -> int:
        """How many messages stand there."""
        return sum(message.status in statuses for message in self.messages.values())

    def queue(self) -> list[Message]:
        """What is Queued, in the order of claims."""
        return [message for _, message in sorted(self.messages.items()) if message.status == "queued"]

    def ask(self, ids: Sequence[int], reasons: Sequence[str], *, unconfirmed: bool, now: int) -> Asked:
        """What a person asks to be retried."""
        at = max(now, self.fixed_at + 1)
        attempts = {message.id: len(message.attempts) for message in self.messages.values()}
        return Asked(at, attempts, tuple(ids), tuple(reasons), unconfirmed)

    def confirm_retry(self, move_id: int, asked: Asked) -> None:
        """It was confirmed, which is the bulk move `move_id`."""
        self.asked[move_id] = asked
        self.fixed_at = asked.at
        if self.phase != "running":
            self.start()

    def start(self) -> None:
        """Enter `running`."""
        self.phase = "running"
        self.refusals = 0

    def resume(self) -> None:
        """Go on; with nothing to go on with, only the Failed state ends."""
        if self.phase == "failed" and not self.count("cancelled", "queued", "waiting", "sending"):
            self.phase = "ended"
            return
        self.start()
        self.near_guard = False

    def refused(self) -> None:
        """The account was refused once more."""
        self.refusals += 1
        self.refused_fifth |= self.refusals >= REFUSALS


class Life:
    """The campaigns and their messages, who refuses what, and what the provider was handed."""

    def __init__(self) -> None:
        self.campaigns: dict[int, Campaign] = {}
        self.messages: dict[int, Message] = {}
        self.refusing: dict[tuple[str, str], tuple[str, int]] = {}
        self.ledger: Counter[tuple[int, int]] = Counter()
        self.moved: Counter[int] = Counter()
        self.may: dict[int, set[str]] = {}  # what this step may make of a message that nothing was said about
        self.emptying: int | None = None  # the campaign from which this step may remove messages
        self.sweeping = False

    # What people and processes do

    def import_rows(self, campaign: Campaign, rows: Iterable[Row], expected: dict[str, str]) -> None:
        """Take over what an import has made of a file; `expected` is the status of each key that is in it."""
        found = [row for row in rows if row.campaign_id == campaign.id]
        assert {row.key: row.status for row in found} == expected
        assert len(found) == len(expected)
        for message_id in campaign.messages:
            del self.messages[message_id]
        campaign.messages = {row.id: Message(row.id, campaign, row.key, row.status) for row in found}
        self.messages |= campaign.messages

    def blocker(self, campaign: Campaign) -> Campaign | None:
        """The other campaign that holds the channel."""
        others = (one for one in self.campaigns.values() if one is not campaign and one.channel == campaign.channel)
        return next((one for one in others if one.phase in HOLDS_CHANNEL), None)

    def may_do(self, act: str, campaign: Campaign) -> bool:
        """SPEC 1's table of actions."""
        phase, free = campaign.phase, not self.blocker(campaign)
        if act == "run":
            return phase == "ready" and campaign.count("waiting") > 0 and free
        if act == "stop":
            return phase in GOES_ON
        if act == "resume":
            return (phase in ("failed", "held", "stopping") or self._is_stopped(campaign)) and free
        if act == "retry":
            comes_to_rest = phase == "failed" and campaign.count("queued") > 0
            retried = phase in ("running", "ended", "failed") and not comes_to_rest
            return retried and campaign.count(*RETRYABLE) > 0 and free
        assert act == "delete"
        return phase in AT_REST and not campaign.count("sending", "retrying")

    @staticmethod
    def _is_stopped(campaign: Campaign) -> bool:
        return campaign.phase == "ended" and campaign.count("cancelled") > 0

    def claim(self, campaign: Campaign, provider: str, limit: int, now: int) -> list[tuple[int, int]]:
        """What a claim must take, as (message id, attempt)."""
        taken = []
        for message in campaign.queue()[:limit] if campaign.phase == "running" else ():
            if message.refuses in self.refusing:
                message.status = "opted_out"
                continue
            assert message.may_be_handed_over, f"{message} would be handed over again"
            message.attempts.append(Attempt(campaign.channel, provider, now, now + LEASE))
            message.status = "sending"
            taken.append((message.id, len(message.attempts)))
        return taken

    def hand_over(self, message_id: int, number: int) -> None:
        """The provider gets it."""
        self.ledger[message_id, number] += 1
        assert self.ledger[message_id, number] == 1, f"attempt {number} of message {message_id} was handed over twice"

    def give_back(self, message_id: int, number: int) -> bool:
        """A process gives back a claim; whether that must undo it."""
        message = self.messages.get(message_id)
        if message is None or number != len(message.attempts) or message.status != "sending":
            return False
        attempt = message.attempts[-1]
        if attempt.is_heard_of:
            return False
        message.attempts.pop()
        goes_on = message.campaign.phase in GOES_ON
        message.status = "queued" if goes_on else message.resting_place(message.attempts)
        return True

    def doubts(self, now: int) -> list[tuple[int, int]]:
        """The hand-overs that Twilio is to be asked about: twice, a minute apart."""
        found = ((message, message.attempts[-1]) for message in self.messages.values() if message.attempts)
        return sorted(
            (message.id, len(message.attempts))
            for message, attempt in found
            if attempt.provider == "twilio" and attempt.in_doubt and message.status == "sending"
            if attempt.lookups < 2 and now >= attempt.claimed_at + (attempt.lookups + 1) * MINUTE
        )

    def look_in_vain(self, asked: Iterable[tuple[int, int]]) -> None:
        """Twilio has nothing of these."""
        for message_id, number in asked:
            message = self.messages.get(message_id)
            if message is not None and number == len(message.attempts) and message.attempts[-1].in_doubt:
                message.attempts[-1].lookups += 1

    def hear(self, words: Iterable[Said], now: int) -> None:
        """Words about hand-overs, all of them settled at once."""
        for said in words:
            message = self.messages.get(said.message_id)
            if message is not None and said.number == len(message.attempts):
                self._hear(message, message.attempts[-1], said, now)

    def _hear(self, message: Message, attempt: Attempt, said: Said, now: int) -> None:
        unanswered, told, verdict = attempt.answer in (None, "unknown"), attempt.told, attempt.verdict
        attempt.hear(said)
        if said.answers and said.word in ("accepted", "delivered"):
            message.campaign.refusals = 0
        elif said.told.account and (unanswered if said.answers else attempt.told != told):
            message.campaign.refused()
        if attempt.told == "opted_out" != told:
            self.refusing.setdefault(message.refuses, ("provider", now))
        message.campaign.failed_first |= attempt.told == "failed" != told and not message.retried
        if attempt.verdict != verdict:
            self._follow(message, verdict, attempt.verdict)

    def _follow(self, message: Message, before: str, after: str) -> None:
        if message.status != before:
            if message.status in ("queued", "cancelled") and after == "delivered":
                message.status = "delivered"  # its retry is dropped
        elif after != "not_sent":
            message.status = after
        elif message.campaign.phase in GOES_ON:
            message.status = "queued"
        else:
            message.status = message.resting_place(message.attempts[:-1])

    def wish(self, wishes: Iterable[Wish]) -> None:
        """People's own words, in their order."""
        for said in wishes:
            person = said.channel, said.key
            if said.refuses:
                self.refusing.setdefault(person, (said.source, said.at))
            elif person in self.refusing:
                source, at = self.refusing[person]
                if at <= said.at and said.source in ("inbound", source):
                    del self.refusing[person]

    # What bulk moves and sweeps may do

    def expect_slice(self, campaign: Campaign, move_id: int, kind: str) -> None:
        """One slice of a bulk move."""
        if kind == "delete":
            self.emptying = campaign.id
        for message in campaign.messages.values():
            becomes = self._moved(message, kind, campaign.asked.get(move_id))
            if becomes:
                self.may[message.id] = {message.status, becomes}

    def _moved(self, message: Message, kind: str, asked: Asked | None) -> str | None:
        if kind in ("stop", "fail"):
            queued = message.resting_place(message.attempts) if message.status == "queued" else None
            return "cancelled" if message.status == "waiting" else queued
        if asked is not None:
            return "queued" if asked.means(message) and message.refuses not in self.refusing else None
        begins = {"run": ("waiting",), "resume": ("cancelled", "waiting")}
        return "queued" if message.status in begins.get(kind, ()) else None

    def expect_sweep(self, now: int) -> None:
        """A sweep of what is due."""
        self.sweeping = True
        for message in self.messages.values():
            if message.status not in ("sending", "retrying"):
                continue
            ends = [
                end
                for end in ("assumed_delivered", "unconfirmed", "failed")
                if message.attempts[-1].earliest(end) <= now
            ]
            self.may[message.id] = {message.status, *ends}

    # What is seen after each step

    def see_messages(self, rows: Sequence[Row], move: tuple[int, str] | None) -> None:
        """Compare every message; `move` is the (id, kind) of the bulk move that was at work."""
        seen = {row.id for row in rows}
        for message_id in [message_id for message_id in self.messages if message_id not in seen]:
            self._forget(message_id, move)
        assert seen == self.messages.keys(), "rows that nobody imported"
        for row in rows:
            message = self.messages[row.id]
            options = self.may.get(row.id, {message.status})
            assert row.status in options, f"{row} may be {options}: {message}"
            assert row.attempt == len(message.attempts), f"{row}: {message}"
            assert (row.status == "failed") == (row.reason is not None), row
            if row.status != message.status:
                self._take_over(message, row.status, move)
            message.reason, message.updated_at = row.reason, row.updated_at
        self.may.clear()
        self.emptying = None

    def _forget(self, message_id: int, move: tuple[int, str] | None) -> None:
        message = self.messages.pop(message_id)
        assert message.campaign.id == self.emptying, f"{message} is lost"
        del message.campaign.messages[message_id]
        if move:
            self.moved[move[0]] += 1

    def _take_over(self, message: Message, status: str, move: tuple[int, str] | None) -> None:
        """What a bulk move or a sweep chose to do."""
        if self.sweeping:
            message.attempts[-1].timed_out = status
        elif move:
            self.moved[move[0]] += 1
            if move[1] == "retry":
                message.retried, message.retry_after = True, len(message.attempts)
        message.status = status

    def see_attempts(self, rows: Iterable[AttemptRow], now: int) -> None:
        """Compare every attempt; only a sweep may decide that an answer is lost, and only after the lease."""
        seen = set()
        for row in rows:
            attempt = self.messages[row.message_id].attempts[row.number - 1]
            seen.add((row.message_id, row.number))
            if self.sweeping and row.answer == "unknown" and attempt.answer is None and now >= attempt.lease_until:
                attempt.answer = "unknown"
            assert (row.status, row.answer, row.lookups) == (attempt.verdict, attempt.answer, attempt.lookups), (
                f"{row}: {attempt}"
            )
        assert len(seen) == sum(len(message.attempts) for message in self.messages.values()), "attempts are missing"
        self.sweeping = False

    def see_phases(self, phases: dict[int, str], moving: set[int]) -> list[tuple[str, int]]:
        """Compare every campaign; returns what they came to by themselves, as the audit must tell it."""
        told = []
        for campaign in list(self.campaigns.values()):
            phase = phases.pop(campaign.id, None)
            if phase is None:
                assert campaign.phase == "deleting", f"{campaign.name} is lost"
                assert not campaign.messages
                del self.campaigns[campaign.id]
            elif phase != campaign.phase:
                assert self._by_itself(campaign, phase, moving), f"{campaign} is {phase}"
                told.append(({"ended": "end", "failed": "fail", "held": "hold"}[phase], campaign.id))
                campaign.phase = phase
            assert not (campaign.refused_fifth and campaign.phase in GOES_ON), f"{campaign} goes on after the fifth"
            campaign.refused_fifth = campaign.failed_first = False
        assert not phases, "campaigns that nobody made"
        return told

    @staticmethod
    def _by_itself(campaign: Campaign, phase: str, moving: set[int]) -> bool:
        if phase == "ended":
            done = not campaign.count("queued", "sending") and campaign.id not in moving
            return done and campaign.phase in HOLDS_CHANNEL
        if phase == "failed":
            return campaign.refused_fifth and campaign.phase in GOES_ON
        tripped = campaign.near_guard and campaign.failed_first and campaign.count("queued") > 0
        return phase == "held" and campaign.phase == "running" and tripped

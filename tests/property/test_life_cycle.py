"""The life of campaigns on a real database: any acts, answers, receipts, crashes and moments, in any order.

Hypothesis makes up the stories; `tests.property.life` says after each step what must be, and what never may. A run
is the same every time, so that what it finds can be looked at. To look for more, let it make up other stories:

    LIFE_CYCLE_EXAMPLES=5000 pytest tests/property/test_life_cycle.py

and if a story fails there, hypothesis prints it step by step, as short as it can.
"""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from models import hints
from models.actors import Actor
from models.database import execute, select, snapshot, transaction
from models.errors import CampaignError, NotFoundError
from models.hints import SENDING, Work
from models.operations import campaigns, doubts, exporting, importing, optouts, retrying, running, sending, watching
from models.operations.counters import recount
from models.operations.files import read_file
from models.operations.moving import Mover
from models.operations.receipts import apply_receipts, record_receipts
from models.operations.settling import settle
from models.operations.sweeping import find_work, sweep_due
from models.rules.criteria import Criteria
from models.rules.guard import LIMIT
from models.rules.preferences import Preference
from models.rules.verdicts import Event, Word
from models.tables import Export
from models.unsubscribe import refuser_of, token_of
from models.words import Channel, FailureReason, OptOutSource, Role, Scope, Silence, Surface
from tests.factories import NOW, message_for, start_import, tables
from tests.property.life import (
    AT_REST,
    AT_WORK,
    GOES_ON,
    HOUR,
    LEASE,
    MINUTE,
    SECOND,
    AttemptRow,
    Attempt,
    Campaign,
    Life,
    Row,
    Said,
    Wish,
)

T = TypeVar("T")
LIVING = 2  # campaigns on each channel
PEOPLE = 6
ALICE = Actor(None, "Alice", Role.ORG_ADMIN, Surface.PANEL)
PROVIDERS = {"sms": ("twilio", "simulated"), "email": ("sendgrid", "smtp", "simulated")}
RECIPIENTS = {
    "sms": [f"+1415555000{number}" for number in range(PEOPLE)],
    "email": [f"Person{number}@Example.com" for number in range(PEOPLE)],
}
JUMPS = (SECOND, LEASE + SECOND, 10 * MINUTE, HOUR, 73 * HOUR)
KEPT = ("audit", "settings", "people")  # the audit can't be cleared, by design


class Reply(tuple[str, str | None, bool]):
    """What may be said of a hand-over: the word, a failure's reason, and whether it is about the whole account."""


TAKEN = [("accepted", None, False), ("delivered", None, False)]
REFUSED = [("failed", "blocked", False), ("failed", "invalid_recipient", False), ("opted_out", None, False)]
# The account's failures say least, so that one told after another failure changes nothing of it.
ACCOUNT = ("failed", "unknown", True)
REPLIES = [*TAKEN, *REFUSED, ("not_sent", None, False), ("not_sent", None, True), ("unknown", None, False), None]
RECEIPTS = [*TAKEN, *REFUSED, ACCOUNT, ("sent", None, False), ("deferred", None, False)]

picks = st.integers(0, 11)
few = st.integers(1, 3)


def events_of(words: Sequence[Said]) -> list[Event]:
    """What the product is told."""
    return [
        Event(
            said.message_id,
            said.number,
            Word(said.word),
            said.at,
            answers=said.answers,
            reason=FailureReason(said.reason) if said.reason else None,
            scope=Scope.ACCOUNT if said.account else Scope.MESSAGE,
        )
        for said in words
    ]


def parse(_headers: Mapping[str, str], body: bytes, at: int) -> list[Event | Preference]:
    """A post as `Story.post` writes it."""
    post = json.loads(body)
    preferences = [
        Preference(Channel(channel), key, refuses, OptOutSource(source), at)
        for channel, key, refuses, source in post["wishes"]
    ]
    return [
        *events_of([Said(*ids, word, at, False, reason, account) for *ids, word, reason, account in post["words"]]),
        *preferences,
    ]


def clear_tables() -> None:
    """Forget the story before; much quicker than a new database."""
    with transaction():
        for table in tables():
            if table not in KEPT:
                execute(f"DELETE FROM {table}")


class Story(RuleBasedStateMachine):
    """One story of up to 50 steps, told to the product and to the model alike."""

    def __init__(self) -> None:
        super().__init__()
        clear_tables()
        self.life = Life()
        self.now = NOW
        self.names = 0
        self.acts: list[tuple[str, int | None]] = []
        self.silences = False
        self.move: tuple[int, str] | None = None
        self.handed_over: list[tuple[int, int]] = []
        self.posted: list[tuple[int, list[Said], list[Wish]]] = []
        self.asked_about: list[doubts.InDoubt] | None = None
        self.as_told = True
        self.audited = int(select("SELECT COALESCE(MAX(id), 0) FROM audit")[0][0])

    # Choices

    def campaigns(self, *phases: str) -> list[Campaign]:
        return [one for one in self.life.campaigns.values() if not phases or one.phase in phases]

    def doable(self, act: str) -> list[Campaign]:
        return [one for one in self.life.campaigns.values() if self.life.may_do(act, one)]

    def claims(self, **wanted: bool) -> list[tuple[int, int, Attempt]]:
        """The latest attempts of which all of this is so, as (message id, attempt, what is known of it)."""
        return [
            (message.id, len(message.attempts), message.attempts[-1])
            for message in self.life.messages.values()
            if message.attempts and all(getattr(message.attempts[-1], name) == is_so for name, is_so in wanted.items())
        ]

    def tick(self) -> int:
        """The moment of an act: time passes between any two."""
        self.now += 1
        return self.now

    # What people do

    @initialize(counts=st.tuples(few, few))
    def two_campaigns(self, counts: tuple[int, int]) -> None:
        for channel, count in zip(("sms", "email"), counts, strict=True):
            campaign = self._draft(channel)
            self._import(campaign, 0, 2 + count, refused=False, repeated=False)
            self._finish(campaign)

    @precondition(lambda self: any(self._has_room(channel) for channel in PROVIDERS))
    @rule(pick=picks, first=picks, count=st.integers(3, PEOPLE), refused=st.booleans(), repeated=st.booleans())
    def import_contacts(self, pick: int, first: int, count: int, refused: bool, repeated: bool) -> None:
        campaign = self._draft(chosen([channel for channel in PROVIDERS if self._has_room(channel)], pick))
        self._import(campaign, first, count, refused=refused, repeated=repeated)

    @precondition(lambda self: self.campaigns("draft"))
    @rule(pick=picks, first=picks, count=st.integers(3, PEOPLE))
    def import_again(self, pick: int, first: int, count: int) -> None:
        self._import(chosen(self.campaigns("draft"), pick), first, count, refused=False, repeated=False)

    @precondition(lambda self: self.campaigns("draft"))
    @rule(pick=picks)
    def finish_the_draft(self, pick: int) -> None:
        self._finish(chosen(self.campaigns("draft"), pick))

    @precondition(lambda self: self.doable("run"))
    @rule(pick=picks)
    def run(self, pick: int) -> None:
        campaign = chosen(self.doable("run"), pick)
        running.run_campaign(campaign.id, actor=ALICE, disclaimer_accepted=True, now=self.tick())
        campaign.start()
        self.acts.append(("run", campaign.id))

    @precondition(lambda self: self.doable("stop"))
    @rule(pick=picks)
    def stop(self, pick: int) -> None:
        self._stop(chosen(self.doable("stop"), pick))

    @precondition(lambda self: self.doable("resume"))
    @rule(pick=picks)
    def resume(self, pick: int) -> None:
        campaign = chosen(self.doable("resume"), pick)
        running.resume_campaign(campaign.id, actor=ALICE, now=self.tick())
        if campaign.phase == "failed" and not campaign.count("cancelled", "queued", "waiting", "sending"):
            campaign.phase = "ended"
        else:
            campaign.start()
            campaign.near_guard = False
        self.acts.append(("resume", campaign.id))

    @precondition(lambda self: self.doable("retry"))
    @rule(
        pick=picks,
        reasons=st.sampled_from([(), (), ("blocked",), ("invalid_recipient", "expired")]),
        one=st.none() | picks,
        unconfirmed=st.booleans(),
    )
    def retry(self, pick: int, reasons: tuple[str, ...], one: int | None, unconfirmed: bool) -> None:
        campaign = chosen(self.doable("retry"), pick)
        now = self.tick()
        ids = () if one is None else (chosen(sorted(campaign.messages), one),)
        meant = campaign.retryable(ids, reasons, unconfirmed=unconfirmed, now=now)
        criteria = Criteria(reasons=reasons, message_ids=ids)
        try:
            moved = retrying.retry_messages(
                campaign.id, actor=ALICE, criteria=criteria, include_unconfirmed=unconfirmed, now=now
            )
        except CampaignError:
            assert not meant
            return
        assert moved.messages == len(meant)
        assert moved.move_id is not None
        campaign.confirm_retry(moved.move_id, meant)
        self.acts.append(("retry", campaign.id))

    @precondition(lambda self: self.doable("delete"))
    @rule(pick=picks)
    def delete(self, pick: int) -> None:
        campaign = chosen(self.doable("delete"), pick)
        running.delete_campaign(campaign.id, actor=ALICE, typed_name=campaign.name, now=self.tick())
        campaign.phase = "deleting"
        self.acts.append(("delete", campaign.id))

    @rule(pick=picks, act=st.sampled_from(["run", "stop", "resume", "retry", "delete"]))
    def ask_for_what_is_refused(self, pick: int, act: str) -> None:
        campaigns_ = [one for one in self.campaigns() if not self.life.may_do(act, one)]
        if not campaigns_:
            return
        campaign = chosen(campaigns_, pick)
        with pytest.raises(CampaignError):
            self._do(act, campaign)

    @precondition(lambda self: self.campaigns())
    @rule(pick=picks)
    def export(self, pick: int) -> None:
        campaign = chosen(self.campaigns(), pick)
        export_id = exporting.start_export(campaign.id, criteria=Criteria(), actor=ALICE, now=self.tick())
        exporting.do_export(export_id, clock=self.tick)
        self.acts.append(("export", campaign.id))
        export = Export.get_by_id(export_id)
        if campaign.phase == "deleting":
            assert export.state == "refused"
            return
        text = b"".join(read_file(export.file_id)).decode("utf-8-sig")
        rows = [(row["recipient"].lower(), row["status"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
        assert rows == [(message.key, message.status) for _, message in sorted(campaign.messages.items())]
        assert export.totals == Counter(status for _, status in rows)

    # What processes do

    @precondition(lambda self: self._moves())
    @rule(pick=picks, size=few)
    def move_a_slice(self, pick: int, size: int) -> None:
        self._advance(chosen(sorted({campaign_id for _, campaign_id, _ in self._moves()}), pick), size)

    @precondition(lambda self: self.campaigns("running"))
    @rule(pick=picks, provider=picks, limit=few)
    def claim(self, pick: int, provider: int, limit: int) -> None:
        campaign = chosen([one for one in self.campaigns("running") if one.queue()] or self.campaigns("running"), pick)
        self._claim(campaign, chosen(PROVIDERS[campaign.channel], provider), limit)

    @precondition(lambda self: self.campaigns("held", "stopping", "ended", "failed", "deleting"))
    @rule(pick=picks)
    def claim_of_what_does_not_run(self, pick: int) -> None:
        self._claim(chosen(self.campaigns("held", "stopping", "ended", "failed", "deleting"), pick), "simulated", 3)

    @precondition(lambda self: self._startable())
    @rule(replies=st.lists(st.sampled_from(REPLIES), min_size=1, max_size=3))
    def hand_over(self, replies: list[tuple[str, str | None, bool] | None]) -> None:
        """To the provider, which answers at once or, with None, not yet."""
        now, words = self.tick(), []
        for (message_id, number, attempt), reply in zip(self._startable(), replies, strict=False):
            self._begin(message_id, number, attempt)
            attempt.under_way = reply is None
            if reply:
                words.append(answer_to(message_id, number, reply, now))
        self._settle(words)

    @precondition(lambda self: self.claims(under_way=True))
    @rule(pick=picks, reply=st.sampled_from(REPLIES[:-1]))
    def answer_late(self, pick: int, reply: tuple[str, str | None, bool]) -> None:
        message_id, number, attempt = chosen(self.claims(under_way=True), pick)
        attempt.under_way = False
        self._settle([answer_to(message_id, number, reply, self.tick())])

    @precondition(lambda self: self.claims(held=True) or self.claims(under_way=True))
    @rule(arrived=st.booleans())
    def lose_the_processes(self, arrived: bool) -> None:
        """All that send die, before or after the provider got what they held; nobody can tell."""
        for message_id, number, attempt in self._startable() if arrived else ():
            self._begin(message_id, number, attempt)
        for _, _, attempt in [*self.claims(held=True), *self.claims(under_way=True)]:
            attempt.held = attempt.under_way = False

    @precondition(lambda self: self.claims(held=True))
    @rule(count=few)
    def give_back(self, count: int) -> None:
        self._give_back(self.claims(held=True)[:count])

    @precondition(lambda self: self.claims(held=False))
    @rule(pick=picks)
    def give_back_what_was_heard_of(self, pick: int) -> None:
        """No process does, and nothing may come of it."""
        heard = [
            claim for claim in self.claims(held=False) if claim[2].answer not in (None, "unknown") or claim[2].reached
        ]
        self._give_back([chosen(heard, pick)] if heard else [])

    @precondition(lambda self: self.claims(held=True))
    @rule()
    def renew_the_leases(self) -> None:
        now = self.tick()
        claims = self.claims(held=True) + self.claims(under_way=True)
        sending.renew_leases([claim[:2] for claim in claims], lease_ms=LEASE, now=now)
        for _, _, attempt in claims:
            if attempt.answer is None and not attempt.reached and attempt.verdict == "sending":
                attempt.lease_until = now + LEASE

    @precondition(lambda self: self.campaigns("running"))
    @rule(pick=picks, times=st.integers(1, 5))
    def lose_the_configuration(self, pick: int, times: int) -> None:
        campaign = chosen(self.campaigns("running"), pick)
        for _ in range(times):
            watching.refuse_configuration(campaign.id, "not configured", now=self.tick())
            campaign.refused()

    @precondition(lambda self: self.campaigns("running"))
    @rule(pick=picks)
    def come_near_the_guard(self, pick: int) -> None:
        """As though all but one of the failures that hold a campaign had been."""
        campaign = chosen(self.campaigns("running"), pick)
        with transaction():
            execute("UPDATE campaigns SET guard_window = ? WHERE id = ?", "f" * (LIMIT - 1), campaign.id)
        campaign.near_guard = True

    # What is said

    @precondition(lambda self: self.handed_over)
    @rule(told=st.lists(st.tuples(picks, st.sampled_from(RECEIPTS)), min_size=1, max_size=3), twice=st.booleans())
    def receive(self, told: list[tuple[int, tuple[str, str | None, bool]]], twice: bool) -> None:
        words = self._receipts(told, self.tick())
        self._settle(words + words if twice else words)

    @precondition(lambda self: self.handed_over)
    @rule(
        told=st.lists(st.tuples(picks, st.sampled_from(RECEIPTS)), min_size=1, max_size=3),
        wishes=st.lists(st.tuples(picks, st.booleans(), st.sampled_from(["inbound", "complaint"])), max_size=1),
    )
    def post(self, told: list[tuple[int, tuple[str, str | None, bool]]], wishes: list[tuple[int, bool, str]]) -> None:
        now = self.tick()
        words = self._receipts(told, now)
        wanted = [Wish(*chosen(PERSONS, pick), refuses, source, now) for pick, refuses, source in wishes]
        body = {
            "words": [(said.message_id, said.number, said.word, said.reason, said.account) for said in words],
            "wishes": [wish[:4] for wish in wanted],
            "at": now,
        }
        for is_new in (True, False):
            kept = record_receipts(provider="post", headers={}, body=json.dumps(body).encode(), now=now)
            assert kept == is_new
        self.posted.append((now, words, wanted))

    @precondition(lambda self: self.posted)
    @rule()
    def apply_the_posts(self) -> None:
        self._apply(self.tick())

    @precondition(lambda self: self.asked_about is None)
    @rule()
    def ask_about_doubts(self) -> None:
        now = self.tick()
        due = doubts.doubts_due(now=now, scale=1, limit=100)
        assert sorted((one.message_id, one.attempt) for one in due) == self._doubts(now)
        self.asked_about = due or None

    @precondition(lambda self: self.asked_about)
    @rule(found=st.sampled_from([None, *RECEIPTS[:4], ("sent", None, False)]))
    def note_what_was_found(self, found: tuple[str, str | None, bool] | None) -> None:
        """Of what the provider has; whatever else has happened since it was asked."""
        now, words, in_vain = self.tick(), [], []
        for doubt in self.asked_about or ():
            one = doubt.message_id, doubt.attempt
            if found and self.life.ledger[one]:
                words.append(Said(*one, found[0], now, False, *found[1:]))
            else:
                in_vain.append(one)
        self.asked_about = None
        self.life.hear(words, now)
        self.life.look_up_in_vain(in_vain)
        doubts.note_lookups(events_of(words), in_vain, now=now, scale=1)

    # Who refuses

    @rule(pick=picks, how=st.sampled_from(["hand", "link", "inbound", "complaint"]))
    def opt_out(self, pick: int, how: str) -> None:
        channel, key = chosen(PERSONS, pick)
        now = self.tick()
        is_new = (channel, key) not in self.life.refusing
        if how == "hand":
            assert optouts.opt_out(Channel(channel), key, actor=ALICE, now=now) == is_new
            self.acts += [("opt_out", None)] if is_new else []
        elif how == "link":
            assert optouts.opt_out_by_link(refuser_of(token_of(Channel(channel), key)), now=now) == is_new
        else:
            self._prefer(channel, key, True, how, now)
        self.life.wish([Wish(channel, key, True, how, now)])

    @precondition(lambda self: self.life.refusing)
    @rule(pick=picks, how=st.sampled_from(["hand", "inbound", "complaint"]))
    def opt_in(self, pick: int, how: str) -> None:
        channel, key = chosen(sorted(self.life.refusing), pick)
        now = self.tick()
        if how == "hand":
            optouts.opt_in(Channel(channel), key, actor=ALICE, now=now)
            del self.life.refusing[channel, key]
            self.acts.append(("opt_in", None))
        else:
            self._prefer(channel, key, False, how, now)
            self.life.wish([Wish(channel, key, False, how, now)])

    # Time

    @rule(jump=st.sampled_from(JUMPS))
    def wait(self, jump: int) -> None:
        self.now += jump

    @rule(back=st.integers(1, 2 * SECOND))
    def set_the_clock_back(self, back: int) -> None:
        self.now -= back

    @rule()
    def sweep(self) -> None:
        self._sweep(self.tick())

    @rule()
    def find_work(self) -> None:
        self._find_work(self.tick())

    @rule()
    def notice_silence(self) -> None:
        watching.notice_silence({Channel.SMS: "twilio", Channel.EMAIL: "smtp"}, now=self.tick(), scale=1)
        self.silences = True

"""The life of campaigns on a real database: any acts, answers, receipts, crashes and moments, in any order.

Hypothesis makes up the stories; `tests.property.life` says after each step what must be, and what never may. They
are the same stories at every run, so that what fails can be looked at. To hear new ones, and more of them:

    LIFE_CYCLE_STORIES=5000 pytest tests/property/test_life_cycle.py

A story that fails is told step by step, made as short as it can be.
"""

import os
from collections.abc import Sequence

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

from models.queries.doubts import doubts_due
from tests.property.life import HOUR, LEASE, MINUTE, RETRYABLE, SECOND, Said, Told, Wish
from tests.property.teller import PROVIDERS, Teller, chosen

STORIES = {"sqlite": 200, "postgresql": 20}
STEPS = 50
MORE_STORIES = int(os.environ.get("LIFE_CYCLE_STORIES", "0"))
SHRINKING_SECONDS = 600  # a story that fails takes minutes to be made short

RECIPIENTS = {
    "sms": [f"+1415555000{number}" for number in range(6)],
    "email": [f"Person{number}@Example.com" for number in range(6)],
}
PERSONS = [(channel, recipient.lower()) for channel, recipients in RECIPIENTS.items() for recipient in recipients]
JUMPS = [0, SECOND, LEASE + SECOND, 10 * MINUTE, HOUR, 73 * HOUR, -1, -2 * SECOND]  # clocks are set back, too

SAID = [
    Told("accepted"),
    Told("delivered"),
    Told("failed", "blocked"),
    Told("failed", "invalid_recipient"),
    Told("opted_out"),
]
ANSWERS = [*SAID, Told("not_sent"), Told("not_sent", account=True), Told("unknown"), Told("unknown")]
# Of the failures the account's says least: told after another one it changes nothing, and so counts no refusal.
RECEIPTS = [*SAID, Told("failed", "unknown", account=True), Told("sent"), Told("deferred")]
FOUND = [Told("accepted"), Told("sent"), Told("delivered"), Told("failed", "blocked")]

picks = st.integers(0, 11)
few = st.integers(1, 3)
receipts = st.lists(st.tuples(picks, st.sampled_from(RECEIPTS)), min_size=1, max_size=3)


def some(channel: str, first: int, count: int) -> list[str]:
    """So many recipients, from one on."""
    return (RECIPIENTS[channel] * 2)[first % 6 : first % 6 + count]


class Story(Teller, RuleBasedStateMachine):
    """Whatever may happen, at any time at which it can.

    Of the rules hypothesis leaves out some in each story, another choice each time, and takes the rest as often as
    each other; so what is no more than looking shares a rule.
    """

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Teller.__init__(self)

    @invariant()
    def it_is_as_it_must_be(self) -> None:
        self.everything_is_as_it_must_be()

    def teardown(self) -> None:
        self.come_to_rest()

    @initialize(
        counts=st.tuples(st.integers(3, 6), st.integers(3, 6)),
        answers=st.tuples(*[st.none() | st.lists(st.sampled_from(ANSWERS), max_size=6)] * 2),
    )
    def two_campaigns(self, counts: tuple[int, int], answers: tuple[list[Told] | None, ...]) -> None:
        """Ready, or run; and some of their messages answered for."""
        for channel, count, told in zip(PROVIDERS, counts, answers, strict=True):
            campaign = self.make_draft(channel)
            self.do_import(campaign, some(channel, 0, count))
            self.finish(campaign)
            if told is not None:
                self.run(campaign)
                self.everything_is_as_it_must_be()
                self.send_next(campaign, PROVIDERS[channel][0], told)
            self.everything_is_as_it_must_be()

    # What people do

    @rule(pick=picks, first=picks, count=st.integers(3, 6), flawed=st.booleans())
    def come_or_go(self, pick: int, first: int, count: int, flawed: bool) -> None:
        """A campaign is deleted, mostly one that has been run; else contacts come to a draft, which may have some."""
        deletable = [one for one in self.who_may("delete") if one.phase in ("ended", "failed") or pick == 3]
        drafts, room = self.campaigns("draft"), self.room()
        if deletable and pick % 3 == 0:
            self.delete(chosen(deletable, first))
        elif drafts or room:
            campaign = chosen(drafts, pick) if drafts else self.make_draft(chosen(room, pick))
            self.do_import(campaign, some(campaign.channel, first, count), flawed=flawed)
            if pick % 4:
                self.finish(campaign)

    @precondition(lambda self: self.who_may("run") or self.campaigns("running", "held", "stopping", "ended", "failed"))
    @rule(pick=picks)
    def start_or_stop(self, pick: int) -> None:
        acts = [("run", self.run), ("retry", self.retry_all), ("resume", self.resume), ("stop", self.halt)]
        found = [(act, campaign) for name, act in acts for campaign in self.who_may(name)]
        for act, campaign in found[pick % max(1, len(found)) :][:1]:
            act(campaign)

    @precondition(lambda self: self.who_may("retry"))
    @rule(
        pick=picks,
        one=st.none() | picks,
        reasons=st.sampled_from([(), ("blocked",), ("invalid_recipient", "expired")]),
        unconfirmed=st.sampled_from([True, True, False]),
    )
    def retry(self, pick: int, one: int | None, reasons: tuple[str, ...], unconfirmed: bool) -> None:
        """One message, or for some reasons, or all."""
        campaign = chosen(self.who_may("retry"), pick)
        retryable = [id_ for id_, message in sorted(campaign.messages.items()) if message.status in RETRYABLE]
        ids = () if one is None else (chosen(retryable, one),)
        self.ask_to_retry(campaign, ids, reasons, unconfirmed=unconfirmed)

    @precondition(lambda self: self.campaigns())
    @rule(pick=picks, what=st.sampled_from(["work", "refused", "export", "silence", "guard", "account"]))
    def happen_beside(self, pick: int, what: str) -> None:
        """What changes nothing but ends what is done, or brings what is in trouble nearer to its end."""
        if what in ("guard", "account"):
            self.have_trouble(self.campaigns("running")[:1], refusals=(4 + pick % 2) * (what == "account"))
        elif what == "export":
            self.export(chosen(self.campaigns(), pick))
        elif what == "refused":
            self.ask_for_all_that_is_refused(chosen(self.campaigns(), pick))
        elif what == "silence":
            self.notice_silence()
        else:
            self.look_for_work()

    # What processes do

    @precondition(lambda self: self.moves())
    @rule(pick=picks, size=few)
    def move_a_slice(self, pick: int, size: int) -> None:
        self.advance(chosen(sorted({campaign_id for _, campaign_id, _ in self.moves()}), pick), size)

    @precondition(lambda self: any(campaign.queue() for campaign in self.campaigns()))
    @rule(pick=picks, provider=picks, limit=few)
    def claim(self, pick: int, provider: int, limit: int) -> None:
        """Also of campaigns that are not running, and get nothing."""
        campaign = chosen([campaign for campaign in self.campaigns() if campaign.queue()], pick)
        self.take(campaign, chosen(PROVIDERS[campaign.channel], provider), limit)

    @precondition(lambda self: self.beginnable())
    @rule(answers=st.lists(st.none() | st.sampled_from(ANSWERS), min_size=1, max_size=3))
    def hand_over(self, answers: list[Told | None]) -> None:
        self.give_to_provider(answers)

    @precondition(lambda self: self.campaigns("running"))
    @rule(
        pick=picks,
        provider=picks,
        answers=st.lists(st.none() | st.sampled_from(ANSWERS), min_size=1, max_size=3),
        told=st.lists(st.sampled_from(RECEIPTS), max_size=3),
    )
    def send(self, pick: int, provider: int, answers: list[Told | None], told: list[Told]) -> None:
        """All of it one after the other, with what a bulk move queues first and what the provider tells next."""
        campaign = chosen(self.campaigns("running"), pick)
        self.send_next(campaign, chosen(PROVIDERS[campaign.channel], provider), answers)
        latest = self.handed_over[-len(told) :] if told else []
        self.settle([Said(*one, word, self.now) for one, word in zip(latest, told, strict=False)])

    @precondition(lambda self: self.under_way())
    @rule(pick=picks, told=st.sampled_from(ANSWERS))
    def answer_late(self, pick: int, told: Told) -> None:
        message_id, number, attempt = chosen(self.under_way(), pick)
        attempt.under_way = False
        self.settle([Said(message_id, number, told, self.tick(), answers=True)])

    @precondition(lambda self: self.claims())
    @rule(what=st.sampled_from(["die", "die later", "give back", "give back too much", "renew"]), count=few)
    def sender_goes_its_way(self, what: str, count: int) -> None:
        """It dies, before or after the provider got what it held, which nobody can tell; or it lives on.

        No process gives back what was heard of since, and nothing may come of it.
        """
        if what.startswith("die"):
            self.lose_senders(arrived=what == "die later")
        elif what.startswith("give"):
            too_much = [claim for claim in self.claims() if claim[2].is_heard_of]
            self.give_back(too_much if what == "give back too much" else self.held()[:count])
        else:
            self.renew_leases([*self.held(), *self.under_way()])

    # What is said

    def said(self, told: Sequence[tuple[int, Told]], now: int) -> list[Said]:
        """Of any hand-over that ever was, the latest first."""
        return [Said(*chosen(self.handed_over[::-1], pick), word, now) for pick, word in told]

    @precondition(lambda self: self.handed_over)
    @rule(told=receipts, twice=st.booleans())
    def receive(self, told: list[tuple[int, Told]], twice: bool) -> None:
        words = self.said(told, self.tick())
        self.settle(words + words if twice else words)

    @precondition(lambda self: self.handed_over)
    @rule(told=receipts, wishes=st.lists(st.tuples(picks, st.booleans()), max_size=2))
    def be_posted(self, told: list[tuple[int, Told]], wishes: list[tuple[int, bool]]) -> None:
        now = self.tick()
        words = self.said(told, now)
        wanted = [Wish(*chosen(PERSONS, pick), refuses, "inbound", now) for pick, refuses in wishes]
        self.post(words, wanted)

    @precondition(lambda self: self.posts)
    @rule()
    def apply(self) -> None:
        self.apply_posts()

    @precondition(lambda self: self.asked_about or self.life.doubts(self.now))
    @rule(found=st.none() | st.sampled_from(FOUND))
    def look_up(self, found: Told | None) -> None:
        """Ask; then, whatever has happened since, note what was found, which can only be what the provider has."""
        now, asked = self.tick(), self.asked_about
        if not asked:
            due = doubts_due(now=now, scale=1, limit=100)
            self.asked_about = sorted((one.message_id, one.attempt) for one in due)
            return
        self.asked_about = []
        words = [Said(*one, found, now) for one in asked if found and self.life.ledger[one]]
        self.note_look_ups(words, [] if words else asked)

    # Who refuses

    @rule(pick=picks, refuses=st.booleans(), source=st.sampled_from(["hand", "inbound", "complaint", "link"]))
    def say_who_refuses(self, pick: int, refuses: bool, source: str) -> None:
        """Mostly somebody whose message is, or may be, still to be sent."""
        waited = {one.refuses for one in self.life.messages.values() if one.status in ("queued", *RETRYABLE)}
        refusing = sorted(self.life.refusing)
        if refuses or not refusing:
            self.refuse(Wish(*chosen([*sorted(waited), *PERSONS[:2]], pick), True, source, self.tick()))
        elif source != "link":
            self.take_back(Wish(*chosen(refusing, pick), False, source, self.tick()))

    # What passes by itself

    @rule(jump=st.sampled_from(JUMPS), sweeps=st.sampled_from([True, True, False]))
    def pass_time(self, jump: int, sweeps: bool) -> None:
        """Clocks are set back, too, also while a retry is open: what fails later is not in its set."""
        self.now += jump
        if sweeps:
            self.sweep()


@pytest.mark.both_engines
@pytest.mark.timeout(SHRINKING_SECONDS + MORE_STORIES)
@pytest.mark.usefixtures("installation")
def test_whatever_happens_campaigns_live_as_they_must(engine: str) -> None:
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=MORE_STORIES or STORIES[engine],
            stateful_step_count=STEPS,
            derandomize=not MORE_STORIES,
        ),
    )

"""Tells the product and its model (`tests.property.life`) the same, and compares them after each step.

What may be told, and in which order, is for `test_life_cycle` and `simulation` to say.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pytest

from models import hints
from models.actors import Actor
from models.database import execute, select, transaction
from models.errors import CampaignError, NotFoundError, WrongStateError
from models.hints import SENDING, Work
from models.operations import campaigns, doubts, exporting, importing, optouts, retrying, running, sending, watching
from models.operations.counters import recount
from models.operations.moving import Mover
from models.operations.receipts import apply_receipts, record_receipts
from models.operations.settling import settle
from models.operations.sweeping import find_work, sweep_due
from models.queries.doubts import doubts_due
from models.queries.files import read_file
from models.rules.criteria import Criteria
from models.rules.guard import LIMIT
from models.rules.preferences import Preference
from models.rules.verdicts import Event, Word
from models.tables import Export
from models.unsubscribe import refuser_of, token_of
from models.words import Channel, FailureReason, OptOutSource, Role, Scope, Silence, Surface
from tests.factories import NOW, start_import, tables, template_for
from tests.property.life import (
    AT_REST,
    AT_WORK,
    HOLDS_CHANNEL,
    HOUR,
    LEASE,
    Attempt,
    AttemptRow,
    Campaign,
    Life,
    Row,
    Said,
    Told,
    Wish,
)

T = TypeVar("T")
Claim = tuple[int, int, Attempt]  # message id, attempt, what is known of it
ALICE = Actor(None, "Alice", Role.ORG_ADMIN, Surface.PANEL)
LIVING = 2  # campaigns on each channel
ROUNDS = 6  # in which everything has come to rest
PROVIDERS = {"sms": ("twilio", "simulated"), "email": ("sendgrid", "smtp", "simulated")}
KEPT = {"audit", "settings"}  # the audit can't be cleared, by design


def chosen(things: Sequence[T], pick: int) -> T:
    """One of them."""
    return things[pick % len(things)]


def events_of(words: Sequence[Said]) -> list[Event]:
    """As the product is told."""
    return [
        Event(
            said.message_id,
            said.number,
            Word(said.word),
            said.at,
            answers=said.answers,
            reason=FailureReason(said.told.reason) if said.told.reason else None,
            scope=Scope.ACCOUNT if said.told.account else Scope.MESSAGE,
        )
        for said in words
    ]


def preference_of(wish: Wish) -> Preference:
    """As the product is told."""
    return Preference(Channel(wish.channel), wish.key, wish.refuses, OptOutSource(wish.source), wish.at)


def parse(_headers: Mapping[str, str], body: bytes, at: int) -> list[Event | Preference]:
    """What a post says."""
    post = json.loads(body)
    words = [Said(message_id, number, Told(*told), at) for message_id, number, told in post["words"]]
    wishes = [Wish(channel, key, refuses, source, at) for channel, key, refuses, source in post["wishes"]]
    return [*events_of(words), *map(preference_of, wishes)]


def clear_tables() -> None:
    """Forget the story before; much quicker than a new database."""
    with transaction():
        for table in tables():
            if table not in KEPT:
                execute(f"DELETE FROM {table}")


def rows_seen() -> list[Row]:
    """All messages."""
    return [
        Row(*row)
        for row in select(
            "SELECT id, campaign_id, recipient_key, status, failure_reason, retry_class, attempt, updated_at "
            "FROM messages ORDER BY id"
        )
    ]


class Teller:
    """Tells the product and the model the same, and compares them; knows no order in which things happen."""

    def __init__(self) -> None:
        clear_tables()
        self.life = Life()
        self.now = NOW
        self.names = 0
        self.acts: list[tuple[str, int | None]] = []  # of people, in this step
        self.move: tuple[int, str] | None = None  # the bulk move at work in this step
        self.handed_over: list[tuple[int, int]] = []
        self.posts: list[tuple[int, list[Said], list[Wish]]] = []
        self.asked_about: list[tuple[int, int]] = []
        self.audited = int(select("SELECT COALESCE(MAX(id), 0) FROM audit")[0][0])
        self.is_as_it_must_be = True
        self.hinted: set[tuple[Work, int]] = set()
        hints.send_to(lambda work, subject_id: self.hinted.add((work, subject_id)))

    def tick(self) -> int:
        """The moment of an act: time passes between any two."""
        self.is_as_it_must_be = False  # until that is seen
        self.now += 1
        return self.now

    def campaigns(self, *phases: str) -> list[Campaign]:
        return [one for one in self.life.campaigns.values() if not phases or one.phase in phases]

    def who_may(self, act: str) -> list[Campaign]:
        return [one for one in self.campaigns() if self.life.may_do(act, one)]

    def moves(self) -> list[tuple[int, int, str]]:
        """The open bulk moves as (id, campaign id, kind), oldest first."""
        return [
            (move_id, campaign_id, kind)
            for move_id, campaign_id, kind in select(
                "SELECT id, campaign_id, kind FROM bulk_moves WHERE state IN ('queued', 'running') ORDER BY id"
            )
        ]

    def claims(self) -> list[Claim]:
        """The latest claim of each message."""
        found = (message for message in self.life.messages.values() if message.attempts)
        return [(message.id, len(message.attempts), message.attempts[-1]) for message in found]

    def held(self) -> list[Claim]:
        return [claim for claim in self.claims() if claim[2].held]

    def under_way(self) -> list[Claim]:
        return [claim for claim in self.claims() if claim[2].under_way]

    def beginnable(self) -> list[Claim]:
        """What may still be handed over: nobody begins with a claim whose lease is over."""
        return [claim for claim in self.held() if self.now < claim[2].lease_until - 1]

    def room(self) -> list[str]:
        """The channels that lack a campaign."""
        living = Counter(campaign.channel for campaign in self.campaigns() if campaign.phase != "deleting")
        return [channel for channel in PROVIDERS if living[channel] < LIVING]

    def make_draft(self, channel: str) -> Campaign:
        self.names += 1
        name, now = f"Campaign {self.names}", self.tick()
        campaign_id = campaigns.create_draft(name=name, channel=Channel(channel), owner_id=None, actor=ALICE, now=now)
        campaigns.set_template(campaign_id, template_for(Channel(channel)), actor=ALICE, now=now)
        self.life.campaigns[campaign_id] = Campaign(campaign_id, name, channel)
        self.acts += [("create_draft", campaign_id), ("set_message", campaign_id)]
        return self.life.campaigns[campaign_id]

    def do_import(self, campaign: Campaign, recipients: Sequence[str], *, flawed: bool = False) -> None:
        """Import these; a flawed file has one row too bad and one too many."""
        lines = [*recipients, *([recipients[0].upper(), "nobody"] if flawed else [])]
        text = "\n".join(["to,name", *(f"{line},Name {number}" for number, line in enumerate(lines)), ""])
        now = self.tick()
        import_id = start_import(campaign.id, text, actor=ALICE, now=now)
        report = importing.do_import(import_id, clock=lambda: now)
        self.acts.append(("import", campaign.id))
        assert (report.rows, report.imported, report.refused_rows) == (len(lines), len(recipients), int(flawed))
        keys = [recipient.lower() for recipient in recipients]
        refusing = {key for key in keys if (campaign.channel, key) in self.life.refusing}
        expected = {key: "opted_out" if key in refusing else "waiting" for key in keys}
        self.life.import_rows(campaign, rows_seen(), expected)

    def finish(self, campaign: Campaign) -> None:
        campaigns.finish_draft(campaign.id, actor=ALICE, now=self.tick())
        campaign.phase = "ready"
        self.acts.append(("create", campaign.id))

    def run(self, campaign: Campaign) -> None:
        try:
            running.run_campaign(campaign.id, actor=ALICE, disclaimer_accepted=True, now=self.tick())
        except WrongStateError:
            waiting = [one for one in campaign.messages.values() if one.status == "waiting"]
            assert all(one.refuses in self.life.refusing for one in waiting)
            return
        campaign.start()
        self.acts.append(("run", campaign.id))

    def resume(self, campaign: Campaign) -> None:
        running.resume_campaign(campaign.id, actor=ALICE, now=self.tick())
        campaign.resume()
        self.acts.append(("resume", campaign.id))

    def ask_to_retry(
        self, campaign: Campaign, ids: tuple[int, ...], reasons: tuple[str, ...], *, unconfirmed: bool
    ) -> None:
        now = self.tick()
        asked = campaign.ask(ids, reasons, unconfirmed=unconfirmed, now=now)
        # Who has opted out since is left out, and not counted.
        refusing = self.life.refusing
        meant = [one for one in campaign.messages.values() if asked.means(one) and one.refuses not in refusing]
        others = [campaign.asked[move_id] for move_id, of, kind in self.moves() if (of, kind) == (campaign.id, "retry")]
        criteria = Criteria(reasons=reasons, message_ids=ids)
        try:
            moved = retrying.retry_messages(
                campaign.id, actor=ALICE, criteria=criteria, include_unconfirmed=unconfirmed, now=now
            )
        except WrongStateError:
            assert not meant
            return
        assert meant
        assert moved.messages == sum(not any(other.means(one) for other in others) for one in meant)
        assert moved.move_id is not None
        campaign.confirm_retry(moved.move_id, asked)
        self.acts.append(("retry", campaign.id))

    def retry_all(self, campaign: Campaign) -> None:
        """Unless somebody has just asked for it."""
        if not any(campaign_id == campaign.id and kind == "retry" for _, campaign_id, kind in self.moves()):
            self.ask_to_retry(campaign, (), (), unconfirmed=True)

    def delete(self, campaign: Campaign) -> None:
        running.delete_campaign(campaign.id, actor=ALICE, typed_name=campaign.name, now=self.tick())
        campaign.phase = "deleting"
        self.acts.append(("delete", campaign.id))

    def halt(self, campaign: Campaign) -> None:
        running.stop_campaign(campaign.id, actor=ALICE, now=self.tick())
        campaign.phase = "stopping"
        self.acts.append(("stop", campaign.id))
        assert [kind for _, campaign_id, kind in self.moves() if campaign_id == campaign.id] == ["stop"]

    def advance(self, campaign_id: int, size: int) -> None:
        """One slice, of so many rows, of the campaign's oldest bulk move."""
        move_id, kind = next((move_id, kind) for move_id, of, kind in self.moves() if of == campaign_id)
        self.move = move_id, kind
        self.life.expect_slice(self.life.campaigns[campaign_id], move_id, kind)
        mover = Mover()
        mover._size = size  # a new one begins with hundreds, more than a story has
        assert mover.advance(campaign_id, now=self.tick())

    def take(self, campaign: Campaign, provider: str, limit: int) -> None:
        now = self.tick()
        claim = sending.claim_messages(campaign.id, provider=provider, limit=limit, after_id=0, lease_ms=LEASE, now=now)
        assert claim.running or campaign.phase != "running"
        taken = [(one.message_id, one.attempt) for one in claim.messages]
        assert taken == self.life.claim(campaign, provider, limit, now)

    def begin(self, claim: Claim) -> None:
        """The provider gets it."""
        message_id, number, attempt = claim
        attempt.held = False
        self.life.hand_over(message_id, number)
        self.handed_over.append((message_id, number))

    def give_to_provider(self, answers: Sequence[Told | None]) -> None:
        """What is held, as far as there are answers; with None it has not answered yet."""
        now, words = self.tick(), []
        for claim, told in zip(self.beginnable(), answers, strict=False):
            self.begin(claim)
            claim[2].under_way = told is None
            if told:
                words.append(Said(claim[0], claim[1], told, now, answers=True))
        self.settle(words)

    def lose_senders(self, *, arrived: bool = False) -> None:
        """All of them."""
        for claim in self.beginnable() if arrived else []:
            self.begin(claim)
        for _, _, attempt in self.claims():
            attempt.held = attempt.under_way = False

    def renew_leases(self, claims: Sequence[Claim]) -> None:
        now = self.tick()
        sending.renew_leases([claim[:2] for claim in claims], lease_ms=LEASE, now=now)
        for _, _, attempt in claims:
            attempt.renew(now)

    def send_next(self, campaign: Campaign, provider: str, answers: Sequence[Told | None]) -> None:
        """A slice of the bulk move, if one is open, a claim, and the hand-over of what was claimed."""
        if campaign.id in {campaign_id for _, campaign_id, _ in self.moves()}:
            self.advance(campaign.id, 10)
            self.everything_is_as_it_must_be()
        self.take(campaign, provider, len(answers))
        self.everything_is_as_it_must_be()
        self.give_to_provider(answers)

    def settle(self, words: Sequence[Said]) -> None:
        self.life.hear(words, self.now)
        settle(events_of(words), now=self.now, scale=1)

    def note_look_ups(self, words: Sequence[Said], in_vain: Sequence[tuple[int, int]]) -> None:
        self.life.hear(words, self.now)
        self.life.look_in_vain(in_vain)
        looked = [doubts.Looked(event.message_id, event.attempt, event) for event in events_of(words)]
        doubts.note_lookups([*looked, *(doubts.Looked(*one) for one in in_vain)], now=self.now, scale=1)

    def notice_silence(self) -> None:
        watching.notice_silence({Channel.SMS: "twilio", Channel.EMAIL: "smtp"}, now=self.tick(), scale=1)

    def give_back(self, claims: Sequence[Claim]) -> None:
        now = self.tick()
        claimed = [(message_id, number, attempt.claimed_at) for message_id, number, attempt in claims]
        given = sending.give_back(claimed, now=now)
        assert given == sum([self.life.give_back(message_id, number) for message_id, number, _ in claims])
        for _, _, attempt in claims:
            attempt.held = False

    def post(self, words: Sequence[Said], wanted: Sequence[Wish]) -> None:
        """The provider posts twice, of which once is enough."""
        post = {"at": self.now, "words": [said[:3] for said in words], "wishes": [wish[:4] for wish in wanted]}
        for is_new in (True, False):
            kept = record_receipts(provider="post", headers={}, body=json.dumps(post).encode(), now=self.now)
            assert kept == is_new
        self.posts.append((self.now, list(words), list(wanted)))

    def apply_posts(self) -> None:
        """What came at a moment that the clock has not reached again waits."""
        now = self.tick()
        due = sorted((post for post in self.posts if post[0] <= now), key=lambda post: post[0])
        self.posts = [post for post in self.posts if post[0] > now]
        self.life.hear([said for _, words, _ in due for said in words], now)
        wishes = [wish for _, _, wishes in due for wish in wishes]
        self.life.wish(sorted(wishes, key=lambda wish: wish.key))
        apply_receipts({"post": parse}, limit=1000, now=now, scale=1)

    def refuse(self, wish: Wish) -> None:
        channel, is_new = Channel(wish.channel), wish[:2] not in self.life.refusing
        if wish.source == "hand":
            assert optouts.opt_out(channel, wish.key, actor=ALICE, now=wish.at) == is_new
            self.acts += [("opt_out", None)] if is_new else []
        elif wish.source == "link":
            assert optouts.opt_out_by_link(refuser_of(token_of(channel, wish.key)), now=wish.at) == is_new
        else:
            self.prefer(wish)
        self.life.wish([wish])

    def take_back(self, wish: Wish) -> None:
        if wish.source == "hand":
            optouts.opt_in(Channel(wish.channel), wish.key, actor=ALICE, now=wish.at)
            del self.life.refusing[wish[:2]]
            self.acts.append(("opt_in", None))
        else:
            self.prefer(wish)
            self.life.wish([wish])

    def prefer(self, wish: Wish) -> None:
        with transaction():
            optouts.note_preferences([preference_of(wish)], now=wish.at)

    def have_trouble(self, campaigns_: Sequence[Campaign], *, refusals: int) -> None:
        """The configuration is missing so often; or, if not, one more failure will make the guard hold it."""
        for campaign in campaigns_:
            for _ in range(refusals):
                watching.refuse_configuration(campaign.id, "not configured", now=self.tick())
                campaign.refused()
            if not refusals:
                with transaction():
                    execute("UPDATE campaigns SET guard_window = ? WHERE id = ?", "f" * (LIMIT - 1), campaign.id)
                campaign.near_guard = True

    def ask_for_all_that_is_refused(self, campaign: Campaign) -> None:
        now = self.tick()
        acts: dict[str, Callable[[], object]] = {
            "run": lambda: running.run_campaign(campaign.id, actor=ALICE, disclaimer_accepted=True, now=now),
            "stop": lambda: running.stop_campaign(campaign.id, actor=ALICE, now=now),
            "resume": lambda: running.resume_campaign(campaign.id, actor=ALICE, now=now),
            "retry": lambda: retrying.retry_messages(campaign.id, actor=ALICE, criteria=Criteria(), now=now),
            "delete": lambda: running.delete_campaign(campaign.id, actor=ALICE, typed_name=campaign.name, now=now),
        }
        for act, ask in acts.items():
            if not self.life.may_do(act, campaign):
                with pytest.raises(CampaignError):
                    ask()

    def export(self, campaign: Campaign) -> None:
        """Its rows are the table's, its totals the counters'."""
        if campaign.phase == "deleting":
            with pytest.raises(NotFoundError):
                exporting.start_export(campaign.id, criteria=Criteria(), actor=ALICE, now=self.tick())
            return
        export_id = exporting.start_export(campaign.id, criteria=Criteria(), actor=ALICE, now=self.tick())
        exporting.do_export(export_id, clock=self.tick)
        self.acts.append(("export", campaign.id))
        export = Export.get_by_id(export_id)
        assert export.file_id is not None
        text = b"".join(read_file(export.file_id)).decode("utf-8-sig")
        rows = [(row["recipient"].lower(), row["status"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
        assert rows == [(message.key, message.status) for _, message in sorted(campaign.messages.items())]
        assert export.totals == Counter(status for _, status in rows)

    def sweep(self) -> None:
        now = self.tick()
        self.life.expect_sweep(now)
        sweep_due(now=now, scale=1)

    def look_for_work(self) -> None:
        """What waits is hinted at, and what is done has ended, however many hints were lost before."""
        now = self.tick()
        self.hinted.clear()
        find_work(now=now)
        moving = {campaign_id for _, campaign_id, _ in self.moves()}
        assert {(Work.MOVES, campaign_id) for campaign_id in moving} <= self.hinted
        for campaign in self.campaigns("running", "held"):
            assert not campaign.queue() or (SENDING[Channel(campaign.channel)], campaign.id) in self.hinted
        assert not [post for post in self.posts if post[0] <= now] or (Work.RECEIPTS, 0) in self.hinted
        assert not self.life.doubts(now) or (Work.LOOK_UPS, 0) in self.hinted
        for campaign in self.campaigns(*HOLDS_CHANNEL):
            if not campaign.count("queued", "sending") and campaign.id not in moving:
                assert select("SELECT phase FROM campaigns WHERE id = ?", campaign.id) == [("ended",)]

    # What is compared after each step

    def everything_is_as_it_must_be(self) -> None:
        self.is_as_it_must_be = False
        rows = rows_seen()
        self.life.see_messages(rows, self.move)
        self.life.see_attempts(
            [AttemptRow(*row) for row in select("SELECT message_id, number, status, answer, lookups FROM attempts")],
            self.now,
        )
        phases = dict(select("SELECT id, phase FROM campaigns"))
        deleted = {campaign_id for campaign_id, phase in phases.items() if phase == "deleting"}
        self._compare_counters([row for row in rows if row.campaign_id not in deleted], deleted)
        moving = {campaign_id for _, campaign_id, _ in self.moves()}
        by_themselves = self.life.see_phases(phases, moving)
        self._compare_audit(by_themselves)
        self._compare_opt_outs()
        due = doubts_due(now=self.now, scale=1, limit=100)
        assert sorted((one.message_id, one.attempt) for one in due) == self.life.doubts(self.now)
        for channel in PROVIDERS:
            assert len([one for one in self.campaigns(*HOLDS_CHANNEL) if one.channel == channel]) <= 1
        self.acts, self.move = [], None
        self.is_as_it_must_be = True

    def _compare_counters(self, rows: Sequence[Row], deleted: set[int]) -> None:
        counted = {
            tuple(key): n
            for *key, n in select(
                "SELECT campaign_id, status, failure_reason, retry_class, n FROM message_counts WHERE n <> 0"
            )
            if key[0] not in deleted
        }
        assert counted == Counter(
            (row.campaign_id, row.status, row.reason or "", row.retry_class or "") for row in rows
        )

    def _compare_audit(self, by_themselves: list[tuple[str, int]]) -> None:
        """Each act of a person, and what campaigns came to by themselves, has its row; silences come as they like."""
        rows = select("SELECT id, actor_name, act, object_id FROM audit WHERE id > ? ORDER BY id", self.audited)
        self.audited = max([self.audited, *(row[0] for row in rows)])
        assert [(act, of) for _, name, act, of in rows if name != "system"] == self.acts
        told = [(act, of) for _, name, act, of in rows if name == "system" and act not in list(Silence)]
        assert sorted(told) == sorted(by_themselves)

    def _compare_opt_outs(self) -> None:
        refusing = select("SELECT channel, recipient_key FROM opt_outs WHERE removed_at IS NULL")
        assert {(channel, key) for channel, key in refusing} == self.life.refusing.keys()

    # The end

    def come_to_rest(self) -> None:
        """Everything does by itself, but for what is Held; and nobody got anything twice."""
        if not self.is_as_it_must_be:
            return  # the step before has failed, and says more
        self.lose_senders()
        for campaign in self.campaigns("held"):
            self.halt(campaign)
            self.everything_is_as_it_must_be()
        for _ in range(ROUNDS):
            self._go_on()
            if not (self._unsettled() or self.moves()):
                break
        assert self._unsettled() == []
        assert self.moves() == []
        assert set(self.life.ledger.values()) <= {1}
        assert dict(select("SELECT id, done FROM bulk_moves WHERE done > 0")) == self.life.moved
        assert [recount(campaign.id) for campaign in self.campaigns()] == [{} for _ in self.campaigns()]

    def _go_on(self) -> None:
        """The processes work for a while, then a hundred hours pass."""
        while moves := self.moves():
            self.advance(moves[0][1], 100)
            self.everything_is_as_it_must_be()
        for campaign in self.campaigns("running"):
            self.take(campaign, "simulated", 100)
            self.lose_senders()
        self.now += 100 * HOUR
        for act in (self.apply_posts, self.sweep, self.sweep, self.look_for_work):
            act()
            self.everything_is_as_it_must_be()

    def _unsettled(self) -> list[Campaign]:
        ended = (campaign for campaign in self.campaigns() if campaign.phase not in ("draft", "ready"))
        return [campaign for campaign in ended if campaign.phase not in AT_REST or campaign.count(*AT_WORK)]

"""Look-ups of hand-overs whose answer was lost: they may only bind a message to what Twilio has (SPEC 2)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from jobs import context, lookups
from jobs.runtime.stopping import Stop
from models import hints
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.database import execute, select, transaction
from models.errors import NotAllowedError, WrongStateError
from models.hints import Work
from models.operations.asking import ask_provider, end_look_up, note_asked, take_look_up
from models.operations.sweeping import find_work, sweep_due
from models.queries.stories import explanations
from models.rules.timeouts import LOOKUP_GAP
from models.rules.verdicts import Word
from models.tables import LookUp
from models.words import Channel, Role
from tests import factories
from tests.crews import Member, work_at_once
from tests.factories import NOW, SECOND, answer, attempt, claim, make_campaign, run, statuses
from tests.fakes.twilio import ACCOUNT, SERVICE, TOKEN, FakeTwilio, running

pytestmark = pytest.mark.both_engines
NUMBER = "+12025550147"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeTwilio]:
    with running(FakeTwilio(tmp_path / "ledger")) as started:
        yield started


@pytest.fixture
def environment(fake: FakeTwilio) -> Mapping[str, str]:
    return {
        "SMS_PROVIDER": "twilio",
        "EMAIL_PROVIDER": "simulated",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_MESSAGING_SERVICE_SID": SERVICE,
        "TWILIO_API_URL": fake.url,
    }


@pytest.fixture
def in_doubt(installation: Config) -> Iterator[int]:
    """A campaign with one hand-over whose answer was lost a minute ago; its id."""
    stop = Stop()
    context.enter(context.Context(installation, stop))
    campaign_id = make_campaign(Channel.SMS, [NUMBER])
    lost_at = now_ms() - LOOKUP_GAP - SECOND
    run(campaign_id, now=lost_at)
    answer(claim(campaign_id, now=lost_at), Word.UNKNOWN, at=lost_at)
    yield campaign_id
    stop.close()


def look() -> None:
    lookups.look_up(0)


def a_minute_passes() -> None:
    with transaction():
        execute("UPDATE attempts SET claimed_at = claimed_at - ?", LOOKUP_GAP)


def times_looked() -> int:
    return int(select("SELECT SUM(lookups) FROM attempts")[0][0])


def test_the_one_that_fits_is_bound(fake: FakeTwilio, in_doubt: int) -> None:
    found = fake.put(NUMBER, "Hello", status="delivered")
    look()
    assert statuses(in_doubt) == {"delivered": 1}
    assert attempt(factories.message_ids(in_doubt)[0])["provider_id"] == found.sid
    assert factories.phase_of(in_doubt) == "ended"


def test_one_that_is_under_way_is_waited_for(fake: FakeTwilio, in_doubt: int) -> None:
    fake.put(NUMBER, "Hello", status="sent")
    look()
    assert statuses(in_doubt) == {"sending": 1}
    a_minute_passes()
    look()
    assert times_looked() == 0  # it is bound: its receipts are awaited now


@pytest.mark.parametrize("there", [[], ["Hello", "Hello"], ["Hullo"]], ids=["none", "two", "another text"])
def test_nothing_that_must_be_it_leaves_it_unconfirmed_after_two(
    fake: FakeTwilio, in_doubt: int, there: list[str]
) -> None:
    for body in there:
        fake.put(NUMBER, body, status="delivered")
    look()
    assert (times_looked(), statuses(in_doubt)) == (1, {"sending": 1})
    look()
    assert times_looked() == 1  # a minute lies between two
    a_minute_passes()
    look()
    assert times_looked() == 2
    sweep_due(now=now_ms(), scale=1)
    assert statuses(in_doubt) == {"unconfirmed": 1}


def test_what_another_hand_over_has_is_not_taken(fake: FakeTwilio, in_doubt: int) -> None:
    other = make_campaign(Channel.EMAIL, 1)
    run(other)
    taken = claim(other)
    answer(taken, provider_id=fake.put(NUMBER, "Hello", status="delivered").sid)
    look()
    assert (times_looked(), statuses(in_doubt)) == (1, {"sending": 1})


def test_a_look_up_without_an_answer_does_not_count(fake: FakeTwilio, in_doubt: int) -> None:
    fake.refuses_all = True
    look()
    assert (times_looked(), statuses(in_doubt)) == (0, {"sending": 1})
    fake.refuses_all = False
    fake.put(NUMBER, "Hello", status="delivered")
    look()
    assert statuses(in_doubt) == {"delivered": 1}


def test_receipt_that_comes_meanwhile_ends_the_doubt(fake: FakeTwilio, in_doubt: int) -> None:
    factories.receive(factories.latest(in_doubt), Word.SENT, at=now_ms())
    look()
    assert times_looked() == 0


class TestAskedFor:
    """What is Unconfirmed is looked up again when somebody asks."""

    @pytest.fixture
    def unconfirmed(self, in_doubt: int) -> int:
        """A campaign with one Unconfirmed message."""
        with transaction():
            execute("UPDATE attempts SET lookups = 2")
            execute("UPDATE messages SET due_at = 0 WHERE due_at IS NOT NULL")
        sweep_due(now=now_ms(), scale=1)
        assert statuses(in_doubt) == {"unconfirmed": 1}
        return in_doubt

    def ask(self, campaign_id: int, message_id: int = 0) -> LookUp:
        asked = ask_provider(campaign_id, message_id=message_id, actor=COMMAND_LINE, now=now_ms())
        lookups.ask(asked.id)
        return LookUp.get_by_id(asked.id)

    def test_the_one_that_fits_is_bound_with_its_status(self, fake: FakeTwilio, unconfirmed: int) -> None:
        found = fake.put(NUMBER, "Hello", status="delivered")
        assert self.ask(unconfirmed).result == "1 bound to what Twilio has."
        assert statuses(unconfirmed) == {"delivered": 1}
        assert attempt(factories.message_ids(unconfirmed)[0])["provider_id"] == found.sid
        acts = [
            (row["act"], row["actor_name"])
            for row in factories.rows_of("audit", "WHERE object_id > 0 AND act IN ('look_up', 'looked_up') ORDER BY id")
        ]
        assert acts == [("look_up", COMMAND_LINE.name), ("looked_up", "system")]

    @pytest.mark.parametrize(
        ("there", "said"),
        [
            ([], "1 still Unconfirmed: Twilio lists none for it."),
            (["Hullo"], "1 still Unconfirmed: Twilio lists none for it."),
            (["Hello", "Hello"], "1 still Unconfirmed: what Twilio lists may be another message."),
        ],
        ids=["none", "another text", "two"],
    )
    def test_nothing_that_must_be_it_leaves_the_doubt(
        self, fake: FakeTwilio, unconfirmed: int, there: list[str], said: str
    ) -> None:
        for body in there:
            fake.put(NUMBER, body, status="delivered")
        assert self.ask(unconfirmed, factories.message_ids(unconfirmed)[0]).result == said
        assert statuses(unconfirmed) == {"unconfirmed": 1}

    def test_one_without_a_verdict_is_bound_and_asked_about_again(self, fake: FakeTwilio, unconfirmed: int) -> None:
        found = fake.put(NUMBER, "Hello", status="sent")
        assert self.ask(unconfirmed).result == "1 bound to what Twilio has."
        assert statuses(unconfirmed) == {"unconfirmed": 1}
        fake.put(NUMBER, "Hello", status="delivered")
        found.status = "undelivered"
        with transaction():
            execute("UPDATE look_ups SET ended_at = 0")
        assert self.ask(unconfirmed).found == 1
        assert statuses(unconfirmed) == {"failed": 1}

    def test_two_who_ask_at_once_or_one_after_the_other_get_the_same(self, fake: FakeTwilio, unconfirmed: int) -> None:
        first, second = (ask_provider(unconfirmed, actor=COMMAND_LINE, now=now_ms()).id for _ in range(2))
        assert first == second
        lookups.ask(first)
        lookups.ask(second)
        assert self.ask(unconfirmed).id == first
        assert len(factories.rows_of("look_ups")) == len(factories.rows_of("audit", "WHERE act = 'look_up'")) == 1
        fake.put(NUMBER, "Hello", status="delivered")
        with transaction():
            execute("UPDATE look_ups SET ended_at = ended_at - ?", LOOKUP_GAP)
        assert self.ask(unconfirmed).id != first

    @pytest.mark.both_engines
    def test_campaign_that_is_deleted_meanwhile_takes_its_look_up_along(
        self, fake: FakeTwilio, unconfirmed: int
    ) -> None:
        asked = ask_provider(unconfirmed, actor=COMMAND_LINE, now=now_ms())
        taken = take_look_up(asked.id, now=now_ms())
        assert taken is not None
        factories.delete(unconfirmed, now=now_ms())
        factories.move_all(unconfirmed, now=now_ms())
        note_asked(taken, [1], [], now=now_ms(), scale=1)
        end_look_up(taken, provider="twilio", now=now_ms())
        assert factories.rows_of("look_ups") == factories.rows_of("audit", "WHERE act = 'looked_up'") == []

    def test_without_an_answer_it_says_so_and_may_be_repeated(self, fake: FakeTwilio, unconfirmed: int) -> None:
        fake.refuses_all = True
        first = self.ask(unconfirmed)
        assert (first.state, first.result) == ("failed", "Twilio did not answer; ask again later.")
        fake.refuses_all = False
        assert self.ask(unconfirmed).result == "1 still Unconfirmed: Twilio lists none for it."

    def test_message_to_the_same_person_on_its_way_now_may_be_what_is_listed(
        self, fake: FakeTwilio, unconfirmed: int
    ) -> None:
        again = make_campaign(Channel.SMS, [NUMBER])
        run(again, now=now_ms())
        claim(again, now=now_ms())
        fake.put(NUMBER, "Hello", status="delivered")
        assert self.ask(unconfirmed).unclear == 1
        assert statuses(unconfirmed) == {"unconfirmed": 1}

    def test_who_died_at_it_is_followed_by_another(self, fake: FakeTwilio, unconfirmed: int) -> None:
        fake.put(NUMBER, "Hello", status="delivered")
        asked = ask_provider(unconfirmed, actor=COMMAND_LINE, now=now_ms())
        assert take_look_up(asked.id, now=now_ms())
        lookups.ask(asked.id)
        assert statuses(unconfirmed) == {"unconfirmed": 1}  # somebody is at it
        with transaction():
            execute("UPDATE look_ups SET beat_at = 0")
        hinted: list[tuple[Work, int]] = []
        hints.send_to(lambda work, subject_id: hinted.append((work, subject_id)))
        find_work(now=now_ms())
        assert (Work.ASK, asked.id) in hinted
        lookups.ask(asked.id)
        assert statuses(unconfirmed) == {"delivered": 1}

    def test_receipt_or_retry_meanwhile_leaves_nothing_to_ask(self, unconfirmed: int) -> None:
        asked = ask_provider(unconfirmed, actor=COMMAND_LINE, now=now_ms())
        factories.receive(factories.latest(unconfirmed), Word.DELIVERED, at=now_ms())
        lookups.ask(asked.id)
        assert LookUp.get_by_id(asked.id).result == "0 bound to what Twilio has."
        with factories.refused(WrongStateError) as refused:
            ask_provider(unconfirmed, message_id=factories.message_ids(unconfirmed)[0], actor=COMMAND_LINE, now=1)
        assert "not Unconfirmed any more" in str(refused.value)

    def test_who_can_not_be_asked_says_why(self, installation: Config, unconfirmed: int) -> None:
        with transaction():
            execute("UPDATE attempts SET provider = 'sendgrid'")
        with factories.refused(WrongStateError) as refused:
            ask_provider(unconfirmed, message_id=factories.message_ids(unconfirmed)[0], actor=COMMAND_LINE, now=1)
        assert "SendGrid keeps no list" in str(refused.value)
        lookups.ask(ask_provider(unconfirmed, actor=COMMAND_LINE, now=now_ms()).id)
        assert factories.rows_of("look_ups")[0]["unasked"] == 1

    def test_viewer_may_not(self, unconfirmed: int) -> None:
        viewer = replace(COMMAND_LINE, role=Role.VIEWER)
        with factories.refused(NotAllowedError):
            ask_provider(unconfirmed, actor=viewer, now=now_ms())

    def test_what_is_known_is_told_step_by_step(self, fake: FakeTwilio, unconfirmed: int) -> None:
        message_id = factories.message_ids(unconfirmed)[0]
        self.ask(unconfirmed)
        explained = explanations([message_id], COMMAND_LINE)[message_id]
        assert [fact.words for fact in explained.facts] == [
            "Taken from the queue for Twilio.",
            "The process that handed it over ended before it noted an answer.",
            "No receipt came.",
            "Nothing decided it in time, so it became Unconfirmed.",
            "Looked up: Twilio lists none that must be it.",
        ]
        assert explained.outlook[1] == "Twilio can be asked; what it has decides, else the doubt stays."


def ask_again_and_again(barrier: Barrier, campaign_id: int) -> list[int]:
    """Ask in every round at the same moment as the others; what is asked of by then may end in between."""
    asked = []
    for round_number in range(20):
        barrier.wait()
        asked.append(ask_provider(campaign_id, actor=COMMAND_LINE, now=NOW + round_number).id)
    return asked


def test_several_processes_that_ask_at_once_ask_once(installation: Config, environment: Mapping[str, str]) -> None:
    campaign_id = make_campaign(Channel.SMS, [NUMBER])
    run(campaign_id)
    factories.receive(claim(campaign_id), Word.UNCONFIRMED)
    crew = [Member(ask_again_and_again, (campaign_id,)) for _ in range(3)]
    assert len({number for numbers in work_at_once(installation, crew) for number in numbers}) == 1
    assert len(factories.rows_of("audit", "WHERE act = 'look_up'")) == 1

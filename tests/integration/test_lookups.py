"""Look-ups of hand-overs whose answer was lost: they may only bind a message to what Twilio has (SPEC 2)."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from jobs import context, lookups
from jobs.runtime.stopping import Stop
from models.clock import now_ms
from models.config import Config
from models.database import execute, select, transaction
from models.operations.sweeping import sweep_due
from models.rules.timeouts import LOOKUP_GAP
from models.rules.verdicts import Word
from models.words import Channel
from tests import factories
from tests.factories import SECOND, answer, attempt, claim, make_campaign, run, statuses
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

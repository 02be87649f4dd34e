"""Several processes at once: one campaign wins a channel, one taker each message, one migration the schema."""

from collections import Counter
from contextlib import suppress
from multiprocessing.synchronize import Barrier

import pytest
from argon2 import PasswordHasher

from models.actors import COMMAND_LINE, Actor
from models.config import Config
from models.database import execute, select, transaction
from models.errors import ChannelTakenError, NotAllowedError, WrongStateError
from models.operations import running, sending
from models.operations.people import create_person
from models.operations.seeking import MOST_SOUGHT, note_sought
from models.operations.settling import settle
from models.operations.signing_in import check_password
from models.rules.timeouts import DAY, LEASE
from models.rules.verdicts import Event, Word
from models.words import Channel, Role
from tests.crews import Member, work_at_once
from tests.factories import NOW, make_campaign, message_ids, phase_of, rows_of, run, statuses

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines

ROUNDS = 200
PROCESSES = 4
CLAIMS = 2000
SIGN_INS = 100
PASSWORD = "correct horse battery"


def start_again_and_again(barrier: Barrier, number: int, campaign_ids: list[int]) -> list[str]:
    """Start a campaign in every round, at the same moment as the others; the first process clears up after each."""
    outcomes = []
    for _ in range(ROUNDS):
        barrier.wait()
        try:
            running.run_campaign(campaign_ids[number % 2], actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
            outcomes.append("won")
        except ChannelTakenError:
            outcomes.append("taken")
        except WrongStateError:
            outcomes.append("running already")
        barrier.wait()
        if number == 0:
            make_ready_again()
    return outcomes


def make_ready_again() -> None:
    assert len(select("SELECT id FROM campaigns WHERE phase = 'running'")) == 1
    with transaction():
        execute("UPDATE campaigns SET phase = 'ready'")
        execute("UPDATE bulk_moves SET state = 'cancelled'")


@both_engines
def test_one_of_two_campaigns_wins_the_channel_in_every_round(installation: Config) -> None:
    campaign_ids = [make_campaign(messages=1) for _ in range(2)]
    crew = [Member(start_again_and_again, (number, campaign_ids)) for number in range(PROCESSES)]
    rounds = list(zip(*work_at_once(installation, crew), strict=True))
    assert len(rounds) == ROUNDS
    # Of the four, two start each campaign: beside the winner one finds it running, two find the channel taken.
    assert Counter(tuple(sorted(outcomes)) for outcomes in rounds) == {
        ("running already", "taken", "taken", "won"): ROUNDS
    }


def claim_all(barrier: Barrier, campaign_id: int) -> list[int]:
    """Take what is there, and settle it in groups, until nothing is left."""
    taken: list[int] = []
    barrier.wait()
    while True:
        found = sending.claim_messages(campaign_id, provider="twilio", limit=50, after_id=0, lease_ms=LEASE, now=NOW)
        if not found.messages:
            return taken
        taken += [one.message_id for one in found.messages]
        events = [Event(one.message_id, one.attempt, Word.DELIVERED, NOW, answers=True) for one in found.messages]
        settle(events, now=NOW, scale=1)


@both_engines
def test_four_takers_take_every_message_exactly_once(installation: Config) -> None:
    campaign_id = make_campaign(messages=CLAIMS)
    run(campaign_id)
    taken = work_at_once(installation, [Member(claim_all, (campaign_id,))] * PROCESSES)
    assert sorted(message_id for part in taken for message_id in part) == message_ids(campaign_id)
    assert statuses(campaign_id) == {"delivered": CLAIMS}
    assert {row["number"] for row in rows_of("attempts")} == {1}
    assert len(rows_of("attempts")) == CLAIMS
    assert phase_of(campaign_id) == "ended"


def sign_in_again_and_again(barrier: Barrier, number: int, emails: list[str]) -> int:
    """By the right password and by wrong ones in turn, all from one address; returns how often it was let in."""
    let_in = 0
    barrier.wait()
    for turn in range(SIGN_INS):
        password = PASSWORD if (turn + number) % 3 else "a wrong guess"
        with suppress(NotAllowedError):
            check_password(emails[turn % 2], password, address="192.0.2.7", now=NOW + turn * DAY)
            let_in += 1
    return let_in


@both_engines
def test_people_who_sign_in_at_once_from_one_address_do_not_lock_each_other_out(installation: Config) -> None:
    emails = ["dora@example.com", "emil@example.com"]
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    for email in emails:
        create_person(email=email, role=Role.CAMPAIGNER, actor=COMMAND_LINE, now=NOW)
    with transaction():
        execute("UPDATE people SET password_hash = ?", cheap)
    crew = [Member(sign_in_again_and_again, (number, emails)) for number in range(PROCESSES)]
    assert all(let_in > 0 for let_in in work_at_once(installation, crew))


def seek_one_after_the_other(barrier: Barrier, number: int, vera: Actor) -> int:
    """Look for people whom nobody else looks for; returns how many were let through."""
    found = 0
    barrier.wait()
    for turn in range(MOST_SOUGHT):
        with suppress(NotAllowedError):
            note_sought(Channel.SMS, f"+1415555{number}{turn:03}", vera, now=NOW)
            found += 1
    return found


@both_engines
def test_searches_at_once_of_one_viewer_count_one_by_one(installation: Config, vera: Actor) -> None:
    crew = [Member(seek_one_after_the_other, (number, vera)) for number in range(PROCESSES)]
    assert sum(work_at_once(installation, crew)) == MOST_SOUGHT

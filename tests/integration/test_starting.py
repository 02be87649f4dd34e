"""Run, resume and start later ask the provider about the account first; only a clear no refuses (SPEC 1)."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from jobs import starting
from models.actors import Actor
from models.config import Config
from models.errors import AccountRefusedError, NotAllowedError, WrongStateError
from models.operations.running import Moved
from models.words import Phase
from tests.factories import (
    NOW,
    SECOND,
    make_campaign,
    make_ended,
    move_all,
    phase_of,
    refused,
    rows_of,
    run,
    run_later,
    send_all,
    statuses,
    stop,
)
from tests.fakes.twilio import ACCOUNT, SERVICE, TOKEN, FakeTwilio, running

UNCHECKED = "Twilio could not be asked whether the account may send: ClientConnectorError."


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeTwilio]:
    with running(FakeTwilio(tmp_path / "ledger")) as started:
        yield started


def variables(url: str) -> dict[str, str]:
    return {
        "SMS_PROVIDER": "twilio",
        "TWILIO_ACCOUNT_SID": ACCOUNT,
        "TWILIO_AUTH_TOKEN": TOKEN,
        "TWILIO_MESSAGING_SERVICE_SID": SERVICE,
        "TWILIO_API_URL": url,
    }


@pytest.fixture
def environment(fake: FakeTwilio) -> Mapping[str, str]:
    return variables(fake.url)


def start(campaign_id: int, actor: Actor) -> Moved:
    return starting.run_campaign(campaign_id, actor=actor, disclaimer_accepted=True, now=NOW)


def test_an_account_in_good_standing_runs(installation: Config, ben: Actor) -> None:
    campaign_id = make_campaign()
    moved = start(campaign_id, ben)
    assert (moved.messages, moved.warning) == (3, "")
    assert phase_of(campaign_id) == Phase.RUNNING


def test_those_reached_lately_are_left_out_when_asked(installation: Config, ben: Actor) -> None:
    earlier = make_campaign(messages=2)
    run(earlier)
    send_all(earlier)
    campaign_id = make_campaign(messages=3)
    starting.run_campaign(campaign_id, actor=ben, disclaimer_accepted=True, leave_out_reached=True, now=NOW)
    move_all(campaign_id)
    assert statuses(campaign_id) == {"cancelled": 2, "queued": 1}


def test_a_dead_credential_is_named_and_nothing_runs(fake: FakeTwilio, installation: Config, ben: Actor) -> None:
    campaign_id = make_campaign()
    fake.refuses_all = True
    with refused(AccountRefusedError) as caught:
        start(campaign_id, ben)
    assert "TWILIO_AUTH_TOKEN" in str(caught.value)
    assert TOKEN not in str(caught.value)


def test_a_suspended_account_is_refused(fake: FakeTwilio, installation: Config, ben: Actor) -> None:
    campaign_id = make_campaign()
    fake.account_status = "suspended"
    with refused(AccountRefusedError):
        start(campaign_id, ben)


class TestNoAnswer:
    @pytest.fixture
    def environment(self) -> Mapping[str, str]:
        return variables("http://127.0.0.1:1")

    def test_what_can_not_be_told_warns_and_refuses_nothing(self, installation: Config, ben: Actor) -> None:
        campaign_id = make_campaign()
        assert start(campaign_id, ben).warning == UNCHECKED
        assert phase_of(campaign_id) == Phase.RUNNING
        stop(campaign_id)
        assert starting.resume_campaign(campaign_id, actor=ben, now=NOW).warning == UNCHECKED


def test_who_may_not_and_what_can_not_be_run_ask_nobody(
    fake: FakeTwilio, installation: Config, ben: Actor, vera: Actor
) -> None:
    fake.refuses_all = True
    ready, ended = make_campaign(), make_ended()
    with refused(NotAllowedError):
        start(ready, vera)
    with refused(WrongStateError):
        start(ended, ben)


def test_resume_asks_too(fake: FakeTwilio, installation: Config, ben: Actor) -> None:
    campaign_id = make_campaign()
    run(campaign_id)
    stop(campaign_id)
    move_all(campaign_id)
    fake.refuses_all = True
    with refused(AccountRefusedError):
        starting.resume_campaign(campaign_id, actor=ben, now=NOW)
    fake.refuses_all = False
    assert starting.resume_campaign(campaign_id, actor=ben, now=NOW).messages == 3


def test_a_later_start_asks_when_it_fires(fake: FakeTwilio, installation: Config, ben: Actor) -> None:
    campaign_id = make_campaign()
    run_later(campaign_id, at=None, actor=ben)
    fake.refuses_all = True
    starting.fire_due_starts(now=NOW)
    ((state, result),) = [(row["state"], row["result"]) for row in rows_of("scheduled_starts")]
    assert (state, phase_of(campaign_id)) == ("refused", Phase.READY)
    assert "TWILIO_AUTH_TOKEN" in result


def test_a_later_start_asks_nobody_while_its_channel_is_taken(
    fake: FakeTwilio, installation: Config, ben: Actor
) -> None:
    run(make_campaign())
    run_later(make_campaign(), at=None, actor=ben)
    fake.refuses_all = True
    starting.fire_due_starts(now=NOW + SECOND)
    assert [row["state"] for row in rows_of("scheduled_starts")] == ["queued"]

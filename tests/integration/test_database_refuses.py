"""A database that is full, read-only or locked: nothing is handed over without a durable claim; later it goes on."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import apsw
import pytest
import uvloop
from peewee import OperationalError, PeeweeException

import jobs.sending
from jobs.providers.base import Outcome
from jobs.providers.messages import OutgoingMessage
from jobs.runtime.stopping import Stop
from jobs.sending import Sender
from models import database
from models.config import Config
from models.database import select
from models.queries.campaigns import get_campaign
from tests import engines
from tests.factories import make_campaign, rows_of, run, statuses
from tests.integration.send_jobs import FakeProvider, takes_a_moment
from tests.processes import until
from tests.servers import cut_off

MESSAGES = 1000  # more attempts than fit into the pages that are free already
LOCKED_SECONDS = 6.0
REFUSALS = {"max_page_count": "database or disk is full", "query_only": "attempt to write a readonly database"}
WELL = {"max_page_count": 1 << 30, "query_only": 0}

Send = Callable[[FakeProvider], None]


@pytest.fixture
def campaign_id(installation: Config) -> int:
    made = make_campaign(messages=MESSAGES)
    run(made)
    return made


@pytest.fixture
def send(installation: Config, campaign_id: int) -> Iterator[Send]:
    stop = Stop()

    def go(provider: FakeProvider) -> None:
        """One send job."""
        uvloop.run(Sender(get_campaign(campaign_id), provider, installation, stop, rate=lambda: None).run())

    yield go
    stop.close()


def refuse(pragma: str) -> None:
    """From now on, on each new connection and this one."""
    pages = select("PRAGMA page_count")[0][0]
    database.database.pragma(pragma, {"max_page_count": pages, "query_only": 1}[pragma], permanent=True)


@pytest.mark.parametrize("pragma", REFUSALS)
def test_nothing_is_handed_over_without_a_claim_and_later_the_rest_is(
    campaign_id: int, send: Send, pragma: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(pragma)
    refused = FakeProvider()
    monkeypatch.setattr(jobs.sending, "PATIENCE_SECONDS", 0.3)
    with pytest.raises(Exception) as fault:  # noqa: PT011  # a group, or the refusal alone
        send(refused)
    assert database.refusal_in(fault.value) == REFUSALS[pragma]
    assert set(refused.attempts()) <= {row["message_id"] for row in rows_of("attempts")}
    assert statuses(campaign_id)["queued"] > 0
    database.database.pragma(pragma, WELL[pragma], permanent=True)
    provider = FakeProvider()
    send(provider)
    assert set((refused.attempts() + provider.attempts()).values()) == {1}
    assert statuses(campaign_id) == {"sending": MESSAGES}


@pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
def test_what_is_answered_while_the_database_restarts_is_kept(
    installation: Config, campaign_id: int, send: Send, postgres: engines.Postgres
) -> None:
    provider = FakeProvider(takes_a_moment)
    sending = threading.Thread(target=send, args=(provider,))
    database.close()  # this thread's would be cut off too
    sending.start()
    for handed_over in (MESSAGES // 4, MESSAGES // 2):
        until(lambda at_least=handed_over: len(provider.handed_over) >= at_least, seconds=30, what="hand-overs")
        cut_off(postgres, installation.database_url)
    sending.join(30)
    assert set(provider.attempts().values()) == {1}
    assert {row["answer"] for row in rows_of("attempts")} == {"accepted"}
    assert statuses(campaign_id) == {"sending": MESSAGES}


@pytest.mark.both_engines
def test_what_is_answered_while_the_database_takes_no_writes_for_a_moment_is_kept(
    installation: Config, campaign_id: int, no_writes: Callable[[], AbstractContextManager[None]]
) -> None:
    answered: list[int] = []
    is_refusing, has_begun = threading.Event(), threading.Event()

    async def answers(message: OutgoingMessage) -> Outcome:
        outcome = await takes_a_moment(message)
        answered.append(message.message_id)
        return outcome

    def rate() -> None:
        """Read on the sender's own thread: so its connection to SQLite refuses too."""
        if is_refusing.is_set() and not has_begun.is_set():
            if database.on_sqlite():
                database.database.pragma("query_only", 1)
            has_begun.set()

    stop, provider = Stop(), FakeProvider(answers)
    sender = Sender(get_campaign(campaign_id), provider, installation, stop, rate=rate)
    sending = threading.Thread(target=lambda: uvloop.run(sender.run()))
    sending.start()
    until(lambda: len(provider.handed_over) >= MESSAGES // 4, seconds=30, what="hand-overs")
    with no_writes():
        is_refusing.set()
        until(has_begun.is_set, what="the sender's refusals")
        until(lambda: len(answered) == len(provider.handed_over), what="answers")
    sending.join(30)
    assert set(provider.attempts().values()) == {1}
    assert {row["answer"] for row in rows_of("attempts")} == {"accepted"}
    assert statuses(campaign_id) == {"sending": MESSAGES}
    stop.close()


def test_a_lock_of_some_seconds_is_waited_for(campaign_id: int, send: Send) -> None:
    """Somebody else's, who does not know the gate."""
    stranger = apsw.Connection(str(database.database.database))
    stranger.execute("BEGIN IMMEDIATE")
    provider = FakeProvider()
    sending = threading.Thread(target=send, args=(provider,))
    sending.start()
    sending.join(LOCKED_SECONDS)
    assert sending.is_alive()
    assert provider.handed_over == []
    stranger.execute("ROLLBACK")
    stranger.close()
    sending.join(10)
    assert set(provider.attempts().values()) == {1}
    assert len(provider.attempts()) == MESSAGES


class TestWhatAJobsFaultIs:
    @pytest.mark.both_engines
    def test_that_it_takes_no_writes_is_a_refusal(self, no_writes: Callable[[], AbstractContextManager[None]]) -> None:
        with no_writes(), pytest.raises(PeeweeException) as fault:
            database.execute("DELETE FROM messages")
        assert "read" in database.refusal_in(fault.value)

    @pytest.mark.both_engines
    @pytest.mark.parametrize("statement", ["SELECT 1 FROM nowhere", "INSERT INTO leases (name) VALUES (NULL)"])
    def test_what_it_would_never_take_is_none(self, installation: Config, statement: str) -> None:
        with pytest.raises(PeeweeException) as fault:
            database.execute(statement)
        assert database.refusal_in(fault.value) == ""

    def test_a_group_counts_if_it_has_nothing_else(self, installation: Config) -> None:
        refuse("query_only")
        with pytest.raises(OperationalError, match="readonly") as fault:
            database.execute("DELETE FROM messages")
        assert database.refusal_in(ExceptionGroup("both", [fault.value, fault.value]))
        assert not database.refusal_in(ExceptionGroup("both", [fault.value, ValueError()]))

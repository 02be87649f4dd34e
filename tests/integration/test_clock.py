"""The clock finds lost hints again, leaves the shared work to one of several, and outlives a database that is away."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import redis
import structlog
from peewee import PeeweeException
from structlog.typing import EventDict

from jobs import clock
from jobs.clock import Periodic, timetable
from jobs.queues import queue_of
from jobs.runtime import leading, waiting
from jobs.runtime.stopping import Stop
from models import database, hints
from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.config import Config
from models.database import execute, transaction
from models.hints import Work
from models.operations import exporting, running
from models.operations.files import store_file
from models.operations.presence import give_up_lease, hold_lease
from models.operations.receipts import record_receipts
from models.rules.criteria import Criteria
from models.words import Channel, Phase
from tests import engines, factories
from tests.factories import NOW, SECOND
from tests.processes import until
from tests.servers import away, cut_off


@pytest.fixture
def environment(valkey: str) -> dict[str, str]:
    return {"REDIS_URL": valkey, "TIME_SCALE": "60"}


@pytest.fixture
def connection(valkey: str) -> Iterator[redis.Redis]:
    with waiting.client(valkey) as client:
        yield client


@contextmanager
def ticking(config: Config) -> Iterator[Callable[[], float]]:
    """A clock at work, and what stops it and says in how many seconds; fails the test if it ends by a fault."""
    stop, faults = Stop(), []

    def run() -> None:
        try:
            clock.main(config, stop)
        except BaseException as fault:  # noqa: BLE001  # handed to the test
            faults.append(fault)
        finally:
            database.close()

    def end() -> float:
        since = time.monotonic()
        stop.ask()
        thread.join(10)
        return time.monotonic() - since

    engines.let_go()  # the clock opens the installation anew
    before = database.database.obj
    thread = threading.Thread(target=run)
    thread.start()
    try:
        until(lambda: faults or database.database.obj is not before, what="the clock's database")
        until(lambda: faults or factories.rows_of("leases"), what="the clock's lease")
        yield end
    finally:
        end()
        hints.send_to(lambda _work, _subject_id: None)
    assert not thread.is_alive()
    assert faults == []
    stop.close()


def entry(config: Config, name: str) -> Callable[[], object]:
    """What the timetable does under this name."""
    return next(periodic.work for periodic in timetable(config) if periodic.name == name)


def come_from(surface: str) -> None:
    """Let what is to start later have been asked for there."""
    with transaction():
        execute("UPDATE scheduled_starts SET surface = ?", surface)


def faults_in(logs: list[EventDict]) -> list[str]:
    """Which units of work ended by a fault."""
    return [line["unit"] for line in logs if line["log_level"] == "error"]


class TestTimetable:
    @pytest.mark.parametrize(("scale", "sweep"), [("1", 10.0), ("60", 10 / 60), ("1000", 0.1)])
    def test_sweeps_are_divided_by_time_scale_and_the_rest_is_not(self, scale: str, sweep: float) -> None:
        table = timetable(Config.from_env({"TIME_SCALE": scale}))
        assert {periodic.name: periodic.every_seconds for periodic in table} == {
            "time-outs and leases": sweep,
            "work that nobody is at": sweep,
            "signs of life": 5,
            "silence": sweep,
            "later starts": 1,
            "counts to prove": 10,
            "checkpoint": 5,
            "applied receipts": 600,
            "old drafts": 600,
            "expired files": 600,
            "people to forget": sweep,
            "retention": 600,
        }

    @pytest.mark.both_engines
    def test_everything_in_it_can_be_done(self, installation: Config) -> None:
        for periodic in timetable(installation):
            periodic.work()

    def test_expired_files_and_applied_receipts_go(self, installation: Config) -> None:
        store_file("old.csv", "text/csv", [b"x"], now=NOW, expires_at=NOW + 1)
        kept = store_file("new.csv", "text/csv", [b"x"], now=NOW, expires_at=now_ms() + SECOND * 3600)
        record_receipts(provider="simulated", headers={}, body=b"[]", now=NOW)
        with transaction():
            execute("UPDATE receipt_inbox SET applied_at = ?", NOW)
        entry(installation, "expired files")()
        entry(installation, "applied receipts")()
        assert [row["id"] for row in factories.rows_of("files")] == [kept]
        assert factories.rows_of("receipt_inbox") == []

    @pytest.mark.both_engines
    def test_a_later_start_that_is_due_fires(self, installation: Config) -> None:
        asked_at = now_ms() - 2 * SECOND
        due, not_due = factories.make_campaign(Channel.SMS), factories.make_campaign(Channel.EMAIL)
        factories.run_later(due, at=asked_at + SECOND, now=asked_at)
        factories.run_later(not_due, at=asked_at + 3600 * SECOND, now=asked_at)
        entry(installation, "later starts")()
        assert [factories.phase_of(campaign_id) for campaign_id in (due, not_due)] == ["running", "ready"]

    def test_a_sweep_goes_on_until_nothing_is_due(self, installation: Config, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clock, "SWEEP_BATCH", 3)
        campaign_id = factories.make_campaign(messages=8)
        factories.run(campaign_id)
        factories.claim(campaign_id, provider="simulated")
        entry(installation, "time-outs and leases")()
        answers = {row["answer"] for row in factories.rows_of("attempts")}
        assert answers == {"unknown"}


@pytest.mark.both_engines
class TestFaults:
    @pytest.mark.parametrize("sql", ["SELECT 1 FROM nowhere", "INSERT INTO leases (name) VALUES (NULL)"])
    def test_statement_that_the_database_does_not_take_keeps_no_duty_behind_it_waiting(
        self, installation: Config, sql: str
    ) -> None:
        done: list[float] = []
        table = [Periodic("wrong", 60, lambda: execute(sql)), Periodic("right", 0, lambda: done.append(1))]
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                clock._run_due(table)
        assert len(done) == 3
        assert faults_in(logs) == ["wrong"], "the next try is at a distance"
        assert [duty.faulty for duty in table] == [True, False]

    def test_that_the_database_refuses_is_no_fault_of_a_duty(
        self, installation: Config, no_writes: Callable[[], AbstractContextManager[None]]
    ) -> None:
        table = [Periodic("signs of life", 0, lambda: give_up_lease("clock", holder="nobody"))]
        with structlog.testing.capture_logs() as logs, no_writes(), pytest.raises(PeeweeException):
            clock._run_due(table)
        assert (logs, table[0].faulty) == ([], False)


class TestLostHints:
    """Whatever waits in the database is hinted at again."""

    @pytest.fixture
    def find(self, installation: Config, hinted: list[tuple[Work, int]]) -> Callable[[], set[tuple[Work, int]]]:
        def find() -> set[tuple[Work, int]]:
            hinted.clear()
            entry(installation, "work that nobody is at")()
            return set(hinted)

        return find

    Find = Callable[[], set[tuple[Work, int]]]

    def test_nothing_is_said_while_nothing_waits(self, find: Find) -> None:
        factories.make_campaign()
        factories.make_ended()
        assert find() == set()

    @pytest.mark.parametrize(("channel", "work"), [(Channel.SMS, Work.SEND_SMS), (Channel.EMAIL, Work.SEND_EMAIL)])
    def test_queued_messages_are_found(self, find: Find, channel: Channel, work: Work) -> None:
        campaign_id = factories.make_campaign(channel)
        factories.run(campaign_id)
        assert find() == {(work, campaign_id)}

    def test_open_moves_are_found(self, find: Find) -> None:
        campaign_id = factories.make_campaign()
        running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
        assert find() == {(Work.MOVES, campaign_id)}

    def test_receipts_imports_and_exports_are_found(self, find: Find) -> None:
        record_receipts(provider="simulated", headers={}, body=b"[]", now=NOW)
        import_id = factories.start_import(factories.make_draft(), "phone\n+12025550100\n")
        export_id = exporting.start_export(factories.make_campaign(), criteria=Criteria(), actor=COMMAND_LINE, now=NOW)
        assert find() == {(Work.RECEIPTS, 0), (Work.IMPORT, import_id), (Work.EXPORT, export_id)}

    def test_an_import_that_somebody_is_at_is_left_alone(self, find: Find) -> None:
        factories.start_import(factories.make_draft(), "phone\n+12025550100\n")
        for silent, expected in ((59, 0), (61, 1)):
            with transaction():
                execute("UPDATE imports SET state = 'running', beat_at = ?", now_ms() - silent * SECOND)
            assert len(find()) == expected

    def test_a_campaign_in_which_nothing_is_left_ends(self, find: Find) -> None:
        campaign_id = factories.make_ended()
        factories.put_into_phase(campaign_id, Phase.RUNNING)
        assert find() == set()
        assert factories.phase_of(campaign_id) == "ended"


class TestProcess:
    def test_a_wiped_redis_gets_its_hints_again(self, installation: Config, connection: redis.Redis) -> None:
        campaign_id = factories.make_campaign(Channel.SMS)
        factories.run(campaign_id, now=now_ms())
        queue = queue_of("sms", connection)
        with ticking(installation):
            for _ in range(2):
                until(lambda: queue.count == 2, what="hints")
                connection.flushall()
            until(lambda: queue.count == 2, what="hints after the wipe")
        assert [job.args for job in queue.get_jobs()] == [[campaign_id]] * 2

    def test_a_later_start_fires_at_its_time(self, installation: Config) -> None:
        campaign_id = factories.make_campaign()
        factories.run_later(campaign_id, at=now_ms() + SECOND, now=now_ms())
        with ticking(installation):
            until(lambda: factories.phase_of(campaign_id) == "running", what="the start")
        assert factories.moves_of(campaign_id)[0].created_at >= factories.rows_of("scheduled_starts")[0]["starts_at"]

    def test_a_duty_that_fails_keeps_no_other_from_being_done(
        self, installation: Config, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clock, "AFTER_FAULT_SECONDS", 0.2)
        campaign_id = factories.make_campaign()
        factories.run_later(campaign_id, at=now_ms() - SECOND, now=now_ms() - 2 * SECOND)
        store_file("old.csv", "text/csv", [b"x"], now=NOW, expires_at=NOW + 1)
        come_from("of another version")
        with structlog.testing.capture_logs() as logs, ticking(installation):
            until(lambda: not factories.rows_of("files"), what="the duty behind it")
            until(lambda: len(faults_in(logs)) > 1, what="another try")
            assert not factories.rows_of("running_processes"), "it must not be shown as well"
            come_from("panel")
            until(lambda: factories.phase_of(campaign_id) == "running", what="the start")
            until(lambda: factories.rows_of("running_processes"), what="a sign of life")
        assert set(faults_in(logs)) == {"later start", "later starts"}

    def test_simulated_receipts_are_posted(self, installation: Config) -> None:
        log = installation.var / "simulated.log"
        with ticking(installation):
            log.write_text("2026-01-01T00:00:00.000+00:00 sms 1 1 +12025559000\n")
            until(lambda: factories.rows_of("receipt_inbox"), what="receipts")

    def test_a_stop_ends_it_and_frees_the_lease(self, installation: Config) -> None:
        with ticking(installation) as end:
            assert end() < 2
        assert factories.rows_of("leases") == []

    def test_another_leader_leaves_it_only_its_own_carrier(self, installation: Config, connection: redis.Redis) -> None:
        hold_lease("clock", holder="elsewhere", seconds=600, now=now_ms())
        factories.run(factories.make_campaign(), now=now_ms())
        with ticking(installation):
            (installation.var / "simulated.log").write_text("2026-01-01T00:00:00.000+00:00 sms 1 1 +12025559000\n")
            until(lambda: factories.rows_of("receipt_inbox"), what="receipts")
            assert queue_of("sms", connection).count == 0

    @pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
    def test_a_database_that_is_away_for_a_moment_does_not_end_it(
        self, installation: Config, connection: redis.Redis, postgres: engines.Postgres
    ) -> None:
        factories.run(factories.make_campaign(), now=now_ms())
        queue = queue_of("sms", connection)
        with ticking(installation):
            until(lambda: queue.count == 2, what="hints")
            cut_off(postgres, installation.database_url)
            connection.flushall()
            until(lambda: queue.count == 2, what="hints after the cut")

    @pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
    def test_a_database_that_takes_no_writes_for_a_moment_does_not_end_it(
        self,
        installation: Config,
        no_writes: Callable[[], AbstractContextManager[None]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(leading, "ASKED_EVERY_SECONDS", 0)
        campaign_id = factories.make_campaign()
        with structlog.testing.capture_logs() as logs, ticking(installation):
            with no_writes():
                until(lambda: any("refuses" in line["event"] for line in logs), what="a refusal")
            factories.run_later(campaign_id, at=now_ms() - SECOND, now=now_ms() - 2 * SECOND)
            until(lambda: factories.phase_of(campaign_id) == "running", what="the start")
        assert faults_in(logs) == []

    @pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
    def test_a_stop_while_the_database_is_away_is_no_fault(
        self, installation: Config, postgres: engines.Postgres
    ) -> None:
        with ticking(installation) as end, away(postgres, installation.database_url):
            assert end() < 4

"""Doctor finds what is wrong, says the step that mends it, and changes nothing."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from admin.checkup.doctor import findings
from admin.checkup.findings import Finding, Level
from jobs.queues import DUTIES
from jobs.runtime import owner, run_file, waiting
from jobs.runtime.stopping import Stop
from models.clock import now_ms
from models.database import execute, transaction
from models.operations import space
from models.operations.presence import beat, give_up_lease, hold_lease, leave
from models.operations.receipts import record_receipts
from tests import engines
from tests.factories import dump
from tests.processes import free_port
from tests.terminal import Terminal

ENGINES = {engines.SQLITE: "SQLite 3.", engines.POSTGRESQL: "PostgreSQL 18"}


class Healthz(BaseHTTPRequestHandler):
    """Answers as web does."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening() -> Iterator[str]:
    """A web server at work; its URL."""
    with HTTPServer(("127.0.0.1", 0), Healthz) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Installation:
    """One in which every process seems to run: this one has taken all their places."""

    def __init__(self, terminal: Terminal, valkey: str, web: str) -> None:
        self.terminal = terminal
        self.var = Path(terminal.variables["SIGNALBOX_VAR"])
        self.variables = {**terminal.variables, "REDIS_URL": valkey}
        self.stop = Stop()
        self.locks = {name: owner.take(self.var, name, self.stop) for name in ("web", "bot", "worker", "clock")}
        self.publish(web)
        hold_lease("clock", holder="clock", seconds=15, now=now_ms())
        for duty in DUTIES:
            self.beat(duty, now_ms())
        beat("here-clock", duty="clock", host="here", pid=1, now=now_ms())

    def beat(self, duty: str, at: int) -> None:
        beat(f"here-{duty}-1", duty=duty, host="here", pid=1, now=at)

    def publish(self, url: str) -> None:
        run_file.publish(self.var, "web", url=url, port=1, pid=os.getpid())

    def findings(self, **variables: str) -> list[Finding]:
        """What doctor finds; whatever is not well has a step, and nothing was changed."""
        before = set(self.var.iterdir())
        engines.let_go()  # doctor connects anew
        found = findings({**self.variables, **variables})
        assert set(self.var.iterdir()) <= before
        assert all(finding.step for finding in found if finding.level is not Level.OK)
        assert not any("\n" in finding.sentence for finding in found)
        return found

    def ill(self, **variables: str) -> list[str]:
        """What is not well, as level and sentence."""
        return [f"{f.level} {f.sentence}" for f in self.findings(**variables) if f.level is not Level.OK]

    def close(self) -> None:
        for name in list(self.locks):
            self.let_go(name)
        self.stop.close()

    def let_go(self, name: str) -> None:
        os.close(self.locks.pop(name))


@pytest.fixture
def well(terminal: Terminal, valkey: str) -> Iterator[Installation]:
    """An installation that lacks nothing."""
    with listening() as url:
        installation = Installation(terminal, valkey, url)
        yield installation
        installation.close()


@pytest.mark.both_engines
def test_a_healthy_installation_has_nothing_but_ok(well: Installation, engine: str) -> None:
    said = well.terminal("doctor", **well.variables)
    assert said.code == 0
    assert said.err == ""
    assert {line.split()[0] for line in said.out.splitlines()} == {"ok"}
    for told in (
        "local mode",
        f"database: {ENGINES[engine]}",
        "GB free",
        "web: process",
        "work receipts",
        str(well.var),
    ):
        assert told in said.out


def test_a_fault_makes_it_exit_with_1(well: Installation) -> None:
    said = well.terminal("doctor", **{**well.variables, "REDIS_URL": "redis://127.0.0.1:1/0"})
    assert said.code == 1
    assert "FAULT    redis: no answer" in said.out


def test_a_warning_is_no_fault(well: Installation) -> None:
    said = well.terminal("doctor", **well.variables, SENDGRID_API_KEY="SG.x")
    assert said.code == 0
    assert "warning  Email: SENDGRID_API_KEY is ignored. Set EMAIL_PROVIDER=sendgrid, or unset it." in said.out


class TestEnvironment:
    @pytest.mark.parametrize(
        ("variables", "told"),
        [
            ({"SLACK_BOT_TOKEN": "xoxb-1"}, "FAULT environment: Slack is half set: SLACK_BOT_TOKEN is given"),
            ({"TIME_SCALE": "0"}, "FAULT environment: TIME_SCALE is '0'"),
            ({"LOG_LEVEL": "LOUD"}, "FAULT environment: LOG_LEVEL is LOUD"),
            ({"TWILIO_ACOUNT_SID": "AC1"}, "warning environment: TWILIO_ACOUNT_SID is no variable of ours"),
            ({"SMTP_URL": "smtp://x"}, "warning Email: SMTP_URL is ignored. Set EMAIL_PROVIDER=smtp"),
        ],
    )
    def test_what_is_wrong_with_a_variable_is_told(
        self, well: Installation, variables: dict[str, str], told: str
    ) -> None:
        (sentence,) = well.ill(**variables)
        assert sentence.startswith(told)

    def test_in_production_what_is_left_open_is_a_warning(self, well: Installation) -> None:
        told = "\n".join(well.ill(SLACK_LOCAL="0", SMS_PROVIDER="simulated", SECRET_KEY="short"))
        assert "FAULT" not in told
        for part in ("PUBLIC_URL", "Slack: off", "SECRET_KEY is short", "Email: not configured", "EMAIL_PROVIDER"):
            assert part in told

    def test_a_half_set_provider_is_a_fault_that_names_the_variable(self, well: Installation) -> None:
        told = well.ill(SMS_PROVIDER="twilio", TWILIO_ACCOUNT_SID="AC1", SLACK_LOCAL="1")
        assert any(sentence.startswith("FAULT SMS") and "TWILIO_AUTH_TOKEN" in sentence for sentence in told)

    def test_dsn_that_is_none_is_a_fault(self, well: Installation) -> None:
        (told,) = well.ill(SENTRY_DSN="nonsense")
        assert told.startswith("FAULT Sentry: SENTRY_DSN is not understood")

    def test_clock_whose_sweeps_do_not_come_round_is_a_fault(self, well: Installation) -> None:
        beat("here-clock", duty="clock", host="here", pid=1, now=now_ms() - 61_000)
        (told,) = well.ill()
        assert told.startswith(
            "FAULT clock: holds its place, but not all its duties come round: the last sweep was 61 s"
        )

    def test_clock_whose_sweeps_never_came_round_is_a_fault(self, well: Installation) -> None:
        leave("here-clock")
        (told,) = well.ill()
        assert told.startswith("FAULT clock: holds its place, but no sweep came round yet")

    def test_a_real_provider_in_a_hurry_is_a_warning(self, well: Installation) -> None:
        told = well.ill(EMAIL_PROVIDER="smtp", SMTP_URL="smtp://x", SLACK_LOCAL="1", TIME_SCALE="60")
        assert [sentence for sentence in told if sentence.startswith("warning time") and "for smtp" in sentence]

    def test_an_address_without_https_is_a_warning(self, well: Installation) -> None:
        told = well.ill(PUBLIC_URL="http://box.example.com", SMS_PROVIDER="simulated", EMAIL_PROVIDER="simulated")
        assert any("PUBLIC_URL is http://box.example.com" in sentence for sentence in told)


class TestFolder:
    @pytest.mark.parametrize("name", [".", "secret_key", "run.json"])
    def test_what_others_can_read_is_a_fault(self, well: Installation, name: str) -> None:
        (well.var / name).chmod(0o755)
        assert well.ill() == [f"FAULT var: {well.var / name} can be read by others. Run: chmod go= {well.var / name}"]

    def test_a_file_in_its_place_is_a_fault(self, well: Installation) -> None:
        told = well.ill(SIGNALBOX_VAR=str(well.var / "secret_key"))
        assert any(sentence.startswith("FAULT var:") and "is no folder" in sentence for sentence in told)

    @pytest.mark.parametrize(("free", "level"), [(1 << 30, "warning"), (100 << 20, "FAULT")])
    def test_a_disk_that_is_nearly_full_is_told(
        self, well: Installation, monkeypatch: pytest.MonkeyPatch, free: int, level: str
    ) -> None:
        usage = shutil.disk_usage(well.var)._replace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
        (told,) = well.ill()
        assert told.startswith(f"{level} disk: {space.readable(free)} free. Make room")


class TestDatabase:
    def test_before_the_first_start_nothing_is_made(self, tmp_path: Path) -> None:
        found = {f.subject: f for f in findings({"SIGNALBOX_VAR": str(tmp_path / "var")})}
        assert list(tmp_path.iterdir()) == []
        assert found["database"].level is Level.FAULT
        assert "honcho start" in found["database"].step
        assert found["processes"].says == "none runs on this machine"

    def test_a_schema_that_is_behind_is_told_and_left(self, well: Installation) -> None:
        with transaction():
            execute("DELETE FROM schema_migration")
        before = dump()
        (told,) = well.ill()
        assert told.startswith("FAULT database: The database's schema is behind")
        assert "python -m admin migrate" in told
        assert dump() == before

    def test_a_file_that_is_no_database_is_told(self, well: Installation) -> None:
        other = well.terminal.file("other.db", b"something else entirely " * 100)
        told = well.ill(DATABASE_URL=f"sqlite:///{other}")
        assert told == [
            "FAULT database: no answer: file is not a database. See that it runs and that DATABASE_URL is right."
        ]

    def test_a_server_that_is_not_there_is_told(self, well: Installation) -> None:
        url = f"postgresql://signalbox@127.0.0.1:{free_port()}/signalbox"
        told = well.ill(DATABASE_URL=url, SECRET_KEY="x" * 32)
        assert told[0].startswith("FAULT database: no answer: connection failed")

    @pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
    def test_a_server_whose_clock_differs_is_told(self, well: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("admin.checkup.doctor.now_ms", lambda: now_ms() + 3000)
        (told,) = well.ill()
        assert told.startswith("FAULT clock: this machine and the database differ by 3.")

    @pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
    def test_what_may_run_on_another_machine_is_a_warning(self, well: Installation) -> None:
        well.let_go("bot")
        assert well.ill() == ["warning bot: does not run on this machine. Start all processes with `honcho start`."]

    def test_an_sqlite_that_may_corrupt_is_told(self, well: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("admin.checkup.doctor.FIXED_SQLITE", (99, 0, 0))
        (told,) = well.ill()
        assert told.startswith("warning database: SQLite 3.")


class TestRedis:
    def test_an_embedded_server_that_is_down_is_told(self, well: Installation) -> None:
        del well.variables["REDIS_URL"]
        told = well.ill()
        assert told[0] == "FAULT redis: the embedded server isn't up. Start all processes with `honcho start`."

    @pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "redis://127.0.0.1:port/0"])
    def test_an_address_where_nobody_answers_is_told(self, well: Installation, url: str) -> None:
        (told,) = well.ill(REDIS_URL=url)
        assert told.startswith("FAULT redis: no answer")
        assert "REDIS_URL" in told

    def test_a_server_that_evicts_is_a_warning(self, well: Installation) -> None:
        with waiting.client(well.variables["REDIS_URL"]) as client:
            client.config_set("maxmemory-policy", "allkeys-lru")
            told = well.ill()
            client.config_set("maxmemory-policy", "noeviction")
        assert told == ["warning redis: maxmemory-policy is allkeys-lru. Set it to noeviction, or hints get lost."]


class TestProcesses:
    @pytest.mark.parametrize("name", ["web", "bot", "worker", "clock"])
    def test_one_that_does_not_run_is_named(self, well: Installation, name: str) -> None:
        well.let_go(name)
        assert well.ill() == [f"FAULT {name}: does not run on this machine. Start all processes with `honcho start`."]

    def test_a_web_that_does_not_answer_is_told(self, well: Installation) -> None:
        well.publish(f"http://127.0.0.1:{free_port()}")
        (told,) = well.ill()
        assert told.startswith("FAULT web: process")
        assert "does not answer" in told

    def test_a_bot_is_not_missed_while_slack_is_off(self, well: Installation) -> None:
        well.let_go("bot")
        told = well.ill(SLACK_LOCAL="0", SMS_PROVIDER="simulated", EMAIL_PROVIDER="simulated")
        assert not any(sentence.startswith("FAULT") for sentence in told)

    def test_a_clock_that_keeps_no_time_is_told(self, well: Installation) -> None:
        give_up_lease("clock", holder="clock")
        (told,) = well.ill()
        assert told.startswith("FAULT clock: nobody keeps time")

    @pytest.mark.parametrize("duty", DUTIES)
    def test_a_duty_that_nobody_has_is_told(self, well: Installation, duty: str) -> None:
        leave(f"here-{duty}-1")
        (told,) = well.ill()
        assert told.startswith(f"FAULT work {duty}: no process takes its jobs")

    def test_a_work_process_silent_for_half_a_minute_counts_as_gone(self, well: Installation) -> None:
        well.beat("bulk", now_ms() - 31_000)
        assert [sentence.split(":")[0] for sentence in well.ill()] == ["FAULT work bulk"]
        well.beat("bulk", now_ms() - 25_000)
        assert well.ill() == []


class TestReceipts:
    def test_posts_that_nobody_applies_are_a_warning(self, well: Installation) -> None:
        record_receipts(provider="twilio", headers={}, body=b"1", now=now_ms() - 59_000)
        assert well.ill() == []
        record_receipts(provider="twilio", headers={}, body=b"2", now=now_ms() - 90_000)
        (told,) = well.ill()
        assert told.startswith("warning receipts: the oldest waits since 90 s")

    def test_posts_that_could_not_be_read_are_a_warning(self, well: Installation) -> None:
        record_receipts(provider="twilio", headers={}, body=b"1", now=now_ms())
        with transaction():
            execute("UPDATE receipt_inbox SET applied_at = 1, problem = 'no JSON'")
        (told,) = well.ill()
        assert told.startswith("warning receipts: 1 of the last posts could not be read")

    def test_codes_in_no_table_are_a_warning(self, well: Installation) -> None:
        with transaction():
            for code in range(30_001, 30_008):
                execute(
                    "INSERT INTO unmapped_codes (provider, code, n, first_at, last_at) VALUES ('twilio', ?, 1, 1, ?)",
                    str(code),
                    code,
                )
        (told,) = well.ill()
        assert told.startswith("warning codes: 7 in no table: twilio 30007, twilio 30006")

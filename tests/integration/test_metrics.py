"""`/metrics` tells what an on-call person asks, of all processes at once, and `/readyz` what is wrong."""

import re
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import Client

from admin.wsgi import create_app
from jobs import clock
from models import schema
from models.clock import now_ms
from models.config import Config
from models.database import execute, select, transaction
from models.operations import presence, receipts, tallying
from models.operations.slack_state import note_trouble
from models.operations.sweeping import sweep_due
from models.queries import figures
from models.rules.verdicts import Word
from models.secret_key import load_secret
from models.words import FailureReason, SlackWay, Tally
from tests import engines
from tests.crews import Member, work_at_once
from tests.factories import answer, claim, make_campaign, run

both_engines = pytest.mark.both_engines
MINUTE = 60_000


def scraped(app: Flask) -> dict[str, float]:
    """Every figure of a scrape, by its name with its labels."""
    text = Client(app).get("/metrics").text
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


@pytest.fixture(autouse=True)
def nothing_counted_before(installation: Config) -> None:
    """What tests before this one counted in this process is not ours."""
    tallying.write()
    with transaction():
        execute("DELETE FROM tallies")
    engines.let_go()  # the application connects anew


@both_engines
def test_sent_outcomes_and_what_stands_are_told_by_channel_and_reason(app: Flask) -> None:
    campaign_id = make_campaign(messages=5)
    run(campaign_id, now=now_ms() - 90_000)
    first, second, third = claim(campaign_id, limit=3, now=now_ms())
    answer([first], Word.DELIVERED, at=now_ms())
    answer([second], Word.FAILED, at=now_ms(), reason=FailureReason.UNREACHABLE)
    answer([third], Word.ACCEPTED, at=now_ms())
    found = scraped(app)
    assert found['signalbox_sent_total{channel="sms"}'] == 2
    assert found['signalbox_outcomes_total{channel="sms",reason="",status="delivered"}'] == 1
    assert found['signalbox_outcomes_total{channel="sms",reason="unreachable",status="failed"}'] == 1
    assert found['signalbox_messages{channel="sms",reason="unreachable",status="failed"}'] == 1
    assert found['signalbox_messages{channel="sms",reason="",status="queued"}'] == 2
    assert 80 < found['signalbox_oldest_queued_seconds{channel="sms"}'] < 600


@both_engines
def test_expired_leases_are_counted(app: Flask) -> None:
    campaign_id = make_campaign(messages=3)
    run(campaign_id)
    claim(campaign_id, limit=3, now=now_ms() - MINUTE)
    sweep_due(now=now_ms(), scale=1)
    assert scraped(app)["signalbox_lease_expiries_total"] == 3


@both_engines
def test_receipts_lag_and_sweep_age_are_told(app: Flask, installation: Config) -> None:
    before = scraped(app)
    assert before["signalbox_receipts_lag_seconds"] == 0
    assert "signalbox_sweep_age_seconds" not in before
    receipts.record_receipts(provider="twilio", headers={}, body=b"x", now=now_ms() - MINUTE)
    presence.beat("here-clock", duty="clock", host="here", pid=1, now=now_ms() - 20_000)
    presence.beat("here-sms-1", duty="sms", host="here", pid=2, now=now_ms())
    note_trouble("invalid_auth", now=now_ms(), way=SlackWay.HEARS)
    found = scraped(app)
    assert 60 <= found["signalbox_receipts_lag_seconds"] < 70
    assert 20 <= found["signalbox_sweep_age_seconds"] < 30
    assert found['signalbox_processes{duty="sms"}'] == 1
    assert (found['signalbox_slack_trouble{way="hears"}'], found['signalbox_slack_trouble{way="says"}']) == (1, 0)


@both_engines
def test_clock_shows_that_its_sweeps_come_round(app: Flask, installation: Config) -> None:
    table = clock.timetable(installation)
    presence.hold_lease("clock", holder="here", seconds=15, now=now_ms())
    next(entry for entry in table if entry.name == "signs of life").work()
    assert [entry.name for entry in table].index("signs of life") > [entry.name for entry in table].index(
        "time-outs and leases"
    )
    assert scraped(app)["signalbox_sweep_age_seconds"] < 5
    assert scraped(app)['signalbox_ready{check="clock"}'] == 1


@both_engines
def test_requests_are_measured_and_slacks_apart(app: Flask, installation: Config) -> None:
    client = Client(app)
    for _ in range(3):
        client.get("/login")
    client.post("/webhooks/twilio/status", data={})
    client.post("/slack/events", data={})
    client.get("/healthz")
    found = scraped(app)
    assert found['signalbox_request_seconds_count{kind="page"}'] == 3
    assert found['signalbox_request_seconds_bucket{kind="page",le="+Inf"}'] == 3
    assert found['signalbox_request_seconds_count{kind="webhook"}'] == 1
    assert found['signalbox_slack_ack_seconds_count{way="http"}'] == 1
    assert 0 < found['signalbox_request_seconds_sum{kind="page"}'] < 30


def count_some(barrier: Barrier, how_many: int) -> None:
    barrier.wait()
    for _ in range(how_many):
        tallying.count({(Tally.SENT, "sms"): 1})
        tallying.write()


@both_engines
def test_tallies_of_several_processes_add_up(installation: Config) -> None:
    work_at_once(installation, [Member(count_some, (25,))] * 4)
    assert figures.tallies()[Tally.SENT] == {("sms",): 100}


@both_engines
def test_tally_that_could_not_be_written_is_kept_for_the_next_time(installation: Config) -> None:
    execute("ALTER TABLE tallies RENAME TO elsewhere")
    tallying.count({(Tally.SENT, "sms"): 2})
    with pytest.raises(Exception, match="tallies"):
        tallying.write()
    execute("ALTER TABLE elsewhere RENAME TO tallies")
    tallying.write()
    assert figures.tallies()[Tally.SENT] == {("sms",): 2}


@both_engines
def test_no_figure_names_a_campaign_or_a_recipient(app: Flask) -> None:
    campaign_id = make_campaign(messages=2, name="Canary")
    run(campaign_id)
    answer(claim(campaign_id, limit=2, now=now_ms()), Word.DELIVERED, at=now_ms())
    text = Client(app).get("/metrics").text
    recipient = str(select("SELECT recipient FROM messages LIMIT 1")[0][0])
    assert "Canary" not in text
    assert recipient not in text
    assert re.search(r"^# TYPE signalbox_request_seconds histogram$", text, re.MULTILINE)


class TestReadiness:
    @pytest.fixture
    def environment(self, valkey: str) -> dict[str, str]:
        return {"REDIS_URL": valkey}

    @both_engines
    def test_it_is_ready_with_all_that_is_needed(self, app: Flask) -> None:
        presence.hold_lease("clock", holder="here", seconds=15, now=now_ms())
        presence.beat("here-clock", duty="clock", host="here", pid=1, now=now_ms())
        answer = Client(app).get("/readyz")
        assert (answer.status_code, answer.json) == (
            200,
            {"ready": True, "checks": dict.fromkeys(("database", "schema", "clock", "redis", "disk"), "ok")},
        )

    @both_engines
    def test_it_says_since_when_nobody_sweeps_and_turns_no_receipt_away_for_it(self, app: Flask) -> None:
        presence.hold_lease("clock", holder="here", seconds=15, now=now_ms())
        presence.beat("here-clock", duty="clock", host="here", pid=1, now=now_ms() - 2 * MINUTE)
        answer = Client(app).get("/readyz")
        assert answer.status_code == 200
        assert re.search(
            r"not all its duties come round: the last sweep was 12\d s ago$", answer.json["checks"]["clock"]
        )

    @both_engines
    def test_it_says_that_the_schema_is_behind(
        self, app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        later = tmp_path / "migrations"
        later.mkdir()
        for migration in schema.DIRECTORY.glob("[0-9]*.py"):
            (later / migration.name).write_text(migration.read_text())
        (later / "9999_later.py").write_text("def up(_migrator, db):\n    pass\n")
        monkeypatch.setattr(schema, "DIRECTORY", later)
        answer = Client(app).get("/readyz")
        assert answer.status_code == 503
        assert answer.json["checks"]["schema"] == "behind: run `python -m admin migrate`"
        assert set(scraped(app)) == {f'signalbox_ready{{check="{name}"}}' for name in answer.json["checks"]}


def test_without_database_it_says_so_and_metrics_tell_only_that(var: Path) -> None:
    app = create_app_without_database(var)
    answer = Client(app).get("/readyz")
    assert answer.status_code == 503
    assert answer.json["checks"]["database"] == "no answer"
    found = scraped(app)
    assert found['signalbox_ready{check="database"}'] == 0
    assert not any(name.startswith("signalbox_messages") for name in found)


def create_app_without_database(var: Path) -> Flask:
    """The application of an installation whose PostgreSQL is not there."""
    url = "postgresql://nobody:secret@127.0.0.1:1/none"
    config = Config.from_env({"SIGNALBOX_VAR": str(var), "DATABASE_URL": url, "SECRET_KEY": "x" * 40})
    load_secret(config)
    return create_app(config)

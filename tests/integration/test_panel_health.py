"""Health: how each part stands, with the step that mends it."""

import re
from datetime import datetime, timedelta

import pytest

from admin import readiness
from admin.checkup import doctor
from admin.checkup.findings import Level
from admin.checkup.health import health_findings
from jobs.queues import DUTIES
from models.clock import now_ms
from models.config import Config
from models.database import execute
from models.operations import presence, receipts
from models.operations.proving import campaigns_to_prove, prove_counts
from models.operations.slack_state import note_trouble
from models.queries import health
from tests.factories import make_campaign
from tests.integration.panel import Visitor

MINUTE = 60_000


@pytest.fixture
def environment(valkey: str) -> dict[str, str]:
    return {"REDIS_URL": valkey}


def standing(config: Config) -> dict[str, tuple[Level, str, str]]:
    return {found.subject: (found.level, found.says, found.step) for found in health_findings(config, now=now_ms())}


def beat_all() -> None:
    for duty in DUTIES:
        presence.beat(f"{duty}-1", duty=duty, host="here", pid=1, now=now_ms())
    presence.hold_lease("clock", holder="c", seconds=15, now=now_ms())
    presence.beat("here-clock", duty="clock", host="here", pid=1, now=now_ms())


class TestFindings:
    def test_all_is_well_when_everybody_is_there(self, installation: Config) -> None:
        beat_all()
        found = standing(installation)
        assert {level for level, _, _ in found.values()} == {Level.OK}
        assert found["Workers"][1].startswith("sms 1, email 1, receipts 1, bulk 1; oldest beat")
        assert found["Queues"][1] == "sms 0, email 0, receipts 0, bulk 0"
        assert re.match(r"(Valkey|Redis) \d", found["Engine"][1])
        assert found["Database"][1].startswith("SQLite 3.")

    def test_missing_duty_and_clock_are_faults(self, installation: Config) -> None:
        presence.beat("sms-1", duty="sms", host="here", pid=1, now=now_ms())
        presence.beat("email-1", duty="email", host="here", pid=1, now=now_ms() - 31_000)
        found = standing(installation)
        assert found["Workers"][0] is Level.FAULT
        assert "nobody takes jobs of email, receipts, bulk" in found["Workers"][1]
        assert found["Clock"][0] is Level.FAULT

    @pytest.mark.both_engines
    @pytest.mark.parametrize(
        ("lease", "swept", "trouble"),
        [
            (True, 50, ""),
            (True, 65, "holds its place, but not all its duties come round: the last sweep was 6"),
            (True, None, "holds its place, but no sweep came round yet"),
            (False, 1, "nobody keeps time: sweeps, time-outs and lost hints wait"),
        ],
    )
    def test_page_doctor_and_readiness_judge_the_clock_alike(
        self, installation: Config, lease: bool, swept: int | None, trouble: str
    ) -> None:
        if lease:
            presence.hold_lease("clock", holder="c", seconds=15, now=now_ms())
        if swept:
            presence.beat("here-clock", duty="clock", host="here", pid=1, now=now_ms() - swept * 1000)
        assert readiness.checks(installation, now=now_ms())["clock"].startswith(trouble or readiness.OK)
        level, says, step = standing(installation)["Clock"]
        assert level is (Level.FAULT if trouble else Level.OK)
        assert says.lower().startswith(trouble or "keeps time")
        told = [found for found in doctor._clocks() if found.subject == "clock"]
        assert [(found.says.startswith(trouble), found.step) for found in told] == ([(True, step)] if trouble else [])

    @pytest.mark.parametrize(("ago", "is_late"), [(MINUTE, False), (MINUTE + 1, True)])
    def test_sweep_is_late_after_a_minute(self, installation: Config, ago: int, is_late: bool) -> None:
        now = now_ms()
        presence.hold_lease("clock", holder="c", seconds=15, now=now)
        presence.beat("here-clock", duty="clock", host="here", pid=1, now=now - ago)
        assert bool(health.clock_trouble(now=now)) is is_late

    def test_receipts_that_wait_over_a_minute_are_late(self, installation: Config) -> None:
        for number, age in enumerate((30_000, 90_000)):
            receipts.record_receipts(provider="twilio", headers={}, body=str(number).encode(), now=now_ms() - age)
            level, says, _ = standing(installation)["Receipts"]
            assert level is (Level.OK if age < MINUTE else Level.WARNING)
            assert f"{number + 1} waiting" in says

    def test_slack_trouble_names_its_step(self, installation: Config) -> None:
        note_trouble("token_revoked", now=now_ms())
        level, says, step = standing(installation)["Slack"]
        assert level is Level.FAULT
        assert "token_revoked" in says
        assert "Reinstall the app" in step

    def test_silent_provider_is_named_with_its_campaign(self, installation: Config) -> None:
        execute("UPDATE campaigns SET silence = 'no_receipts' WHERE id = ?", make_campaign(name="Quiet one"))
        assert "No receipt has come" in standing(installation)["Quiet one"][1]


class TestCounts:
    def test_button_lets_the_clock_prove_all_and_the_page_follows(self, panel: Visitor) -> None:
        first, second = make_campaign(), make_campaign(name="Second")
        assert "0 of 2 campaigns proven" in panel.get("/health").text
        for campaign_id in (first, second):
            prove_counts(campaign_id, now=now_ms())
        assert "2 of 2 campaigns proven" in panel.get("/health").text
        assert panel.post("/health/prove").status_code == 303
        assert "0 of 2 campaigns proven" in panel.get("/health").text
        assert campaigns_to_prove(now=now_ms(), limit=9) == [first, second]

    def test_difference_that_was_mended_is_told_for_a_day(self, panel: Visitor, installation: Config) -> None:
        campaign_id = make_campaign(name="Second")
        execute("UPDATE message_counts SET n = n + 2 WHERE campaign_id = ?", campaign_id)
        prove_counts(campaign_id, now=now_ms())
        assert "2 wrong in Second, mended" in panel.get("/health").text
        later = health_findings(installation, now=now_ms() + 25 * 3600 * 1000)
        assert [found.level for found in later if found.subject == "Counts"] == [Level.OK]

    def test_page_asks_again_by_itself(self, panel: Visitor) -> None:
        page = panel.get("/health").text
        assert 'hx-get="/health"' in page
        assert "data-poll" in page

    def test_moment_is_told_in_the_zone_of_who_looks(self, panel: Visitor) -> None:
        panel.client.set_cookie("zone", "Asia/Tokyo")
        moment = re.search(r'As of <time [^>]*title="([^"]+) UTC">([\d:]+)</time>', panel.get("/health").text)
        assert moment
        at, told = datetime.fromisoformat(moment[1]), moment[2]
        assert told == f"{at + timedelta(hours=9):%H:%M:%S}"


class TestWithoutRedis:
    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {"REDIS_URL": "redis://127.0.0.1:9"}

    def test_page_says_so_instead_of_failing(self, panel: Visitor) -> None:
        answer = panel.get("/health")
        assert answer.status_code == 200
        assert "Messages wait in the database until Redis is back" in answer.text

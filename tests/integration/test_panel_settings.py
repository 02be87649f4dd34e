"""Settings: what is accepted, what the environment shows, what each of them does."""

import pytest

from models.actors import SYSTEM, Actor
from models.config import Config
from models.database import execute, select
from models.operations.retention import delete_what_is_over
from models.operations.unmapped import Unmapped, note_unmapped
from models.queries.settings import setting
from models.rules.verdicts import Word
from tests.factories import (
    NOW,
    answer,
    claim,
    make_campaign,
    make_ended,
    moves_of,
    phase_of,
    receive,
    rows_of,
    run,
)
from tests.integration.house import NAUGHTY
from tests.integration.panel import Visitor

DAY = 24 * 3600 * 1000
SECRETS = {
    "SMS_PROVIDER": "twilio",
    "TWILIO_ACCOUNT_SID": "AC" + "5" * 32,
    "TWILIO_AUTH_TOKEN": "canary-twilio-token",
    "TWILIO_API_URL": "http://127.0.0.1:9",
    "SLACK_LOCAL": "0",
    "SLACK_BOT_TOKEN": "xoxb-canary-bot",
    "SLACK_SIGNING_SECRET": "canary-signing",
    "SLACK_API_URL": "http://127.0.0.1:9",
}


class TestValues:
    @pytest.mark.parametrize(
        ("name", "typed", "kept"),
        [
            ("rate.sms", "40", 40),
            ("rate.email", " 0.5 ", 0.5),
            ("price.sms", "0.0079", 0.0079),
            ("price.email", "0", 0),
            ("currency", "eur", "EUR"),
            ("time_zone", "Europe/Berlin", "Europe/Berlin"),
            ("retention_days", "365", 365),
            ("guard", "off", False),
            ("slack_channel", "C024BE91L", "C024BE91L"),
        ],
    )
    def test_good_one_is_kept_and_told(self, panel: Visitor, name: str, typed: str, kept: object) -> None:
        assert panel.post(f"/settings/{name}", value=typed).status_code == 303
        assert setting(name) == kept
        assert "by Alice" in panel.get("/settings").text

    @pytest.mark.parametrize(
        ("name", "typed"), [("rate.sms", "4"), ("retention_days", "9"), ("slack_channel", "C024BE91L")]
    )
    def test_emptied_one_is_none_again(self, panel: Visitor, name: str, typed: str) -> None:
        for value in (typed, ""):
            assert panel.post(f"/settings/{name}", value=value).status_code == 303
        assert setting(name) is None

    @pytest.mark.parametrize(
        ("name", "typed"), [("rate.sms", ""), ("guard", "on"), ("currency", "usd"), ("time_zone", "UTC")]
    )
    def test_one_that_is_as_it_was_is_no_change(self, panel: Visitor, name: str, typed: str) -> None:
        saved = panel.post(f"/settings/{name}", part=True, value=typed)
        assert "is as it was." in saved.headers["HX-Trigger"]
        assert rows_of("settings") == []
        assert "change_setting" not in str(rows_of("audit"))

    @pytest.mark.parametrize(
        ("typed", "status", "told"), [("40", 200, "by Alice"), ("fast", 422, "A rate is a number")]
    )
    def test_script_is_answered_with_the_row_alone(self, panel: Visitor, typed: str, status: int, told: str) -> None:
        answered = panel.post("/settings/rate.sms", part=True, value=typed)
        assert answered.status_code == status
        assert answered.text.count("<li ") == answered.text.count("<form ") == 1
        assert f'value="{typed}"' in answered.text
        assert told in answered.text
        assert ("SMS rate saved." in answered.headers.get("HX-Trigger", "")) is (status == 200)

    def test_rate_says_what_the_simulated_provider_takes_by_itself(self, panel: Visitor) -> None:
        assert panel.get("/settings").text.count("The simulated provider takes 40 a second by itself.") == 2
        own = "at 40 messages/s, the simulated provider's own speed"
        run_dialog = f"/campaigns/{make_campaign()}/run"
        for rate, said in (("", own), ("500", own), ("40", "at 40 messages/s</dd>"), ("8", "at 8 messages/s</dd>")):
            panel.post("/settings/rate.sms", value=rate)
            assert said in panel.get(run_dialog).text.replace("&#39;", "'")

    @pytest.mark.parametrize(
        ("name", "typed"),
        [
            ("rate.sms", "fast"),
            ("rate.sms", "0"),
            ("rate.sms", "-3"),
            ("rate.sms", "nan"),
            ("rate.sms", "inf"),
            ("rate.sms", "1e99"),
            ("price.sms", "-0.01"),
            ("currency", "dollars"),
            ("time_zone", "Mars/Olympus"),
            ("time_zone", ""),
            ("retention_days", "0"),
            ("retention_days", "1.5"),
            ("retention_days", "9" * 100),
            ("guard", "maybe"),
            ("slack_channel", "general"),
            ("currency", NAUGHTY),
        ],
    )
    def test_bad_one_is_refused_and_shown_again(self, panel: Visitor, name: str, typed: str) -> None:
        answered = panel.post(f"/settings/{name}", value=typed)
        assert answered.status_code == 422
        assert 'aria-invalid="true"' in answered.text
        assert "<script>alert" not in answered.text
        assert rows_of("settings") == []

    @pytest.mark.parametrize("name", ["nothing", "simulated.mix", "rate.pigeon"])
    def test_what_is_no_setting_of_the_page_is_not_found(self, panel: Visitor, name: str) -> None:
        assert panel.post(f"/settings/{name}", value="1").status_code == 404


class TestEnvironment:
    @pytest.fixture
    def environment(self) -> dict[str, str]:
        return {**SECRETS, "SECRET_KEY": "canary-secret-key"}

    def test_says_what_is_set_and_never_a_secret(self, panel: Visitor) -> None:
        page = panel.get("/settings").text
        tested = panel.post("/settings/test", part=True).text
        assert "TWILIO_MESSAGING_SERVICE_SID" in page
        assert "not set" in page
        assert "SMS is not configured: SMS_PROVIDER is twilio, but TWILIO_MESSAGING_SERVICE_SID is not set" in page
        for shown in (page, tested):
            assert "canary" not in shown
            assert "AC555" not in shown

    def test_button_asks_live_and_names_the_step(self, panel: Visitor) -> None:
        tested = panel.post("/settings/test", part=True).text
        assert "half set" in tested
        assert "PUBLIC_URL" in tested
        assert "<html" not in tested
        assert "<html" in panel.post("/settings/test").text


def test_codes_no_table_knows_are_listed(panel: Visitor) -> None:
    note_unmapped([Unmapped("twilio", "30487", "Carrier policy <b>violation</b>")] * 2, now=NOW)
    note_unmapped([Unmapped("sendgrid", "x-1", "")], now=NOW)
    page = panel.get("/settings").text
    assert "30487" in page
    assert "said by Twilio 2 times since" in page
    assert "said by SendGrid 1 time since" in page
    assert "&lt;b&gt;violation" in page


class TestGuard:
    @pytest.mark.parametrize(("state", "phase"), [("on", "held"), ("off", "running")])
    def test_holds_a_campaign_only_when_it_is_on(self, panel: Visitor, state: str, phase: str) -> None:
        panel.post("/settings/guard", value=state)
        campaign_id = make_campaign(messages=60)
        run(campaign_id)
        claimed = claim(campaign_id, limit=55)
        answer(claimed)
        receive(claimed, Word.FAILED)
        assert phase_of(campaign_id) == phase


class TestRetention:
    def test_without_the_setting_nothing_is_ever_deleted(self, installation: Config) -> None:
        campaign_id = make_ended()
        assert delete_what_is_over(now=NOW + 10_000 * DAY) == 0
        assert phase_of(campaign_id) == "ended"

    def test_ended_campaigns_go_after_their_days_and_no_others(self, panel: Visitor) -> None:
        panel.post("/settings/retention_days", value="30")
        ended, ready = make_ended(), make_campaign()
        assert delete_what_is_over(now=NOW + 30 * DAY) == 0
        assert delete_what_is_over(now=NOW + 30 * DAY + 1) == 1
        assert (phase_of(ended), phase_of(ready)) == ("deleting", "ready")
        assert moves_of(ended)[-1].actor_name == SYSTEM.name

    def test_one_that_waits_for_the_provider_is_left_for_another_time(self, panel: Visitor, alice: Actor) -> None:
        panel.post("/settings/retention_days", value="1")
        campaign_id = make_ended()
        execute("UPDATE message_counts SET status = 'retrying' WHERE campaign_id = ? AND n > 0", campaign_id)
        assert delete_what_is_over(now=NOW + 2 * DAY) == 0
        assert select("SELECT phase FROM campaigns WHERE id = ?", campaign_id) == [("ended",)]

"""The panel's pages: what they show to whom, what they refuse, and what they let a browser do."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

import flask
import pytest
from flask import Flask

from admin.wsgi import create_app
from bot.__main__ import Hearing
from models.actors import Actor
from models.clock import now_ms
from models.config import Config
from models.database import execute, insert_many, transaction
from models.operations import campaigns, running
from models.operations.counters import Deltas
from models.operations.slack_state import clear_trouble, note_trouble
from models.queries.slack import slack_troubles
from models.rules.verdicts import Word
from models.tables import Campaign
from models.words import Channel, FailureReason, SlackWay
from tests.factories import NOW, answer, claim, make_campaign, make_draft, phase_of, receive, run, send_all
from tests.integration.panel import Visitor
from tests.integration.plans import noted_statements

STRETCH = 10_000  # ms of one column of delivery over time
NAUGHTY = "<script>alert(1)</script>'\"{{7*7}}"


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


def recipients_in(page: str) -> list[str]:
    return re.findall(r'class="c-main rcpt[^"]*"><a [^>]*>([^<]+)', page)


def failed_campaign(messages: int = 3) -> int:
    campaign_id = make_campaign(messages=messages)
    run(campaign_id)
    send_all(campaign_id, Word.FAILED, reason=FailureReason.UNREACHABLE)
    return campaign_id


def course_of_a_campaign() -> None:
    """One whose three messages failed one after the other."""
    campaign_id = make_campaign(messages=3)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    for place, one in enumerate(claimed):
        receive([one], Word.FAILED, at=NOW + place * STRETCH, reason=FailureReason.UNREACHABLE)


class TestSlackOff:
    @pytest.mark.parametrize(
        ("variables", "told"),
        [
            ({"SLACK_LOCAL": "0", "EMAIL_PROVIDER": "smtp"}, True),
            ({"SLACK_LOCAL": "0", "EMAIL_PROVIDER": "simulated"}, False),
            ({"SLACK_LOCAL": "1", "EMAIL_PROVIDER": "smtp"}, False),
        ],
    )
    def test_every_page_tells_beside_a_real_provider(
        self, installation: Config, ben: Actor, variables: dict[str, str], told: bool
    ) -> None:
        given = {name: value for name, value in installation.variables.items() if not name.startswith("SLACK_")}
        panel = Visitor(create_app(Config.from_env({**given, **variables}))).sign_in(ben)
        for page in ("/campaigns/", "/exports/"):
            assert ("Slack is off" in panel.get(page).text) == told

    @pytest.mark.parametrize(("local", "told"), [("0", False), ("1", True)])
    def test_nobody_is_sent_to_slack_for_a_link_where_it_is_off(
        self, installation: Config, local: str, told: bool
    ) -> None:
        given = {name: value for name, value in installation.variables.items() if not name.startswith("SLACK_")}
        visitor = Visitor(create_app(Config.from_env({**given, "SLACK_LOCAL": local})))
        for page in ("/login", "/login/used-up"):
            assert ("/campaign panel" in visitor.get(page).text) == told


class TestSlackTrouble:
    def test_every_page_tells_admins_the_step(self, app: Flask, alice: Actor) -> None:
        campaign_id = make_campaign()
        note_trouble("token_revoked", now=now_ms())
        panel = Visitor(app).sign_in(alice)
        for page in ("/campaigns/", f"/campaigns/{campaign_id}/", "/exports/"):
            assert "Reinstall the app, set SLACK_BOT_TOKEN" in panel.get(page).text, page
        clear_trouble()
        assert "SLACK_BOT_TOKEN" not in panel.get("/campaigns/").text

    def test_slack_that_does_not_reach_us_is_told_beside_it(self, app: Flask, alice: Actor) -> None:
        hearing = Hearing()
        hearing.tell("invalid_auth")
        note_trouble("outage", now=now_ms())
        page = Visitor(app).sign_in(alice).get("/campaigns/").text
        assert "Slack sends us no commands and clicks" in page
        assert "SLACK_APP_TOKEN" in page
        assert "Slack takes nothing from us" in page
        hearing.tell("")
        clear_trouble()
        assert "Slack sends us" not in Visitor(app).sign_in(alice).get("/campaigns/").text

    def test_bot_that_starts_anew_clears_what_is_over(self, installation: Config) -> None:
        note_trouble("invalid_auth", now=now_ms(), way=SlackWay.HEARS)
        Hearing().tell("")
        assert slack_troubles() == []

    def test_it_is_none_of_others_concern(self, panel: Visitor) -> None:
        note_trouble("token_revoked", now=now_ms())
        assert "SLACK_BOT_TOKEN" not in panel.get("/campaigns/").text


class TestList:
    def test_shows_delivery_over_time_and_reasons_as_pictures_with_their_words(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=5)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        receive(claimed[:2], Word.DELIVERED)
        receive(claimed[2:4], Word.FAILED, at=NOW + STRETCH, reason=FailureReason.UNREACHABLE)
        receive(claimed[4:], Word.FAILED, at=NOW + 2 * STRETCH, reason=FailureReason.BLOCKED)
        page = panel.get("/campaigns/").text
        (spark,) = re.findall(r'<svg class="spark"[^>]+aria-label="([^"]+)"', page)
        assert re.fullmatch(
            r"Delivery over time since \S+: Delivered 2, Failed 3; at most 2 in 10 s, from \S+ on\.", spark
        )
        (why,) = re.findall(r'bar-why"[^>]+aria-label="([^"]+)"', page)
        assert why == "Why 3 failed: Unreachable 2, Blocked 1"
        assert re.findall(r'is-failed (why-\d)" x="([^"]+)" width="([^"]+)"', page) == [
            ("why-1", "0.00%", "66.67%"),
            ("why-2", "66.67%", "33.33%"),
        ]

    def test_a_moment_or_two_are_no_picture_of_a_course(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        receive(claimed[:1], Word.DELIVERED)
        receive(claimed[1:], Word.DELIVERED, at=NOW + STRETCH)
        assert 'class="spark"' not in panel.get("/campaigns/").text

    def test_campaign_that_was_not_run_has_none(self, panel: Visitor) -> None:
        make_campaign()
        page = panel.get("/campaigns/").text
        assert ('class="spark"' in page, "bar-why" in page) == (False, False)

    def test_more_campaigns_are_not_more_reads(self, panel: Visitor) -> None:
        reads = []
        for _ in range(2):
            for _ in range(3):
                course_of_a_campaign()
            with noted_statements() as noted:
                page = panel.get("/campaigns/").text
            reads.append(len(noted))
            assert not [statement for statement, _ in noted if re.search(r"\bmessages\b", statement)]
        assert page.count('class="spark"') == 6
        assert reads[0] == reads[1]


class TestSafety:
    def test_every_page_forbids_what_it_does_not_need(self, panel: Visitor) -> None:
        answer = panel.get("/campaigns/")
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
        assert nonce
        assert set(re.findall(r'nonce="([^"]+)"', answer.text)) == {nonce[1]}
        assert nonce[1] not in panel.get("/campaigns/").headers["Content-Security-Policy"]

    def test_pages_hold_no_inline_style_or_handler(self, panel: Visitor) -> None:
        campaign_id = failed_campaign()
        for path in ("/campaigns/", f"/campaigns/{campaign_id}/", f"/campaigns/{campaign_id}/retry", "/campaigns/new"):
            assert not re.search(r'<[^>]+\s(style|on[a-z]+)="|<style|<script>|javascript:', panel.get(path).text)

    def test_only_our_own_templates_are_rendered(self, app: Flask, panel: Visitor) -> None:
        used: list[str] = []
        flask.template_rendered.connect(lambda _app, template, **_: used.append(template.filename), app, weak=False)
        campaign_id = failed_campaign()
        for path in ("/campaigns/", f"/campaigns/{campaign_id}/", "/exports/", "/nowhere"):
            panel.get(path)
        assert used
        assert [name for name in used if "/admin/templates/" not in name or "flask_admin" in name] == []

    def test_names_and_values_from_outside_show_as_themselves(self, panel: Visitor) -> None:
        draft = make_draft(name="Naughty")
        Campaign.update(name=NAUGHTY, description=NAUGHTY, fields=[{"name": NAUGHTY, "searchable": True}]).where(
            Campaign.id == draft
        ).execute()
        with transaction():
            insert_many(
                "messages",
                ("campaign_id", "recipient", "recipient_key", "field_values", "status", "updated_at"),
                [(draft, NAUGHTY, NAUGHTY, '["<script>alert(1)</script>"]', "waiting", NOW)],
            )
            deltas = Deltas()
            deltas.add(draft, "waiting", None, None, 1)
            deltas.write(NOW)
        execute("UPDATE campaigns SET phase = 'ready' WHERE id = ?", draft)
        for path in ("/campaigns/", f"/campaigns/{draft}/", f"/campaigns/{draft}/run", f"/campaigns/{draft}/summary"):
            answer = panel.get(path)
            assert answer.status_code == 200
            assert "<script>alert" not in answer.text
            assert "&lt;script&gt;alert" in answer.text

    def test_email_preview_runs_and_loads_nothing(self, panel: Visitor) -> None:
        campaign_id = make_campaign(Channel.EMAIL)
        answer = panel.get(f"/campaigns/{campaign_id}/preview")
        assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"

    def test_larger_body_than_the_limit_is_refused(self, panel: Visitor) -> None:
        answer = panel.post("/campaigns/new", name="x" * 1_100_000, channel="sms")
        assert answer.status_code == 413
        assert "1 MB" in answer.text


class TestTrouble:
    @pytest.mark.parametrize("part", ["", "true"])
    def test_database_that_does_not_answer_is_told_in_a_sentence(self, panel: Visitor, part: str) -> None:
        execute("ALTER TABLE people RENAME TO away")
        answer = panel.get("/campaigns/", **{"HX-Request": part})
        assert answer.status_code == 503
        assert "The database does not answer as it should." in answer.text
        assert "no such table" not in answer.text

    @pytest.mark.both_engines
    def test_database_that_takes_no_writes_is_told_in_the_same(
        self, panel: Visitor, no_writes: Callable[[], AbstractContextManager[None]]
    ) -> None:
        with no_writes():
            answer = panel.post("/campaigns/new", name="Spring", channel="sms")
        assert answer.status_code == 503
        assert "The database does not answer as it should." in answer.text
        assert panel.post("/campaigns/new", name="Spring", channel="sms").status_code == 303


class TestMessages:
    def test_pages_follow_each_other_both_ways(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=120)
        seen, path = [], f"/campaigns/{campaign_id}/"
        while True:
            page = panel.get(path).text
            seen.append(recipients_in(page))
            following = re.search(r'href="([^"]+)" rel="next"', page)
            if not following:
                break
            path = following[1].replace("&amp;", "&")
        assert [len(rows) for rows in seen] == [50, 50, 20]
        assert len({recipient for rows in seen for recipient in rows}) == 120
        previous = re.search(r'href="([^"]+)" rel="prev"', page)
        assert previous
        assert recipients_in(panel.get(previous[1].replace("&amp;", "&")).text) == seen[1]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("q=%2B14155550001&match=exact", 1),
            ("q=%2B1415555000&match=exact", 0),
            ("q=%2B1415555000", 10),
            ("q=50001&match=contains", 1),
            ("q=%25&match=contains", 0),
            ("status=failed", 0),
            ("status=waiting&q=%2B14155550001", 1),
        ],
    )
    def test_search_finds_what_it_says(self, panel: Visitor, query: str, found: int) -> None:
        campaign_id = make_campaign(messages=[f"+1415555{number:04}" for number in range(20)])
        page = panel.get(f"/campaigns/{campaign_id}/?{query}").text
        assert len(recipients_in(page)) == found
        assert f"<b>{found}</b> of 20 messages" in page

    @pytest.mark.parametrize(
        "query",
        [
            "after=99999999999999999999999",
            "before=-1",
            "after=abc",
            "status=nonsense&reason=nonsense&match=nonsense",
            "q=%00%27%3B--",
            "q=" + "x" * 5000,
            "page=99999999999999999999",
            "sort=password",
        ],
    )
    def test_addresses_that_make_no_sense_are_no_fault(self, panel: Visitor, query: str) -> None:
        campaign_id = make_campaign()
        assert panel.get(f"/campaigns/{campaign_id}/?{query}").status_code == 200
        assert panel.get(f"/campaigns/?{query}").status_code == 200
        assert panel.get(f"/campaigns/{campaign_id}/run?contact={query}").status_code == 200

    def test_viewer_finds_by_the_whole_recipient_only_and_sees_it_masked(self, app: Flask, vera: Actor) -> None:
        campaign_id = make_campaign(messages=3)
        viewer = Visitor(app).sign_in(vera)
        whole = viewer.get(f"/campaigns/{campaign_id}/?q=%2B14155550001").text
        assert recipients_in(whole) == ["+1415***0001"]
        for part in ("q=%2B1415555", "q=50001&match=contains", "q=%2B1415555&match=starts"):
            assert recipients_in(viewer.get(f"/campaigns/{campaign_id}/?{part}").text) == []


class TestActs:
    def test_run_without_every_confirmation_changes_nothing(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        answer = panel.post(f"/campaigns/{campaign_id}/run", part=True, confirm=["1", "2", "3"])
        assert answer.status_code == 422
        assert "accept the disclaimer" in answer.text
        assert phase_of(campaign_id) == "ready"

    def test_run_confirmed_tells_how_many(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        confirmed = [str(number) for number in range(1, 1 + len(running.DISCLAIMER))]
        answer = panel.post(f"/campaigns/{campaign_id}/run", part=True, confirm=confirmed)
        assert "3 messages to send" in answer.headers["HX-Trigger"]
        assert phase_of(campaign_id) == "running"

    def test_act_in_the_wrong_state_is_refused_as_a_dialog(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        answer = panel.post(f"/campaigns/{campaign_id}/stop", part=True)
        assert answer.status_code == 409
        assert answer.headers["HX-Retarget"] == "#dialogs"
        assert "Only a campaign In Progress or Held can be stopped" in answer.text

    def test_delete_with_another_name_keeps_the_dialog(self, panel: Visitor) -> None:
        campaign_id = make_campaign(name="Keep me")
        answer = panel.post(f"/campaigns/{campaign_id}/delete", part=True, typed_name="keep")
        assert answer.status_code == 422
        assert 'value="keep"' in answer.text
        assert phase_of(campaign_id) == "ready"

    def test_open_page_of_a_deleted_campaign_says_so_and_asks_no_more(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        execute("UPDATE campaigns SET phase = 'deleting' WHERE id = ?", campaign_id)
        answer = panel.get(f"/campaigns/{campaign_id}/progress")
        assert answer.status_code == 286
        assert "This campaign was deleted" in answer.text

    def test_ready_campaigns_template_is_edited_but_not_broken(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        answer = panel.post(f"/campaigns/{campaign_id}/template", body="Hi {{nobody}}")
        assert answer.status_code == 422
        assert "Hi {{nobody}}" in answer.text
        assert panel.post(f"/campaigns/{campaign_id}/template", body="Line\r\nbreak").status_code == 303
        assert campaigns.template_of(Campaign.get_by_id(campaign_id)).body == "Line\nbreak"

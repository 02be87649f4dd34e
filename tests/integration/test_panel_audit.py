"""The audit's page: every filter, far back, and never an address."""

import re
from datetime import UTC, datetime

import pytest

from models.actors import Actor
from models.database import insert_many, transaction
from models.operations.campaigns import set_template
from models.operations.optouts import opt_out
from models.words import Channel
from tests.factories import NOW, make_campaign, recipients_on, run, run_later, send_all, template_for
from tests.integration.house import NAUGHTY, NONSENSE, link_in, rows_in
from tests.integration.panel import Visitor

DAY = 24 * 3600 * 1000


def add_many(count: int, **columns: object) -> None:
    row = {"at": NOW, "actor_name": "Ben", "surface": "slack", "act": "run", "object_kind": "campaign", **columns}
    with transaction():
        insert_many("audit", tuple(row), [tuple(row.values())] * count)


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("act=stop", 2),
            ("surface=slack", 3),
            ("surface=slack&act=stop", 2),
            ("actor=77", 2),
            ("kind=setting", 1),
            ("kind=campaign&object=5", 2),
            ("since=2025-06-16&until=2025-06-16", 1),
            ("until=2025-06-15&surface=command_line", 3),
            ("since=2025-06-17&until=2025-06-18", 0),
        ],
    )
    def test_each_finds_what_it_says(self, panel: Visitor, query: str, found: int) -> None:
        add_many(2, act="stop", actor_id=77, object_id=5)
        add_many(1, at=NOW + DAY)
        add_many(1, surface="system", object_kind="setting", act="change_setting")
        add_many(2, surface="command_line")
        assert len(rows_in(panel.get(f"/audit/?{query}").text)) == found

    @pytest.mark.parametrize(("zone", "found"), [("UTC", 0), ("Asia/Tokyo", 1)])
    def test_a_day_is_one_of_who_looks(self, panel: Visitor, zone: str, found: int) -> None:
        panel.client.set_cookie("zone", zone)
        evening = datetime(2025, 6, 20, 22, tzinfo=UTC)
        add_many(1, at=int(evening.timestamp() * 1000))
        assert len(rows_in(panel.get("/audit/?since=2025-06-21&until=2025-06-21").text)) == found

    def test_filter_stays_while_one_pages(self, panel: Visitor) -> None:
        add_many(60, act="stop")
        add_many(60)
        page = panel.get("/audit/?act=stop").text
        older = panel.get(link_in(page, "Older")).text
        assert (len(rows_in(page)), len(rows_in(older))) == (50, 10)
        assert 'rel="next"' not in older

    @pytest.mark.parametrize("query", NONSENSE)
    def test_addresses_that_make_no_sense_are_no_fault(self, panel: Visitor, query: str) -> None:
        assert panel.get(f"/audit/?{query}").status_code == 200


def test_texts_from_outside_show_as_themselves(panel: Visitor) -> None:
    add_many(1, object_name=NAUGHTY, actor_id=77, actor_name=NAUGHTY, numbers='{"old":"<script>alert(1)</script>"}')
    page = panel.get("/audit/").text
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert") == 3


def test_moment_among_the_numbers_is_told_as_a_moment(panel: Visitor) -> None:
    run_later(make_campaign(), at=NOW + DAY)
    assert "starts at 2025-06-16 15:06:40 UTC" in rows_in(panel.get("/audit/?act=start_later").text)[0]


def test_start_that_an_edit_cancelled_is_told_in_words(panel: Visitor, alice: Actor, ben: Actor) -> None:
    campaign_id = make_campaign()
    run_later(campaign_id, at=NOW + DAY, actor=ben)
    set_template(campaign_id, template_for(Channel.SMS), actor=alice, now=NOW)
    told = rows_in(panel.get("/audit/?act=cancel_start").text)[0]
    assert "start run by Template changed asked by Ben" in told


def test_campaign_and_setting_are_told_with_their_numbers(panel: Visitor) -> None:
    campaign_id = make_campaign(name="Spring")
    run(campaign_id)
    panel.post("/settings/rate.sms", value="40")
    panel.post("/settings/rate.sms", value="")
    page = panel.get("/audit/?act=change_setting").text
    assert "old 40 new none" in rows_in(page)[0]
    assert "old none new 40" in rows_in(page)[1]
    assert f"/campaigns/{campaign_id}/" in link_in(panel.get("/audit/?act=run").text, "Spring")


def test_no_act_of_ours_leaves_an_address(panel: Visitor, ben: Actor) -> None:
    campaign_id = make_campaign(messages=2)
    run(campaign_id)
    send_all(campaign_id)
    opt_out(Channel.SMS, "+14155550000", actor=ben, now=NOW)
    panel.post("/opt-outs/new", recipient="ann@example.com")
    panel.post("/forget", recipient="+14155550001", typed_again="+14155550001")
    panel.post(f"/campaigns/{campaign_id}/export?q=%2B14155550000&match=exact")
    page = panel.get("/audit/").text
    for recipient in (*recipients_on(Channel.SMS, 2), "ann@example.com"):
        assert recipient not in page
        assert recipient not in re.sub(r"%2B", "+", page)

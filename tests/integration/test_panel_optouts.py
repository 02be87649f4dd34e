"""Opt-outs and bulk moves: long lists, what may be done with them, and by whom."""

import re

import pytest
from flask import Flask

from models.actors import Actor
from models.database import insert_many, transaction
from models.operations.optouts import opt_out
from models.queries.refusing import opted_out
from models.secret_key import opt_out_hashes
from models.words import Channel, OptOutSource, Role
from tests.factories import NOW, make_campaign, rows_of, run
from tests.integration.house import NONSENSE, Cast, link_in, rows_in
from tests.integration.panel import Visitor
from tests.integration.plans import noted_statements, plan_of

ANN = "+14155550000"


def list_many(count: int) -> None:
    """So many opt-outs, by turns on SMS by hand and by email through the link."""
    rows = []
    for number in range(count):
        channel = Channel.EMAIL if number % 2 else Channel.SMS
        key = f"person{number}@example.com" if number % 2 else f"+1415{5550000 + number}"
        source = OptOutSource.LINK if number % 2 else OptOutSource.HAND
        rows.append((channel.value, opt_out_hashes(channel, key)[0], key, source.value, "Ben", NOW + number))
    with transaction():
        insert_many("opt_outs", ("channel", "key_hash", "recipient_key", "source", "actor_name", "created_at"), rows)


class TestList:
    def test_pages_follow_each_other_both_ways(self, panel: Visitor) -> None:
        list_many(120)
        seen, path = [], "/opt-outs/"
        while path:
            page = panel.get(path).text
            seen.append(rows_in(page))
            following = re.search(r'href="([^"]+)" rel="next"', page)
            path = following[1].replace("&amp;", "&") if following else ""
        assert [len(rows) for rows in seen] == [50, 50, 20]
        assert len({row for rows in seen for row in rows}) == 120
        assert rows_in(panel.get(link_in(page, "Newer")).text) == seen[1]
        assert "<b>120</b> opt-outs" in page

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("channel=sms", 3),
            ("source=link", 3),
            ("channel=sms&source=link", 0),
            ("q=%2B1+415+555+0002", 1),
            ("q=PERSON1%40example.com", 1),
            ("q=person1%40example.com&channel=sms", 0),
            ("q=person", 0),
            ("state=removed", 0),
        ],
    )
    def test_filters_and_exact_search_find_what_they_say(self, panel: Visitor, query: str, found: int) -> None:
        list_many(6)
        assert len(rows_in(panel.get(f"/opt-outs/?{query}").text)) == found

    @pytest.mark.parametrize("query", ["", "channel=sms", "source=link", "channel=sms&source=hand", "state=removed"])
    def test_no_filter_reads_more_than_it_shows(self, panel: Visitor, query: str) -> None:
        list_many(300)
        with noted_statements() as noted:
            panel.get(f"/opt-outs/?{query}")
        plans = [plan_of(statement) for statement in list(noted) if '"opt_outs"' in statement[0]]
        assert len(plans) == 2  # the page, and how many there are
        assert [plan for plan in plans if "TEMP B-TREE" in plan] == []
        assert [plan for plan in plans if query and " INDEX opt_outs_" not in plan] == []

    @pytest.mark.parametrize("query", NONSENSE)
    @pytest.mark.parametrize("path", ["/opt-outs/", "/moves/"])
    def test_addresses_that_make_no_sense_are_no_fault(self, panel: Visitor, path: str, query: str) -> None:
        list_many(2)
        assert panel.get(f"{path}?{query}").status_code == 200


class TestActs:
    def test_campaigner_adds_and_a_second_time_changes_nothing(self, app: Flask, ben: Actor) -> None:
        panel = Visitor(app).sign_in(ben)
        assert panel.post("/opt-outs/new", recipient="+1 (415) 555-0000").status_code == 303
        assert opted_out(Channel.SMS, [ANN]) == {ANN}
        panel.post("/opt-outs/new", recipient=ANN)
        assert "nothing was changed" in panel.get("/opt-outs/").text
        assert len(rows_of("opt_outs")) == 1
        assert "Take off" not in panel.get("/opt-outs/").text

    def test_what_is_no_recipient_keeps_what_was_typed(self, panel: Visitor) -> None:
        answer = panel.post("/opt-outs/new", part=True, recipient="ann@")
        assert answer.status_code == 422
        assert 'value="ann@"' in answer.text

    def test_admin_takes_off_with_a_reason_that_the_audit_keeps(self, app: Flask, cast: Cast, ben: Actor) -> None:
        panel = Visitor(app).sign_in(cast("Carol", Role.ADMIN))
        opt_out(Channel.SMS, ANN, actor=ben, now=NOW)
        path = link_in(panel.get("/opt-outs/").text, "Take off")
        assert panel.post(path, part=True).status_code == 422
        assert opted_out(Channel.SMS, [ANN]) == {ANN}
        assert panel.post(path, reason="asked").status_code == 303
        assert opted_out(Channel.SMS, [ANN]) == set()
        entry = rows_of("audit", "WHERE act = 'opt_in'")[0]
        assert '"reason":"asked"' in entry["numbers"]
        assert ANN not in str(entry)
        assert panel.post(path, reason="asked").status_code == 404  # once more from another tab
        assert "Carol" in rows_in(panel.get("/opt-outs/?state=removed").text)[0]

    def test_forgotten_person_can_be_taken_off_too(self, panel: Visitor) -> None:
        panel.post("/forget", recipient=ANN, typed_again=ANN)
        page = panel.get("/opt-outs/").text
        assert "forgotten" in rows_in(page)[0]
        assert panel.post(link_in(page, "Take off"), reason="mistake").status_code == 303
        assert opted_out(Channel.SMS, [ANN]) == set()


class TestMoves:
    def test_everybody_sees_their_own_and_admins_all(self, app: Flask, panel: Visitor, ben: Actor) -> None:
        run(make_campaign(name="By Ben"), actor=ben)
        run(make_campaign(Channel.EMAIL, name="By the command line"))
        own = rows_in(Visitor(app).sign_in(ben).get("/moves/?whose=all").text)
        assert len(own) == 1
        assert "By Ben" in own[0]
        assert "3 queued" in own[0]
        assert len(rows_in(panel.get("/moves/").text)) == 2
        assert rows_in(panel.get("/moves/?whose=own").text) == []

    def test_page_asks_again_only_while_one_is_open(self, panel: Visitor) -> None:
        campaign_id = make_campaign()
        assert "data-poll" not in panel.get("/moves/").text
        panel.post(f"/campaigns/{campaign_id}/run", confirm=["1", "2", "3", "4"])
        page = panel.get("/moves/").text
        assert "data-poll" in page
        assert "0 of 3 queued" in rows_in(page)[0]

    def test_deleted_campaigns_moves_stay(self, panel: Visitor) -> None:
        campaign_id = make_campaign(name="Gone soon")
        panel.post(f"/campaigns/{campaign_id}/delete", typed_name="Gone soon")
        assert "Gone soon (deleted)" in rows_in(panel.get("/moves/").text)[0]

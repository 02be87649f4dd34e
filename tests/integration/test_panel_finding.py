"""Find a person: what each role gets to see, and forgetting from there."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from models.actors import Actor
from models.operations.optouts import opt_out
from models.queries.refusing import opted_out
from models.rules.verdicts import Word
from models.words import Channel, FailureReason
from tests.factories import (
    NOW,
    answer,
    claim,
    make_campaign,
    make_draft,
    make_messages,
    receive,
    rows_of,
    run,
    statuses,
)
from tests.integration.campaign_making import words_of
from tests.integration.house import NAUGHTY, NONSENSE, link_in, rows_in
from tests.integration.panel import Visitor

ANN = "+14155550000"


def failed(name: str = "Spring") -> int:
    campaign_id = make_campaign(messages=1, name=name)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    receive(claimed, Word.FAILED, reason=FailureReason.UNREACHABLE, code="30003", text="Handset off")
    return campaign_id


class TestFinding:
    def test_shows_each_message_with_its_state_reason_and_the_way_there(self, panel: Visitor) -> None:
        campaign_id = failed()
        page = panel.get("/find?q=%2B1+415+555-0000").text
        assert len(rows_in(page)) == 1
        assert "Unreachable (30003: Handset off)" in rows_in(page)[0]
        assert "Not opted out" in page
        there = panel.get(link_in(page, "Spring"))
        assert there.status_code == 200
        assert "<b>1</b> of 1 message" in there.text
        assert panel.get(link_in(page, "Retry…")).status_code == 200
        assert f"/campaigns/{campaign_id}/messages/" in link_in(page, "Retry…")

    def test_viewer_sees_neither_recipient_nor_providers_words_nor_opt_outs(self, app: Flask, vera: Actor) -> None:
        failed()
        page = Visitor(app).sign_in(vera).get("/find?q=%2B14155550000").text
        assert "+1415***0000" in page
        assert "Handset off" not in page
        assert "opted out" not in page.lower().partition("<h2")[2]
        for words in ("Retry…", "Opt out…", "Forget"):
            with pytest.raises(AssertionError):
                link_in(page, words)

    def test_viewer_who_tries_number_after_number_is_stopped(self, app: Flask, vera: Actor) -> None:
        campaign_id = failed()
        viewer, told = Visitor(app).sign_in(vera), "You have looked for 30 different recipients in the last 24 hours"
        for n in range(30):
            assert viewer.get(f"/find?q=%2B1415556{n:04}").status_code == 200
        answer_ = viewer.client.get("/find?q=%2B14155550000")
        assert answer_.status_code == 403
        assert told in words_of(answer_.text)
        assert "+1415***0000" not in answer_.text
        table = viewer.client.get(f"/campaigns/{campaign_id}/?q=%2B14155550000")
        assert table.status_code == 403
        assert told in words_of(table.text)
        assert "Delivery over time" in words_of(table.text)
        assert "+1415***0000" not in table.text
        assert viewer.get(f"/campaigns/{campaign_id}/?q=%2B14155560000").status_code == 200

    def test_drafts_of_others_stay_out(self, app: Flask, ben: Actor, alice: Actor) -> None:
        make_messages(make_draft(actor=alice), [ANN])
        assert "No message to" in Visitor(app).sign_in(ben).get("/find?q=%2B14155550000").text

    @pytest.mark.parametrize("typed", ["nonsense", "555", "ann@", NAUGHTY])
    def test_what_is_no_recipient_is_told_why_and_kept(self, panel: Visitor, typed: str) -> None:
        answer_ = panel.client.get("/find", query_string={"q": typed})
        assert answer_.status_code == 422
        assert "That is no recipient" in answer_.text
        assert "<script>alert" not in answer_.text

    def test_opted_out_person_leads_to_the_list(self, panel: Visitor, alice: Actor) -> None:
        failed()
        opt_out(Channel.SMS, ANN, actor=alice, now=NOW)
        page = panel.get("/find?q=%2B14155550000").text
        assert "Opted Out" in page
        assert len(rows_in(panel.get(link_in(page, "Show the opt-out")).text)) == 1

    @pytest.mark.parametrize("query", NONSENSE)
    def test_addresses_that_make_no_sense_are_no_fault(self, panel: Visitor, query: str) -> None:
        assert panel.get(f"/find?{query}").status_code in (200, 422)


class TestForgetting:
    def test_asks_for_the_same_twice_then_says_what_was_done(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=2)
        dialog = panel.get(link_in(panel.get("/find?q=%2B14155550000").text, "Forget this person…"))
        assert 'value="+14155550000"' in dialog.text
        wrong = panel.post("/forget", part=True, recipient=ANN, typed_again="+14155550001")
        assert wrong.status_code == 422
        assert "once more" in wrong.text
        assert statuses(campaign_id) == {"waiting": 2}
        done = panel.post("/forget", part=True, recipient=ANN, typed_again=ANN)
        assert "1 message erased, 1 of them now Opted Out" in done.text
        assert ANN not in done.text
        assert opted_out(Channel.SMS, [ANN]) == {ANN}
        assert "No message to" in panel.get("/find?q=%2B14155550000").text

    def test_forgotten_row_stays_on_the_campaigns_page(self, panel: Visitor) -> None:
        campaign_id = failed()
        panel.post("/forget", recipient=ANN, typed_again=ANN)
        page = panel.get(f"/campaigns/{campaign_id}/").text
        assert "forgotten" in page
        assert "Handset off" not in page
        assert [row["object_id"] for row in rows_of("audit", "WHERE act = 'forget'")] == [None]

    def test_message_sent_between_page_and_click_is_erased_once_its_word_has_come(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=1)
        assert "Forget this person…" in panel.get("/find?q=%2B14155550000").text
        run(campaign_id)
        claimed = claim(campaign_id)
        told = panel.post("/forget", part=True, recipient=ANN, typed_again=ANN).text
        assert "1 message erased once its word has come." in told
        answer(claimed)
        receive(claimed, Word.DELIVERED)
        assert [row["recipient"] for row in rows_of("messages")] == ["forgotten"]
        assert statuses(campaign_id) == {"delivered": 1}

    def test_two_people_who_forget_at_once_erase_it_once(self, app: Flask, alice: Actor) -> None:
        campaign_id = make_campaign(messages=2)
        people = [Visitor(app).sign_in(alice), Visitor(app).sign_in(alice)]
        with ThreadPoolExecutor(2) as both:
            told = list(
                both.map(lambda one: one.post("/forget", part=True, recipient=ANN, typed_again=ANN).text, people)
            )
        assert sum("1 message erased" in text for text in told) == 1
        assert not any(ANN in text for text in told)
        assert statuses(campaign_id) == {"opted_out": 1, "waiting": 1}
        assert sum(json.loads(row["numbers"])["messages"] for row in rows_of("audit", "WHERE act = 'forget'")) == 1

"""The messages table in the panel: search, order, links, a message's story, and addresses that make no sense."""

import html
import re
from urllib.parse import quote

import pytest
from flask import Flask

from models.actors import COMMAND_LINE, Actor
from models.database import execute, insert_many, transaction
from models.operations import retrying, running
from models.operations.counters import Deltas
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables import Campaign, Export
from models.words import FailureReason, RetryClass
from tests.factories import (
    NOW,
    SECOND,
    answer,
    claim,
    latest,
    make_campaign,
    make_draft,
    make_left_out,
    message_ids,
    move_all,
    receive,
    retry,
    run,
    stop,
)
from tests.integration.panel import Visitor

NAUGHTY = "<script>alert(1)</script>'\"{{7*7}}"
PARAMETERS = ("status", "reason", "q", "in", "match", "sort", "after", "before", "message", "page", "nonsense")
NONSENSE = ("-1", "0", "999999999999999999999999", "1e9", "' OR 1=1 --", NAUGHTY, "\0", "\ud83d\ude00", "x" * 3000)


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


@pytest.fixture
def viewer(app: Flask, vera: Actor) -> Visitor:
    """The panel as Vera has it."""
    return Visitor(app).sign_in(vera)


def make_towns() -> int:
    """Five contacts with five fields, of which the third, the town, can be searched."""
    draft = make_draft(name="Towns")
    fields = [{"name": name, "searchable": name == "town"} for name in ("first", "last", "town", "case", "note")]
    Campaign.update(fields=fields).where(Campaign.id == draft).execute()
    towns = ["Northbank", "Old Harbour", "Northbank", "", "Éire"]
    with transaction():
        insert_many(
            "messages",
            ("campaign_id", "recipient", "recipient_key", "field_values", "search_1", "status", "updated_at"),
            [
                (draft, number, number, f'["A","B","{town}","C",""]', town.casefold() or None, "waiting", NOW)
                for number, town in zip(
                    ["+14155550003", *(f"+1415555000{n}" for n in (1, 4, 0, 2))], towns, strict=True
                )
            ],
        )
        deltas = Deltas()
        deltas.add(draft, "waiting", None, None, 5)
        deltas.write(NOW)
    execute("UPDATE campaigns SET phase = 'ready' WHERE id = ?", draft)
    return draft


def make_story() -> tuple[int, int]:
    """A message that failed, was retried by Ben and delivered; returns the campaign's id and the message's."""
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed, provider_id="SM-first")
    receive(
        claimed,
        Word.FAILED,
        at=NOW + SECOND,
        reason=FailureReason.UNREACHABLE,
        retry_class=RetryClass.LIKELY,
        code="30003",
        text="Unreachable <handset>",
    )
    return campaign_id, message_ids(campaign_id)[0]


def recipients_in(page: str) -> list[str]:
    return re.findall(r'class="c-main rcpt[^"]*"><a [^>]*>([^<]+)', page)


def words_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


class TestSearch:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("in=1&q=north", ["+14155550003", "+14155550004"]),
            ("in=1&q=NORTHBANK&match=exact", ["+14155550003", "+14155550004"]),
            ("in=1&q=harb&match=contains", ["+14155550001"]),
            ("in=1&q=é", ["+14155550002"]),
            ("in=0&q=north", []),
            ("q=%2B1 415 555-0001&match=exact", ["+14155550001"]),
            ("q=5550001&match=contains", ["+14155550001"]),
            ("in=1&q=%25&match=contains", []),
            ("in=1&q=_orthbank&match=contains", []),
        ],
    )
    def test_finds_by_recipient_or_by_a_searchable_field(self, panel: Visitor, query: str, found: list[str]) -> None:
        page = panel.get(f"/campaigns/{make_towns()}/?{query}").text
        assert recipients_in(page) == found
        assert f"<b>{len(found)}</b> of 5 messages" in page

    def test_of_a_place_that_is_no_field_finds_nothing_and_is_no_fault(self, panel: Visitor) -> None:
        answer = panel.get(f"/campaigns/{make_towns()}/?in=3&q=north")
        assert answer.status_code == 200
        assert recipients_in(answer.text) == []

    def test_offers_the_searchable_fields(self, panel: Visitor, viewer: Visitor) -> None:
        campaign_id = make_towns()
        offered = re.search(r'<select id="where".*?</select>', panel.get(f"/campaigns/{campaign_id}/").text)
        assert offered
        assert words_of(offered[0]) == "Recipient town"
        assert 'id="where"' not in viewer.get(f"/campaigns/{campaign_id}/").text

    def test_of_a_viewer_is_of_whole_recipients_whatever_the_address_says(self, viewer: Visitor) -> None:
        campaign_id = make_towns()
        for query in ("in=1&q=northbank&match=exact", "in=1&q=north", "q=%2B1415&sort=recipient"):
            assert recipients_in(viewer.get(f"/campaigns/{campaign_id}/?{query}").text) == []
        assert recipients_in(viewer.get(f"/campaigns/{campaign_id}/?q=%2B14155550001").text) == ["+1415***0001"]

    def test_stays_part_of_every_link(self, panel: Visitor) -> None:
        page = html.unescape(panel.get(f"/campaigns/{make_towns()}/?in=1&q=north&status=waiting").text)
        assert "?in=1&q=north" not in page
        assert "?q=north&in=1" in page  # without the filter, by its chip
        assert "?status=waiting&q=north&in=1&message=" in page
        assert "/retry?status=waiting" not in page  # nothing of a Ready campaign can be retried


class TestOrder:
    def test_is_that_of_the_file_or_by_recipient_both_ways(self, panel: Visitor) -> None:
        campaign_id = make_towns()
        as_imported = recipients_in(panel.get(f"/campaigns/{campaign_id}/").text)
        assert [number[-1] for number in as_imported] == ["3", "1", "4", "0", "2"]
        upwards = panel.get(f"/campaigns/{campaign_id}/?sort=recipient").text
        assert recipients_in(upwards) == sorted(as_imported)
        assert 'aria-sort="ascending"' in upwards
        downwards = panel.get(f"/campaigns/{campaign_id}/?sort=-recipient&q=%2B1").text
        assert recipients_in(downwards) == sorted(as_imported, reverse=True)
        assert 'aria-sort="descending"' in downwards

    def test_is_offered_where_an_index_carries_it_only(self, panel: Visitor) -> None:
        campaign_id = make_towns()
        for query in ("status=waiting&sort=recipient", "in=1&q=north&sort=recipient"):
            page = panel.get(f"/campaigns/{campaign_id}/?{query}").text
            assert "aria-sort" not in page
            assert "Sort by recipient" not in page


class TestRows:
    def test_fields_are_pairs_and_the_rest_is_folded(self, panel: Visitor) -> None:
        page = panel.get(f"/campaigns/{make_towns()}/").text
        row = re.search(r'<tr role="row".*?data-row.*?</tr>', page, re.DOTALL)
        assert row
        assert "first A last B town Northbank +2 more case C note empty" in words_of(row[0])

    def test_failed_one_has_icon_reason_and_the_providers_own_words(self, panel: Visitor) -> None:
        campaign_id, _ = make_story()
        page = panel.get(f"/campaigns/{campaign_id}/?status=failed").text
        assert 'href="#i-warn"' in page
        assert "Unreachable. Could not be reached for now. A retry is likely to work. 30003: Unreachable <handset>" in (
            words_of(page)
        )

    def test_menu_copies_the_latest_provider_id_and_finds_the_person_everywhere(self, panel: Visitor) -> None:
        campaign_id, _ = make_story()
        retry(campaign_id, now=NOW + 2 * SECOND)
        move_all(campaign_id)
        answer(claim(campaign_id), provider_id="SM-second")
        page = panel.get(f"/campaigns/{campaign_id}/").text
        assert re.findall(r'data-copy="([^"]+)"', page) == ["+14155550000", "SM-second"]
        link = re.search(r'href="([^"]+)">[^\n]*Find in all campaigns', page)
        assert link
        assert "Sending" in words_of(panel.get(html.unescape(link[1])).text)

    def test_menu_of_one_not_handed_over_has_no_provider_id(self, panel: Visitor) -> None:
        assert "Copy provider id" not in panel.get(f"/campaigns/{make_towns()}/").text

    def test_menu_of_a_viewer_copies_and_finds_nothing(self, viewer: Visitor) -> None:
        page = viewer.get(f"/campaigns/{make_story()[0]}/").text
        for secret in ("data-copy", "SM-first", "Find in all campaigns"):
            assert secret not in page

    def test_ready_campaign_has_nothing_to_select(self, panel: Visitor) -> None:
        page = panel.get(f"/campaigns/{make_towns()}/").text
        assert "data-check" not in page
        assert "data-bulk" not in page

    def test_viewer_selects_nothing(self, viewer: Visitor) -> None:
        campaign_id, _ = make_story()
        page = viewer.get(f"/campaigns/{campaign_id}/").text
        assert "data-check" not in page
        assert "Your role does not let you" in page

    def test_reason_chips_are_filters_with_their_counts(self, panel: Visitor) -> None:
        campaign_id, _ = make_story()
        page = html.unescape(panel.get(f"/campaigns/{campaign_id}/").text)
        chip = re.search(r'<a class="chip"[^>]* href="([^"]+)"[^>]*>Unreachable <b>1</b>', page)
        assert chip
        assert chip[1] == f"/campaigns/{campaign_id}/?reason=unreachable#found"
        assert len(recipients_in(panel.get(chip[1]).text)) == 1
        assert recipients_in(panel.get(f"/campaigns/{campaign_id}/?reason=blocked").text) == []


class TestStory:
    def test_tells_attempts_and_moves_the_newest_first(self, panel: Visitor, ben: Actor) -> None:
        campaign_id, message_id = make_story()
        retrying.retry_messages(campaign_id, actor=ben, criteria=Criteria(), now=NOW + 2 * SECOND)
        move_all(campaign_id, now=NOW + 2 * SECOND)
        again = claim(campaign_id, now=NOW + 3 * SECOND)
        answer(again, at=NOW + 3 * SECOND)
        receive(again, Word.SENT, at=NOW + 4 * SECOND)
        receive(again, Word.DELIVERED, at=NOW + 5 * SECOND)
        said = words_of(panel.get(f"/campaigns/{campaign_id}/messages/{message_id}", **{"HX-Request": "true"}).text)
        told = (
            "Attempt 2 15 Jun 2025 Delivered",
            "On its way",
            "Handed over",
            "The provider took it.",
            "Retry 15:06:42 Ben confirmed a retry of 1 message, from the panel.",
            "Attempt 1 15 Jun 2025 Failed: Unreachable 15:06:41 Could not be reached for now.",
            "30003: Unreachable <handset>",
            "Id SM-first",
            "Run 15:06:40 command line ran the campaign.",
        )
        places = [said.find(part) for part in told]
        assert -1 not in places, said
        assert places == sorted(places)

    def test_tells_what_came_after_the_last_attempt(self, panel: Visitor) -> None:
        campaign_id, message_id = make_story()
        retrying.retry_messages(campaign_id, actor=COMMAND_LINE, criteria=Criteria(), now=NOW + 2 * SECOND)
        move_all(campaign_id, now=NOW + 2 * SECOND)
        page = panel.get(f"/campaigns/{campaign_id}/messages/{message_id}", **{"HX-Request": "true"}).text
        assert "Not sent yet 15 Jun 2025 Retry" in words_of(page)
        running.stop_campaign(campaign_id, actor=COMMAND_LINE, now=NOW + 3 * SECOND)
        move_all(campaign_id, now=NOW + 3 * SECOND)
        page = panel.get(f"/campaigns/{campaign_id}/messages/{message_id}", **{"HX-Request": "true"}).text
        assert "Afterwards 15 Jun 2025 Stop" in words_of(page)

    def test_of_one_in_doubt_says_what_is_not_known(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        answer(claim(campaign_id), Word.UNKNOWN)
        receive(latest(campaign_id), Word.UNCONFIRMED, at=NOW + SECOND)
        path = f"/campaigns/{campaign_id}/messages/{message_ids(campaign_id)[0]}"
        said = words_of(panel.get(path, **{"HX-Request": "true"}).text)
        assert "What is not known No final word." in said
        assert "Its answer was lost." in said

    def test_is_masked_for_a_viewer(self, viewer: Visitor) -> None:
        campaign_id, message_id = make_story()
        shown = viewer.get(f"/campaigns/{campaign_id}/messages/{message_id}", **{"HX-Request": "true"}).text
        assert "+1415***0000" in shown
        for secret in ("+14155550000", "handset", "SM-first", "Retry this message"):
            assert secret not in shown

    def test_has_an_address_of_its_own_in_the_page(self, panel: Visitor) -> None:
        campaign_id, message_id = make_story()
        answer = panel.get(f"/campaigns/{campaign_id}/messages/{message_id}?status=failed")
        assert answer.headers["Location"] == f"/campaigns/{campaign_id}/?status=failed&message={message_id}"
        assert "data-drawer" in panel.get(answer.headers["Location"]).text

    def test_of_another_campaigns_message_is_not_found(self, panel: Visitor) -> None:
        _, message_id = make_story()
        other = make_campaign()
        refused = panel.get(f"/campaigns/{other}/messages/{message_id}", **{"HX-Request": "true"})
        assert refused.status_code == 404
        assert refused.headers["HX-Retarget"] == "#dialogs"
        page = panel.get(f"/campaigns/{other}/?message={message_id}")
        assert page.status_code == 200
        assert "data-drawer" not in page.text


class TestLeftOut:
    """Of three contacts two were left out at Run, so the campaign is Stopped: why, is said wherever they stand."""

    NAME = "Reached in the 24 hours before Run"
    MEANS = "Left out at Run: another campaign had reached them in the 24 hours"

    def test_row_says_why_and_a_chip_leads_to_them(self, panel: Visitor) -> None:
        campaign_id = make_left_out()
        page = panel.get(f"/campaigns/{campaign_id}/").text
        assert f"Left out {self.NAME} 2" in words_of(page)
        chip = re.search(r'<a class="chip" id="why-reached_lately" href="([^"#]+)', page)
        assert chip
        assert chip[1].endswith("?reason=reached_lately")
        found = panel.get(html.unescape(chip[1])).text
        assert recipients_in(found) == ["+14155550000", "+14155550001"]
        assert words_of(found).count(f"{self.NAME}. {self.MEANS} before.") == 2
        assert "Status: Cancelled" in words_of(found)
        assert f"Reason: {self.NAME}" in words_of(found)

    def test_reason_of_another_status_is_no_filter_of_theirs(self, panel: Visitor) -> None:
        campaign_id = make_left_out()
        assert len(recipients_in(panel.get(f"/campaigns/{campaign_id}/?status=failed&reason=reached_lately").text)) == 2
        assert recipients_in(panel.get(f"/campaigns/{campaign_id}/?reason=blocked").text) == []

    def test_story_says_why_and_offers_no_retry(self, panel: Visitor) -> None:
        campaign_id = make_left_out()
        path = f"/campaigns/{campaign_id}/messages/{message_ids(campaign_id)[0]}"
        said = words_of(panel.get(path, **{"HX-Request": "true"}).text)
        assert f"Why it was left out {self.NAME}. {self.MEANS} before. Resume sends to them after all." in said
        assert f"Cancelled: {self.NAME}" in said.partition("Timeline")[2]
        assert "ran the campaign" in said.partition(f"Cancelled: {self.NAME}")[2]
        assert "Retry this message" not in said

    def test_who_was_stopped_has_no_reason(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        assert "Left out" not in panel.get(f"/campaigns/{campaign_id}/").text
        path = f"/campaigns/{campaign_id}/messages/{message_ids(campaign_id)[0]}"
        assert "Why it" not in panel.get(path, **{"HX-Request": "true"}).text

    def test_summary_and_find_say_it_too(self, panel: Visitor) -> None:
        campaign_id = make_left_out()
        summary = words_of(panel.get(f"/campaigns/{campaign_id}/summary").text)
        assert "Cancelled 2 (2 left out: reached in the 24 hours before Run)" in summary
        assert self.NAME in words_of(panel.get("/find?q=%2B14155550000").text)

    def test_they_cannot_be_retried(self, panel: Visitor) -> None:
        campaign_id = make_left_out(word=Word.FAILED)
        refused = panel.client.get(f"/campaigns/{campaign_id}/retry?reason=reached_lately")
        assert refused.status_code == 409
        assert "no messages that can be retried among these" in words_of(refused.text)

    def test_export_is_filtered_by_it_and_says_so(self, panel: Visitor) -> None:
        campaign_id = make_left_out()
        panel.post(f"/campaigns/{campaign_id}/export", reason="reached_lately")
        export = Export.get()
        assert (export.criteria, export.rows_done) == ({"statuses": ["cancelled"], "reasons": ["reached_lately"]}, 2)
        assert f"Cancelled, {self.NAME}" in words_of(panel.get("/exports/").text)


class TestNonsense:
    @pytest.mark.parametrize("parameter", PARAMETERS)
    def test_in_any_parameter_is_no_fault_and_shows_as_itself(self, panel: Visitor, parameter: str) -> None:
        campaign_id, message_id = make_story()
        for value in NONSENSE:
            query = f"{parameter}={quote(value, errors='surrogatepass')}"
            page = panel.get(f"/campaigns/{campaign_id}/?{query}")
            assert page.status_code == 200, query
            assert "<script>alert" not in page.text
            for path in ("retry", f"messages/{message_id}", "progress"):
                assert panel.get(f"/campaigns/{campaign_id}/{path}?{query}").status_code in {200, 286, 302, 409}, query

    def test_two_of_a_kind_are_no_fault(self, panel: Visitor) -> None:
        campaign_id, _ = make_story()
        assert (
            panel.get(f"/campaigns/{campaign_id}/?status=failed&status=x&after=1&before=2&q=a&q=b").status_code == 200
        )

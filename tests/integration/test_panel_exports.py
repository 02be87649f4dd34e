"""Exports in the panel: what is downloaded, what a job makes, who gets it, and what changed since."""

import csv
import io
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from admin.views import exports
from bot.drawing import lines
from models.actors import Actor
from models.clock import now_ms
from models.operations import exporting
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables import Export
from models.words import Role
from tests import factories
from tests.factories import make_campaign, make_ended, rows_of
from tests.integration.panel import Visitor


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


def rows_in(file: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline="")))


def export(panel: Visitor, campaign_id: int, query: str = "") -> bytes:
    """Export by the campaign's menu; the file that is downloaded."""
    answer = panel.post(f"/campaigns/{campaign_id}/export{query}")
    assert "attachment" in answer.headers["Content-Disposition"]
    return answer.data


def what_changed(panel: Visitor, campaign_id: int) -> list[dict[str, str]]:
    """Choose in the menu what changed since the last export; the file's rows."""
    offered = re.search(
        rf'action="/campaigns/{campaign_id}/export(\?since=\d+)"', panel.get(f"/campaigns/{campaign_id}/").text
    )
    assert offered
    return rows_in(export(panel, campaign_id, offered[1]))


def ended_now() -> int:
    """A campaign of three that has just failed for one of them; its id."""
    campaign_id = make_campaign(now=now_ms())
    factories.run(campaign_id, now=now_ms())
    claimed = factories.claim(campaign_id, now=now_ms())
    factories.answer(claimed, at=now_ms())
    factories.receive(claimed[:2], Word.DELIVERED, at=now_ms())
    factories.receive(claimed[2:], Word.FAILED, at=now_ms())
    return campaign_id


def test_filtered_export_has_the_filters_rows(panel: Visitor) -> None:
    campaign_id = make_ended(messages=4)
    answer = panel.post(f"/campaigns/{campaign_id}/export?q=%2B14155550001&match=exact")
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert [row["recipient"] for row in rows] == ["+14155550001"]


def test_file_is_kept_and_listed(panel: Visitor) -> None:
    campaign_id = make_ended()
    file = export(panel, campaign_id)
    link = re.search(r'href="(/exports/file/[^"]+)"', panel.get("/exports/").text)
    assert link
    assert panel.get(link[1]).data == file


def test_same_request_on_unchanged_messages_is_served_again(panel: Visitor) -> None:
    campaign_id = make_ended()
    assert export(panel, campaign_id) == export(panel, campaign_id)
    assert len(rows_of("exports")) == 1
    export(panel, campaign_id, "?status=failed")
    assert len(rows_of("exports")) == 2


def test_what_changed_since_is_offered_after_an_export_of_all(panel: Visitor) -> None:
    campaign_id = ended_now()
    assert "Export all messages first, to compare with." in panel.get(f"/campaigns/{campaign_id}/").text
    export(panel, campaign_id)
    assert what_changed(panel, campaign_id) == []
    factories.receive(factories.latest(campaign_id)[2:], Word.DELIVERED, at=now_ms())
    (row,) = what_changed(panel, campaign_id)
    assert (row["status"], row["previous_status"]) == ("delivered", "failed")
    listed = panel.get("/exports/").text
    assert "What changed since the export of" in listed


def test_list_tells_the_filter_in_the_words_of_slack(panel: Visitor) -> None:
    export(panel, make_ended(messages=3), "?status=delivered&q=%2B1415&match=contains")
    export(panel, make_ended(messages=3))
    listed = panel.get("/exports/").text
    assert "Delivered, search “+1415”" in listed
    assert "All messages" in listed
    told = [lines.filter_of(made) for made in Export.select().order_by(Export.id)]
    assert told == ["Delivered, search “+1415”", "all messages"]


def test_nobody_compares_with_an_export_of_somebody_else(
    app: Flask, panel: Visitor, cast: Callable[[str, Role], Actor]
) -> None:
    campaign_id = make_ended()
    export(panel, campaign_id)
    stranger = Visitor(app).sign_in(cast("Carol", Role.CAMPAIGNER))
    since = rows_of("exports")[0]["id"]
    assert stranger.post(f"/campaigns/{campaign_id}/export?since={since}").status_code == 404
    assert "Export all messages first" in stranger.get(f"/campaigns/{campaign_id}/").text


def test_larger_export_is_made_by_a_job_and_downloaded_by_its_owner(
    app: Flask, panel: Visitor, monkeypatch: pytest.MonkeyPatch, cast: Callable[[str, Role], Actor]
) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    campaign_id = make_ended(messages=3)
    answer = panel.post(f"/campaigns/{campaign_id}/export")
    assert answer.headers["Location"] == "/exports/"
    assert "is being made" in panel.get("/exports/").text
    exporting.do_export(rows_of("exports")[0]["id"], clock=now_ms)
    link = re.search(r'href="(/exports/file/[^"]+)"', panel.get("/exports/").text)
    assert link
    assert len(panel.get(link[1]).data.decode().splitlines()) == 4
    stranger = Visitor(app).sign_in(cast("Carol", Role.CAMPAIGNER))
    assert stranger.get(link[1]).status_code == 404
    assert "exports/file" not in stranger.get("/exports/").text
    assert panel.get(link[1].replace("/file/", "/file/x")).status_code == 404


def test_link_to_a_file_ends_after_a_quarter_of_an_hour(panel: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "AT_ONCE", 2)
    panel.post(f"/campaigns/{make_ended(messages=3)}/export")
    exporting.do_export(rows_of("exports")[0]["id"], clock=now_ms)
    link = re.search(r'href="(/exports/file/[^"]+)"', panel.get("/exports/").text)
    assert link
    monkeypatch.setattr(exports, "LINK_SECONDS", -1)
    answer = panel.get(link[1])
    assert answer.status_code == 404
    assert "expired" in answer.text


def test_campaign_deleted_between_page_and_click_is_told_and_nothing_is_kept(panel: Visitor) -> None:
    campaign_id = make_ended()
    assert f'action="/campaigns/{campaign_id}/export"' in panel.get(f"/campaigns/{campaign_id}/").text
    factories.delete(campaign_id)
    factories.move_all(campaign_id)
    told = panel.post(f"/campaigns/{campaign_id}/export")
    assert told.status_code == 404
    assert f"There is no campaign {campaign_id}." in told.text
    assert rows_of("exports") == []


def test_two_people_who_export_at_once_get_a_whole_file_each(app: Flask, ben: Actor, alice: Actor) -> None:
    campaign_id = make_ended(messages=40)
    people = [Visitor(app).sign_in(ben), Visitor(app).sign_in(alice)]
    with ThreadPoolExecutor(2) as both:
        files = list(both.map(lambda person: rows_in(export(person, campaign_id)), people))
    assert [len(file) for file in files] == [40, 40]
    assert sorted(row["actor_name"] for row in rows_of("exports")) == ["Alice", "Ben"]
    assert len(rows_of("audit", "WHERE act = 'export'")) == 2


def test_cancel_that_comes_too_late_says_so(app: Flask, ben: Actor) -> None:
    panel = Visitor(app).sign_in(ben)
    export = exporting.export_now(make_ended(), criteria=Criteria(), actor=ben, clock=now_ms)
    panel.post(f"/exports/{export.id}/cancel")
    page = panel.get("/exports/").text
    assert "It had ended already: nothing was cancelled." in page
    assert "Export cancelled." not in page

"""An export asked for in Slack: watched, receipted in its place, the file alone after it, and taken back."""

import hashlib
from typing import Any
from urllib.request import Request, urlopen

import pytest
import structlog

from models.actors import Actor
from models.clock import now_ms
from models.database import execute, transaction
from models.errors import NotFoundError
from models.operations.exporting import cancel_export, do_export, start_export
from models.operations.forgetting import forget_person
from models.operations.running import delete_campaign
from models.queries.slack import slack_trouble
from models.rules.criteria import Criteria
from models.tables import Campaign, Export, SlackPost
from models.words import Channel, MessageStatus, Surface
from tests.factories import make_campaign, make_ended, move_all, refused, run
from tests.integration.slack.outgoing import Outgoing, waiting
from tests.processes import until

DAY = 24 * 3600

both_engines = pytest.mark.both_engines


@pytest.fixture
def ben_in_slack(ben: Actor) -> Actor:
    return Actor(ben.person_id, ben.name, ben.role, Surface.SLACK)


@pytest.fixture
def export_id(outgoing: Outgoing, ben_in_slack: Actor) -> int:
    """An export of what was delivered, asked for by Ben in Slack."""
    campaign_id = make_ended(messages=3)
    Campaign.update(name="Storm season").where(Campaign.id == campaign_id).execute()
    criteria = Criteria(statuses=(MessageStatus.DELIVERED.value,))
    return start_export(campaign_id, criteria=criteria, actor=ben_in_slack, now=outgoing.now())


@pytest.mark.parametrize(
    ("criteria", "rows"),
    [
        (Criteria(), 3),
        (Criteria(statuses=("delivered",)), 3),
        (Criteria(statuses=("failed",)), 0),
        (Criteria(statuses=("delivered",), search="=+14155550001"), 1),
    ],
)
def test_rows_to_come_are_known_when_it_is_asked_for(ben: Actor, criteria: Criteria, rows: int) -> None:
    export_id = start_export(make_ended(messages=3), criteria=criteria, actor=ben, now=now_ms())
    assert Export.get_by_id(export_id).rows_total == rows


def comes_to(export_id: int, rows: int) -> None:
    """The job has come so far."""
    with transaction():
        execute("UPDATE exports SET state = 'running', rows_done = ?, rows_total = 1240 WHERE id = ?", rows, export_id)


@both_engines
def test_progress_becomes_the_receipt_and_the_file_follows_alone(outgoing: Outgoing, export_id: int) -> None:
    outgoing.works()
    (progress,) = outgoing.direct("ben")
    assert progress["text"] == "Exporting Storm season."
    comes_to(export_id, 769)
    outgoing.works(4)
    (moved,) = outgoing.direct("ben")
    assert (moved["ts"], "*62 %* · 769 of 1,240 rows" in str(moved)) == (progress["ts"], True)
    cancel = next(block for block in moved["blocks"] if block["type"] == "actions")["elements"][0]
    assert (cancel["action_id"], cancel["value"]) == ("cancel_export", str(export_id))
    do_export(export_id, clock=outgoing.now)
    outgoing.works(1)
    receipt, file = outgoing.direct("ben")
    assert (receipt["ts"], receipt["text"]) == (progress["ts"], "Your export of Storm season is ready.")
    content = download(outgoing, file)
    assert hashlib.sha256(content).hexdigest() == Export.get_by_id(export_id).sha256
    assert Export.get_by_id(export_id).sha256 in str(receipt)
    assert "Filter: Delivered · 3 rows · as of" in str(receipt)
    assert "Totals: Delivered 3" in str(receipt)
    assert "Cancel export" not in str(receipt)
    assert file["files"][0]["name"].startswith("storm-season_delivered_20")
    assert file["text"].startswith("Storm season, Delivered: 3 rows as of ")
    assert waiting() == []
    assert "+1415" not in str(outgoing.person("vera").messages())


def download(outgoing: Outgoing, message: dict[str, list[dict[str, str]]]) -> bytes:
    """The file of a message, as the app reads it."""
    url = message["files"][0]["url_private_download"]
    with urlopen(Request(url, headers={"Authorization": f"Bearer {outgoing.slack.bot_token}"})) as answer:
        content: bytes = answer.read()
    return content


def files(outgoing: Outgoing) -> list[str]:
    """The files that Ben has got."""
    return [file["id"] for message in outgoing.direct("ben") for file in message.get("files", [])]


@both_engines
def test_nobody_waits_for_a_file_on_its_way(outgoing: Outgoing, export_id: int) -> None:
    do_export(export_id, clock=outgoing.now)
    outgoing.meets("upload", delay=1.5)
    outgoing.works()
    run(make_campaign(name="Spring"), now=outgoing.now())
    outgoing.works(1)
    assert outgoing.in_channel()[-1]["text"] == "Spring: In Progress, 0 % sent"
    assert files(outgoing) == []
    until(lambda: outgoing.works(1) or files(outgoing), what="the file")
    assert waiting() == []


@both_engines
def test_file_that_is_gone_while_on_its_way_keeps_no_other_waiting(
    outgoing: Outgoing, export_id: int, ben_in_slack: Actor, alice: Actor
) -> None:
    do_export(export_id, clock=outgoing.now)
    outgoing.meets("upload", delay=0.5)
    outgoing.works()
    forget("+14155550001", alice)
    other = make_ended(Channel.EMAIL)
    do_export(start_export(other, criteria=Criteria(), actor=ben_in_slack, now=outgoing.now()), clock=outgoing.now)
    until(lambda: outgoing.works(1) or files(outgoing), what="the other file")
    assert len(files(outgoing)) == 1


@pytest.mark.parametrize("trouble", [{"status": 503}, {"status": 429}, {"status": 408}, {"cut": True}])
def test_file_that_got_lost_on_its_way_is_sent_again(
    outgoing: Outgoing, export_id: int, trouble: dict[str, Any]
) -> None:
    do_export(export_id, clock=outgoing.now)
    outgoing.meets("upload", **trouble)
    outgoing.works(60)
    assert len(files(outgoing)) == 1
    assert waiting() == []


@pytest.mark.parametrize(("status", "waits"), [(503, True), (429, True), (408, True), (413, False)])
def test_file_that_does_not_get_through_keeps_nothing_else_waiting(
    outgoing: Outgoing, export_id: int, status: int, waits: bool
) -> None:
    do_export(export_id, clock=outgoing.now)
    outgoing.meets("upload", status=status, times=1000)
    outgoing.works(10)
    assert slack_trouble() is None
    assert (f"file:{export_id}" in waiting()) == waits
    run(make_campaign(name="Spring"), now=outgoing.now())
    outgoing.works()
    assert outgoing.in_channel()[-1]["text"] == "Spring: In Progress, 0 % sent"


@both_engines
def test_file_leaves_slack_after_seven_days(outgoing: Outgoing, export_id: int) -> None:
    do_export(export_id, clock=outgoing.now)
    outgoing.works(1)
    file_id = outgoing.direct("ben")[-1]["files"][0]["id"]
    outgoing.passes(7 * DAY - 120)
    outgoing.works()
    assert outgoing.client.files_info(file=file_id)["file"]["mode"] == "hosted"
    outgoing.meets("files.delete", status=503)
    outgoing.passes(240)
    outgoing.works(70)
    assert deleted(outgoing) == [file_id]
    assert SlackPost.get(SlackPost.kind == "file").state == "gone"
    outgoing.works(120)
    assert len(outgoing.calls("files.delete")) == 2


def test_file_that_its_reader_deleted_is_none_of_ours(outgoing: Outgoing, export_id: int) -> None:
    do_export(export_id, clock=outgoing.now)
    outgoing.works(1)
    outgoing.client.files_delete(file=outgoing.direct("ben")[-1]["files"][0]["id"])
    outgoing.passes(8 * DAY)
    outgoing.works(1)
    assert SlackPost.get(SlackPost.kind == "file").state == "gone"


def test_file_that_slack_will_not_delete_is_asked_for_once(outgoing: Outgoing, export_id: int) -> None:
    do_export(export_id, clock=outgoing.now)
    outgoing.works(1)
    outgoing.meets("files.delete", error="cant_delete_file", times=1000)
    outgoing.passes(8 * DAY)
    with structlog.testing.capture_logs() as logs:
        outgoing.works(180)
    assert [one["error"] for one in logs if one["event"] == "Slack keeps a file"] == ["cant_delete_file"]


@both_engines
def test_cancelled_export_says_so_in_its_place(outgoing: Outgoing, export_id: int, ben_in_slack: Actor) -> None:
    outgoing.works()
    assert cancel_export(export_id, actor=ben_in_slack, now=outgoing.now())
    assert not cancel_export(export_id, actor=ben_in_slack, now=outgoing.now())
    do_export(export_id, clock=outgoing.now)
    outgoing.works(1)
    (message,) = outgoing.direct("ben")
    assert message["text"] == "Your export of Storm season did not come about: cancelled by Ben"
    assert "actions" not in str(message["blocks"])
    assert waiting() == []


@both_engines
def test_export_whose_message_can_not_be_made_keeps_none_behind_it_waiting(
    outgoing: Outgoing, export_id: int, ben_in_slack: Actor
) -> None:
    other = start_export(make_ended(messages=2), criteria=Criteria(), actor=ben_in_slack, now=outgoing.now())
    outgoing.works(5)
    for one in (export_id, other):
        do_export(one, clock=outgoing.now)
    totals = Export.get_by_id(export_id).totals
    Export.update(totals={"of another version": 3}).where(Export.id == export_id).execute()
    with structlog.testing.capture_logs() as logs:
        outgoing.works(10)
    assert SlackPost.get(SlackPost.kind == "export", SlackPost.subject_id == other).state == "settled"
    faults = [log for log in logs if log["log_level"] == "error" and log["unit"] == "export in Slack"]
    assert [fault["subject_id"] for fault in faults] == [export_id]
    Export.update(totals=totals).where(Export.id == export_id).execute()
    outgoing.works(31)
    assert SlackPost.get(SlackPost.kind == "export", SlackPost.subject_id == export_id).state == "settled"


def test_others_exports_are_not_ones_own_to_cancel(outgoing: Outgoing, export_id: int, vera: Actor) -> None:
    with refused(NotFoundError):
        cancel_export(export_id, actor=vera, now=now_ms())


def test_refused_export_says_why(outgoing: Outgoing, export_id: int, alice: Actor) -> None:
    outgoing.works()
    campaign_id = Export.get_by_id(export_id).campaign_id
    delete_campaign(campaign_id, actor=alice, typed_name="Storm season", now=outgoing.now())
    move_all(campaign_id, now=outgoing.now())
    do_export(export_id, clock=outgoing.now)
    outgoing.works(1)
    assert "did not come about: The campaign was deleted" in outgoing.direct("ben")[0]["text"]
    assert len(outgoing.direct("ben")) == 1


def test_export_of_the_panel_says_nothing_in_slack(outgoing: Outgoing, ben: Actor) -> None:
    export_id = start_export(make_ended(), criteria=Criteria(), actor=ben, now=outgoing.now())
    do_export(export_id, clock=outgoing.now)
    outgoing.works(5)
    assert outgoing.direct("ben") == []


class TestAskedForTwice:
    """Whoever asks in Slack gets the file there, whatever was asked for before."""

    @pytest.fixture
    def campaign_id(self, outgoing: Outgoing) -> int:
        return make_ended(messages=3, now=outgoing.now())

    @both_engines
    def test_what_the_panel_is_making_comes_to_who_asks_in_slack_too(
        self, outgoing: Outgoing, campaign_id: int, ben: Actor, ben_in_slack: Actor
    ) -> None:
        asked = [
            start_export(campaign_id, criteria=Criteria(), actor=one, now=outgoing.now()) for one in (ben, ben_in_slack)
        ]
        outgoing.works()
        assert len(outgoing.direct("ben")) == 1
        do_export(asked[0], clock=outgoing.now)
        outgoing.works(5)
        receipt, file = outgoing.direct("ben")
        assert ("is ready" in receipt["text"], len(file["files"])) == (True, 1)
        assert Export.select().count() == 1

    def test_what_slack_is_making_comes_there_also_after_the_panel_asked(
        self, outgoing: Outgoing, export_id: int, ben: Actor
    ) -> None:
        asked = Export.get_by_id(export_id)
        criteria = Criteria.from_json(asked.criteria)
        assert start_export(asked.campaign_id, criteria=criteria, actor=ben, now=outgoing.now()) == export_id
        do_export(export_id, clock=outgoing.now)
        outgoing.works(5)
        assert (len(outgoing.direct("ben")), len(files(outgoing))) == (2, 1)

    def test_twice_in_slack_is_one_message_and_one_file(
        self, outgoing: Outgoing, campaign_id: int, ben_in_slack: Actor
    ) -> None:
        for _ in range(2):
            export_id = start_export(campaign_id, criteria=Criteria(), actor=ben_in_slack, now=outgoing.now())
            outgoing.works()
        do_export(export_id, clock=outgoing.now)
        outgoing.works(5)
        assert (len(outgoing.direct("ben")), len(files(outgoing))) == (2, 1)

    def test_two_people_get_a_file_each(self, outgoing: Outgoing, campaign_id: int, ben: Actor, alice: Actor) -> None:
        for one in (ben, alice):
            actor = Actor(one.person_id, one.name, one.role, Surface.SLACK)
            do_export(
                start_export(campaign_id, criteria=Criteria(), actor=actor, now=outgoing.now()), clock=outgoing.now
            )
        outgoing.works(5)
        for name in ("ben", "alice"):
            receipt, file = outgoing.direct(name)
            assert ("is ready" in receipt["text"], len(file["files"])) == (True, 1)


def test_what_was_searched_for_stands_in_no_file_name_and_no_channel(outgoing: Outgoing, ben_in_slack: Actor) -> None:
    criteria = Criteria(search="+14155550001")
    export_id = start_export(make_ended(now=outgoing.now()), criteria=criteria, actor=ben_in_slack, now=outgoing.now())
    do_export(export_id, clock=outgoing.now)
    outgoing.works(5)
    assert "_filtered_20" in outgoing.direct("ben")[-1]["files"][0]["name"]
    assert "5550001" not in str(outgoing.person("vera").messages())


def deleted(outgoing: Outgoing) -> list[str]:
    """The files that we have asked Slack to delete."""
    return [call["sent"]["file"] for call in outgoing.calls("files.delete") if call["sent"]]


def forget(recipient: str, alice: Actor) -> None:
    forget_person(recipient, typed_again=recipient, actor=alice, now=now_ms())


@both_engines
def test_receipt_forgets_a_search_for_what_a_field_of_somebody_forgotten_held(
    outgoing: Outgoing, ben_in_slack: Actor, alice: Actor
) -> None:
    campaign_id = make_ended(messages=3)
    with transaction():
        execute("UPDATE messages SET search_1 = 'zoe miller' WHERE recipient_key = '+14155550001'")
    criteria = Criteria(search="Zoe Mil")
    export_id = start_export(campaign_id, criteria=criteria, actor=ben_in_slack, now=outgoing.now())
    do_export(export_id, clock=outgoing.now)
    outgoing.works(1)
    assert "search “Zoe Mil” · 1 row" in str(outgoing.direct("ben")[0])
    forget("+14155550001", alice)
    outgoing.works(70)
    assert "search “forgotten” · 1 row" in str(outgoing.direct("ben")[0])


@both_engines
def test_file_with_somebody_who_is_forgotten_leaves_slack_at_once(
    outgoing: Outgoing, export_id: int, alice: Actor
) -> None:
    do_export(export_id, clock=outgoing.now)
    outgoing.works(1)
    (file_id,) = files(outgoing)
    forget("+14155550001", alice)
    outgoing.works(70)
    assert deleted(outgoing) == [file_id]


def test_file_that_was_cut_off_on_its_way_to_slack_leaves_it_too(
    outgoing: Outgoing, export_id: int, alice: Actor
) -> None:
    do_export(export_id, clock=outgoing.now)
    outgoing.works(1)
    (file_id,) = files(outgoing)
    with transaction():  # as if the process had died between Slack's taking it and our note of that
        execute("DELETE FROM slack_posts WHERE kind = 'file'")
        execute("UPDATE slack_outbox SET state = 'queued', posting_at = ? WHERE kind = 'file'", now_ms() - 60_000)
    forget("+14155550001", alice)
    outgoing.works(70)
    assert deleted(outgoing) == [file_id]

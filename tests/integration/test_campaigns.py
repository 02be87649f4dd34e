"""Making campaigns: drafts, templates, contacts, and what is refused on the way."""

import random
import zlib
from contextlib import suppress

import pytest
from peewee import OperationalError

from jobs import bulk
from models import database
from models.actors import COMMAND_LINE, Actor
from models.clock import now_ms
from models.config import Config
from models.contacts.mapping import ColumnMapping, map_columns
from models.database import execute, transaction
from models.errors import InvalidInputError, NotAllowedError, NotFoundError, UnreadableFileError, WrongStateError
from models.hints import Work
from models.operations import campaigns, importing, optouts
from models.operations.files import CHUNK, remove_file, store_file
from models.operations.resumable import OUR_FAULT
from models.operations.running import delete_campaign
from models.operations.sweeping import find_work
from models.queries.campaigns import get_campaign, list_campaigns, summary_of
from models.queries.files import read_file
from models.queries.messages import count
from models.rules.criteria import Criteria
from models.rules.timeouts import BEAT_LOST
from models.tables import Import
from models.words import CampaignStatus, Channel, Phase
from tests.factories import (
    NOW,
    SECOND,
    contacts_file,
    dump,
    make_campaign,
    make_draft,
    make_ended,
    message_ids,
    move_all,
    put_into_phase,
    refused,
    rows_of,
    run,
    start_import,
    statuses,
    template_for,
)

pytestmark = pytest.mark.usefixtures("installation")
both_engines = pytest.mark.both_engines


def clock() -> int:
    return NOW


@both_engines
@pytest.mark.parametrize("channel", Channel)
def test_draft_with_contacts_and_template_becomes_ready(channel: Channel, ben: Actor) -> None:
    campaign_id = make_draft(channel, name="  Spring   news ", actor=ben)
    assert summary_of(campaign_id).status is CampaignStatus.DRAFT
    report = importing.do_import(start_import(campaign_id, contacts_file(channel, 3), actor=ben), clock=clock)
    assert (report.rows, report.imported) == (3, 3)
    campaigns.finish_draft(campaign_id, actor=ben, now=NOW)
    summary = summary_of(campaign_id)
    assert (summary.status, summary.campaign.name) == (CampaignStatus.READY, "Spring news")
    assert statuses(campaign_id) == {"waiting": 3}


@both_engines
def test_each_step_of_making_is_in_the_audit(ben: Actor) -> None:
    campaign_id = make_draft(actor=ben)
    importing.do_import(start_import(campaign_id, contacts_file(Channel.SMS, 2), actor=ben), clock=clock)
    campaigns.finish_draft(campaign_id, actor=ben, now=NOW)
    rows = sorted(rows_of("audit", "WHERE object_kind = 'campaign'"), key=lambda row: row["id"])
    assert [row["act"] for row in rows] == ["create_draft", "set_message", "import", "create"]
    assert {(row["actor_name"], row["surface"], row["object_id"]) for row in rows} == {("Ben", "panel", campaign_id)}


@both_engines
def test_import_keeps_values_report_and_refused_rows() -> None:
    optouts.opt_out(Channel.SMS, "+14155550102", actor=COMMAND_LINE, now=NOW)
    text = "phone,name\n+14155550101,Ann\n+14155550102,Bob\nnobody,Cid\n+14155550101,Ann again\n"
    campaign_id = make_draft()
    import_id = start_import(campaign_id, text)
    report = importing.do_import(import_id, clock=clock)
    assert (report.imported, report.refused_rows, report.repeats.count, report.opted_out) == (2, 1, 1, 1)
    assert statuses(campaign_id) == {"waiting": 1, "opted_out": 1}
    assert {row["field_values"] for row in rows_of("messages")} == {'["Ann"]', '["Bob"]'}
    work = Import.get_by_id(import_id)
    assert (work.state, work.rows_total, work.rows_done) == ("done", 4, 4)
    assert work.refused_file_id is not None
    assert b"nobody" in b"".join(read_file(work.refused_file_id))


@both_engines
def test_second_import_replaces_what_the_first_left() -> None:
    campaign_id = make_draft()
    for rows in (5, 2):
        importing.do_import(start_import(campaign_id, contacts_file(Channel.SMS, rows)), clock=clock)
    assert statuses(campaign_id) == {"waiting": 2}


@both_engines
def test_import_begun_again_after_a_crash_ends_whole() -> None:
    campaign_id = make_draft()
    import_id = start_import(campaign_id, contacts_file(Channel.SMS, 1200))
    calls = iter(range(2))

    def dying_clock() -> int:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return NOW

    with pytest.raises(KeyboardInterrupt):
        importing.do_import(import_id, clock=dying_clock)
    assert 0 < sum(statuses(campaign_id).values()) < 1200
    importing.do_import(import_id, clock=lambda: NOW + BEAT_LOST + SECOND)
    assert statuses(campaign_id) == {"waiting": 1200}


@both_engines
def test_file_that_cannot_be_read_stores_nothing() -> None:
    campaign_id = make_draft()
    import_id = start_import(campaign_id, 'phone,name\n+14155550101,"Ann\n')
    with pytest.raises(InvalidInputError):
        importing.do_import(import_id, clock=clock)
    assert statuses(campaign_id) == {}
    assert Import.get_by_id(import_id).state == "refused"


def test_draft_whose_last_import_did_not_end_is_not_finished() -> None:
    campaign_id = make_draft()
    import_id = start_import(campaign_id, contacts_file(Channel.SMS, 2))
    importing.do_import(import_id, clock=clock)
    campaigns.set_template(campaign_id, template_for(Channel.SMS), actor=COMMAND_LINE, now=NOW)
    Import.update(state="refused").where(Import.id == import_id).execute()
    with pytest.raises(WrongStateError, match="did not come to its end: upload the contacts again"):
        campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=NOW)


def test_job_for_an_import_that_another_process_is_at_leaves_it_alone() -> None:
    import_id = start_import(make_draft(), contacts_file(Channel.SMS, 2))
    Import.update(state="running", started_at=now_ms(), beat_at=now_ms()).where(Import.id == import_id).execute()
    bulk.import_contacts(import_id)
    assert Import.get_by_id(import_id).state == "running"


def test_job_for_an_import_that_is_refused_ends_with_its_sentence_on_the_import() -> None:
    import_id = start_import(make_draft(), 'phone,name\n+14155550101,"Ann\n')
    bulk.import_contacts(import_id)
    ended = Import.get_by_id(import_id)
    assert ended.state == "refused"
    assert "never closed" in ended.result


def test_import_without_consent_is_refused() -> None:
    campaign_id = make_draft()
    start_import(campaign_id, contacts_file(Channel.SMS, 1))
    mapping = ColumnMapping.from_json(Import.get().mapping)
    contacts = importing.ContactsFile(Import.get().file_id, mapping)
    with refused(InvalidInputError):
        importing.start_import(campaign_id, contacts, consent=False, actor=COMMAND_LINE, now=NOW)


@both_engines
@pytest.mark.parametrize("state", ["ready", "running"])
def test_import_left_over_does_nothing_to_a_finished_campaign(state: str) -> None:
    """A double click asked for two imports; the second one's turn comes when the campaign is made already."""
    campaign_id = make_draft()
    importing.do_import(start_import(campaign_id, contacts_file(Channel.SMS, 3)), clock=clock)
    second = start_import(campaign_id, contacts_file(Channel.SMS, 3))
    put_into_phase(campaign_id, Phase(state))
    before = message_ids(campaign_id)
    with pytest.raises(WrongStateError):
        importing.do_import(second, clock=clock)
    assert message_ids(campaign_id) == before
    assert statuses(campaign_id) == {"waiting": 3}


@both_engines
def test_draft_is_not_finished_while_an_import_is_open() -> None:
    campaign_id = make_draft()
    importing.do_import(start_import(campaign_id, contacts_file(Channel.SMS, 2)), clock=clock)
    start_import(campaign_id, contacts_file(Channel.SMS, 9))
    with refused(WrongStateError):
        campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=NOW)


@both_engines
def test_two_imports_at_once_leave_the_contacts_of_one() -> None:
    campaign_id = make_draft()
    first = start_import(campaign_id, contacts_file(Channel.SMS, 1200))
    others = iter([False, False, True])

    def clock_with_a_second_import() -> int:
        if next(others, False):
            importing.do_import(start_import(campaign_id, contacts_file(Channel.SMS, 7)), clock=clock)
        return NOW

    with pytest.raises(WrongStateError):
        importing.do_import(first, clock=clock_with_a_second_import)
    assert statuses(campaign_id) == {"waiting": 7}


@both_engines
def test_import_at_work_is_not_begun_by_another_worker() -> None:
    campaign_id = make_draft()
    import_id = start_import(campaign_id, contacts_file(Channel.SMS, 1200))
    others = iter([False, False, True])

    def clock_with_a_second_worker() -> int:
        if next(others, False):
            with suppress(WrongStateError):
                importing.do_import(import_id, clock=clock)
        return NOW

    importing.do_import(import_id, clock=clock_with_a_second_worker)
    assert statuses(campaign_id) == {"waiting": 1200}
    assert Import.get_by_id(import_id).state == "done"


@both_engines
def test_import_whose_draft_is_deleted_meanwhile_ends_with_the_reason() -> None:
    campaign_id = make_draft(name="Gone")
    import_id = start_import(campaign_id, contacts_file(Channel.SMS, 1200))
    deletions = iter([False, False, True])

    def clock_with_a_deletion() -> int:
        if next(deletions, False):
            delete_campaign(campaign_id, actor=COMMAND_LINE, typed_name="Gone", now=NOW)
            move_all(campaign_id)
        return NOW

    with pytest.raises((WrongStateError, NotFoundError)):
        importing.do_import(import_id, clock=clock_with_a_deletion)
    assert rows_of("messages") == rows_of("message_counts") == rows_of("campaigns") == []


@pytest.mark.parametrize("name", ["ab", " ab ", "x" * 61, ""])
def test_name_too_short_or_too_long_is_refused(name: str) -> None:
    with refused(InvalidInputError) as caught:
        campaigns.create_draft(name=name, channel=Channel.SMS, owner_id=None, actor=COMMAND_LINE, now=NOW)
    assert caught.value.field == "name"  # type: ignore[attr-defined]  # of InvalidInputError


@both_engines
def test_name_is_unique_among_the_living_regardless_of_case() -> None:
    first = make_campaign(name="Spring News")
    with refused(InvalidInputError):
        make_draft(name="spring  NEWS")
    put_into_phase(first, Phase.DELETING)
    assert make_draft(name="spring NEWS") != first


@both_engines
def test_viewer_can_make_and_change_nothing(vera: Actor) -> None:
    draft, ready = make_draft(), make_campaign()
    with refused(NotAllowedError):
        campaigns.create_draft(name="Vera's", channel=Channel.SMS, owner_id=None, actor=vera, now=NOW)
    for campaign_id in (draft, ready):
        with refused(NotAllowedError):
            campaigns.set_template(campaign_id, template_for(Channel.SMS), actor=vera, now=NOW)
        with refused(NotAllowedError):
            campaigns.finish_draft(campaign_id, actor=vera, now=NOW)


def test_unknown_campaign_is_not_found() -> None:
    with refused(NotFoundError):
        campaigns.set_template(99, template_for(Channel.SMS), actor=COMMAND_LINE, now=NOW)
    with refused(NotFoundError):
        campaigns.finish_draft(99, actor=COMMAND_LINE, now=NOW)


def test_draft_without_contacts_is_not_finished() -> None:
    campaign_id = make_draft()
    with refused(WrongStateError):
        campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=NOW)


def test_finished_draft_is_not_finished_again() -> None:
    campaign_id = make_campaign()
    with refused(WrongStateError):
        campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=NOW)


UNSENDABLE = [
    (Channel.SMS, campaigns.CampaignTemplate(" \n"), "body"),
    (Channel.SMS, campaigns.CampaignTemplate("Hi {{surname}}"), "body"),
    (Channel.SMS, campaigns.CampaignTemplate("x" * 1601), "body"),
    (Channel.EMAIL, campaigns.CampaignTemplate("Hi", subject=" ", from_address="a@example.com"), "subject"),
    (Channel.EMAIL, campaigns.CampaignTemplate("Hi", subject="S"), "from_address"),
    (Channel.EMAIL, campaigns.CampaignTemplate("Hi", subject="S", from_address="nobody"), "from_address"),
    (
        Channel.EMAIL,
        campaigns.CampaignTemplate("Hi", subject="S", from_address="a@example.com", reply_to="x"),
        "reply_to",
    ),
]


@pytest.mark.parametrize(("channel", "message", "field"), UNSENDABLE)
def test_ready_campaign_keeps_its_template_when_the_new_one_is_no_good(
    channel: Channel, message: campaigns.CampaignTemplate, field: str
) -> None:
    campaign_id = make_campaign(channel)
    with refused(InvalidInputError) as caught:
        campaigns.set_template(campaign_id, message, actor=COMMAND_LINE, now=NOW)
    assert caught.value.field == field  # type: ignore[attr-defined]  # of InvalidInputError


@pytest.mark.parametrize("channel", Channel)
def test_draft_with_a_template_that_is_no_good_stays_a_draft(channel: Channel) -> None:
    campaign_id = make_draft(channel)
    importing.do_import(start_import(campaign_id, contacts_file(channel, 1)), clock=clock)
    campaigns.set_template(campaign_id, template_for(channel, "Hi {{surname}}"), actor=COMMAND_LINE, now=NOW)
    with refused(InvalidInputError) as caught:
        campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=NOW)
    assert "{{surname}}" in str(caught.value)


@both_engines
def test_template_of_a_campaign_at_work_is_fixed() -> None:
    campaign_id = make_campaign()
    run(campaign_id)
    with refused(WrongStateError):
        campaigns.set_template(campaign_id, template_for(Channel.SMS, "Other"), actor=COMMAND_LINE, now=NOW)


def test_sender_of_a_failed_email_can_be_changed() -> None:
    campaign_id = make_campaign(Channel.EMAIL)
    put_into_phase(campaign_id, Phase.FAILED)
    mended = campaigns.CampaignTemplate("Hello", subject="News", from_address="good@example.com")
    campaigns.set_template(campaign_id, mended, actor=COMMAND_LINE, now=NOW)
    assert get_campaign(campaign_id).from_address == "good@example.com"


def test_template_of_a_failed_email_stays() -> None:
    campaign_id = make_campaign(Channel.EMAIL)
    put_into_phase(campaign_id, Phase.FAILED)
    other = campaigns.CampaignTemplate("Other", subject="News", from_address="news@example.com")
    with refused(WrongStateError):
        campaigns.set_template(campaign_id, other, actor=COMMAND_LINE, now=NOW)


@both_engines
def test_discarded_draft_leaves_only_its_audit() -> None:
    before = dump()
    campaign_id = make_draft()
    importing.do_import(start_import(campaign_id, contacts_file(Channel.SMS, 700) + "nobody,x\n"), clock=clock)
    campaigns.discard_draft(campaign_id)
    after = dump()
    assert {table for table in after if after[table] != before[table]} == {"audit"}


@both_engines
def test_discard_of_what_is_no_draft_changes_nothing() -> None:
    campaign_id = make_ended()
    before = dump()
    with suppress(WrongStateError):
        campaigns.discard_draft(campaign_id)
    assert dump() == before


@both_engines
def test_drafts_are_listed_for_their_owner_and_admins(alice: Actor, ben: Actor, vera: Actor) -> None:
    ready, of_ben, of_alice = make_campaign(), make_draft(actor=ben), make_draft(actor=alice)
    seen = {actor.name: [row.campaign.id for row in list_campaigns(actor)] for actor in (alice, ben, vera)}
    assert seen == {"Alice": [of_alice, of_ben, ready], "Ben": [of_ben, ready], "Vera": [ready]}


@both_engines
def test_list_shows_counts_and_leaves_out_what_is_being_deleted(installation: Config) -> None:
    ended, deleting = make_ended(messages=4), make_campaign(now=NOW + SECOND)
    put_into_phase(deleting, Phase.DELETING)
    (row,) = list_campaigns(COMMAND_LINE)
    assert (row.campaign.id, row.status, row.counts["delivered"]) == (ended, CampaignStatus.COMPLETE, 4)


@both_engines
def test_long_value_of_a_searchable_field_is_taken_and_found_by_its_beginning() -> None:
    """An index of PostgreSQL holds no more than 2,704 bytes."""
    note = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6000))
    campaign_id = make_draft()
    file_id = store_file("contacts.csv", "text/csv", [f"recipient,note\n+12025550147,{note}\n".encode()], now=NOW)
    mapping = map_columns(["recipient", "note"], destination="recipient", fields=None, searchable=["note"])
    contacts = importing.ContactsFile(file_id, mapping)
    import_id = importing.start_import(campaign_id, contacts, consent=True, actor=COMMAND_LINE, now=NOW)
    assert importing.do_import(import_id, clock=clock).imported == 1
    for search in (note, note[:50].upper(), f"={note}"):
        assert count(campaign_id, Criteria(search=search, search_in="search_1")) == 1


@both_engines
def test_import_that_was_begun_anew_is_left_alone_by_who_was_taken_for_dead() -> None:
    campaign_id = make_draft()
    import_id = start_import(campaign_id, contacts_file(Channel.SMS, 2))
    again: list[importing.Report] = []

    def stalls() -> int:
        if not again and rows_of("messages"):  # it has written its rows, and only its end is missing
            again.append(importing.do_import(import_id, clock=lambda: NOW + 2 * BEAT_LOST))
        return NOW

    with pytest.raises(WrongStateError):
        importing.do_import(import_id, clock=stalls)
    assert again[0].imported == 2
    (row,) = rows_of("imports")
    assert (row["state"], row["ended_at"]) == ("done", NOW + 2 * BEAT_LOST)
    assert len(rows_of("messages")) == 2


def _four_chunks() -> str:
    return "phone,note\n" + "".join(f"+1415{5550000 + n},{'x' * 250}\n" for n in range(3500))


@both_engines
def test_import_whose_file_goes_while_it_is_read_is_refused_with_the_reason() -> None:
    import_id = start_import(make_draft(), _four_chunks())

    def clock_with_a_removal() -> int:
        if rows_of("messages"):  # its last reading has begun
            remove_file(Import.get_by_id(import_id).file_id)
        return NOW

    with pytest.raises(NotFoundError, match="no longer kept"):
        importing.do_import(import_id, clock=clock_with_a_removal)
    (ended,) = rows_of("imports")
    assert (ended["state"], ended["report"]) == ("refused", None)
    assert "no longer kept" in ended["result"]


@both_engines
def test_import_that_finds_other_rows_than_were_counted_at_first_is_refused() -> None:
    import_id = start_import(make_draft(), _four_chunks())
    last = zlib.compress(b"\n" * (len(_four_chunks()) - 3 * CHUNK))

    def clock_with_a_change() -> int:
        if rows_of("messages"):
            with transaction():
                execute("UPDATE file_chunks SET compressed = ? WHERE number = 3", last)
        return NOW

    with pytest.raises(UnreadableFileError, match=r"[23],\d+ contacts were read of the 3,500"):
        importing.do_import(import_id, clock=clock_with_a_change)
    assert Import.get_by_id(import_id).state == "refused"


def _is_left_alone(import_id: int, hinted: list[tuple[Work, int]]) -> bool:
    hinted.clear()
    find_work(now=NOW + 2 * BEAT_LOST)
    return (Work.IMPORT, import_id) not in hinted


@both_engines
def test_import_whose_file_is_gone_ends_and_is_not_tried_again(hinted: list[tuple[Work, int]]) -> None:
    import_id = start_import(make_draft(), contacts_file(Channel.SMS, 2))
    remove_file(Import.get_by_id(import_id).file_id)
    with pytest.raises(NotFoundError):
        importing.do_import(import_id, clock=clock)
    ended = Import.get_by_id(import_id)
    assert (ended.state, ended.result) == ("refused", "The file is no longer kept. Upload it again.")
    assert _is_left_alone(import_id, hinted)


@both_engines
def test_import_that_a_fault_stops_ends_as_failed_and_the_fault_is_raised_on(hinted: list[tuple[Work, int]]) -> None:
    import_id = start_import(make_draft(), contacts_file(Channel.SMS, 2))
    with transaction():
        execute("UPDATE imports SET mapping = '{}'")
    with pytest.raises(KeyError):
        importing.do_import(import_id, clock=clock)
    ended = Import.get_by_id(import_id)
    assert (ended.state, ended.result) == ("failed", OUR_FAULT)
    assert _is_left_alone(import_id, hinted)


def test_import_that_the_database_refuses_is_gone_on_with(hinted: list[tuple[Work, int]]) -> None:
    import_id = start_import(make_draft(), contacts_file(Channel.SMS, 1200))

    def clock_with_a_refusal() -> int:
        if rows_of("messages"):
            database.database.pragma("query_only", 1)
        return NOW

    with pytest.raises(OperationalError):
        importing.do_import(import_id, clock=clock_with_a_refusal)
    database.database.pragma("query_only", 0)
    assert not _is_left_alone(import_id, hinted)

"""Forgetting a person: opted out, erased everywhere, counts kept (SPEC 9)."""

import json

import pytest

from models.actors import COMMAND_LINE, Actor
from models.addresses import FORGOTTEN
from models.contacts.mapping import map_columns
from models.contacts.report import Report
from models.database import execute, insert_many, transaction
from models.errors import InvalidInputError, NotAllowedError, WrongStateError
from models.operations import posts, receipts, retrying, sending
from models.operations.erasing import erase_what_came_to_rest
from models.operations.exporting import start_export
from models.operations.files import CHUNK, remove_expired_files, store_file
from models.operations.forgetting import Forgotten, forget_person
from models.operations.importing import ContactsFile, do_import
from models.operations.importing import start_import as start_import_of
from models.operations.optouts import opt_in, opt_out
from models.operations.testing import ask_for_test
from models.operations.unmapped import Unmapped, note_unmapped
from models.queries.campaigns import counts_of
from models.queries.files import read_file
from models.queries.messages import count
from models.queries.pages import page_of_messages
from models.queries.posts import files_from_before, living_exports
from models.queries.refusing import opted_out
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables import Export
from models.words import Channel, FailureReason, MessageStatus, Phase, RetryClass
from tests.factories import (
    NOW,
    SECOND,
    answer,
    claim,
    columns_of,
    dump,
    export_while,
    make_campaign,
    make_draft,
    message,
    message_ids,
    move_all,
    moves_of,
    phase_of,
    put_into_phase,
    receive,
    refused,
    resume,
    retry,
    rows_of,
    run,
    send_all,
    start_import,
    statuses,
    stop,
)

both_engines = pytest.mark.both_engines
ANN = "+14155550000"
MAIL = "Ann.Other@Example.com"


def forget(actor: Actor, typed: str = ANN, *, now: int = NOW) -> Forgotten:
    return forget_person(typed, typed_again=typed, actor=actor, now=now)


def with_names() -> int:
    """A draft with Ann, whose name is Zoe Miller here, and somebody whose only value is what forgotten people have."""
    draft = make_draft()
    text = f"phone,name,code\n{ANN},Zoe Miller,Z-77\n+14155550001,{FORGOTTEN},\n".encode()
    columns = map_columns(["phone", "name", "code"], destination="phone", fields=None, searchable=["name"])
    contacts = ContactsFile(store_file("c.csv", "text/csv", [text], now=NOW), columns)
    do_import(start_import_of(draft, contacts, consent=True, actor=COMMAND_LINE, now=NOW), clock=lambda: NOW)
    return draft


def keep_search(table: str, campaign_id: int, search: str) -> None:
    """As work does that was asked for with it, and has ended."""
    asked = {"state": "done", "actor_name": "Ben", "surface": "panel", "created_at": NOW}
    own = {"campaign_name": "x", "kind": "retry", "cutoff_at": NOW, "expires_at": NOW}
    row = {"campaign_id": campaign_id, "criteria": json.dumps({"search": search}), **asked, **own}
    known = {column: value for column, value in row.items() if column in columns_of(table)}
    with transaction():
        insert_many(table, list(known), [list(known.values())])


def nowhere(*words: str) -> None:
    """Nothing in any table holds any of these, in any letter case."""
    stored = json.dumps(dump()).lower()
    assert [word for word in words if word.lower() in stored] == []


class TestWho:
    @both_engines
    @pytest.mark.parametrize("again", ["", "+14155550001", "nonsense"])
    def test_nothing_happens_unless_the_same_is_typed_twice(self, alice: Actor, again: str) -> None:
        make_campaign()
        with refused(InvalidInputError):
            forget_person(ANN, typed_again=again, actor=alice, now=NOW)

    def test_only_an_org_admin_forgets(self, ben: Actor) -> None:
        with refused(NotAllowedError):
            forget(ben)

    def test_spaces_between_digits_do_not_matter(self, alice: Actor) -> None:
        make_campaign(messages=1)
        assert forget_person("+1 415 555-0000", typed_again=ANN, actor=alice, now=NOW).messages == 1


class TestMessages:
    @both_engines
    def test_waiting_ones_become_opted_out_and_name_nobody(self, alice: Actor) -> None:
        first, second = make_campaign(messages=2), make_campaign(messages=2)
        done = forget(alice)
        assert (done.messages, done.opted_out, done.at_verdict) == (2, 2, 0)
        for campaign_id in (first, second):
            assert statuses(campaign_id) == {"waiting": 1, "opted_out": 1}
        nowhere(ANN, ANN[1:])

    @both_engines
    def test_campaign_with_nothing_left_to_send_ends(self, alice: Actor) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        forget(alice)
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"opted_out": 1}, "ended")

    @both_engines
    def test_sending_one_is_erased_at_its_verdict(self, alice: Actor) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        assert forget(alice).at_verdict == 1
        assert message(message_ids(campaign_id)[0])["recipient"] == ANN  # a look-up may need it
        receive(claimed, Word.FAILED, reason=FailureReason.UNREACHABLE, text=f"{ANN} is off", code="30003")
        row = message(message_ids(campaign_id)[0])
        assert (row["status"], row["recipient"], row["retry_class"]) == ("failed", FORGOTTEN, "never")
        assert statuses(campaign_id) == {"failed": 1}
        nowhere(ANN[1:])

    @both_engines
    def test_sending_one_that_was_given_back_is_never_handed_over(self, alice: Actor) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        claimed = claim(campaign_id)
        forget(alice)
        sending.give_back([(one.message_id, one.attempt, one.claimed_at) for one in claimed], now=NOW)
        assert claim(campaign_id) == ()
        assert erase_what_came_to_rest(now=NOW) == 1
        assert statuses(campaign_id) == {"opted_out": 1}
        nowhere(ANN[1:])

    @both_engines
    def test_sweep_erases_what_came_back_into_the_queue_of_a_held_campaign(self, alice: Actor) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        claimed = claim(campaign_id)
        forget(alice)
        answer(claimed, Word.NOT_SENT)
        execute("UPDATE campaigns SET phase = 'held' WHERE id = ?", campaign_id)
        assert erase_what_came_to_rest(now=NOW) == 1
        assert statuses(campaign_id) == {"opted_out": 1}
        assert phase_of(campaign_id) == "ended"
        assert erase_what_came_to_rest(now=NOW) == 0

    @both_engines
    def test_failed_one_keeps_its_place_in_the_counts_and_is_worth_no_retry(self, alice: Actor) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        words = {"reason": FailureReason.UNREACHABLE, "retry_class": RetryClass.LIKELY, "text": f"no route to {ANN}"}
        receive(claimed, Word.FAILED, **words)
        forget(alice)
        assert statuses(campaign_id) == {"failed": 2}
        assert counts_of(campaign_id).failures == {("unreachable", "likely"): 1, ("unreachable", "never"): 1}
        plan = retrying.open_plan(campaign_id, criteria=Criteria(), actor=alice, now=NOW)
        assert plan.messages(plan.shown, include_unconfirmed=True) == 1
        retry(campaign_id)
        move_all(campaign_id)
        assert statuses(campaign_id) == {"failed": 1, "queued": 1}

    @both_engines
    @pytest.mark.parametrize("reason", [FailureReason.UNREACHABLE, FailureReason.UNKNOWN])
    def test_failed_one_is_in_no_retrys_number(self, alice: Actor, reason: FailureReason) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        send_all(campaign_id, Word.FAILED, reason=reason)
        forget(alice)
        plan = retrying.open_plan(campaign_id, criteria=Criteria(), actor=alice, now=NOW)
        ticked = [entry.key for entry in plan.entries]
        confirmed = retrying.confirm_plan(plan.id, ticked=ticked, include_unconfirmed=False, actor=alice, now=NOW)
        assert (plan.messages(ticked), confirmed.messages, confirmed.no_longer) == (1, 1, 0)

    @both_engines
    @pytest.mark.parametrize("reason", [FailureReason.UNREACHABLE, FailureReason.UNKNOWN])
    def test_failed_one_is_in_the_number_of_no_retry_without_a_plan(self, alice: Actor, reason: FailureReason) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        send_all(campaign_id, Word.FAILED, reason=reason)
        forget(alice)
        assert retry(campaign_id).messages == 1

    @both_engines
    def test_nobody_forgotten_is_resumed_or_retried_into_a_hand_over(self, alice: Actor) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        forget(alice)
        opt_in(Channel.SMS, ANN, actor=alice, now=NOW)  # taken off the list: there is nobody to write to all the same
        assert resume(campaign_id).messages == 1
        move_all(campaign_id)
        assert (moves_of(campaign_id)[-1].done, moves_of(campaign_id)[-1].left_out) == (1, 1)
        assert [one.recipient for one in claim(campaign_id)] == ["+14155550001"]
        assert statuses(campaign_id) == {"sending": 1, "cancelled": 1}

    @both_engines
    @pytest.mark.parametrize("phase", [Phase.ENDED, Phase.FAILED])
    def test_resume_of_nobody_but_who_was_forgotten_takes_no_channel(self, alice: Actor, phase: Phase) -> None:
        campaign_id = make_campaign(messages=1)
        run(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        forget(alice)
        put_into_phase(campaign_id, phase)
        if phase is Phase.ENDED:
            with refused(WrongStateError) as caught:
                resume(campaign_id)
            assert "no cancelled messages to go on with" in str(caught.value)
        else:
            assert resume(campaign_id).move_id is None  # only ends the Failed state
        assert (statuses(campaign_id), phase_of(campaign_id)) == ({"cancelled": 1}, Phase.ENDED)

    @both_engines
    def test_resume_goes_on_past_slices_of_people_who_were_forgotten(self, alice: Actor) -> None:
        campaign_id = make_campaign(messages=1200)
        run(campaign_id)
        stop(campaign_id)
        move_all(campaign_id)
        with transaction():
            ids = message_ids(campaign_id)[:700]
            execute(f"UPDATE messages SET recipient_key = 'forgotten ' || id WHERE id <= {ids[-1]}")
        assert resume(campaign_id).messages == 500
        move_all(campaign_id)
        assert statuses(campaign_id) == {"queued": 500, "cancelled": 700}

    @both_engines
    def test_late_receipt_brings_neither_address_nor_opt_out_back(self, alice: Actor) -> None:
        campaign_id = make_campaign(Channel.EMAIL, [MAIL])
        run(campaign_id)
        claimed = send_all(campaign_id)
        forget(alice, MAIL)
        receive(claimed, Word.OPTED_OUT, at=NOW + SECOND, text=f"<{MAIL}> said no")
        assert statuses(campaign_id) == {"opted_out": 1}
        assert len(rows_of("opt_outs")) == 1
        nowhere(MAIL)

    @both_engines
    def test_fields_are_erased_and_pages_still_show_the_row(self, alice: Actor) -> None:
        draft = make_draft()
        text = f"phone,name,code\n{ANN},Ann Other,Z-77\n+14155550001,Ben,Z-78\n"
        do_import(start_import(draft, text), clock=lambda: NOW)
        forget(alice)
        assert [row.values for row in page_of_messages(draft, Criteria()).rows] == [(), ("Ben", "Z-78")]
        nowhere(ANN[1:], "Ann Other", "Z-77")


class TestEverywhereElse:
    @both_engines
    def test_opt_out_stays_as_a_hash_whatever_listed_them_first(self, alice: Actor) -> None:
        make_campaign(messages=1)
        opt_out(Channel.SMS, ANN, actor=alice, now=NOW)
        forget(alice, now=NOW + SECOND)
        assert opted_out(Channel.SMS, [ANN]) == {ANN}
        assert [row["recipient_key"] for row in rows_of("opt_outs")] == [None]

    @both_engines
    def test_contacts_with_them_are_imported_as_opted_out_later(self, alice: Actor) -> None:
        forget(alice)
        draft = make_draft()
        do_import(start_import(draft, f"phone\n{ANN}\n"), clock=lambda: NOW)
        assert statuses(draft) == {"opted_out": 1}

    @both_engines
    def test_applied_receipts_that_name_them_are_emptied_and_still_known(self, alice: Actor) -> None:
        make_campaign(Channel.EMAIL, [MAIL, "ben@example.com"])
        bodies = [
            b'[{"email":"ann.other@example.com"}]',
            b"To=Ann.Other%40Example.com",
            b'[{"email":"ben@example.com"}]',
        ]
        for body in bodies:
            receipts.record_receipts(provider="sendgrid", headers={}, body=body, now=NOW)
        receipts.apply_receipts({"sendgrid": lambda *_: []}, limit=10, now=NOW, scale=1)
        receipts.record_receipts(provider="sendgrid", headers={}, body=b"ann.other@example.com again", now=NOW)
        done = forget(alice, MAIL)
        assert (done.posts, done.posts_waiting) == (2, 1)
        kept = {bytes(row["body"]) for row in rows_of("receipt_inbox", "WHERE applied_at IS NOT NULL")}
        assert kept == {b"", bodies[2]}
        assert not receipts.record_receipts(provider="sendgrid", headers={}, body=bodies[0], now=NOW)

    @both_engines
    def test_uploads_and_exports_of_their_campaigns_are_removed_and_others_kept(self, alice: Actor) -> None:
        draft, other = make_draft(), make_draft()
        do_import(start_import(draft, f"phone\n{ANN}\nnonsense\n"), clock=lambda: NOW)
        do_import(start_import(other, "phone\n+14155550001\n"), clock=lambda: NOW)
        exported = store_file("e.csv", "text/csv", [b"x"], now=NOW)
        about = {"campaign_id": draft, "campaign_name": "x", "criteria": {"search": f"={ANN}"}, "state": "done"}
        asked = {"actor_name": "Ben", "surface": "panel", "created_at": NOW}
        export_id = Export.insert(**about, **asked, file_id=exported, rows_total=1).execute()
        said, _file = (
            posts.keep(kind, export_id, channel_id="D0BEN", ts=kind, now=NOW, rendered_hash="x")
            for kind in ("export", "file")
        )
        posts.settle_post(said)
        assert forget(alice).files == 3
        assert [row["name"] for row in rows_of("files")] == ["contacts.csv"]
        assert rows_of("exports")[0]["file_id"] is None
        assert [post.kind for post, _ in living_exports()] == ["export"]  # said anew without the search
        assert [post.kind for post in files_from_before(NOW - 1)] == ["file"]  # and deleted in Slack
        nowhere(ANN[1:])

    @both_engines
    def test_export_that_is_being_written_is_ended_and_leaves_no_file(self, alice: Actor) -> None:
        export_id = start_export(make_campaign(messages=2), criteria=Criteria(), actor=alice, now=NOW)
        export_while(lambda: forget(alice), export_id)
        (export,) = rows_of("exports")
        assert (export["state"], export["result"]) == (
            "refused",
            "Somebody in it was forgotten meanwhile. Export again.",
        )
        nowhere(ANN[1:])
        assert rows_of("files") == []

    @both_engines
    @pytest.mark.parametrize("search", [ANN, f"={ANN}", "+1 (415) 555-0000", "=+1 415 555 0000", "* 1415-555-0000"])
    def test_searches_for_them_are_forgotten_however_they_were_typed(self, alice: Actor, search: str) -> None:
        campaign_id = make_campaign(messages=1)
        start_export(campaign_id, criteria=Criteria(search=search), actor=alice, now=NOW)
        forget(alice)
        assert json.loads(rows_of("exports")[0]["criteria"])["search"] == f"={FORGOTTEN}"

    @both_engines
    def test_searches_for_others_are_kept(self, alice: Actor) -> None:
        campaign_id = make_campaign(messages=1)
        for search in ("+1 415 555-0001", "+1 415", "case 7"):
            start_export(campaign_id, criteria=Criteria(search=search), actor=alice, now=NOW)
        forget(alice)
        kept = [json.loads(row["criteria"])["search"] for row in rows_of("exports", "ORDER BY id")]
        assert kept == ["+1 415 555-0001", "+1 415", "case 7"]

    @both_engines
    @pytest.mark.parametrize(
        ("table", "search"),
        [
            *(("exports", search) for search in ("Zoe Miller", "=zoe miller", "zoe", "*Miller", " ZOE MILLER", "Z-77")),
            *((table, "Zoe Miller") for table in ("bulk_moves", "retry_plans", "scheduled_starts")),
        ],
    )
    def test_searches_by_what_their_fields_hold_are_forgotten(self, alice: Actor, table: str, search: str) -> None:
        campaign_id, other = with_names(), with_names()
        keep_search(table, campaign_id, search)
        keep_search(table, campaign_id, "Ben")
        execute("UPDATE messages SET field_values = '[]', search_1 = NULL WHERE campaign_id = ?", other)
        keep_search(table, other, search)
        forget(alice)
        kept = [json.loads(row["criteria"]) for row in rows_of(table, "ORDER BY id")]
        forgotten = {"search": f"={FORGOTTEN}", "search_in": "recipient_key"}
        assert kept == [forgotten, {"search": "Ben"}, {"search": search}]
        assert count(campaign_id, Criteria.from_json(kept[0])) == 0

    @both_engines
    def test_tests_that_went_to_them_are_removed_and_others_kept(self, alice: Actor) -> None:
        campaign_id = make_campaign(messages=["+14155550009"])
        for recipient in (ANN, "+14155550005"):
            ask_for_test(campaign_id, [recipient], {}, actor=alice, now=NOW)
        execute("UPDATE sent_tests SET state = 'done'")
        forget(alice)
        assert [json.loads(row["recipients"]) for row in rows_of("sent_tests")] == [["+14155550005"]]

    @both_engines
    @pytest.mark.parametrize("sign", ["_", "%"])
    def test_tests_to_others_are_kept_whatever_signs_the_address_has(self, alice: Actor, sign: str) -> None:
        campaign_id = make_campaign(Channel.EMAIL, 1)
        ask_for_test(campaign_id, ["johnxdoe@example.com"], {}, actor=alice, now=NOW)
        execute("UPDATE sent_tests SET state = 'done'")
        forget(alice, f"john{sign}doe@example.com")
        assert len(rows_of("sent_tests")) == 1

    @both_engines
    @pytest.mark.parametrize("sample", ["User ÉLODIE_B@Example.com unknown", "to=%c3%a9lodie_b%40example.com"])
    def test_samples_of_unmapped_codes_forget_them_in_any_letter_case(self, alice: Actor, sample: str) -> None:
        samples = [sample, "User elodie_b@example.com unknown"]
        with transaction():
            note_unmapped([Unmapped("smtp", code, text) for code, text in zip("12", samples, strict=True)], now=NOW)
        forget(alice, "élodie_b@example.com")
        assert [row["sample"] for row in rows_of("unmapped_codes", "ORDER BY code")] == ["", samples[1]]

    @both_engines
    def test_posts_and_refused_rows_forget_them_in_any_letter_case(self, alice: Actor) -> None:
        body = '[{"email":"ÉLODIE@Example.com"}]'.encode()
        receipts.record_receipts(provider="sendgrid", headers={}, body=body, now=NOW)
        receipts.apply_receipts({"sendgrid": lambda *_: []}, limit=10, now=NOW, scale=1)
        draft = make_draft(Channel.EMAIL)
        do_import(start_import(draft, "mail,name\nÉLODIE@Example.com,a,b\nbo@example.com,c\n"), clock=lambda: NOW)
        done = forget(alice, "élodie@example.com")
        assert (done.posts, done.files) == (1, 2)

    @both_engines
    def test_samples_in_an_imports_report_forget_them(self, alice: Actor) -> None:
        draft = make_draft()
        file_id = store_file("c.csv", "text/csv", [b"phone\n(202) 555-0100\n(202) 555-0101\n"], now=NOW)
        contacts = ContactsFile(file_id, map_columns(["phone"], destination="phone", fields=None, country="US"))
        report = do_import(start_import_of(draft, contacts, consent=True, actor=alice, now=NOW), clock=lambda: NOW)
        assert len(report.changed_samples) == 2
        forget(alice, "+12025550100")
        kept = Report.from_json(json.loads(rows_of("imports")[0]["report"]))
        assert kept.changed_samples == [("(202) 555-0101", "+12025550101")]
        forget(alice, "+12025550101")
        last = Report.from_json(json.loads(rows_of("imports")[0]["report"]))
        assert "Read as numbers of US: 2." in last.sentences()
        nowhere("12025550100", "555-0100", "555-0101")

    @both_engines
    def test_file_of_refused_rows_that_names_them_goes_though_no_message_does(self, alice: Actor) -> None:
        name = "x" * 10_241
        named, other = make_draft(), make_draft()
        do_import(start_import(named, f"phone,name\n{ANN},{name}\n+14155550009,Bo\n"), clock=lambda: NOW)
        do_import(start_import(other, f"phone,name\n+14155550008,{name}\n+14155550009,Bo\n"), clock=lambda: NOW)
        assert [row["recipient"] for row in rows_of("messages")] == ["+14155550009"] * 2
        exported = store_file("e.csv", "text/csv", [b"x"], now=NOW)
        Export.insert(
            campaign_id=named, campaign_name="x", state="done", created_at=NOW, file_id=exported, **alice.as_columns()
        ).execute()
        done = forget(alice)
        assert (done.messages, done.files) == (0, 2)
        first, second = rows_of("imports", "ORDER BY id")
        assert first["refused_file_id"] is None
        assert second["refused_file_id"] is not None
        kept = {second["file_id"], second["refused_file_id"], exported}
        assert {row["id"] for row in rows_of("files")} == kept, "an export has no refused rows"

    @both_engines
    def test_refused_row_is_found_where_two_pieces_of_its_file_meet(self, alice: Actor) -> None:
        draft = make_draft()
        do_import(start_import(draft, f"phone,name\n{ANN},a,b\nx,c\n"), clock=lambda: NOW)
        content = b"".join(read_file(rows_of("imports")[0]["refused_file_id"]))
        at = content.index(ANN.encode()) + 5
        padded = store_file("refused.csv", "text/csv", [b"-" * (CHUNK - at) + content], now=NOW)
        assert ANN.encode() not in next(read_file(padded))
        with transaction():
            execute("UPDATE imports SET refused_file_id = ?", padded)
        assert forget(alice).files == 2
        assert rows_of("imports")[0]["refused_file_id"] is None

    @both_engines
    def test_import_under_way_keeps_its_file_and_is_told_of(self, alice: Actor) -> None:
        draft = make_draft()
        do_import(start_import(draft, f"phone\n{ANN}\n"), clock=lambda: NOW)
        with transaction():
            execute("UPDATE imports SET state = 'running'")
        done = forget(alice)
        assert (done.files, done.work_open) == (0, 1)

    @both_engines
    def test_upload_that_is_imported_again_brings_nobody_in_who_was_forgotten_meanwhile(self, alice: Actor) -> None:
        draft = make_draft()
        text = f"phone,name\n{ANN},Ann Other\n+14155550001,Ben\n"
        do_import(start_import(draft, text), clock=lambda: NOW)
        contacts = ContactsFile(
            rows_of("files")[0]["id"], map_columns(["phone", "name"], destination="phone", fields=None)
        )
        second = start_import_of(draft, contacts, consent=True, actor=alice, now=NOW)
        done = forget(alice, now=NOW + SECOND)
        assert (done.messages, done.files, done.work_open) == (1, 0, 1)
        do_import(second, clock=lambda: NOW + 2 * SECOND)
        assert statuses(draft) == {"opted_out": 1, "waiting": 1}
        assert [row["state"] for row in rows_of("imports", "ORDER BY id")] == ["done", "done"]
        assert remove_expired_files(now=NOW + 3 * SECOND) == 1
        nowhere(ANN[1:], "Ann Other")

    @both_engines
    def test_who_is_forgotten_while_an_import_reads_the_file_does_not_come_in(self, alice: Actor) -> None:
        draft = make_draft()
        text = "phone\n" + "".join(f"+1415555{n:04}\n" for n in range(2000, 3500)) + f"{ANN}\n{ANN} \n"
        forgotten: list[Forgotten] = []

        def clock_with_a_forgetting() -> int:
            if rows_of("messages") and not forgotten:
                forgotten.append(forget(alice))
            return NOW

        do_import(start_import(draft, text), clock=clock_with_a_forgetting)
        assert [done.messages for done in forgotten] == [0]
        assert statuses(draft) == {"opted_out": 1, "waiting": 1500}
        assert remove_expired_files(now=NOW + SECOND) == 2  # the refused row names the person too
        nowhere(ANN[1:])

    @both_engines
    def test_file_that_came_after_the_forgetting_is_imported_as_any_other(self, alice: Actor) -> None:
        forget(alice, now=NOW - SECOND)
        draft = make_draft()
        do_import(start_import(draft, f"phone\n{ANN}\n"), clock=lambda: NOW)
        assert [(row["recipient"], row["status"]) for row in rows_of("messages")] == [(ANN, "opted_out")]

    @both_engines
    def test_audit_keeps_the_numbers_and_no_address(self, alice: Actor) -> None:
        make_campaign(messages=1)
        forget(alice)
        entry = rows_of("audit", "WHERE act = 'forget'")[0]
        assert (entry["actor_name"], entry["object_name"]) == ("Alice", "SMS")
        assert json.loads(entry["numbers"])["messages"] == 1
        nowhere(ANN[1:])

    @both_engines
    def test_doing_it_again_finds_nothing_and_harms_nothing(self, alice: Actor) -> None:
        campaign_id = make_campaign(messages=1)
        forget(alice)
        assert forget(alice).messages == 0
        assert statuses(campaign_id) == {"opted_out": 1}


def test_unmapped_code_keeps_no_sample_of_theirs(alice: Actor) -> None:
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    forget(alice)
    receive(claimed, Word.FAILED, code="99999", text=f"{ANN}?", unmapped=True)
    assert rows_of("unmapped_codes")[0]["sample"] == ""
    assert message(claimed[0].message_id)["status"] == MessageStatus.FAILED


def test_event_about_somebody_else_keeps_its_text(alice: Actor) -> None:
    campaign_id = make_campaign(messages=2)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    forget(alice)
    receive(claimed, Word.FAILED, text="Unreachable handset")
    assert [row["provider_text"] for row in rows_of("messages", "ORDER BY id")] == [None, "Unreachable handset"]

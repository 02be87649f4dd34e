"""What changed since an export: exactly the rows that differ, with the status of before."""

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from models import database
from models.actors import COMMAND_LINE, Actor
from models.errors import NotFoundError, WrongStateError
from models.operations import exporting, forgetting, importing
from models.operations.exporting import KEPT, do_export, start_export
from models.operations.importing import do_import
from models.queries.files import read_file
from models.queries.stories import story_of
from models.queries.work import last_whole_export_of, unchanged_export_of
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables import Export
from models.words import Channel, FailureReason, RetryClass
from tests import factories
from tests.factories import MINUTE, NOW, SECOND, make_campaign, make_ended, recipients_on, refused

pytestmark = [pytest.mark.both_engines, pytest.mark.usefixtures("installation")]


def export(campaign_id: int, *, at: int, since: int | None = None, criteria: Criteria | None = None) -> int:
    """Make an export; its id."""
    asked = criteria or Criteria()
    export_id = start_export(campaign_id, criteria=asked, actor=COMMAND_LINE, now=at, since_id=since)
    do_export(export_id, clock=lambda: at)
    return export_id


def rows_in(export_id: int) -> list[dict[str, str]]:
    text = b"".join(read_file(Export.get_by_id(export_id).file_id)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_what_retries_and_late_words_changed_and_nothing_else() -> None:
    campaign_id = make_ended(messages=5, word=Word.FAILED)
    first = export(campaign_id, at=NOW + MINUTE)
    factories.retry(campaign_id, now=NOW + 2 * MINUTE)
    factories.move_all(campaign_id, now=NOW + 2 * MINUTE)
    claimed = factories.claim(campaign_id, now=NOW + 2 * MINUTE)
    factories.answer(claimed, at=NOW + 2 * MINUTE)
    factories.receive(claimed[:2], Word.DELIVERED, at=NOW + 3 * MINUTE)
    factories.receive(claimed[2:], Word.FAILED, at=NOW + 3 * MINUTE, reason=FailureReason.BLOCKED)
    rows = rows_in(export(campaign_id, at=NOW + 4 * MINUTE, since=first))
    assert [(row["status"], row["previous_status"], row["attempts"]) for row in rows] == [
        *[("delivered", "failed", "2")] * 2,
        *[("failed", "failed", "2")] * 3,
    ]
    second = Export.select().order_by(Export.id.desc()).first()
    assert (second.totals, second.rows_done) == ({"delivered": 2, "failed": 3}, 5)


def test_what_changed_is_the_story_between_the_two_moments() -> None:
    """Every message that anything happened to in between, and no other: late words, new failures, retries."""
    campaign_id = make_campaign(Channel.SMS, 9)
    factories.run(campaign_id)
    claimed = factories.claim(campaign_id)
    factories.answer(claimed, at=NOW)
    retried = {"reason": FailureReason.UNREACHABLE, "retry_class": RetryClass.LIKELY}
    factories.receive(claimed[:2], Word.DELIVERED, at=NOW)
    factories.receive(claimed[2:6], Word.FAILED, at=NOW, **retried)
    first, before = export(campaign_id, at=NOW + SECOND), states(campaign_id)

    factories.receive(claimed[5:6], Word.DELIVERED, at=NOW + MINUTE)  # a late word
    factories.receive(claimed[6:7], Word.DELIVERED, at=NOW + MINUTE)
    factories.receive(claimed[7:8], Word.FAILED, at=NOW + MINUTE, **retried)
    factories.retry(campaign_id, now=NOW + MINUTE)
    factories.move_all(campaign_id, now=NOW + MINUTE)
    again = factories.claim(campaign_id, limit=3, now=NOW + 2 * MINUTE)
    factories.answer(again, at=NOW + 2 * MINUTE)
    factories.receive(again[:2], Word.DELIVERED, at=NOW + 3 * MINUTE)
    factories.receive(again[2:], Word.FAILED, at=NOW + 3 * MINUTE, **retried)

    rows = rows_in(export(campaign_id, at=NOW + 4 * MINUTE, since=first))
    told = [(row["recipient"], row["previous_status"], row["status"]) for row in rows]
    now = states(campaign_id)
    happened = {recipient for recipient in now if now[recipient] != before[recipient]}
    assert told == [(recipient, before[recipient][0], now[recipient][0]) for recipient in now if recipient in happened]
    assert len(told) == 6  # three retried, one waits for its retry, two heard of


def states(campaign_id: int) -> dict[str, tuple[str, list[object]]]:
    """By recipient, in the order of the messages: its status, and what its story tells of its attempts."""
    stories = [story_of(campaign_id, message_id, COMMAND_LINE) for message_id in factories.message_ids(campaign_id)]
    return {
        story.message.recipient: (
            story.message.status.value,
            list(story.attempts),
        )
        for story in stories
    }


def test_nothing_changed_is_a_file_without_rows() -> None:
    campaign_id = make_ended(messages=3)
    first = export(campaign_id, at=NOW + MINUTE)
    assert rows_in(export(campaign_id, at=NOW + 2 * MINUTE, since=first)) == []


def test_one_late_word_is_one_row() -> None:
    campaign_id = make_ended(Channel.SMS, messages=900, word=Word.FAILED)
    first = export(campaign_id, at=NOW + MINUTE)
    factories.receive(factories.latest(campaign_id)[700:701], Word.DELIVERED, at=NOW + 2 * MINUTE)
    (row,) = rows_in(export(campaign_id, at=NOW + 3 * MINUTE, since=first))
    assert (row["recipient"], row["status"], row["previous_status"]) == ("+14155550700", "delivered", "failed")


def test_cells_that_were_made_harmless_do_not_count_as_changed() -> None:
    campaign_id = make_ended(Channel.EMAIL, ["=a@example.com", "+b@example.com"])
    first = export(campaign_id, at=NOW + MINUTE)
    assert rows_in(export(campaign_id, at=NOW + 2 * MINUTE, since=first)) == []


def test_field_named_as_a_column_is_told_apart_from_it() -> None:
    campaign_id = factories.make_draft()
    imported = factories.start_import(campaign_id, "to,Status,previous_status\n+14155550100,frequent,gold\n")
    importing.do_import(imported, clock=lambda: NOW)
    first = export(campaign_id, at=NOW + MINUTE)
    (row,) = rows_in(first)
    assert (row["status"], row["field.Status"], row["previous_status"]) == ("waiting", "frequent", "gold")
    with database.transaction():
        database.execute("UPDATE messages SET status = 'opted_out'")
    (row,) = rows_in(export(campaign_id, at=NOW + 2 * MINUTE, since=first))
    assert (row["previous_status"], row["field.previous_status"]) == ("waiting", "gold")


@pytest.mark.parametrize("rows_gone", [False, True])
def test_an_export_whose_campaign_was_deleted_before_says_so(*, rows_gone: bool) -> None:
    campaign_id = make_ended(messages=3)
    export_id = start_export(campaign_id, criteria=Criteria(), actor=COMMAND_LINE, now=NOW)
    factories.delete(campaign_id)
    if rows_gone:
        factories.move_all(campaign_id)
    do_export(export_id, clock=lambda: NOW)
    found = Export.get_by_id(export_id)
    assert (found.state, found.result, found.file_id) == ("refused", "The campaign was deleted.", None)


def test_an_export_of_some_messages_is_no_ground_to_compare_on() -> None:
    campaign_id = make_ended(messages=3)
    some = export(campaign_id, at=NOW + MINUTE, criteria=Criteria(statuses=("delivered",)))
    with refused(WrongStateError):
        start_export(campaign_id, criteria=Criteria(), actor=COMMAND_LINE, now=NOW + MINUTE, since_id=some)


def test_an_export_of_another_campaign_is_no_ground_to_compare_on() -> None:
    campaign_id, other = make_ended(messages=3), make_ended(messages=3)
    first = export(other, at=NOW + MINUTE)
    with refused(WrongStateError):
        start_export(campaign_id, criteria=Criteria(), actor=COMMAND_LINE, now=NOW + MINUTE, since_id=first)


@pytest.mark.parametrize("contacts", ["+14155550001\n", "+14155550001\n+14155550002\n+14155550003\n"])
def test_contacts_that_were_imported_anew_can_not_be_compared_with_those_of_before(contacts: str) -> None:
    draft = factories.make_draft()
    do_import(factories.start_import(draft, "phone\n+14155550000\n+14155550001\n"), clock=lambda: NOW)
    first = export(draft, at=NOW + SECOND)
    do_import(factories.start_import(draft, f"phone\n{contacts}"), clock=lambda: NOW + MINUTE)
    made = Export.get_by_id(export(draft, at=NOW + 2 * MINUTE, since=first))
    assert (made.state, made.file_id) == ("refused", None)
    assert "imported anew" in made.result


def test_a_file_that_is_kept_no_longer_can_not_be_compared_with() -> None:
    campaign_id = make_ended(messages=3)
    first = export(campaign_id, at=NOW + MINUTE)
    with refused(NotFoundError):
        start_export(campaign_id, criteria=Criteria(), actor=COMMAND_LINE, now=NOW + MINUTE + KEPT, since_id=first)


def test_one_request_that_comes_several_times_at_once_is_one_export(ben: Actor) -> None:
    campaign_id, barrier = make_ended(messages=3), Barrier(6)

    def ask(_number: int) -> int:
        barrier.wait()
        try:
            return start_export(campaign_id, criteria=Criteria(), actor=ben, now=NOW + SECOND)
        finally:
            database.close()

    with ThreadPoolExecutor(6) as people:
        assert len(set(people.map(ask, range(6)))) == 1
    other = start_export(campaign_id, criteria=Criteria(statuses=("failed",)), actor=ben, now=NOW + SECOND)
    assert Export.select().count() == 2
    assert other != Export.select().order_by(Export.id).first().id


def test_unchanged_export_is_known_until_something_happens() -> None:
    campaign_id = make_ended(messages=3, word=Word.FAILED)
    first = export(campaign_id, at=NOW + MINUTE)

    def unchanged(criteria: Criteria) -> int | None:
        found = unchanged_export_of(COMMAND_LINE, campaign_id, criteria, now=NOW + 2 * MINUTE)
        return found and found.id

    assert unchanged(Criteria()) == first
    assert unchanged(Criteria(statuses=("failed",))) is None
    last = last_whole_export_of(COMMAND_LINE, campaign_id, now=NOW + 2 * MINUTE)
    assert last is not None
    assert last.id == first
    factories.receive(factories.latest(campaign_id)[:1], Word.DELIVERED, at=NOW + 90 * SECOND)
    assert unchanged(Criteria()) is None


def test_export_whose_file_was_removed_for_somebody_forgotten_is_made_anew(alice: Actor) -> None:
    campaign_id = make_ended()
    exporting.export_now(campaign_id, criteria=Criteria(), actor=alice, clock=lambda: NOW + MINUTE)
    recipient = recipients_on(Channel.SMS, 1)[0]
    forgetting.forget_person(recipient, typed_again=recipient, actor=alice, now=NOW + MINUTE + SECOND)
    assert unchanged_export_of(alice, campaign_id, Criteria(), now=NOW + 2 * MINUTE) is None

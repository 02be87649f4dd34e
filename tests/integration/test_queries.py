"""Reads: pages of messages both ways, totals, progress, and what a person may see of background work."""

import re
from collections.abc import Collection
from itertools import chain, combinations

import pytest

from models.actors import COMMAND_LINE, Actor
from models.errors import NotFoundError
from models.operations import exporting
from models.operations.retrying import retry_messages
from models.operations.sweeping import sweep_due
from models.queries.campaigns import blocker_of, counts_of, summary_of
from models.queries.finding import find_campaigns
from models.queries.messages import count
from models.queries.pages import contact_at, exactly, message_of, names_of, page_of_messages, total_of
from models.queries.people import person_by_id
from models.queries.progress import progress_of
from models.queries.work import current_move, export_seen_by, exports_seen_by, file_of
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables.campaigns import IS_HOLDING
from models.tables.work import IS_OPEN
from models.words import HOLDS_CHANNEL, OPEN_WORK, Channel, FailureReason, MessageStatus, RetryClass
from tests.factories import (
    MINUTE,
    NOW,
    SECOND,
    answer,
    claim,
    make_campaign,
    make_draft,
    make_ended,
    message,
    message_ids,
    move_all,
    moves_of,
    receive,
    recipients_on,
    resume,
    run,
    send_all,
    stop,
)
from tests.integration.plans import noted_statements, plan_of

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines


def make_mixture(messages: int = 23) -> int:
    """A running campaign in which every third message failed for one of two reasons, and every third was delivered."""
    campaign_id = make_campaign(messages=messages)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    receive(claimed[::3], Word.DELIVERED)
    receive(claimed[1::6], Word.FAILED, reason=FailureReason.BLOCKED, retry_class=RetryClass.LIKELY)
    receive(claimed[4::6], Word.FAILED, reason=FailureReason.EXPIRED, retry_class=RetryClass.POINTLESS)
    return campaign_id


CHOICES = [Criteria(), Criteria(statuses=("failed",)), Criteria(search="+1415555000"), Criteria(reasons=("blocked",))]


@both_engines
@pytest.mark.parametrize("criteria", CHOICES)
@pytest.mark.parametrize("size", [1, 4, 50])
def test_pages_forwards_and_backwards_show_every_match_once(criteria: Criteria, size: int) -> None:
    campaign_id = make_mixture()
    page = page_of_messages(campaign_id, criteria, size=size)
    assert not page.before
    forwards = [page]
    while page.after:
        page = page_of_messages(campaign_id, criteria, after=page.rows[-1].id, size=size)
        assert page.before
        forwards.append(page)
    backwards = [page]
    while page.before:
        page = page_of_messages(campaign_id, criteria, before=page.rows[0].id, size=size)
        backwards.append(page)
    found = [row.id for page in forwards for row in page.rows]
    assert found == sorted(set(found))
    assert len(found) == count(campaign_id, criteria)
    assert [row.id for page in reversed(backwards) for row in page.rows] == found


def all_of(*values: str) -> list[tuple[str, ...]]:
    """Every selection of the values."""
    return list(chain.from_iterable(combinations(values, size) for size in range(len(values) + 1)))


@both_engines
def test_total_is_what_counting_the_matches_gives() -> None:
    campaign_id = make_mixture()
    counts = counts_of(campaign_id)
    for statuses in all_of("sending", "failed", "delivered"):
        for reasons in all_of("blocked", "expired", "mailbox_full"):
            for retry_classes in all_of("likely", "pointless"):
                criteria = Criteria(statuses, reasons, retry_classes)
                assert total_of(campaign_id, criteria, counts).n == count(campaign_id, criteria), criteria


@both_engines
def test_message_of_another_campaign_is_not_found() -> None:
    first, second = make_campaign(messages=1), make_campaign(messages=1)
    (message_id,) = message_ids(first)
    assert message_of(first, message_id).recipient == recipients_on(Channel.SMS, 1)[0]
    with pytest.raises(NotFoundError):
        message_of(second, message_id)


@both_engines
def test_exact_recipient_matches_one_message_or_none() -> None:
    campaign_id = make_campaign(messages=3)
    known = recipients_on(Channel.SMS, 3)[1]
    for sought, found in ((known, [known]), (known[:-1], [])):
        criteria = exactly(campaign_id, sought)
        assert [row.recipient for row in page_of_messages(campaign_id, criteria).rows] == found


@both_engines
def test_contacts_stand_in_the_order_of_the_file() -> None:
    campaign_id = make_campaign(messages=3)
    shown = [contact_at(campaign_id, place) for place in range(4)]
    assert [contact and contact.recipient for contact in shown] == [*recipients_on(Channel.SMS, 3), None]


@both_engines
@pytest.mark.parametrize("channel", Channel)
def test_tiles_always_add_up_to_the_total(channel: Channel) -> None:
    campaign_id = make_campaign(channel, 9)
    seen = [progress_of(summary_of(campaign_id), now=NOW)]
    run(campaign_id)
    claimed = claim(campaign_id, limit=7)
    words = [Word.DELIVERED, Word.FAILED, Word.OPTED_OUT, Word.UNCONFIRMED, Word.ASSUMED, Word.DEFERRED]
    for one, word in zip(claimed, words, strict=False):
        receive([one], word)
        seen.append(progress_of(summary_of(campaign_id), now=NOW))
    assert {sum(n for _, n in progress.tiles) for progress in seen} == {9}
    own = MessageStatus.ASSUMED_DELIVERED if channel is Channel.SMS else MessageStatus.RETRYING
    assert own in dict(seen[-1].tiles)
    assert dict(seen[0].tiles) == {MessageStatus.WAITING: 9}


@both_engines
def test_progress_tells_rate_time_left_and_reasons() -> None:
    campaign_id = make_campaign(messages=40)
    run(campaign_id)
    claimed = claim(campaign_id, limit=20)
    answer(claimed)
    for number in range(10):
        receive(claimed[2 * number : 2 * number + 2], Word.FAILED, at=NOW + number * SECOND)
    progress = progress_of(summary_of(campaign_id), now=NOW + 10 * SECOND)
    assert (progress.rate, progress.seconds_left, progress.percent) == (2.0, 10, 50)
    assert progress.reasons == ((FailureReason.UNKNOWN, 20),)
    assert progress.live


@both_engines
def test_rate_after_a_resume_is_of_what_came_since() -> None:
    campaign_id = make_campaign(messages=200)
    run(campaign_id)
    claimed = claim(campaign_id, limit=100)
    answer(claimed)
    receive(claimed, Word.DELIVERED, at=NOW + SECOND)
    stop(campaign_id, now=NOW + 2 * SECOND)
    resume(campaign_id, now=NOW + 4 * SECOND)
    move_all(campaign_id, now=NOW + 4 * SECOND)
    assert progress_of(summary_of(campaign_id), now=NOW + 8 * SECOND).rate is None
    claimed = claim(campaign_id, limit=20)
    answer(claimed)
    receive(claimed, Word.DELIVERED, at=NOW + 12 * SECOND)
    progress = progress_of(summary_of(campaign_id), now=NOW + 20 * SECOND)
    assert (progress.rate, progress.seconds_left) == (2.0, 40)


@both_engines
def test_progress_of_what_is_all_handed_over_names_the_last_moment() -> None:
    campaign_id = make_campaign(messages=2)
    run(campaign_id)
    first, second = claim(campaign_id)
    answer([first], at=NOW)
    answer([second], at=NOW + MINUTE)
    progress = progress_of(summary_of(campaign_id), now=NOW + MINUTE)
    assert (progress.waiting_for_receipts, progress.waits_until) == (2, NOW + (1 + 4 * 60 + 20) * MINUTE)
    receive([second], Word.SENT, at=NOW + 2 * MINUTE)
    assert progress_of(summary_of(campaign_id), now=NOW + 2 * MINUTE).waits_until == NOW + (4 * 60 + 20) * MINUTE
    receive([first], Word.SENT, at=NOW + 3 * MINUTE)
    assert progress_of(summary_of(campaign_id), now=NOW + 3 * MINUTE).waits_until == NOW + 13 * MINUTE


@both_engines
@pytest.mark.parametrize("messages", [2, 300])
def test_latest_moment_holds_whatever_is_still_heard(messages: int) -> None:
    campaign_id = make_campaign(messages=messages)
    run(campaign_id)
    claimed, told = claim(campaign_id), []

    def look(now: int) -> None:
        until = progress_of(summary_of(campaign_id), now=now).waits_until
        assert until is not None
        told.append(until)

    look(NOW)
    answer(claimed[:-1])
    look(NOW)
    receive(claimed[:1], Word.ACCEPTED, at=NOW + MINUTE)
    look(NOW + MINUTE)
    late = NOW + (4 * 60 + 10) * MINUTE
    while sweep_due(now=late - 1, scale=1):
        pass
    receive(claimed[:1], Word.SENT, at=late - 1)
    look(late - 1)
    assert counts_of(campaign_id)["sending"] == 1
    assert message(claimed[0].message_id)["due_at"] <= min(told)


@both_engines
def test_ended_campaign_is_not_live() -> None:
    assert not progress_of(summary_of(make_ended()), now=NOW).live
    assert progress_of(summary_of(make_ended(Channel.EMAIL, word=Word.DEFERRED)), now=NOW).live


FOUND = [
    ("spring news", None, ["Spring news"]),
    (" SPRING  news ", None, ["Spring news"]),
    ("spr", None, ["Spring news 2", "Spring news"]),
    ("news", None, ["Spring news 2", "Spring news", "Winter news"]),
    ("wint", None, ["Winter news"]),
    ("2", 2, ["Spring news"]),
]


@both_engines
@pytest.mark.parametrize(("typed", "number", "names"), FOUND)
def test_campaign_is_found_by_what_was_typed(typed: str, number: int | None, names: list[str], ben: Actor) -> None:
    for name in ("Winter news", "Spring news", "Spring news 2"):
        make_campaign(messages=1, name=name)
    make_draft(name="News of somebody else")
    assert [found.campaign.name for found in find_campaigns(typed, number, ben)] == names


def test_unknown_campaign_is_not_found_by_its_name(ben: Actor) -> None:
    for typed in ("", "nothing"):
        with pytest.raises(NotFoundError):
            find_campaigns(typed, None, ben)


@both_engines
def test_exports_of_others_are_seen_by_admins_only(alice: Actor, ben: Actor) -> None:
    campaign_id = make_ended()
    of_ben, of_alice = (
        exporting.start_export(campaign_id, criteria=Criteria(), actor=actor, now=NOW) for actor in (ben, alice)
    )
    assert [export.id for export in exports_seen_by(ben)] == [of_ben]
    assert [export.id for export in exports_seen_by(alice)] == [of_alice, of_ben]
    assert export_seen_by(alice, of_ben).id == of_ben
    with pytest.raises(NotFoundError):
        export_seen_by(ben, of_alice)


@both_engines
def test_file_of_an_export_is_there_for_seven_days(ben: Actor) -> None:
    export_id = exporting.start_export(make_ended(), criteria=Criteria(), actor=ben, now=NOW)
    with pytest.raises(NotFoundError):
        file_of(export_seen_by(ben, export_id), now=NOW)
    exporting.do_export(export_id, clock=lambda: NOW)
    week = 7 * 24 * 60 * MINUTE
    assert file_of(export_seen_by(ben, export_id), now=NOW + week - SECOND).size > 0
    with pytest.raises(NotFoundError):
        file_of(export_seen_by(ben, export_id), now=NOW + week)


@both_engines
def test_move_told_of_is_the_oldest_at_work_else_the_last() -> None:
    campaign_id = make_campaign(messages=2)
    assert current_move(campaign_id) is None
    run(campaign_id)
    send_all(campaign_id, Word.FAILED)
    for message_id in message_ids(campaign_id):
        one = Criteria(message_ids=(message_id,))
        retry_messages(campaign_id, actor=COMMAND_LINE, criteria=one, now=NOW)
    kinds = [move.kind for move in moves_of(campaign_id)]
    assert kinds == ["run", "retry", "retry"]
    told = current_move(campaign_id)
    assert told is not None
    assert told.id == moves_of(campaign_id)[1].id
    move_all(campaign_id)
    last = current_move(campaign_id)
    assert last is not None
    assert last.id == moves_of(campaign_id)[2].id


def test_people_are_named_even_when_removed(alice: Actor, ben: Actor) -> None:
    assert names_of([ben.person_id, None, 99]) == {ben.person_id: "Ben"}
    assert names_of([None]) == {}
    assert alice.person_id is not None
    found = person_by_id(alice.person_id)
    assert found is not None
    assert found.name == "Alice"
    assert person_by_id(99) is None
    assert COMMAND_LINE.person_id is None


def test_who_holds_a_channel_is_found_by_the_index_of_those_that_do() -> None:
    holds = make_campaign(messages=1)
    run(holds)
    with noted_statements() as noted:
        blocker = blocker_of(Channel.SMS, holds + 1)
    assert blocker is not None
    assert blocker.campaign_id == holds
    plans = [plan_of(statement) for statement in list(noted) if "FROM campaigns" in statement[0]]
    assert [plan for plan in plans if " INDEX campaigns_channel_slot" not in plan] == []


@pytest.mark.parametrize(("condition", "named"), [(IS_HOLDING, HOLDS_CHANNEL), (IS_OPEN, OPEN_WORK)])
def test_conditions_of_the_database_name_the_same_sets_as_the_code(condition: str, named: Collection[str]) -> None:
    assert set(re.findall(r"'(\w+)'", condition)) == named

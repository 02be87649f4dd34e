"""The retry plan in the panel: what it says, what a confirmation does, and what it refuses."""

import html
import re

import pytest
from flask import Flask

from models.actors import COMMAND_LINE, Actor
from models.database import execute, select
from models.operations import optouts, retrying, scheduling
from models.operations.settings import change_setting
from models.queries.starts import pending_start_of
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.words import Channel, FailureReason, OptOutSource, RetryClass
from tests.factories import (
    MINUTE,
    NOW,
    answer,
    claim,
    make_campaign,
    make_ended,
    message_ids,
    move_all,
    moves_of,
    phase_of,
    receive,
    retry,
    run,
    send_all,
    statuses,
    stop,
)
from tests.integration.panel import Visitor

FAULTS = (
    (FailureReason.UNREACHABLE, RetryClass.LIKELY),
    (FailureReason.UNREACHABLE, RetryClass.LIKELY),
    (FailureReason.UNKNOWN, RetryClass.MAY_HAVE_ARRIVED),
    (FailureReason.INVALID_RECIPIENT, RetryClass.POINTLESS),
)
UNREACHABLE, UNKNOWN, INVALID = "likely:unreachable", "may_have_arrived:unknown", "pointless:invalid_recipient"


@pytest.fixture
def panel(app: Flask, ben: Actor) -> Visitor:
    """The panel as Ben has it."""
    return Visitor(app).sign_in(ben)


def make_troubled(name: str = "Spring SMS") -> int:
    """An ended campaign: four failed in three ways, one in doubt, one opted out, one delivered."""
    campaign_id = make_campaign(messages=7, name=name)
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    for one, (reason, retry_class) in zip(claimed, FAULTS, strict=False):
        receive([one], Word.FAILED, reason=reason, retry_class=retry_class)
    receive(claimed[4:5], Word.UNCONFIRMED)
    receive(claimed[5:6], Word.OPTED_OUT)
    receive(claimed[6:], Word.DELIVERED)
    assert phase_of(campaign_id) == "ended"
    return campaign_id


def words_of(page: str) -> str:
    """What a reader sees of it."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def ticks_of(dialog: str) -> dict[str, bool]:
    """Each tick of the plan, and whether it is set."""
    boxes = re.findall(r'name="tick" value="([^"]+)"[^>]*?( checked)?>', dialog)
    return {key: bool(checked) for key, checked in boxes}


def plan_in(dialog: str) -> str:
    """Where the dialog's form goes."""
    found = re.search(r'action="([^"]+/retry/[0-9]+)"', dialog)
    assert found
    return found[1]


def told(answer: object) -> str:
    """What the toast says."""
    trigger: str = answer.headers["HX-Trigger"]  # type: ignore[attr-defined]
    return trigger


def test_page_does_not_give_the_time_of_a_retry_for_that_of_the_campaign(panel: Visitor) -> None:
    campaign_id = make_ended(word=Word.FAILED)
    assert "took" in panel.get(f"/campaigns/{campaign_id}/progress").text
    retry(campaign_id, now=NOW + MINUTE)
    move_all(campaign_id, now=NOW + MINUTE)
    send_all(campaign_id, Word.DELIVERED, now=NOW + MINUTE)
    shown = panel.get(f"/campaigns/{campaign_id}/progress").text
    assert "All 3 final" in shown
    assert "took" not in shown


class TestPlan:
    def test_says_what_would_be_sent_again_by_what_that_is_worth(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        dialog = panel.get(f"/campaigns/{campaign_id}/retry").text
        assert ticks_of(dialog) == {UNREACHABLE: True, UNKNOWN: False, INVALID: False, "unconfirmed": False}
        said = words_of(dialog)
        assert "The campaign goes from Complete (with errors) to In Progress" in said
        assert "Likely to work 2 of 4 failed" in said
        assert "May have arrived People may get it twice" in said
        assert "Pointless The same refusal will come back" in said
        assert "These people may get the message twice." in said
        assert "Never: 1 person opted out. They are not counted and cannot be sent to." in said
        assert "2 messages 2 segments" in said
        assert "What fails later is not in it." in said
        assert "Retry 2 messages" in said

    def test_says_the_cost_where_a_price_is_set(self, panel: Visitor, alice: Actor) -> None:
        change_setting("price.sms", 0.04, actor=alice, now=NOW)
        dialog = panel.get(f"/campaigns/{make_troubled()}/retry").text
        assert "about USD 0.08" in words_of(dialog)
        assert 'data-price="0.04"' in dialog

    def test_of_a_running_campaign_says_that_it_stays_in_progress(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        claimed = claim(campaign_id, limit=1)
        answer(claimed)
        receive(claimed, Word.FAILED, reason=FailureReason.UNREACHABLE, retry_class=RetryClass.LIKELY)
        assert "The campaign stays In Progress" in words_of(panel.get(f"/campaigns/{campaign_id}/retry").text)

    def test_is_about_what_the_filter_leaves(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        assert ticks_of(panel.get(f"/campaigns/{campaign_id}/retry?reason=unknown").text) == {UNKNOWN: False}
        by_search = panel.get(f"/campaigns/{campaign_id}/retry?q=%2B14155550003&match=exact").text
        assert ticks_of(by_search) == {INVALID: False}

    def test_of_one_message_has_it_ticked(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        message_id = message_ids(campaign_id)[3]
        dialog = panel.get(f"/campaigns/{campaign_id}/messages/{message_id}/retry").text
        assert ticks_of(dialog) == {INVALID: True}
        assert "+14155550003" in words_of(dialog)

    def test_of_a_selection_has_all_failed_ticked_and_explains_the_others(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        picked = ",".join(map(str, message_ids(campaign_id)))
        dialog = panel.post(f"/campaigns/{campaign_id}/retry/selected", part=True, messages=picked).text
        assert ticks_of(dialog) == {UNREACHABLE: True, UNKNOWN: True, INVALID: True, "unconfirmed": False}
        said = words_of(dialog)
        assert "7 selected by hand" in said
        assert "Ticked because you picked them by hand; the same refusal will come back" in said
        assert "1 of the selected is neither Failed nor Unconfirmed, and stays as it is." in said

    @pytest.mark.parametrize("given", ["", "all", "1,,2", "-1", "1;DROP TABLE messages", "1\x00", "9" * 30])
    def test_of_a_selection_that_is_none_is_refused(self, panel: Visitor, given: str) -> None:
        answer = panel.post(f"/campaigns/{make_troubled()}/retry/selected", part=True, messages=given)
        assert answer.status_code == 422
        assert "Nothing is selected" in answer.text
        assert select("SELECT COUNT(*) FROM retry_plans") == [(0,)]

    def test_of_too_many_picked_by_hand_is_refused_with_what_to_do(self, panel: Visitor) -> None:
        picked = ",".join(map(str, range(1, 5002)))
        answer = panel.post(f"/campaigns/{make_troubled()}/retry/selected", part=True, messages=picked)
        assert answer.status_code == 422
        assert "select all that match" in answer.text

    def test_knows_no_messages_of_other_campaigns(self, panel: Visitor) -> None:
        mine, other = make_troubled(), make_campaign(Channel.EMAIL)
        picked = ",".join(map(str, [message_ids(mine)[0], *message_ids(other)]))
        dialog = panel.post(f"/campaigns/{mine}/retry/selected", part=True, messages=picked).text
        assert ticks_of(dialog) == {UNREACHABLE: True}
        alone = panel.post(f"/campaigns/{mine}/retry/selected", part=True, messages=str(message_ids(other)[0]))
        assert alone.status_code == 409

    def test_of_nothing_to_retry_is_refused(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        answer = panel.get(f"/campaigns/{campaign_id}/retry?status=delivered")
        assert answer.status_code == 409
        assert "no messages that can be retried among these" in answer.text


class TestConfirmation:
    def test_sends_again_what_is_ticked_and_shows_the_move(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        answer = panel.post(plan, part=True, tick=[UNREACHABLE, "unconfirmed"])
        assert "3 messages are queued again." in told(answer)
        assert phase_of(campaign_id) == "running"
        assert "Retry by Ben: 0 of 3 queued" in words_of(panel.get(f"/campaigns/{campaign_id}/").text)
        move_all(campaign_id, now=retried_at())
        assert statuses(campaign_id) == {"queued": 3, "failed": 2, "opted_out": 1, "delivered": 1}

    def test_says_how_many_were_no_longer_eligible(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        execute("UPDATE messages SET status = 'delivered' WHERE id = ?", message_ids(campaign_id)[0])
        answer = panel.post(plan, part=True, tick=[UNREACHABLE])
        assert "1 message is queued again. 1 of the set could no longer be retried." in told(answer)

    def test_result_is_told_on_the_page(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        panel.post(plan, part=True, tick=[UNREACHABLE])
        refuse(campaign_id)
        move_all(campaign_id, now=retried_at())
        said = words_of(panel.get(f"/campaigns/{campaign_id}/").text)
        assert "Retry by Ben: 1 queued, 1 left out: no longer failed, or opted out by then" in said

    def test_with_nothing_ticked_keeps_the_dialog_and_its_set(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        answer = panel.post(plan, part=True, tick=["nonsense\x00"])
        assert answer.status_code == 422
        assert "tick a reason" in answer.text
        assert plan_in(answer.text) == plan
        assert "Nothing ticked" in answer.text
        assert phase_of(campaign_id) == "ended"

    def test_twice_queues_once_and_says_the_same(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        first = panel.post(plan, part=True, tick=[UNREACHABLE])
        assert told(panel.post(plan, part=True, tick=[UNREACHABLE])) == told(first)
        other = panel.post(plan, part=True, tick=[UNREACHABLE, INVALID])
        assert "This plan was confirmed before with other ticks" in told(other)
        assert "Your ticks did nothing" in told(other)
        assert [move.total for move in moves_of(campaign_id)] == [7, 2]

    def test_of_a_second_person_finds_nothing_left(self, app: Flask, panel: Visitor, alice: Actor) -> None:
        campaign_id = make_troubled()
        other = Visitor(app).sign_in(alice)
        plans = [plan_in(person.get(f"/campaigns/{campaign_id}/retry").text) for person in (panel, other)]
        assert panel.post(plans[0], part=True, tick=[UNREACHABLE]).status_code == 200
        move_all(campaign_id, now=retried_at())
        late = other.post(plans[1], part=True, tick=[UNREACHABLE])
        assert late.status_code == 409
        assert "no messages that can be retried among these" in late.text

    def test_takes_nothing_that_failed_later(self, panel: Visitor) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        failed = {"reason": FailureReason.UNREACHABLE, "retry_class": RetryClass.LIKELY}
        receive(claimed[:1], Word.FAILED, **failed)
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        receive(claimed[1:], Word.FAILED, at=NOW + 1, **failed)
        assert "1 message is queued again." in told(panel.post(plan, part=True, tick=[UNREACHABLE]))

    def test_of_a_plan_of_another_campaign_is_refused(self, panel: Visitor) -> None:
        campaign_id, other = make_troubled(), make_campaign(Channel.EMAIL)
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        answer = panel.post(plan.replace(f"/campaigns/{campaign_id}/", f"/campaigns/{other}/"), part=True)
        assert answer.status_code == 404
        assert phase_of(campaign_id) == "ended"

    def test_of_a_campaign_that_was_deleted_meanwhile_says_so(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        execute("UPDATE campaigns SET phase = 'deleting' WHERE id = ?", campaign_id)
        answer = panel.post(plan, part=True, tick=[UNREACHABLE])
        assert answer.status_code == 404
        assert answer.headers["HX-Retarget"] == "#dialogs"
        assert f"There is no campaign {campaign_id}." in answer.text

    def test_of_a_campaign_that_is_stopping_names_the_next_step(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        retrying.retry_messages(campaign_id, actor=COMMAND_LINE, criteria=Criteria(), now=retried_at())
        stop(campaign_id, now=retried_at())
        answer = panel.post(plan, part=True, tick=[UNREACHABLE])
        assert answer.status_code == 409
        assert "Resume it first." in answer.text


class TestTakenChannel:
    def test_plan_names_who_is_in_the_way_and_waits_for_the_channel(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        run(make_campaign(name="Water main works"))
        dialog = panel.get(f"/campaigns/{campaign_id}/retry").text
        said = words_of(dialog)
        assert "SMS is in use. Water main works is In Progress" in said
        assert "Start when SMS is free" in said
        answer = panel.post(plan_in(dialog), part=True, tick=[UNREACHABLE], when="free", time_zone="UTC")
        assert "Spring SMS is retried as soon as SMS is free, within 24 hours." in told(answer)
        start = pending_start_of(campaign_id)
        assert start is not None
        assert start.criteria["failures"] == [UNREACHABLE]
        assert phase_of(campaign_id) == "ended"

    def test_taken_between_plan_and_confirmation_it_offers_to_wait(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        run(make_campaign(name="Water main works"))
        answer = panel.post(plan, part=True, tick=[UNREACHABLE])
        assert answer.status_code == 409
        assert "Start when SMS is free" in answer.text
        assert plan_in(answer.text) == plan


class TestLater:
    def test_is_retried_at_the_chosen_time_once(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        asked = {"tick": [UNREACHABLE], "when": "at", "start_at": "2027-01-04T09:30", "time_zone": "Europe/Berlin"}
        answer = panel.post(plan, part=True, **asked)
        assert "Spring SMS is retried Mon 4 Jan 2027, 09:30 Europe/Berlin (UTC+01:00)." in told(answer)
        page = words_of(panel.get(f"/campaigns/{campaign_id}/").text)
        assert "Retries later: Mon 4 Jan 2027, 08:30 UTC" in page
        start = pending_start_of(campaign_id)
        assert start is not None
        for _ in range(2):
            scheduling.fire_start(start.id, now=start.starts_at)
        assert [move.total for move in moves_of(campaign_id) if move.kind == "retry"] == [2]

    @pytest.mark.parametrize("start_at", ["2020-01-01T00:00", "soon", ""])
    def test_time_that_can_not_be_keeps_the_dialog_and_its_ticks(self, panel: Visitor, start_at: str) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        answer = panel.post(plan, part=True, tick=[UNREACHABLE], when="at", start_at=start_at, time_zone="UTC")
        assert answer.status_code == 422
        assert [key for key, ticked in ticks_of(answer.text).items() if ticked] == [UNREACHABLE]
        assert 'value="at" data-go-word="Start at" checked' in answer.text
        assert pending_start_of(campaign_id) is None

    def test_of_a_campaign_that_is_stopping_by_then_names_the_next_step(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        retrying.retry_messages(campaign_id, actor=COMMAND_LINE, criteria=Criteria(), now=retried_at())
        stop(campaign_id, now=retried_at())
        asked = {"when": "at", "start_at": "2027-01-04T09:30", "time_zone": "UTC"}
        answer = panel.post(plan, part=True, tick=[UNREACHABLE], **asked)
        assert answer.status_code == 409
        assert "Resume it first." in answer.text
        assert pending_start_of(campaign_id) is None

    def test_is_cancelled_on_the_page(self, panel: Visitor) -> None:
        campaign_id = make_troubled()
        plan = plan_in(panel.get(f"/campaigns/{campaign_id}/retry").text)
        panel.post(plan, tick=[UNREACHABLE], when="at", start_at="2027-01-04T09:30", time_zone="UTC")
        assert "The start is cancelled" in told(panel.post(f"/campaigns/{campaign_id}/start/cancel", part=True))
        assert pending_start_of(campaign_id) is None


def retried_at() -> int:
    """A moment after every plan of the test."""
    return int(select("SELECT MAX(retry_cutoff_at) FROM campaigns")[0][0]) + 1


def refuse(campaign_id: int) -> None:
    """The first recipient opts out."""
    (recipient,) = select("SELECT recipient FROM messages WHERE id = ?", message_ids(campaign_id)[0])[0]
    optouts.opt_out(Channel.SMS, recipient, source=OptOutSource.INBOUND, actor=COMMAND_LINE, now=NOW)

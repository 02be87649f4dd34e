"""The retry plan: what is shown, that its set is fixed, and that confirming it in whatever way sends once."""

from dataclasses import replace
from multiprocessing.synchronize import Barrier

import pytest

from models.actors import COMMAND_LINE, Actor
from models.config import Config
from models.database import execute, insert_many, select, transaction
from models.errors import ChannelTakenError, InvalidInputError, NotAllowedError, NotFoundError, WrongStateError
from models.operations import campaigns, optouts, retrying
from models.operations.counters import Deltas
from models.operations.forgetting import forget_person
from models.operations.moving import Mover
from models.operations.retrying import Retried
from models.operations.settings import change_setting
from models.queries.campaigns import get_campaign
from models.queries.messages import FAILURE_KEY
from models.rules.criteria import Criteria
from models.rules.retry_plan import RECOVERY_SHOWN_FROM, RetryPlan, failure_key
from models.rules.verdicts import Word
from models.words import Action, Channel, FailureReason, MoveKind, Phase, RetryClass
from tests.crews import Member, work_at_once
from tests.factories import (
    MINUTE,
    NOW,
    answer,
    claim,
    latest,
    make_campaign,
    make_draft,
    make_ended,
    message,
    message_ids,
    move_all,
    moves_of,
    phase_of,
    put_into_phase,
    receive,
    recipients_on,
    refused,
    rows_of,
    run,
    send_all,
    statuses,
    stop,
)

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines

KINDS: list[tuple[Word, FailureReason | None, RetryClass | None]] = [
    (Word.DELIVERED, None, None),
    (Word.FAILED, FailureReason.UNREACHABLE, RetryClass.LIKELY),
    (Word.FAILED, FailureReason.UNREACHABLE, RetryClass.LIKELY),
    (Word.FAILED, FailureReason.UNREACHABLE, RetryClass.POINTLESS),
    (Word.FAILED, FailureReason.UNKNOWN, RetryClass.LIKELY),
    (Word.FAILED, FailureReason.EXPIRED, RetryClass.MAY_HAVE_ARRIVED),
    (Word.UNCONFIRMED, None, None),
    (Word.OPTED_OUT, None, None),
]
SHOWN = {
    "likely:unreachable": 2,
    "may_have_arrived:expired": 1,
    "may_have_arrived:unknown": 1,
    "pointless:unreachable": 1,
    "unconfirmed": 1,
}


def make_mixture(channel: Channel = Channel.SMS) -> int:
    """An ended campaign with a message of each kind, and two that are likely to work."""
    campaign_id = make_campaign(channel, len(KINDS))
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed, segments=2 if channel is Channel.SMS else None)
    for one, (word, reason, retry_class) in zip(claimed, KINDS, strict=True):
        receive([one], word, reason=reason, retry_class=retry_class)
    assert phase_of(campaign_id) == "ended"
    return campaign_id


def open_plan(campaign_id: int, *, actor: Actor = COMMAND_LINE, now: int = NOW + 1, **criteria: object) -> RetryPlan:
    return retrying.open_plan(
        campaign_id,
        criteria=Criteria(**criteria),  # type: ignore[arg-type]  # fields by name
        actor=actor,
        now=now,
    )


def confirm(
    plan: RetryPlan, *ticked: str, unconfirmed: bool = False, actor: Actor = COMMAND_LINE, now: int = NOW + 2
) -> Retried:
    return retrying.confirm_plan(
        plan.id, ticked=ticked or plan.ticked, include_unconfirmed=unconfirmed, actor=actor, now=now
    )


def retries_of(campaign_id: int) -> list[int]:
    """How often each message was retried."""
    return [message(message_id)["retries"] for message_id in message_ids(campaign_id)]


class TestPlan:
    @both_engines
    @pytest.mark.parametrize("channel", Channel)
    def test_shows_each_reason_by_what_its_retry_is_worth(self, channel: Channel) -> None:
        plan = open_plan(make_mixture(channel))
        assert plan.shown == SHOWN
        assert (plan.unconfirmed, plan.opted_out) == (1, 1)
        assert plan.ticked == ("likely:unreachable",)

    @both_engines
    def test_key_in_sql_is_the_rule_s(self) -> None:
        make_mixture()
        found = select(f"SELECT {FAILURE_KEY}, failure_reason, retry_class FROM messages WHERE status = 'failed'")
        assert len(found) == 5
        assert [key for key, *_ in found] == [failure_key(reason, retry_class) for _, reason, retry_class in found]

    @both_engines
    def test_what_has_no_reason_may_have_arrived(self) -> None:
        campaign_id = make_ended(messages=2, word=Word.FAILED)
        execute("UPDATE messages SET failure_reason = NULL, retry_class = NULL")
        plan = open_plan(campaign_id)
        assert plan.shown == {"may_have_arrived:unknown": 2, "unconfirmed": 0}
        assert confirm(plan, "may_have_arrived:unknown").messages == 2

    @both_engines
    def test_selection_made_by_hand_has_all_failed_ticked(self) -> None:
        campaign_id = make_mixture()
        ids = message_ids(campaign_id)
        plan = open_plan(campaign_id, message_ids=(ids[0], ids[3], ids[4], ids[6]))
        assert plan.ticked == ("may_have_arrived:unknown", "pointless:unreachable")
        assert plan.unconfirmed == 1
        assert confirm(plan).messages == 2
        move_all(campaign_id)
        assert retries_of(campaign_id) == [0, 0, 0, 1, 1, 0, 0, 0]

    @both_engines
    @pytest.mark.parametrize(
        ("criteria", "shown"),
        [
            ({"statuses": ("failed",)}, SHOWN | {"unconfirmed": 0}),
            ({"reasons": ("unreachable",)}, {"likely:unreachable": 2, "pointless:unreachable": 1, "unconfirmed": 0}),
            ({"statuses": ("unconfirmed",)}, {"unconfirmed": 1}),
            ({"search": "*0001"}, {"likely:unreachable": 1, "unconfirmed": 0}),
            ({"search": "+1415", "reasons": ("expired",)}, {"may_have_arrived:expired": 1, "unconfirmed": 0}),
        ],
    )
    def test_filter_is_what_the_plan_is_about(self, criteria: dict[str, object], shown: dict[str, int]) -> None:
        assert open_plan(make_mixture(), **criteria).shown == shown  # type: ignore[arg-type]  # fields by name

    @both_engines
    @pytest.mark.parametrize("criteria", [{"statuses": ("delivered",)}, {"reasons": ("blocked",)}, {"search": "x"}])
    def test_nothing_to_retry_is_refused(self, criteria: dict[str, object]) -> None:
        campaign_id = make_mixture()
        with refused(WrongStateError):
            open_plan(campaign_id, **criteria)  # type: ignore[arg-type]  # fields by name

    @both_engines
    def test_viewer_may_neither_open_nor_confirm(self, vera: Actor) -> None:
        campaign_id = make_mixture()
        with refused(NotAllowedError):
            open_plan(campaign_id, actor=vera)
        plan = open_plan(campaign_id)
        with refused(NotAllowedError):
            confirm(plan, actor=vera)

    @both_engines
    def test_taken_channel_is_told_and_the_plan_kept_for_later(self) -> None:
        campaign_id = make_mixture()
        run(make_campaign(name="Winter SMS"))
        plan = open_plan(campaign_id)
        assert "Winter SMS is In Progress" in plan.answer.reason
        assert plan.answer.next_step is Action.START_LATER
        with refused(ChannelTakenError) as caught:
            confirm(plan)
        assert caught.value.next_step is Action.START_LATER

    @both_engines
    @pytest.mark.parametrize("phase", [Phase.HELD, Phase.STOPPING])
    def test_held_campaign_is_to_be_resumed_first(self, phase: Phase) -> None:
        campaign_id = make_mixture()
        put_into_phase(campaign_id, phase)
        with refused(WrongStateError) as caught:
            open_plan(campaign_id)
        assert caught.value.next_step is Action.RESUME


class TestCost:
    @both_engines
    def test_segments_and_cost_are_those_of_the_ticks(self, alice: Actor) -> None:
        change_setting("price.sms", 0.04, actor=alice, now=NOW)
        plan = open_plan(make_mixture())
        assert plan.segments(plan.ticked) == 4
        assert plan.segments(plan.ticked, include_unconfirmed=True) == 6
        assert f"{plan.currency} {plan.cost(plan.ticked)}" == "USD 0.16"

    @both_engines
    def test_email_has_no_segments(self) -> None:
        plan = open_plan(make_mixture(Channel.EMAIL))
        assert (plan.segments(plan.ticked), plan.cost(plan.ticked)) == (None, None)

    @both_engines
    def test_segments_of_a_lost_answer_are_those_of_its_text(self) -> None:
        """Each contact's own text counts: one takes 1 segment, one takes 2."""
        campaign_id = make_draft()
        with transaction():
            execute("""UPDATE campaigns SET body = 'Hi {{name}}', fields = '[{"name": "name", "searchable": false}]'""")
            rows = [
                (campaign_id, to, to, f'["{name}"]', "waiting", NOW)
                for to, name in zip(recipients_on(Channel.SMS, 2), ["Ann", "x" * 160], strict=True)
            ]
            columns = ("campaign_id", "recipient", "recipient_key", "field_values", "status", "updated_at")
            insert_many("messages", columns, rows)
            deltas = Deltas()
            deltas.add(campaign_id, "waiting", None, None, 2)
            deltas.write(NOW)
        campaigns.finish_draft(campaign_id, actor=COMMAND_LINE, now=NOW)
        run(campaign_id)
        answer(claim(campaign_id), Word.FAILED, reason=FailureReason.EXPIRED, retry_class=RetryClass.LIKELY)
        assert {row["segments"] for row in rows_of("messages")} == {None}
        plan = open_plan(campaign_id)
        assert plan.segments(plan.ticked) == 3


class TestConfirmation:
    @both_engines
    def test_queues_what_is_ticked_and_nothing_else(self) -> None:
        campaign_id = make_mixture()
        done = confirm(open_plan(campaign_id), "likely:unreachable", "may_have_arrived:unknown", unconfirmed=True)
        assert (done.messages, done.no_longer) == (4, 0)
        assert phase_of(campaign_id) == "running"
        move_all(campaign_id)
        assert retries_of(campaign_id) == [0, 1, 1, 0, 1, 0, 1, 0]

    @both_engines
    def test_unconfirmed_alone_leaves_the_failed_ones(self) -> None:
        campaign_id = make_mixture()
        plan = open_plan(campaign_id)
        done = retrying.confirm_plan(plan.id, ticked=(), include_unconfirmed=True, actor=COMMAND_LINE, now=NOW + 2)
        assert done.messages == 1
        move_all(campaign_id)
        assert retries_of(campaign_id) == [0, 0, 0, 0, 0, 0, 1, 0]

    @both_engines
    @pytest.mark.parametrize("ticked", [(), ("never:blocked",), ("unconfirmed",)])
    def test_no_tick_is_refused(self, ticked: tuple[str, ...]) -> None:
        plan = open_plan(make_mixture())
        with refused(InvalidInputError):
            retrying.confirm_plan(plan.id, ticked=ticked, include_unconfirmed=False, actor=COMMAND_LINE, now=NOW + 2)

    @both_engines
    def test_plan_that_is_gone_is_refused(self) -> None:
        with refused(NotFoundError):
            retrying.confirm_plan(7, ticked=["likely:expired"], include_unconfirmed=False, actor=COMMAND_LINE, now=NOW)

    @both_engines
    def test_second_confirmation_answers_the_first_and_queues_nothing(self, ben: Actor) -> None:
        campaign_id = make_mixture()
        plan = open_plan(campaign_id)
        first = confirm(plan)
        assert confirm(plan, actor=ben) == first
        move_all(campaign_id)
        send_all(campaign_id, Word.FAILED, now=NOW + MINUTE, reason=FailureReason.UNREACHABLE)
        assert confirm(plan, actor=ben, now=NOW + 2 * MINUTE) == first
        assert [move.kind for move in moves_of(campaign_id)] == [MoveKind.RUN, MoveKind.RETRY]
        assert max(retries_of(campaign_id)) == 1

    @both_engines
    @pytest.mark.parametrize(
        ("ticked", "unconfirmed"),
        [(("pointless:unreachable",), False), (("likely:unreachable",), True), (("unconfirmed",), True)],
    )
    def test_second_confirmation_with_other_ticks_is_told_that_they_did_nothing(
        self, ben: Actor, ticked: tuple[str, ...], unconfirmed: bool
    ) -> None:
        campaign_id = make_mixture()
        plan = open_plan(campaign_id)
        first = confirm(plan)
        second = confirm(plan, *ticked, unconfirmed=unconfirmed, actor=ben)
        assert second == replace(first, other_ticks=True)
        assert "2 messages are queued again. Your ticks did nothing" in second.told
        assert confirm(plan, actor=ben).told == first.told == "2 messages are queued again."
        assert len(moves_of(campaign_id)) == 2

    @both_engines
    def test_repeated_request_is_answered_whatever_the_campaign_is_at(self) -> None:
        campaign_id = make_mixture()
        plan = open_plan(campaign_id)
        first = confirm(plan)
        stop(campaign_id)
        assert confirm(plan) == first

    @both_engines
    def test_says_how_many_were_no_longer_eligible(self) -> None:
        campaign_id = make_mixture()
        plan = open_plan(campaign_id)
        receive(latest(campaign_id)[1:2], Word.DELIVERED, at=NOW + 2)
        done = confirm(plan, now=NOW + 3)
        assert (done.messages, done.no_longer) == (1, 1)
        move_all(campaign_id)
        assert retries_of(campaign_id) == [0, 0, 1, 0, 0, 0, 0, 0]

    @both_engines
    def test_none_that_are_left_is_refused(self) -> None:
        campaign_id = make_mixture()
        plan = open_plan(campaign_id)
        receive(latest(campaign_id)[1:3], Word.DELIVERED, at=NOW + 2)
        with refused(WrongStateError):
            confirm(plan, now=NOW + 3)

    @both_engines
    def test_who_opted_out_meanwhile_is_left_out(self) -> None:
        campaign_id = make_mixture()
        plan = open_plan(campaign_id)
        optouts.opt_out(Channel.SMS, recipients_on(Channel.SMS, 2)[1], actor=COMMAND_LINE, now=NOW + 2)
        done = confirm(plan, now=NOW + 3)
        assert (done.messages, done.no_longer) == (1, 1)
        optouts.opt_out(Channel.SMS, recipients_on(Channel.SMS, 3)[2], actor=COMMAND_LINE, now=NOW + 4)
        move_all(campaign_id)
        assert retries_of(campaign_id) == [0, 0, 0, 0, 0, 0, 0, 0]
        move = moves_of(campaign_id)[-1]
        assert (move.done, move.left_out) == (0, 1)

    @both_engines
    @pytest.mark.parametrize("channel", list(Channel))
    def test_who_opted_out_or_was_forgotten_since_it_failed_is_explained_and_not_counted(
        self, channel: Channel
    ) -> None:
        campaign_id = make_mixture(channel)
        ids, people = message_ids(campaign_id), recipients_on(channel, len(KINDS))
        optouts.opt_out(channel, people[1], actor=COMMAND_LINE, now=NOW + 1)
        optouts.opt_out(channel, people[6], actor=COMMAND_LINE, now=NOW + 1)
        forget_person(people[3], typed_again=people[3], actor=COMMAND_LINE, now=NOW + 1)
        plan = open_plan(campaign_id, now=NOW + 2)
        without_them = {"likely:unreachable": 1, "may_have_arrived:expired": 1, "may_have_arrived:unknown": 1}
        assert plan.shown == {**without_them, "unconfirmed": 0}
        assert plan.opted_out == 4
        assert plan.segments(plan.ticked) == (2 if channel is Channel.SMS else None)
        with refused(WrongStateError):
            open_plan(campaign_id, message_ids=(ids[1],))

    @both_engines
    def test_what_fails_after_the_dialog_opened_is_not_in_the_set(self) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        receive(claimed[:1], Word.FAILED, reason=FailureReason.EXPIRED, retry_class=RetryClass.LIKELY)
        plan = open_plan(campaign_id, now=NOW + MINUTE)
        late = {"reason": FailureReason.EXPIRED, "retry_class": RetryClass.LIKELY}
        receive(claimed[1:], Word.FAILED, at=NOW + 2 * MINUTE, **late)
        done = confirm(plan, now=NOW + 3 * MINUTE)
        assert (done.messages, done.no_longer) == (1, 0)
        move_all(campaign_id, now=NOW + 3 * MINUTE)
        assert statuses(campaign_id) == {"queued": 1, "failed": 1}

    @both_engines
    def test_plan_serves_a_retry_that_starts_later(self) -> None:
        campaign_id = make_mixture()
        plan = open_plan(campaign_id)
        criteria = retrying.plan_criteria(plan.id, ticked=["pointless:unreachable"], include_unconfirmed=True)
        later = NOW + 60 * MINUTE
        moved = retrying.retry_messages(
            campaign_id, actor=COMMAND_LINE, criteria=criteria, include_unconfirmed=True, now=later
        )
        assert moved.messages == 2
        move_all(campaign_id, now=later)
        assert retries_of(campaign_id) == [0, 0, 0, 1, 0, 0, 1, 0]


class TestReadAgain:
    @both_engines
    @pytest.mark.parametrize("channel", Channel)
    def test_plan_is_its_set_less_what_has_left_it(self, channel: Channel) -> None:
        campaign_id = make_campaign(channel, 3)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        for one, at in zip(claimed, (NOW, NOW, NOW + MINUTE), strict=True):
            if at > NOW:
                plan = open_plan(campaign_id, now=NOW + 1)
            receive([one], Word.FAILED, at=at, reason=FailureReason.EXPIRED, retry_class=RetryClass.LIKELY)
        assert plan.shown == {"likely:expired": 2, "unconfirmed": 0}
        receive(claimed[:1], Word.OPTED_OUT, at=NOW + MINUTE)
        again = retrying.read_plan(plan.id, actor=COMMAND_LINE, now=NOW + 2 * MINUTE)
        assert (again.id, again.cutoff_at) == (plan.id, plan.cutoff_at)
        assert again.shown == {"likely:expired": 1, "unconfirmed": 0}

    @both_engines
    def test_viewer_may_not_read_it(self, vera: Actor) -> None:
        plan = open_plan(make_mixture())
        with refused(NotAllowedError):
            retrying.read_plan(plan.id, actor=vera, now=NOW + 2)


class TestTwoPlans:
    @both_engines
    @pytest.mark.parametrize("channel", Channel)
    def test_the_second_is_told_what_the_first_is_about_to_queue(self, channel: Channel, ben: Actor) -> None:
        """Before a single message of it has moved."""
        campaign_id = make_mixture(channel)
        first, second = open_plan(campaign_id), open_plan(campaign_id, actor=ben)
        assert confirm(first, "likely:unreachable", unconfirmed=True).told == "3 messages are queued again."
        everything = confirm(second, *second.shown, unconfirmed=True, actor=ben)
        assert everything.told == "3 messages are queued again. 3 of the set could no longer be retried."
        move_all(campaign_id)
        assert [(move.total, move.done, move.left_out) for move in moves_of(campaign_id)[-2:]] == [(3, 3, 0), (3, 3, 0)]

    @both_engines
    def test_the_second_is_told_so_too_while_the_first_is_half_done(self, ben: Actor) -> None:
        """Its Failed messages are queued by then, its Unconfirmed one is not."""
        campaign_id = make_mixture()
        first, second = open_plan(campaign_id), open_plan(campaign_id, actor=ben)
        confirm(first, "likely:unreachable", unconfirmed=True)
        Mover().advance(campaign_id, now=NOW + 3)
        assert moves_of(campaign_id)[-1].state == "running"
        everything = confirm(second, *second.shown, unconfirmed=True, actor=ben)
        assert everything.told == "3 messages are queued again. 3 of the set could no longer be retried."

    @both_engines
    def test_all_of_the_second_can_be_the_first_s(self, ben: Actor) -> None:
        campaign_id = make_mixture()
        first, second = open_plan(campaign_id), open_plan(campaign_id, actor=ben)
        confirm(first)
        assert confirm(second, actor=ben).told == (
            "0 messages are queued again. 2 of the set could no longer be retried."
        )

    @both_engines
    @pytest.mark.parametrize("behind", [0, 10 * MINUTE])
    def test_over_the_same_messages_send_each_once(self, alice: Actor, ben: Actor, behind: int) -> None:
        """Also if the clock of what sends is behind the clock of those who ask."""
        campaign_id = make_mixture()
        first, second = (open_plan(campaign_id, actor=actor, now=NOW + MINUTE) for actor in (alice, ben))
        confirm(first, actor=alice, now=NOW + MINUTE)
        move_all(campaign_id, now=NOW + 2 * MINUTE - behind)
        again = {"reason": FailureReason.UNREACHABLE, "retry_class": RetryClass.LIKELY}
        claimed = claim(campaign_id, now=NOW + 2 * MINUTE - behind)
        answer(claimed, at=NOW + 2 * MINUTE - behind)
        receive(claimed, Word.FAILED, at=NOW + 3 * MINUTE - behind, **again)
        with refused(WrongStateError):
            confirm(second, actor=ben, now=NOW + 4 * MINUTE)
        assert max(retries_of(campaign_id)) == 1

    @both_engines
    def test_what_failed_again_is_in_the_next_plan(self) -> None:
        """Whatever the clocks say: a new plan is later than the old one."""
        campaign_id = make_mixture()
        confirm(open_plan(campaign_id, now=NOW + MINUTE), now=NOW + MINUTE)
        move_all(campaign_id)
        send_all(campaign_id, Word.FAILED, now=NOW + 2, reason=FailureReason.EXPIRED)
        assert open_plan(campaign_id, now=NOW + 3).shown["may_have_arrived:expired"] == 3


def confirm_at_once(barrier: Barrier, plan_ids: list[int], actor: Actor) -> list[tuple[str, int, int]]:
    """Confirm each plan at the same moment as the others do."""
    outcomes = []
    for plan_id in plan_ids:
        barrier.wait()
        try:
            done = retrying.confirm_plan(
                plan_id, ticked=["likely:unreachable"], include_unconfirmed=False, actor=actor, now=NOW + 2
            )
            outcomes.append(("done", done.move_id, done.messages))
        except WrongStateError:
            outcomes.append(("refused", 0, 0))
    return outcomes


@both_engines
def test_people_who_confirm_one_plan_at_once_open_one_move(installation: Config, alice: Actor, ben: Actor) -> None:
    campaign_id = make_mixture()
    plans = [open_plan(campaign_id).id for _ in range(20)]
    crew = [Member(confirm_at_once, (plans, actor)) for actor in (alice, ben, alice, ben)]
    rounds = list(zip(*work_at_once(installation, crew), strict=True))
    assert all(len(set(outcomes)) == 1 for outcomes in rounds)
    assert len(moves_of(campaign_id)) == 1 + len(plans)
    move_all(campaign_id)
    assert retries_of(campaign_id) == [0, 1, 1, 0, 0, 0, 0, 0]


class TestRecovery:
    @both_engines
    def test_rate_is_that_of_earlier_retries_of_the_same_failure(self) -> None:
        retry_and_deliver(RECOVERY_SHOWN_FROM + 10, delivered=30)
        plan = open_plan(make_mixture())
        shown = {entry.key: entry.recovered_percent for entry in plan.entries}
        assert shown == {
            "likely:unreachable": 50,
            "may_have_arrived:expired": None,
            "may_have_arrived:unknown": None,
            "pointless:unreachable": None,
        }

    @both_engines
    def test_few_retries_say_nothing(self) -> None:
        retry_and_deliver(RECOVERY_SHOWN_FROM - 1, delivered=30)
        assert {entry.recovered_percent for entry in open_plan(make_mixture()).entries} == {None}

    @both_engines
    def test_late_word_that_changes_a_verdict_is_counted_once(self) -> None:
        campaign_id = retry_and_deliver(4, delivered=0)
        assert recoveries() == {("sms", "unreachable", "likely"): (4, 0)}
        receive(latest(campaign_id)[:1], Word.DELIVERED, at=NOW + MINUTE)
        receive(latest(campaign_id)[:1], Word.DELIVERED, at=NOW + 2 * MINUTE)
        assert recoveries() == {("sms", "unreachable", "likely"): (4, 1)}

    @both_engines
    def test_first_attempts_and_doubts_count_for_no_reason(self) -> None:
        campaign_id = make_mixture()
        retrying.retry_messages(
            campaign_id,
            actor=COMMAND_LINE,
            criteria=Criteria(statuses=("unconfirmed",)),
            include_unconfirmed=True,
            now=NOW + 1,
        )
        move_all(campaign_id)
        send_all(campaign_id)
        assert recoveries() == {}

    @both_engines
    def test_attempt_that_was_surely_not_sent_is_passed_over(self) -> None:
        campaign_id = make_ended(messages=1, word=Word.FAILED)
        retrying.retry_messages(campaign_id, actor=COMMAND_LINE, criteria=Criteria(), now=NOW + 1)
        move_all(campaign_id)
        answer(claim(campaign_id), Word.NOT_SENT)
        send_all(campaign_id)
        assert message(message_ids(campaign_id)[0])["attempt"] == 3
        assert recoveries() == {("sms", "unknown", "may_have_arrived"): (1, 1)}


def retry_and_deliver(messages: int, *, delivered: int) -> int:
    """A campaign all of whose messages failed for one reason and were retried, so many of them with success."""
    campaign_id = make_campaign(messages=messages)
    execute("UPDATE campaigns SET guard_window = ''")
    failure = {"reason": FailureReason.UNREACHABLE, "retry_class": RetryClass.LIKELY}
    run(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    receive(claimed, Word.FAILED, **failure)
    confirm(open_plan(campaign_id))
    move_all(campaign_id)
    claimed = claim(campaign_id)
    answer(claimed)
    receive(claimed[:delivered], Word.DELIVERED)
    receive(claimed[delivered:], Word.FAILED, reason=FailureReason.BLOCKED)
    assert phase_of(campaign_id) == "ended"
    return campaign_id


def recoveries() -> dict[tuple[str, str, str], tuple[int, int]]:
    return {
        (row["channel"], row["failure_reason"], row["retry_class"]): (row["retried"], row["recovered"])
        for row in rows_of("recoveries")
    }


@both_engines
def test_latest_cutoff_never_goes_back(alice: Actor) -> None:
    campaign_id = make_mixture()
    cutoffs = [open_plan(campaign_id, now=now).cutoff_at for now in (NOW + MINUTE, NOW + 5, NOW + 2 * MINUTE)]
    assert cutoffs == [NOW + MINUTE, NOW + MINUTE + 1, NOW + 2 * MINUTE]
    assert get_campaign(campaign_id).retry_cutoff_at == cutoffs[-1]

"""Start later: at a time, when the channel is free, or both; once, in order, with all checks again (SPEC 1)."""

import os
from collections.abc import Callable, Mapping
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest

from jobs.runtime.faults import FaultsError
from jobs.starting import fire_due_starts
from models.actors import COMMAND_LINE, Actor
from models.config import Config
from models.database import execute, transaction
from models.errors import InvalidInputError, NotAllowedError, WrongStateError
from models.hints import Work
from models.installation import open_installation
from models.operations import campaigns, retrying, running, scheduling
from models.operations.optouts import opt_out
from models.operations.sweeping import find_work
from models.queries.campaigns import get_campaign
from models.queries.starts import due_starts, pending_start_of, pending_starts, planned_of
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.words import Channel, Phase, StartKind
from tests import engines
from tests.crews import CONTEXT, Member, work_at_once
from tests.factories import (
    MINUTE,
    NOW,
    SECOND,
    answer,
    claim,
    delete,
    dump,
    make_campaign,
    make_draft,
    make_ended,
    message_ids,
    move_all,
    moves_of,
    phase_of,
    put_into_phase,
    receive,
    refused,
    retry,
    retry_later,
    rows_of,
    run,
    run_later,
    send_all,
    statuses,
    stop,
    template_for,
)

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines

HOUR = 60 * MINUTE
DAY = 24 * HOUR
LATER = NOW + HOUR  # the time that most starts here are for
ROUNDS = 30
PROCESSES = 3


def make_failed(messages: int = 3) -> int:
    """A campaign that has ended, with nothing but failures."""
    return make_ended(messages=messages, word=Word.FAILED)


def start_row(start_id: int) -> dict[str, Any]:
    return rows_of("scheduled_starts", f"WHERE id = {start_id}")[0]


def state(start_id: int) -> str:
    return str(start_row(start_id)["state"])


def acts() -> list[tuple[str, str, str]]:
    """The audit's acts on starts and what came of them: act, who, from where."""
    told = {"schedule_start", "cancel_start", "late_start", "run", "retry"}
    rows = rows_of("audit", "ORDER BY id")
    return [(row["act"], row["actor_name"], row["surface"]) for row in rows if row["act"] in told]


class TestSchedule:
    @both_engines
    def test_what_was_asked_for_is_kept(self, ben: Actor) -> None:
        campaign_id = make_campaign()
        start_id = run_later(campaign_id, at=LATER, actor=ben)
        start = pending_start_of(campaign_id)
        assert start is not None
        assert (start.id, start.kind, start.starts_at, start.when_free) == (start_id, "run", LATER, 0)
        assert (start.time_zone, start.actor_id, start.actor_name) == ("Europe/Berlin", ben.person_id, "Ben")
        assert acts() == [("schedule_start", "Ben", "panel")]
        assert (phase_of(campaign_id), statuses(campaign_id)) == ("ready", {"waiting": 3})

    @both_engines
    def test_scheduling_again_replaces_the_earlier_one(self, ben: Actor) -> None:
        campaign_id = make_campaign()
        first = run_later(campaign_id, at=LATER, actor=ben)
        second = run_later(campaign_id, at=None)
        assert [start.id for start in pending_starts()] == [second]
        assert state(first) == "cancelled"

    def test_a_taken_channel_is_what_it_waits_for(self) -> None:
        run(make_campaign())
        run_later(make_campaign(), at=None)
        assert len(pending_starts()) == 1

    @pytest.mark.parametrize(
        ("wanted", "field"),
        [
            ({"start_at": None}, "start_at"),
            ({"start_at": NOW}, "start_at"),
            ({"start_at": NOW + 367 * DAY}, "start_at"),
            ({"time_zone": "Europe/Atlantis"}, "time_zone"),
            ({"time_zone": "America"}, "time_zone"),
            ({"time_zone": "../etc/passwd"}, "time_zone"),
            ({"time_zone": ""}, "time_zone"),
            ({"disclaimer_accepted": False}, "disclaimer"),
        ],
    )
    def test_what_can_not_be_is_refused(self, wanted: Mapping[str, Any], field: str) -> None:
        campaign_id = make_campaign()
        usual: dict[str, Any] = {
            "start_at": LATER,
            "time_zone": "UTC",
            "disclaimer_accepted": True,
            "when_free": False,
        }
        with refused(InvalidInputError) as caught:
            scheduling.schedule_start(
                campaign_id, kind=StartKind.RUN, criteria=None, actor=COMMAND_LINE, now=NOW, **{**usual, **wanted}
            )
        assert caught.value.field == field  # type: ignore[attr-defined]  # InvalidInputError's

    def test_a_year_ahead_is_possible(self) -> None:
        run_later(make_campaign(), at=NOW + 366 * DAY)
        assert len(pending_starts()) == 1

    def test_a_viewer_may_not(self, vera: Actor) -> None:
        campaign_id = make_campaign()
        with refused(NotAllowedError):
            run_later(campaign_id, at=LATER, actor=vera)
        run_later(campaign_id, at=LATER)
        with refused(NotAllowedError):
            scheduling.cancel_start(campaign_id, actor=vera, now=NOW)

    @pytest.mark.parametrize("ask", [run_later, retry_later])
    def test_the_kind_must_fit_the_campaign(self, ask: Callable[..., int]) -> None:
        campaign_id = make_failed() if ask is run_later else make_campaign()
        with refused(WrongStateError):
            ask(campaign_id, at=LATER)


class TestMoment:
    @both_engines
    @pytest.mark.parametrize(("at", "fires"), [(LATER - SECOND, False), (LATER, True), (LATER + HOUR, True)])
    def test_a_time_is_kept_within_its_allowance(self, at: int, fires: bool) -> None:
        campaign_id = make_campaign()
        start_id = run_later(campaign_id, at=LATER)
        fire_due_starts(now=at)
        assert (state(start_id), phase_of(campaign_id)) == (("done", "running") if fires else ("queued", "ready"))

    @both_engines
    @pytest.mark.parametrize(("after", "expected"), [(-SECOND, "done"), (SECOND, "refused")])
    @pytest.mark.parametrize(("at", "allowance"), [(LATER, 2 * HOUR), (None, DAY)])
    def test_beyond_its_allowance_nothing_starts(
        self, at: int | None, allowance: int, after: int, expected: str
    ) -> None:
        campaign_id = make_campaign()
        start_id = run_later(campaign_id, at=at)
        fire_due_starts(now=NOW + allowance + after)
        assert state(start_id) == expected
        assert phase_of(campaign_id) == ("running" if expected == "done" else "ready")

    @both_engines
    def test_a_time_and_a_free_channel_are_both_waited_for(self) -> None:
        failed, blocker = make_failed(), make_campaign()
        retry_later(failed, at=LATER)
        fire_due_starts(now=LATER - SECOND)
        assert len(pending_starts()) == 1  # the channel is free, but it is not time
        run(blocker)
        fire_due_starts(now=LATER)
        assert len(pending_starts()) == 1  # it is time, but the channel is taken
        send_all(blocker)
        fire_due_starts(now=LATER + SECOND)
        assert (pending_starts(), phase_of(failed)) == ([], "running")

    def test_a_retry_joins_its_own_running_campaign(self) -> None:
        campaign_id = make_failed()
        retry(campaign_id)
        retry_later(campaign_id, at=LATER)
        fire_due_starts(now=LATER)
        assert [move.kind for move in moves_of(campaign_id)] == ["run", "retry", "retry"]


class TestOrder:
    @both_engines
    def test_first_come_is_first_served(self) -> None:
        asked_last, asked_first, blocker = (make_campaign() for _ in range(3))
        run(blocker)
        run_later(asked_first, at=None)
        run_later(asked_last, at=None, now=NOW + SECOND)
        fire_due_starts(now=NOW + MINUTE)
        assert [start.campaign_id for start in pending_starts()] == [asked_first, asked_last]
        send_all(blocker)
        fire_due_starts(now=NOW + MINUTE)
        assert [phase_of(campaign_id) for campaign_id in (asked_first, asked_last)] == ["running", "ready"]
        move_all(asked_first)
        send_all(asked_first)
        fire_due_starts(now=NOW + MINUTE)
        assert phase_of(asked_last) == "running"

    @both_engines
    def test_one_that_meets_a_fault_of_ours_keeps_none_behind_it_waiting(self) -> None:
        faulty, behind = make_campaign(Channel.SMS), make_campaign(Channel.EMAIL)
        run_later(faulty, at=LATER)
        run_later(behind, at=LATER)
        with transaction():
            execute("UPDATE scheduled_starts SET surface = 'of another version' WHERE campaign_id = ?", faulty)
        with pytest.raises(FaultsError, match=f": {faulty}$"):
            fire_due_starts(now=LATER)
        assert [phase_of(campaign_id) for campaign_id in (faulty, behind)] == ["ready", "running"]
        with transaction():
            execute("UPDATE scheduled_starts SET surface = 'panel' WHERE campaign_id = ?", faulty)
        fire_due_starts(now=LATER + SECOND)
        assert phase_of(faulty) == "running"

    def test_one_with_a_time_comes_when_that_is(self) -> None:
        timed, free, also_timed = (make_campaign() for _ in range(3))
        run_later(timed, at=LATER)
        run_later(also_timed, at=LATER)
        run_later(free, at=None, now=NOW + MINUTE)
        assert [start.campaign_id for start in pending_starts()] == [free, timed, also_timed]
        assert [start.campaign_id for start in due_starts(now=LATER - 1)] == [free]

    def test_channels_do_not_wait_for_each_other(self) -> None:
        run(make_campaign(Channel.SMS))
        run_later(make_campaign(Channel.SMS), at=None)
        email = make_campaign(Channel.EMAIL)
        run_later(email, at=None)
        fire_due_starts(now=NOW)
        assert phase_of(email) == "running"


class TestChecks:
    """Everything is checked again when it fires; what does not pass ends it, and the owner is told."""

    @pytest.fixture
    def owned(self, alice: Actor) -> int:
        """Alice's campaign."""
        campaign_id = make_campaign()
        with transaction():
            execute("UPDATE campaigns SET owner_id = ? WHERE id = ?", alice.person_id, campaign_id)
        return campaign_id

    def letters(self) -> list[tuple[str, str]]:
        """The direct messages that wait: to whom, and the reason."""
        rows = rows_of("slack_outbox", "WHERE kind = 'dm'")
        return [(row["address"], row["content"]) for row in rows]

    @both_engines
    def test_it_acts_as_the_person_who_asked(self, owned: int, ben: Actor) -> None:
        run_later(owned, at=LATER, actor=ben)
        fire_due_starts(now=LATER)
        assert acts() == [("schedule_start", "Ben", "panel"), ("run", "Ben", "panel")]
        (move,) = moves_of(owned)
        assert (move.actor_id, move.surface) == (ben.person_id, "panel")

    def test_the_disclaimer_is_that_of_the_request(self, owned: int, ben: Actor) -> None:
        run_later(owned, at=LATER, actor=ben)
        fire_due_starts(now=LATER)
        campaign = get_campaign(owned)
        assert (campaign.disclaimer_by, campaign.disclaimer_at, campaign.run_at) == ("Ben", NOW, LATER)

    @both_engines
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ("role = 'viewer'", "Ben, who asked for it, is Viewer by now"),
            ("removed_at = 1", "Ben, who asked for it, is no longer a person here"),
        ],
    )
    def test_a_role_that_was_lost_starts_nothing(
        self, owned: int, alice: Actor, ben: Actor, change: str, reason: str
    ) -> None:
        """The owner is told, and who asked for it if they are still somebody here."""
        start_id = run_later(owned, at=LATER, actor=ben)
        with transaction():
            execute(f"UPDATE people SET {change} WHERE id = ?", ben.person_id)
        fire_due_starts(now=LATER)
        assert (state(start_id), phase_of(owned)) == ("refused", "ready")
        assert reason in start_row(start_id)["result"]
        told = dict(self.letters())
        asked = [str(ben.person_id)] if "role" in change else []
        assert list(told) == [str(alice.person_id), *asked]
        assert all(reason in content for content in told.values())
        assert acts()[-1] == ("late_start", "system", "system")

    @both_engines
    def test_why_it_did_not_take_place_stands_until_it_is_started_or_planned_anew(self, owned: int) -> None:
        start_id = run_later(owned, at=LATER)
        scheduling.refuse_start(start_id, WrongStateError("An hour has passed"), now=LATER)
        assert planned_of(get_campaign(owned)).missed == "An hour has passed"
        run_later(owned, at=LATER + HOUR, now=LATER)
        assert planned_of(get_campaign(owned)).missed == ""
        fire_due_starts(now=LATER + HOUR)
        assert (phase_of(owned), planned_of(get_campaign(owned)).missed) == ("running", "")

    def test_a_role_that_still_reaches_is_enough(self, owned: int, alice: Actor) -> None:
        run_later(owned, at=LATER, actor=alice)
        with transaction():
            execute("UPDATE people SET role = 'campaigner' WHERE id = ?", alice.person_id)
        fire_due_starts(now=LATER)
        assert phase_of(owned) == "running"

    def test_being_late_is_told_once_with_what_was_in_the_way(self, owned: int, alice: Actor) -> None:
        run(make_campaign(name="Spring SMS"))
        start_id = run_later(owned, at=LATER)
        for _ in range(2):
            fire_due_starts(now=LATER + HOUR + SECOND)
        ((address, content),) = self.letters()
        assert (address, "Spring SMS still holds the channel" in content) == (str(alice.person_id), True)
        assert state(start_id) == "refused"
        assert rows_of("slack_outbox", "WHERE kind = 'card' AND subject_id = " + str(owned)) == []  # it was never run

    def test_a_state_that_no_longer_allows_it_ends_it(self) -> None:
        campaign_id = make_failed()
        start_id = retry_later(campaign_id, at=LATER)
        put_into_phase(campaign_id, Phase.HELD)
        fire_due_starts(now=LATER)
        assert (state(start_id), phase_of(campaign_id)) == ("refused", "held")
        assert "is Held" in start_row(start_id)["result"]


class TestRun:
    @both_engines
    def test_leaving_out_who_was_reached_lately_is_kept(self) -> None:
        recipients = ["+14155550100", "+14155550101"]
        reached = make_campaign(messages=recipients[:1])
        run(reached)
        send_all(reached)
        campaign_id = make_campaign(messages=recipients)
        scheduling.schedule_start(
            campaign_id,
            kind=StartKind.RUN,
            criteria=None,
            start_at=LATER,
            when_free=False,
            time_zone="UTC",
            actor=COMMAND_LINE,
            disclaimer_accepted=True,
            leave_out_reached=True,
            now=NOW,
        )
        fire_due_starts(now=LATER)
        move_all(campaign_id, now=LATER)
        assert statuses(campaign_id) == {"cancelled": 1, "queued": 1}

    @both_engines
    def test_run_of_those_who_all_opted_out_since_is_refused_when_asked_for_and_when_it_fires(self) -> None:
        campaign_id = make_campaign(messages=1)
        run_later(campaign_id, at=LATER)
        opt_out(Channel.SMS, "+14155550000", actor=COMMAND_LINE, now=NOW)
        fire_due_starts(now=LATER)
        (start,) = rows_of("scheduled_starts")
        assert (start["state"], phase_of(campaign_id)) == ("refused", Phase.READY)
        assert "nobody to send to" in start["result"]
        with refused(WrongStateError):
            run_later(campaign_id, at=LATER + HOUR, now=LATER)


class TestRetry:
    @both_engines
    def test_what_fails_after_the_request_is_not_in_it(self) -> None:
        campaign_id = make_failed(messages=2)
        first, second = message_ids(campaign_id)
        with transaction():
            execute("UPDATE messages SET updated_at = ? WHERE id = ?", NOW + SECOND, second)
        retry_later(campaign_id, at=LATER)
        fire_due_starts(now=LATER)
        move_all(campaign_id, now=LATER)
        assert {row["id"]: row["status"] for row in rows_of("messages")} == {first: "queued", second: "failed"}

    @both_engines
    @pytest.mark.parametrize("behind", [0, 10 * MINUTE])
    def test_what_fails_after_the_request_is_not_in_it_whatever_the_clock_says(self, behind: int) -> None:
        """The request came within the same millisecond, or from a clock that is ahead of the sender's."""
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        receive(claimed[:1], Word.FAILED)
        retry_later(campaign_id, at=LATER, now=NOW + behind)
        receive(claimed[1:], Word.FAILED)
        fire_due_starts(now=LATER)
        move_all(campaign_id, now=LATER)
        assert statuses(campaign_id) == {"queued": 1, "failed": 1}

    @both_engines
    def test_only_what_was_chosen_is_retried(self) -> None:
        campaign_id = make_failed()
        chosen = message_ids(campaign_id)[1]
        retry_later(campaign_id, at=LATER, criteria=Criteria(message_ids=(chosen,)))
        fire_due_starts(now=LATER)
        move_all(campaign_id, now=LATER)
        assert [row["id"] for row in rows_of("messages", "WHERE status = 'queued'")] == [chosen]

    @pytest.mark.parametrize(("ticked", "queued"), [((), 0), (("failed", "unconfirmed"), 1)])
    def test_unconfirmed_needs_its_own_tick(self, ticked: tuple[str, ...], queued: int) -> None:
        campaign_id = make_failed(messages=2)
        with transaction():
            execute(
                "UPDATE messages SET status = 'unconfirmed', failure_reason = NULL, retry_class = NULL WHERE id = ?",
                message_ids(campaign_id)[0],
            )
        retry_later(campaign_id, at=LATER, criteria=Criteria(statuses=ticked))
        fire_due_starts(now=LATER)
        (_, move) = moves_of(campaign_id)
        assert ("unconfirmed" in move.criteria["statuses"]) == bool(queued)


class TestCancel:
    @both_engines
    def test_somebody_takes_it_back(self, ben: Actor) -> None:
        campaign_id = make_campaign()
        start_id = run_later(campaign_id, at=LATER)
        assert scheduling.cancel_start(campaign_id, actor=ben, now=NOW)
        assert not scheduling.cancel_start(campaign_id, actor=ben, now=NOW)
        fire_due_starts(now=LATER)
        assert (state(start_id), phase_of(campaign_id)) == ("cancelled", "ready")
        assert acts()[1:] == [("cancel_start", "Ben", "panel")]

    @both_engines
    @pytest.mark.parametrize(
        ("act", "does"),
        [
            ("run", run),
            (
                "set_message",
                lambda id_: campaigns.set_template(id_, template_for(Channel.SMS), actor=COMMAND_LINE, now=NOW),
            ),
            ("delete", delete),
        ],
    )
    def test_acts_on_a_ready_campaign_cancel_it(self, act: str, does: Callable[[int], None]) -> None:
        campaign_id = make_campaign()
        start_id = run_later(campaign_id, at=LATER)
        does(campaign_id)
        row = start_row(start_id)
        assert (row["state"], row["result"]) == ("cancelled", f"taken back by {act}")
        assert ("cancel_start", "command line", "command_line") in acts()

    @both_engines
    @pytest.mark.parametrize(("act", "does"), [("stop", stop), ("retry", retry), ("delete", delete)])
    def test_acts_on_one_that_was_run_cancel_it(self, act: str, does: Callable[[int], None]) -> None:
        campaign_id = make_failed()
        start_id = retry_later(campaign_id, at=LATER)
        if act == "stop":
            put_into_phase(campaign_id, Phase.RUNNING)
        does(campaign_id)
        assert start_row(start_id)["result"] == f"taken back by {act}"

    def test_an_act_that_is_refused_leaves_it(self) -> None:
        run(make_campaign())
        campaign_id = make_campaign()
        start_id = run_later(campaign_id, at=LATER)
        with pytest.raises(WrongStateError):
            running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
        with pytest.raises(InvalidInputError):
            running.delete_campaign(campaign_id, actor=COMMAND_LINE, typed_name="another", now=NOW)
        assert state(start_id) == "queued"

    def test_other_campaigns_keep_theirs(self) -> None:
        start_id = run_later(make_campaign(), at=LATER)
        run(make_campaign())
        campaigns.set_template(make_draft(), template_for(Channel.SMS), actor=COMMAND_LINE, now=NOW)
        assert state(start_id) == "queued"


def fire_again_and_again(barrier: Barrier, number: int, campaign_id: int) -> None:
    """Fire a retry in every round, at the same moment as the others; the first process schedules and clears up."""
    for _ in range(ROUNDS):
        if number == 0:
            retry_later(campaign_id, at=LATER)
        barrier.wait()
        fire_due_starts(now=LATER)
        barrier.wait()
        if number == 0:
            with transaction():
                execute("UPDATE campaigns SET phase = 'ended'")
                execute("UPDATE bulk_moves SET state = 'cancelled'")


def ask_again_and_again(barrier: Barrier, campaign_id: int) -> None:
    """Ask for a later retry in every round, at the same moment as the others."""
    for _ in range(ROUNDS):
        barrier.wait()
        retry_later(campaign_id, at=LATER)


def fire_and_die(variables: Mapping[str, str], start_id: int) -> None:
    """Be killed with the start fired but not committed."""
    open_installation(Config.from_env(variables))
    with transaction():
        scheduling.fire_start(start_id, now=LATER)
        os._exit(9)


class TestOnce:
    @both_engines
    def test_of_several_firers_one_fires(self, installation: Config) -> None:
        campaign_id = make_failed()
        engines.let_go()
        work_at_once(installation, [Member(fire_again_and_again, (n, campaign_id)) for n in range(PROCESSES)])
        assert [row["state"] for row in rows_of("scheduled_starts")] == ["done"] * ROUNDS
        assert [move.kind for move in moves_of(campaign_id)] == ["run"] + ["retry"] * ROUNDS
        assert "late_start" not in {act for act, _, _ in acts()}

    @both_engines
    def test_of_several_who_ask_at_once_one_start_waits(self, installation: Config) -> None:
        campaign_id = make_failed()
        engines.let_go()
        work_at_once(installation, [Member(ask_again_and_again, (campaign_id,)) for _ in range(PROCESSES)])
        states = [row["state"] for row in rows_of("scheduled_starts", "ORDER BY id")]
        assert sorted(states) == ["cancelled"] * (ROUNDS * PROCESSES - 1) + ["queued"]
        fire_due_starts(now=LATER)
        assert [move.kind for move in moves_of(campaign_id)] == ["run", "retry"]

    @both_engines
    def test_what_was_fired_is_not_fired_again(self) -> None:
        campaign_id = make_failed()
        start_id = retry_later(campaign_id, at=LATER)
        assert scheduling.fire_start(start_id, now=LATER)
        assert scheduling.fire_start(start_id, now=LATER) is None
        assert len(moves_of(campaign_id)) == 2

    @both_engines
    def test_a_process_killed_before_the_commit_leaves_it_to_the_next(self, installation: Config) -> None:
        campaign_id = make_failed()
        start_id = retry_later(campaign_id, at=LATER)
        before = dump()
        process = CONTEXT.Process(target=fire_and_die, args=(dict(installation.variables), start_id))
        process.start()
        process.join(30)
        assert process.exitcode == 9
        assert dump() == before
        fire_due_starts(now=LATER)
        assert (state(start_id), len(moves_of(campaign_id))) == ("done", 2)

    @both_engines
    def test_a_process_killed_after_the_commit_leaves_a_move_that_is_found(
        self, hinted: list[tuple[Work, int]]
    ) -> None:
        campaign_id = make_campaign()
        run_later(campaign_id, at=LATER)
        fire_due_starts(now=LATER)
        hinted.clear()  # whatever was to be told is lost
        find_work(now=LATER)
        assert (Work.MOVES, campaign_id) in hinted

    @both_engines
    def test_it_survives_a_restart(self, installation: Config) -> None:
        campaign_id = make_campaign()
        run_later(campaign_id, at=LATER)
        engines.let_go()
        open_installation(installation)
        fire_due_starts(now=LATER)
        assert phase_of(campaign_id) == "running"

    @both_engines
    def test_a_channel_taken_at_the_last_moment_leaves_it_waiting(self) -> None:
        """It was free when the account was asked, and is not when the start fires."""
        campaign_id = make_campaign()
        start_id = run_later(campaign_id, at=LATER)
        run(make_campaign())
        before = dump()
        with pytest.raises(WrongStateError):
            scheduling.fire_start(start_id, now=LATER)
        assert dump() == before
        assert state(start_id) == "queued"

    def test_a_retry_by_hand_of_the_same_set_comes_first(self) -> None:
        campaign_id = make_failed()
        retry_later(campaign_id, at=LATER)
        retrying.retry_messages(campaign_id, actor=COMMAND_LINE, criteria=Criteria(), now=NOW)
        fire_due_starts(now=LATER)
        assert len(moves_of(campaign_id)) == 2

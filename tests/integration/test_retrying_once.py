"""A retry that is asked for is done once: whoever else asks for it, whoever is killed, now or later."""

import os
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.synchronize import Barrier

import pytest

from jobs.starting import fire_due_starts
from models.actors import COMMAND_LINE
from models.config import Config
from models.database import transaction
from models.errors import WrongStateError
from models.hints import Work
from models.installation import open_installation
from models.operations import retrying, scheduling
from models.operations.retrying import Retried
from models.operations.sweeping import find_work
from models.queries.starts import pending_start_of
from models.rules.criteria import Criteria
from models.rules.retry_plan import RetryPlan
from models.rules.verdicts import Word
from tests import engines
from tests.crews import CONTEXT, Member, work_at_once
from tests.factories import MINUTE, NOW, dump, make_ended, move_all, moves_of, retry_later, rows_of, send_all

pytestmark = [pytest.mark.both_engines, pytest.mark.usefixtures("installation")]

HOUR = 60 * MINUTE
DAY = 24 * HOUR
LATER = NOW + HOUR
ROUNDS = 20


def make_failed() -> int:
    """A campaign that has ended, with nothing but failures."""
    return make_ended(messages=3, word=Word.FAILED)


def confirm_while_it_fires(barrier: Barrier, number: int, campaign_id: int) -> None:
    """Confirm a plan in every round, while another process fires the same plan's later start; then fail all again."""
    for at in range(LATER, LATER + ROUNDS * DAY, DAY):
        if number == 0:
            plan = open_plan_for_later(campaign_id, at=at)
        barrier.wait()
        with suppress(WrongStateError):  # the other was first
            if number == 0:
                confirm(plan, now=at)
            elif start := pending_start_of(campaign_id):
                scheduling.fire_start(start.id, now=at)
        barrier.wait()
        if number == 0:
            move_all(campaign_id, now=at)
            send_all(campaign_id, Word.FAILED, now=at)


def open_plan_for_later(campaign_id: int, *, at: int = LATER) -> RetryPlan:
    """A plan of all that failed an hour before, which starts later."""
    plan = retrying.open_plan(campaign_id, criteria=Criteria(), actor=COMMAND_LINE, now=at - HOUR)
    criteria = retrying.plan_criteria(plan.id, ticked=plan.shown, include_unconfirmed=False)
    retry_later(campaign_id, at=at, criteria=criteria, now=at - HOUR)
    return plan


def confirm(plan: RetryPlan, *, now: int = NOW + MINUTE) -> Retried:
    """Confirm all of it, now instead of later."""
    return retrying.confirm_plan(plan.id, ticked=plan.shown, include_unconfirmed=False, actor=COMMAND_LINE, now=now)


def confirm_and_die(variables: Mapping[str, str], plan: RetryPlan) -> None:
    """Be killed with the plan confirmed but not committed."""
    open_installation(Config.from_env(variables))
    with transaction():
        confirm(plan)
        os._exit(9)


def test_plan_that_is_confirmed_while_its_later_start_fires_sends_each_once(installation: Config) -> None:
    campaign_id = make_failed()
    engines.let_go()
    work_at_once(installation, [Member(confirm_while_it_fires, (n, campaign_id)) for n in range(2)])
    assert {row["retries"] for row in rows_of("messages")} == {ROUNDS}


def test_retry_survives_a_restart(installation: Config) -> None:
    campaign_id = make_failed()
    open_plan_for_later(campaign_id)
    engines.let_go()
    open_installation(installation)
    fire_due_starts(now=LATER)
    assert [move.kind for move in moves_of(campaign_id)] == ["run", "retry"]


@pytest.mark.parametrize(("late", "moves"), [(HOUR, 2), (HOUR + 1, 1)])
def test_retry_is_not_fired_beyond_its_allowance(late: int, moves: int) -> None:
    campaign_id = make_failed()
    open_plan_for_later(campaign_id)
    fire_due_starts(now=LATER + late)
    assert len(moves_of(campaign_id)) == moves


def test_process_killed_before_the_commit_confirms_nothing(installation: Config) -> None:
    campaign_id = make_failed()
    plan = open_plan_for_later(campaign_id)
    before = dump()
    process = CONTEXT.Process(target=confirm_and_die, args=(dict(installation.variables), plan))
    process.start()
    process.join(30)
    assert process.exitcode == 9
    assert dump() == before
    assert confirm(plan).messages == 3


def test_process_killed_after_the_commit_leaves_a_move_that_is_found(hinted: list[tuple[Work, int]]) -> None:
    campaign_id = make_failed()
    plan = open_plan_for_later(campaign_id)
    first = confirm(plan)
    hinted.clear()  # whatever was to be told is lost, and the answer too
    assert confirm(plan) == first
    find_work(now=NOW + 2 * MINUTE)
    assert (Work.MOVES, campaign_id) in hinted

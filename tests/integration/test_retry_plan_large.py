"""The retry plan of a large campaign: it reads what it must, and the opt-out list only once."""

from collections.abc import Callable, Iterator

import pytest

from models import database
from models.actors import COMMAND_LINE
from models.database import execute, insert_many, on_sqlite, select, transaction
from models.operations import retrying
from models.operations.counters import Deltas
from models.queries.retries import groups_query
from models.rules.criteria import Criteria
from models.rules.retry_plan import RetryPlan
from models.words import Channel, FailureReason, Phase, RetryClass
from tests.factories import NOW, make_draft, message_ids, moves_of, put_into_phase

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines

ROWS = 100_000


def make_large(channel: Channel, *, failed: int) -> int:
    """An ended campaign of many rows, the first of them Failed."""
    campaign_id = make_draft(channel)
    failure = ("failed", FailureReason.UNREACHABLE.value, RetryClass.LIKELY.value)
    rows = (
        (campaign_id, f"r{n}", f"r{n}", *(failure if n < failed else ("delivered", None, None)), 1, NOW)
        for n in range(ROWS)
    )
    columns = ("campaign_id", "recipient", "recipient_key", "status", "failure_reason", "retry_class", "segments")
    with transaction():
        insert_many("messages", (*columns, "updated_at"), rows)
        deltas = Deltas()
        deltas.add(campaign_id, *failure, failed)
        deltas.add(campaign_id, "delivered", None, None, ROWS - failed)
        deltas.write(NOW)
    put_into_phase(campaign_id, Phase.ENDED)
    if not on_sqlite():
        execute("ANALYZE messages")
    return campaign_id


def open_plan(campaign_id: int, *picked: int) -> RetryPlan:
    return retrying.open_plan(campaign_id, criteria=Criteria(message_ids=picked), actor=COMMAND_LINE, now=NOW + 1)


@pytest.fixture
def statements() -> Iterator[Callable[[], list[str]]]:
    """What SQLite was asked since the test began."""
    asked: list[str] = []
    connection = database.database.connection()

    def note(_cursor: object, statement: str, _values: object) -> bool:
        asked.append(statement)
        return True

    connection.exec_trace = note
    yield lambda: asked
    connection.exec_trace = None


@both_engines
def test_rows_of_other_statuses_are_not_read() -> None:
    campaign_id = make_large(Channel.SMS, failed=1000)
    query, values = groups_query(campaign_id, Criteria(statuses=("failed", "unconfirmed", "opted_out")))
    explain = "EXPLAIN QUERY PLAN" if on_sqlite() else "EXPLAIN"
    steps = " ".join(str(row[-1]) for row in select(f"{explain} {query}", *values))
    assert "messages_status" in steps or "messages_failure" in steps
    assert "SCAN messages" not in steps
    assert "Seq Scan" not in steps


def test_whole_email_campaign_is_planned_from_its_counters(statements: Callable[[], list[str]]) -> None:
    campaign_id = make_large(Channel.EMAIL, failed=ROWS)
    assert open_plan(campaign_id).shown == {"likely:unreachable": ROWS, "unconfirmed": 0}
    read = [statement for statement in statements() if "FROM messages" in statement]
    assert [statement for statement in read if "messages_recipient WHERE recipient_key >= " not in statement] == []


@both_engines
def test_opt_outs_are_looked_up_each_once_however_many_were_picked() -> None:
    """Else it takes minutes, and this test too long."""
    campaign_id = make_large(Channel.SMS, failed=ROWS)
    columns = ("channel", "key_hash", "recipient_key", "source", "actor_name", "created_at")
    rows = [("sms", f"hash {n}", f"r{n * 5}", "hand", "Ben", NOW) for n in range(20_000)]
    with transaction():
        insert_many("opt_outs", columns, rows)
    plan = open_plan(campaign_id, *message_ids(campaign_id)[:5000])
    assert plan.shown == {"likely:unreachable": 4000, "unconfirmed": 0}


@both_engines
def test_all_of_it_is_planned_and_confirmed_at_once() -> None:
    campaign_id = make_large(Channel.SMS, failed=ROWS)
    plan = open_plan(campaign_id)
    assert (plan.messages(plan.ticked), plan.segments(plan.ticked)) == (ROWS, ROWS)
    done = retrying.confirm_plan(
        plan.id, ticked=plan.ticked, include_unconfirmed=False, actor=COMMAND_LINE, now=NOW + 2
    )
    assert done.messages == ROWS
    assert moves_of(campaign_id)[-1].total == ROWS

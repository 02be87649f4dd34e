"""How the engines go about a statement: what was asked of the database, and the plan for it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apsw

from models.database import database, execute, insert_many, on_sqlite, transaction
from tests.factories import NOW, make_draft

Statement = tuple[str, Any]
CAMPAIGNS, CONTACTS = 40, 500  # enough for a planner to see that an index pays


def make_crowd() -> list[int]:
    """Campaigns with contacts, the same people in all, and statistics of them; returns the campaigns' ids."""
    ids = [make_draft() for _ in range(CAMPAIGNS)]
    with transaction():
        insert_many(
            "messages",
            ("campaign_id", "recipient", "recipient_key", "field_values", "status", "updated_at"),
            (
                (campaign_id, f"+1415{5550000 + n}", f"+1415{5550000 + n}", "[]", ("failed", "waiting")[n % 2], NOW)
                for campaign_id in ids
                for n in range(CONTACTS)
            ),
        )
        if not on_sqlite():
            execute("ANALYZE messages")
            execute("ANALYZE campaigns")
    return ids


@contextmanager
def noted_statements() -> Iterator[list[Statement]]:
    """Collects what is asked of the database in the block."""
    noted: list[Statement] = []
    handler = logging.Handler()
    handler.emit = lambda record: noted.append(record.msg)  # type: ignore[method-assign,assignment]
    logger = logging.getLogger("peewee")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield noted
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def plan_of(statement: Statement) -> str:
    """The engine's plan, as it tells it."""
    sql, values = statement
    explain = "EXPLAIN QUERY PLAN" if on_sqlite() else "EXPLAIN"
    return "\n".join(str(row) for row in database.execute_sql(f"{explain} {sql}", values).fetchall())


def plans_on_messages(noted: list[Statement]) -> list[str]:
    """The plans of the reads of messages among what was noted."""
    return [plan_of(statement) for statement in list(noted) if "messages" in statement[0] and "SELECT" in statement[0]]


def rows_passed(statement: Statement) -> int:
    """How many rows the engine passes, whether it shows them or not; on SQLite its own steps, some ten to a row."""
    sql, values = statement
    if on_sqlite():
        return _steps(sql, values)
    explained = database.execute_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", values).fetchall()[0][0]
    return _passed(explained[0]["Plan"])


def _steps(sql: str, values: Any) -> int:
    noted: list[int] = []
    connection = database.connection()
    connection.trace_v2(
        apsw.SQLITE_TRACE_PROFILE,
        lambda said: noted.append(said["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]),
        id="steps",
    )
    try:
        database.execute_sql(sql, values).fetchall()
    finally:
        connection.trace_v2(0, None, id="steps")
    return sum(noted)


def _passed(plan: dict[str, Any]) -> int:
    """The rows that the leaves of a plan gave or left out."""
    inner = plan.get("Plans", [])
    if inner:
        return sum(_passed(part) for part in inner)
    removed = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return int((plan["Actual Rows"] + removed) * plan["Actual Loops"])

"""What is to be done after a commit: once it is durable, of that transaction alone, and never of what was undone."""

from contextlib import suppress

import pytest

from models.database import after_commit, database, execute, transaction
from tests.factories import make_draft, rows_of

pytestmark = [pytest.mark.both_engines, pytest.mark.usefixtures("installation")]


class UndoneError(Exception):
    """What ends a transaction here."""


@pytest.fixture
def said() -> list[str]:
    return []


def test_hints_come_after_the_outermost_commit_in_their_order(said: list[str]) -> None:
    with transaction():
        after_commit(lambda: said.append("first"))
        with transaction():
            after_commit(lambda: said.append("second"))
        after_commit(lambda: said.append(f"third, {database.in_transaction()}"))
        assert said == []
    assert said == ["first", "second", "third, False"]


def test_hint_of_a_savepoint_that_was_undone_is_never_said(said: list[str]) -> None:
    with transaction():
        after_commit(lambda: said.append("outer"))
        with suppress(UndoneError), transaction():
            after_commit(lambda: said.append("inner"))
            raise UndoneError
    assert said == ["outer"]


def test_hint_of_a_transaction_that_was_undone_is_not_said_after_the_next(said: list[str]) -> None:
    with suppress(UndoneError), transaction():
        with transaction():
            after_commit(lambda: said.append("undone"))
        raise UndoneError
    with transaction():
        pass
    assert said == []


def test_hint_that_fails_keeps_no_other_back_and_none_for_another_transaction(said: list[str]) -> None:
    draft = make_draft()

    def fails() -> None:
        raise UndoneError

    def writes_itself() -> None:
        with transaction():
            after_commit(lambda: said.append("its own"))
        said.append("written")

    with pytest.raises(UndoneError), transaction():  # noqa: PT012  # it is raised at the end
        execute("UPDATE campaigns SET description = 'kept' WHERE id = ?", draft)
        for hint in (fails, writes_itself, lambda: said.append("last")):
            after_commit(hint)
    assert said == ["its own", "written", "last"]
    assert [row["description"] for row in rows_of("campaigns")] == ["kept"]
    with transaction():
        pass
    assert said == ["its own", "written", "last"]

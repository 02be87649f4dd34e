"""A campaign ends only when nothing is left in it, however close others come to that moment.

On PostgreSQL alone: two statements of one transaction may see what was committed in between.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from models import database
from models.actors import COMMAND_LINE
from models.config import Config
from models.operations import retrying, watching
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.words import FailureReason
from tests import engines, factories
from tests.factories import NOW

pytestmark = pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)


@pytest.fixture
def before(installation: Config, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], list[str]]:
    """Has another process do something just before this one runs its first statement with these words in it."""
    run, here = database.database.obj.execute_sql, threading.get_ident()

    def arrange(words: str, act: Callable[[], object]) -> list[str]:
        done: list[str] = []

        def elsewhere() -> None:
            act()
            database.close()

        def execute_sql(sql: str, *values: Any) -> Any:
            if words in sql and not done and threading.get_ident() == here:
                done.append(sql)
                other = threading.Thread(target=elsewhere)
                other.start()
                other.join()
            return run(sql, *values)

        monkeypatch.setattr(database.database.obj, "execute_sql", execute_sql)
        return done

    return arrange


def test_a_retry_that_is_queued_whole_just_before_its_moves_are_looked_at(
    before: Callable[[str, Callable[[], object]], list[str]],
) -> None:
    campaign_id = factories.make_campaign(messages=3)
    factories.run(campaign_id)
    factories.send_all(campaign_id, Word.FAILED, reason=FailureReason.UNREACHABLE)
    retrying.retry_messages(campaign_id, actor=COMMAND_LINE, criteria=Criteria(), now=NOW + 1)
    done = before("FROM bulk_moves", lambda: factories.move_all(campaign_id))
    assert not watching.finish_if_done(campaign_id, now=NOW + 2)
    assert done
    assert factories.statuses(campaign_id) == {"queued": 3}
    assert factories.phase_of(campaign_id) == "running"

"""Counters are held against their rows by themselves, and mended where they differ."""

import pytest

from models.database import execute, transaction
from models.operations.proving import campaigns_to_prove, prove_counts
from models.queries.campaigns import counts_of, get_campaign
from models.rules.timeouts import DAY
from models.rules.verdicts import Word
from models.tables import Audit
from models.words import MessageStatus
from tests import factories
from tests.factories import NOW, SECOND, make_campaign, make_ended, statuses

pytestmark = [pytest.mark.both_engines, pytest.mark.usefixtures("installation")]


def falsify(campaign_id: int, status: str, n: int) -> None:
    """Let a counter lie, as no operation can."""
    with transaction():
        execute("UPDATE message_counts SET n = n + ? WHERE campaign_id = ? AND status = ?", n, campaign_id, status)


def test_true_counts_are_proven_and_nothing_else_changes() -> None:
    campaign_id = make_ended(messages=3)
    assert prove_counts(campaign_id, now=NOW + SECOND) == {}
    assert get_campaign(campaign_id).proven_at == NOW + SECOND
    assert not Audit.select().where(Audit.act == "mend_counts").count()


def test_false_count_is_mended_and_kept_in_the_audit() -> None:
    campaign_id = make_ended(messages=3, word=Word.FAILED)
    falsify(campaign_id, "failed", 2)
    falsify(campaign_id, "delivered", 0)
    assert counts_of(campaign_id)[MessageStatus.FAILED] == 5
    assert list(prove_counts(campaign_id, now=NOW + SECOND).values()) == [(5, 3)]
    assert statuses(campaign_id) == {"failed": 3}
    entry = Audit.get(Audit.act == "mend_counts")
    assert (entry.actor_name, entry.numbers["messages"]) == ("system", 2)
    assert prove_counts(campaign_id, now=NOW + 2 * SECOND) == {}


def test_count_that_is_missing_is_put_there() -> None:
    campaign_id = make_ended(messages=3)
    with transaction():
        execute("DELETE FROM message_counts WHERE campaign_id = ?", campaign_id)
    prove_counts(campaign_id, now=NOW + SECOND)
    assert statuses(campaign_id) == {"delivered": 3}


def test_each_end_is_proven_first_and_everything_once_a_day() -> None:
    ready, ended = make_campaign(), make_ended()
    assert campaigns_to_prove(now=NOW, limit=9) == [ended, ready]
    for campaign_id in (ended, ready):
        prove_counts(campaign_id, now=NOW + SECOND)
    assert campaigns_to_prove(now=NOW + 2 * SECOND, limit=9) == []
    factories.run(ready, now=NOW + 3 * SECOND)
    factories.send_all(ready, now=NOW + 4 * SECOND)
    assert campaigns_to_prove(now=NOW + 5 * SECOND, limit=9) == [ready]
    prove_counts(ready, now=NOW + 5 * SECOND)
    assert campaigns_to_prove(now=NOW + DAY, limit=9) == []
    assert campaigns_to_prove(now=NOW + SECOND + DAY, limit=9) == [ended]

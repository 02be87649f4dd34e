"""Delivery over time: what arrived when, from figures alone."""

import re

import pytest

from models.config import Config
from models.database import execute, insert_many, on_sqlite, transaction
from models.queries.flow import MOST_COLUMNS, STEPS, flow_of, flows_of
from models.rules.verdicts import Word
from models.words import Channel, FailureReason, MessageStatus
from tests.factories import (
    MINUTE,
    NOW,
    SECOND,
    answer,
    claim,
    make_campaign,
    make_draft,
    move_all,
    receive,
    retry,
    run,
    stop,
)
from tests.integration.plans import noted_statements, plan_of

pytestmark = [pytest.mark.usefixtures("installation"), pytest.mark.both_engines]
D, F = MessageStatus.DELIVERED, MessageStatus.FAILED
TEN = 10 * SECOND


def arrive(campaign_id: int, n: int, word: Word, *, at: int) -> None:
    """So many are sent and have this verdict then."""
    claimed = claim(campaign_id, limit=n, now=at)
    answer(claimed, at=at)
    receive(claimed, word, at=at, reason=FailureReason.UNREACHABLE if word is Word.FAILED else None)


def test_each_stretch_has_what_arrived_in_it() -> None:
    campaign_id = make_campaign(messages=9)
    run(campaign_id)
    arrive(campaign_id, 3, Word.DELIVERED, at=NOW)
    arrive(campaign_id, 2, Word.FAILED, at=NOW + 9 * SECOND)
    arrive(campaign_id, 4, Word.DELIVERED, at=NOW + 30 * SECOND)
    flow = flow_of(campaign_id)
    assert flow is not None
    assert (flow.since, flow.step) == (NOW - NOW % TEN, TEN)
    assert flow.columns == ({D: 3, F: 2}, {}, {}, {D: 4})


def test_longer_a_campaign_takes_the_wider_a_column_is() -> None:
    campaign_id = make_campaign(messages=100)
    run(campaign_id)
    steps = []
    for number in range(20):
        arrive(campaign_id, 1, Word.DELIVERED, at=NOW + SECOND * 3**number // 10)
        flow = flow_of(campaign_id)
        assert flow is not None
        assert len(flow.columns) <= MOST_COLUMNS
        assert sum(column.get(D, 0) for column in flow.columns) == number + 1
        steps.append(flow.step)
    assert steps == sorted(steps)
    assert set(steps) <= set(STEPS)


def test_retried_message_arrives_again() -> None:
    campaign_id = make_campaign(messages=1)
    run(campaign_id)
    arrive(campaign_id, 1, Word.FAILED, at=NOW)
    retry(campaign_id, now=NOW + SECOND)
    move_all(campaign_id, now=NOW + SECOND)
    arrive(campaign_id, 1, Word.DELIVERED, at=NOW + MINUTE)
    flow = flow_of(campaign_id)
    assert flow is not None
    assert (flow.columns[0], flow.columns[-1]) == ({F: 1}, {D: 1})


def test_there_is_none_before_anything_arrived() -> None:
    draft, ready = make_draft(), make_campaign()
    assert (flow_of(draft), flow_of(ready), flow_of(999)) == (None, None, None)
    run(ready)
    assert flow_of(ready) is None


def test_chart_begins_and_ends_with_what_it_draws() -> None:
    campaign_id = make_campaign(messages=4)
    run(campaign_id)
    arrive(campaign_id, 1, Word.OPTED_OUT, at=NOW)
    arrive(campaign_id, 2, Word.DELIVERED, at=NOW + MINUTE)
    stop(campaign_id, now=NOW + 2 * MINUTE)
    move_all(campaign_id, now=NOW + 2 * MINUTE)
    flow = flow_of(campaign_id)
    assert flow is not None
    assert flow.columns == ({D: 2},)


def test_no_message_is_read() -> None:
    campaign_id = make_campaign()
    run(campaign_id)
    arrive(campaign_id, 3, Word.DELIVERED, at=NOW)
    with noted_statements() as noted:
        flow_of(campaign_id)
    assert noted
    assert [sql for sql, _ in noted if re.search(r"\bmessages\b", sql)] == []


def test_figures_of_another_campaign_are_not_among_them(installation: Config) -> None:
    mine, other = make_campaign(messages=2), make_campaign(messages=2)
    for campaign_id in (other, mine):
        run(campaign_id)
        arrive(campaign_id, 2, Word.DELIVERED, at=NOW)
    flow = flow_of(mine)
    assert flow is not None
    assert flow.columns == ({D: 2},)


def test_several_are_read_at_once_each_with_its_own_step() -> None:
    quick, slow, ready = make_campaign(messages=4), make_campaign(Channel.EMAIL, 4), make_campaign()
    for campaign_id in (quick, slow):
        run(campaign_id)
        arrive(campaign_id, 1, Word.FAILED, at=NOW)
    arrive(quick, 3, Word.DELIVERED, at=NOW + 30 * SECOND)
    arrive(slow, 3, Word.DELIVERED, at=NOW + 60 * MINUTE)
    with noted_statements() as noted:
        flows = flows_of([quick, slow, ready], most_columns=24)
    assert len([statement for statement in noted if "SELECT" in statement[0]]) == 2
    assert flows == {quick: flow_of(quick), slow: flows_of([slow], most_columns=24)[slow]}
    assert [len(flow.columns) <= 24 for flow in flows.values()] == [True, True]
    assert (flows[slow].columns[0], flows[slow].columns[-1]) == ({F: 1}, {D: 3})
    assert flows_of([]) == {}


def test_figures_of_others_are_not_read() -> None:
    shown, *others = [make_draft() for _ in range(20)]
    with transaction():
        execute("UPDATE campaigns SET run_at = ?, phase = 'ended'", NOW)
        insert_many(
            "message_flow",
            ("campaign_id", "bucket_at", "status", "n"),
            (
                (campaign_id, NOW + number * TEN, "delivered", 1)
                for campaign_id in (shown, *others)
                for number in range(300)
            ),
        )
        if not on_sqlite():
            execute("ANALYZE message_flow")
    with noted_statements() as noted:
        flows_of([shown])
    for statement in noted:
        assert "messages" not in statement[0]
        assert "SCAN f" not in plan_of(statement)
        assert "Seq Scan on message_flow" not in plan_of(statement)

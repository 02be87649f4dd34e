"""How campaigns end, and how a deleted one goes: by itself, and whole."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from peewee import DatabaseError

from models.actors import COMMAND_LINE
from models.database import execute, on_sqlite, transaction
from models.errors import InvalidInputError, WrongStateError
from models.hints import Work
from models.operations import exporting, importing, running, watching
from models.operations.campaigns import finish_draft
from models.operations.files import store_file
from models.operations.sweeping import find_work
from models.queries.campaigns import get_campaign, summary_of
from models.rules.criteria import Criteria
from models.rules.verdicts import Word
from models.tables import RetryPlan, ScheduledStart
from models.words import CampaignStatus, Channel, Phase, Scope
from tests.factories import (
    NOW,
    answer,
    claim,
    columns_of,
    contacts_file,
    delete,
    dump,
    make_campaign,
    make_draft,
    make_ended,
    move_all,
    moves_of,
    phase_of,
    put_into_phase,
    receive,
    refused,
    resume,
    retry,
    rows_of,
    run,
    start_import,
    statuses,
    stop,
    tables,
)

pytestmark = [pytest.mark.usefixtures("installation")]
both_engines = pytest.mark.both_engines
# What Delete leaves behind: who did what, and who refuses messages; and what is still to be said of it.
HISTORY = {"audit", "bulk_moves", "exports", "opt_outs"}
TOLD = {"slack_outbox"}


class TestEnd:
    @both_engines
    def test_campaign_ends_with_the_last_verdict_by_itself(self) -> None:
        campaign_id = make_campaign(messages=2)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed)
        receive(claimed[:1], Word.DELIVERED, at=NOW + 1)
        assert phase_of(campaign_id) == "running"
        receive(claimed[1:], Word.DELIVERED, at=NOW + 2)
        campaign = get_campaign(campaign_id)
        assert (campaign.phase, campaign.ended_at) == ("ended", NOW + 2)

    @both_engines
    def test_held_campaign_with_nothing_left_ends(self) -> None:
        campaign_id = make_campaign()
        run(campaign_id)
        claimed = claim(campaign_id)
        put_into_phase(campaign_id, Phase.HELD)
        answer(claimed)
        receive(claimed, Word.FAILED)
        assert phase_of(campaign_id) == "ended"

    @both_engines
    def test_campaign_does_not_end_while_a_move_is_open(self) -> None:
        campaign_id = make_campaign()
        running.run_campaign(campaign_id, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
        assert not watching.finish_if_done(campaign_id, now=NOW)
        assert phase_of(campaign_id) == "running"

    @both_engines
    def test_sweep_ends_what_a_crash_left_done_but_running(self) -> None:
        campaign_id = make_ended()
        put_into_phase(campaign_id, Phase.RUNNING)
        find_work(now=NOW)
        assert phase_of(campaign_id) == "ended"

    def test_sweep_hints_again_at_queued_messages_and_open_moves(self, hinted: list[tuple[Work, int]]) -> None:
        queued, moving = make_campaign(Channel.SMS), make_campaign(Channel.EMAIL)
        run(queued)
        running.run_campaign(moving, actor=COMMAND_LINE, disclaimer_accepted=True, now=NOW)
        hinted.clear()
        find_work(now=NOW)
        assert hinted == [(Work.SEND_SMS, queued), (Work.MOVES, moving)]


class TestDelete:
    @both_engines
    @pytest.mark.parametrize("channel", Channel)
    def test_deleted_campaign_leaves_nothing_but_its_history(self, channel: Channel) -> None:
        kept = make_ended(channel, 2)
        before = {table: rows for table, rows in dump().items() if table not in HISTORY | TOLD}
        campaign_id = _campaign_with_everything(channel)
        delete(campaign_id)
        assert phase_of(campaign_id) == "deleting"
        move_all(campaign_id)
        assert {table: rows for table, rows in dump().items() if table not in HISTORY | TOLD} == before
        assert _tables_naming(campaign_id) == HISTORY - {"audit"}
        assert statuses(kept) == {"delivered": 2}
        move = moves_of(campaign_id)[-1]
        assert (move.kind, move.state, move.done) == ("delete", "done", 1100)

    @both_engines
    @pytest.mark.parametrize("typed", ["", "Spring", "spring sms 2"])
    def test_wrong_typed_name_is_refused(self, typed: str) -> None:
        campaign_id = make_campaign(name="Spring SMS")
        with refused(InvalidInputError) as caught:
            running.delete_campaign(campaign_id, actor=COMMAND_LINE, typed_name=typed, now=NOW)
        assert "Spring SMS" in str(caught.value)

    @both_engines
    def test_typed_name_may_differ_in_case(self) -> None:
        campaign_id = make_campaign(name="Spring SMS")
        running.delete_campaign(campaign_id, actor=COMMAND_LINE, typed_name=" spring sms ", now=NOW)
        move_all(campaign_id)
        assert rows_of("campaigns") == []

    @both_engines
    def test_everything_else_is_refused_while_it_goes(self) -> None:
        campaign_id = make_ended(word=Word.FAILED)
        delete(campaign_id)
        for act in (stop, resume, retry, delete):
            with refused(WrongStateError):
                act(campaign_id)

    @both_engines
    def test_ended_campaign_with_deferred_messages_stays(self) -> None:
        campaign_id = make_ended(Channel.EMAIL, word=Word.DEFERRED)
        assert summary_of(campaign_id).status is CampaignStatus.ACTIVE_RETRIES
        with refused(WrongStateError) as caught:
            delete(campaign_id)
        assert "3 messages at the provider" in str(caught.value)

    @both_engines
    def test_failed_campaign_with_messages_still_sending_stays(self) -> None:
        campaign_id = make_campaign(messages=6)
        run(campaign_id)
        claimed = claim(campaign_id)
        answer(claimed[:5], Word.NOT_SENT, scope=Scope.ACCOUNT)
        move_all(campaign_id)
        assert (phase_of(campaign_id), statuses(campaign_id)) == ("failed", {"cancelled": 5, "sending": 1})
        with refused(WrongStateError):
            delete(campaign_id)

    @both_engines
    def test_deletion_cut_off_at_its_end_is_finished_later(self, hinted: list[tuple[Work, int]]) -> None:
        """A worker dies between the last slice and what comes after it; whoever is next finds the work."""
        campaign_id = make_ended()
        delete(campaign_id)
        with _undeletable_campaigns(), pytest.raises(DatabaseError):
            move_all(campaign_id)
        hinted.clear()
        find_work(now=NOW)
        for _, subject_id in hinted:
            move_all(subject_id)
        assert rows_of("campaigns") == rows_of("message_counts") == []


def _campaign_with_everything(channel: Channel) -> int:
    """An ended campaign that has left a row wherever one can."""
    campaign_id = make_draft(channel, name="Everything")
    text = contacts_file(channel, 1100) + "nobody,x\n"
    importing.do_import(start_import(campaign_id, text), clock=lambda: NOW)
    file_id = store_file("terms.pdf", "application/pdf", [b"x" * 1000], now=NOW)
    with transaction():
        execute("INSERT INTO attachments (campaign_id, file_id) VALUES (?, ?)", campaign_id, file_id)
    finish_draft(campaign_id, actor=COMMAND_LINE, now=NOW)
    run(campaign_id)
    claimed = claim(campaign_id, limit=4)
    answer(claimed[:2], Word.OPTED_OUT)
    answer(claimed[2:], Word.FAILED)
    RetryPlan.create(campaign_id=campaign_id, criteria={}, cutoff_at=NOW, created_at=NOW)
    _schedule(campaign_id)
    exporting.do_export(
        exporting.start_export(campaign_id, criteria=Criteria(), actor=COMMAND_LINE, now=NOW), clock=lambda: NOW
    )
    stop(campaign_id)
    move_all(campaign_id)
    return campaign_id


def _schedule(campaign_id: int) -> None:
    ScheduledStart.create(
        campaign_id=campaign_id,
        kind="retry",
        expires_at=NOW,
        state="queued",
        actor_name="Ben",
        surface="panel",
        created_at=NOW,
    )


def _tables_naming(campaign_id: int) -> set[str]:
    return {
        table
        for table in tables()
        if "campaign_id" in columns_of(table) and rows_of(table, f"WHERE campaign_id = {campaign_id}")
    }


@contextmanager
def _undeletable_campaigns() -> Iterator[None]:
    """A database that refuses to let campaigns go, as a full disk would."""
    if on_sqlite():
        makes = ["CREATE TRIGGER full BEFORE DELETE ON campaigns BEGIN SELECT RAISE(ABORT, 'disk full'); END"]
        ends = ["DROP TRIGGER full"]
    else:
        makes = [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$",
            "CREATE TRIGGER full_disk BEFORE DELETE ON campaigns FOR EACH ROW EXECUTE FUNCTION refuse()",
        ]
        ends = ["DROP FUNCTION refuse CASCADE"]
    for statement in makes:
        execute(statement)
    yield
    for statement in ends:
        execute(statement)

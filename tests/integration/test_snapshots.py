"""An export of a campaign that is being sent is of one moment: file, receipt and counters say the same of it."""

import csv
import io
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest

from models import database, hints
from models.actors import COMMAND_LINE, Actor
from models.database import execute, transaction
from models.operations.exporting import cancel_export, do_export, export_now, start_export
from models.operations.resumable import OUR_FAULT
from models.operations.snapshots import Written, write_export
from models.operations.sweeping import find_work
from models.queries.campaigns import counts_of
from models.rules.counts import Counts
from models.rules.criteria import Criteria
from models.rules.timeouts import BEAT_LOST
from models.rules.verdicts import Word
from models.tables import Export, File
from models.words import WorkState
from tests import factories
from tests.factories import NOW, make_campaign

pytestmark = [pytest.mark.both_engines, pytest.mark.usefixtures("installation")]
MESSAGES, EXPORTS, AT_A_TIME = 1200, 100, 6


@contextmanager
def being_sent(campaign_id: int) -> Iterator[None]:
    """Another thread hands its messages over and hears of them, until all are sent or nobody wants it any more."""
    over = Event()

    def send() -> None:
        try:
            while not over.is_set() and (claimed := factories.claim(campaign_id, limit=AT_A_TIME)):
                factories.answer(claimed)
                factories.receive(claimed[:4], Word.DELIVERED)
                factories.receive(claimed[4:5], Word.FAILED)
        finally:
            database.release()

    sender = Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()


def export_and_count(campaign_id: int) -> tuple[Written, Counter[str], Counts]:
    """The receipt, the file's rows by status, and the counters at its moment."""
    counted: list[Counts] = []
    out = io.BytesIO()

    def tell(_rows: int) -> None:  # inside the snapshot, so the counters are those of its moment
        counted.append(counts_of(campaign_id))

    written = write_export(campaign_id, Criteria(), out, clock=lambda: NOW, tell=tell)
    rows = csv.DictReader(io.StringIO(out.getvalue().decode("utf-8-sig"), newline=""))
    return written, Counter(row["status"] for row in rows), counted[-1]


def test_a_hundred_exports_while_it_is_sent_are_each_of_one_moment() -> None:
    campaign_id = make_campaign(messages=MESSAGES)
    factories.run(campaign_id)
    moments = set()
    with being_sent(campaign_id):
        for _ in range(EXPORTS):
            written, in_file, counted = export_and_count(campaign_id)
            in_panel = {status: n for status, n in counted.by_status.items() if n}
            assert in_file == written.totals == in_panel
            assert written.rows == MESSAGES
            moments.add(tuple(sorted(in_file.items())))
    assert len(moments) > 10  # it really moved meanwhile


def test_an_export_made_within_a_request_is_left_to_it_by_the_sweeps() -> None:
    campaign_id = factories.make_ended(now=NOW)
    hinted: list[hints.Work] = []
    hints.send_to(lambda work, _subject_id: hinted.append(work))

    def clock() -> int:  # whenever it asks for the time, a sweep comes round
        sweep = Thread(target=swept)
        sweep.start()
        sweep.join()
        return NOW

    made = export_now(campaign_id, criteria=Criteria(), actor=COMMAND_LINE, clock=clock)
    hints.send_to(lambda _work, _subject_id: None)
    assert (made.state, made.rows_done) == (WorkState.DONE, 3)
    assert hints.Work.EXPORT not in hinted


def test_an_export_cancelled_in_its_last_moment_leaves_no_file_behind() -> None:
    export_id = start_export(factories.make_ended(now=NOW), criteria=Criteria(), actor=COMMAND_LINE, now=NOW)
    asked = itertools.count()

    def clock() -> int:  # it begins, then its reading does; whatever it asks for after that comes too late
        if next(asked) > 1:
            cancel_export(export_id, actor=COMMAND_LINE, now=NOW)
        return NOW

    do_export(export_id, clock=clock)
    assert Export.get_by_id(export_id).state == WorkState.CANCELLED
    assert File.select().count() == 0


def test_an_export_that_somebody_is_at_is_made_by_nobody_else(ben: Actor) -> None:
    export_id = start_export(factories.make_ended(now=NOW), criteria=Criteria(), actor=ben, now=NOW)
    factories.export_while(lambda: do_export(export_id, clock=lambda: NOW + BEAT_LOST), export_id)
    made = Export.get_by_id(export_id)
    assert (made.state, made.ended_at) == (WorkState.DONE, NOW)
    assert [row["id"] for row in factories.rows_of("files")] == [made.file_id]


def test_an_export_whose_maker_gave_no_sign_of_life_is_made_by_another_and_counts_once(ben: Actor) -> None:
    export_id = start_export(factories.make_ended(now=NOW), criteria=Criteria(), actor=ben, now=NOW)
    factories.export_while(lambda: do_export(export_id, clock=lambda: NOW + BEAT_LOST + 1), export_id)
    made = Export.get_by_id(export_id)
    assert (made.state, made.ended_at) == (WorkState.DONE, NOW + BEAT_LOST + 1)
    assert [row["id"] for row in factories.rows_of("files")] == [made.file_id]


def test_an_export_that_has_ended_is_not_made_again(ben: Actor) -> None:
    export_id = start_export(factories.make_ended(now=NOW), criteria=Criteria(), actor=ben, now=NOW)
    do_export(export_id, clock=lambda: NOW)
    before = factories.dump()
    do_export(export_id, clock=lambda: NOW + 1)
    assert factories.dump() == before


def test_an_export_that_can_not_be_written_ends_with_the_reason(
    ben: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = start_export(factories.make_ended(now=NOW), criteria=Criteria(), actor=ben, now=NOW)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    do_export(export_id, clock=lambda: NOW)
    (made,) = factories.rows_of("exports")
    assert (made["state"], made["result"]) == ("failed", "Its file could not be written: No such file or directory.")


def test_an_export_that_a_fault_stops_ends_as_failed_and_the_fault_is_raised_on(ben: Actor) -> None:
    export_id = start_export(factories.make_ended(now=NOW), criteria=Criteria(), actor=ben, now=NOW)
    with transaction():
        execute("""UPDATE exports SET criteria = '{"statuses": 5}'""")
    with pytest.raises(TypeError):
        do_export(export_id, clock=lambda: NOW)
    (made,) = factories.rows_of("exports")
    assert (made["state"], made["result"], made["ended_at"]) == ("failed", OUR_FAULT, NOW)


def swept() -> None:
    try:
        find_work(now=NOW)
    finally:
        database.release()

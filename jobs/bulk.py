"""Jobs that go through many rows: bulk moves, imports, exports, the count of all."""

from jobs import context
from models.actors import SYSTEM
from models.clock import now_ms
from models.operations.exporting import do_export
from models.operations.importing import do_import
from models.operations.moving import Mover
from models.operations.recounting import recount_all
from models.tables import Export, Import
from models.words import OPEN_WORK


def move(campaign_id: int) -> None:
    """Work on the campaign's bulk moves until none is open; what is left at a stop, another process goes on with."""
    mover = Mover()
    stop = context.current().stop
    while not stop.asked and mover.advance(campaign_id, now=now_ms()):
        pass


def import_contacts(import_id: int) -> None:
    """Do an import that is still open."""
    work = Import.get_or_none(Import.id == import_id)
    if work is not None and work.state in OPEN_WORK:
        do_import(import_id, clock=now_ms)


def export(export_id: int) -> None:
    """Make an export that is still open."""
    work = Export.get_or_none(Export.id == export_id)
    if work is not None and work.state in OPEN_WORK:
        do_export(export_id, clock=now_ms)


def recount(_subject_id: int) -> None:
    """Count all campaigns' messages against their counters."""
    recount_all(actor=SYSTEM, now=now_ms())

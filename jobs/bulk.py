"""Jobs that go through many rows: bulk moves, imports, exports."""

import os
import socket
import time

import structlog

from jobs import context
from models.clock import now_ms
from models.errors import CampaignError
from models.operations.exporting import do_export
from models.operations.importing import do_import
from models.operations.leaving import has_open_move
from models.operations.moving import Mover
from models.operations.presence import give_up_lease, hold_lease
from models.tables import Export, Import
from models.words import OPEN_WORK

log = structlog.stdlib.get_logger("signalbox.bulk")

TURN_SECONDS = 1.0
LEASE_SECONDS = 5.0  # longer than a turn with its last slice; whoever dies in one holds the others up no longer


def move(campaign_id: int) -> None:
    """Work on the campaign's bulk moves until none is open; what is left at a stop, another process goes on with.

    One process at a time: a second one would do no more together with the first, and exports would wait for both.
    """
    lease, holder = f"moves:{campaign_id}", f"{socket.gethostname()}-{os.getpid()}"
    mover, stop = Mover(), context.current().stop
    while not stop.asked and has_open_move(campaign_id):
        if not hold_lease(lease, holder=holder, seconds=LEASE_SECONDS, now=now_ms()):
            return
        ends_at = time.monotonic() + TURN_SECONDS
        while not stop.asked and time.monotonic() < ends_at and mover.advance(campaign_id, now=now_ms()):
            pass
        give_up_lease(lease, holder=holder)


def import_contacts(import_id: int) -> None:
    """Do an import that is still open; its draft's page says how it ended."""
    work = Import.get_or_none(Import.id == import_id)
    if work is None or work.state not in OPEN_WORK:
        return
    try:
        do_import(import_id, clock=now_ms)
    except CampaignError as refusal:  # another process is at it, the file can't be read, the draft is gone
        log.info("import not done", import_id=import_id, why=str(refusal))


def export(export_id: int) -> None:
    """Make an export that is still open."""
    work = Export.get_or_none(Export.id == export_id)
    if work is not None and work.state in OPEN_WORK:
        do_export(export_id, clock=now_ms)

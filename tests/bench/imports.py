"""Import: 300,000 contacts, fully checked, against the validators' own time for those very rows."""

import csv
import io
import time
from contextlib import suppress

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from models.actors import COMMAND_LINE
from models.clock import now_ms
from models.contacts.mapping import map_columns
from models.operations import importing
from models.operations.files import store_file
from models.tables import Import
from models.words import Channel, WorkState
from tests.bench.campaign import ENGINES, installation
from tests.bench.measured import measured
from tests.bench.tables import Table
from tests.factories import make_draft
from tests.sample_contacts import HEADERS, sample_file

ROWS = 300_000


def measure(*, quick: bool) -> Table:
    """The table of DESIGN 6 for imports."""
    table = Table(
        "Import of contacts, fully checked",
        ("channel", "engine", "rows", "validators alone", "Signalbox", "ratio", "rows/s", "memory over idle"),
    )
    for channel in Channel:
        rows = ROWS // (10 if quick else 1)
        contents = sample_file(channel, rows)
        alone = _validators_alone(channel, contents)
        for engine in ENGINES:
            cpu, seconds, memory = _import(engine, channel, contents)
            table.add(
                *(channel, engine, f"{rows:,}", f"{alone:.1f} s", f"{cpu:.1f} s", f"{cpu / alone:.2f}"),
                *(f"{rows / seconds:,.0f}", f"{memory:.0f} MB"),
            )
    table.notes.append("Goals: ratio 1.5 at most; 200 MB at most. Seconds are CPU seconds, rows/s are by the clock.")
    return table


def _validators_alone(channel: Channel, contents: bytes) -> float:
    """CPU seconds that the libraries take for the file's destinations."""
    destinations = [row[0] for row in csv.reader(io.StringIO(contents.decode()))][1:]
    check = _check_number if channel is Channel.SMS else _check_address
    since = time.process_time()
    for destination in destinations:
        check(destination)
    return time.process_time() - since


def _check_number(destination: str) -> None:
    with suppress(phonenumbers.NumberParseException):
        number = phonenumbers.parse(destination)
        phonenumbers.is_possible_number(number)
        phonenumbers.is_valid_number(number)


def _check_address(destination: str) -> None:
    with suppress(EmailNotValidError):
        validate_email(destination, check_deliverability=False)


def _import(engine: str, channel: Channel, contents: bytes) -> tuple[float, float, float]:
    """CPU seconds, seconds by the clock, and MB over idle, of a process that imports the file."""
    with installation(engine, {"SMS_PROVIDER": "simulated", "EMAIL_PROVIDER": "simulated"}) as (house, variables):
        file_id = store_file("contacts.csv", "text/csv", [contents], now=now_ms())
        mapping = map_columns(HEADERS[channel], destination=HEADERS[channel][0], fields=None)
        import_id = importing.start_import(
            make_draft(channel),
            importing.ContactsFile(file_id, mapping),
            consent=True,
            actor=COMMAND_LINE,
            now=now_ms(),
        )
        took = measured(house, "import", import_id, variables)
        assert Import.get_by_id(import_id).state == WorkState.DONE
        return took.cpu, took.seconds, took.memory

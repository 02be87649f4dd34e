"""Checking a file's rows one by one: what becomes a contact, and a report of the rest."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from models.addresses import Judgement, Refusal, judge, opt_out_key
from models.contacts.country import read_as_number
from models.contacts.layout import SEPARATORS
from models.contacts.mapping import ColumnMapping
from models.contacts.reading import Row
from models.contacts.refused import RefusedRow
from models.contacts.report import Report
from models.template import is_blank
from models.words import Channel

BATCH_ROWS = 1_000
LONGEST_FIELD = 10 * 1024  # bytes of UTF-8
LINE_END = re.compile(r"\r\n|\r|\n")


class Contact(NamedTuple):
    """A row that can be sent to; `values` stand in the order of the mapping's fields, as written."""

    recipient: str
    key: str
    values: tuple[str, ...]
    opted_out: bool


def check_contacts(
    rows: Iterable[Row],
    *,
    channel: Channel,
    mapping: ColumnMapping,
    opted_out: Callable[[Sequence[str]], set[str]],
    report: Report,
    refuse: Callable[[RefusedRow], None] = lambda _: None,
) -> Iterator[list[Contact]]:
    """Check rows as they come and give the contacts, a list for every 1,000 rows read, which may be empty.

    `opted_out` gets the keys of a list's contacts and gives back those on the opt-out list. `report` (a fresh
    one) is filled on the way and true after each list; `refuse` gets each refused row in turn. The rows must
    be those of the file that the mapping was made for; its country is heeded for SMS only. Memory: the keys
    of all contacts so far, to find repeats.
    """
    report.country = mapping.country if channel is Channel.SMS else None
    report.empty = dict.fromkeys((field.name for field in mapping.fields), 0)
    checker = _Checker(channel, mapping, report, refuse)
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH_ROWS)):
        yield checker.contacts(batch, opted_out)


class _Checker:
    """Judges one row after another; remembers the keys it has seen."""

    def __init__(
        self,
        channel: Channel,
        mapping: ColumnMapping,
        report: Report,
        refuse: Callable[[RefusedRow], None],
    ) -> None:
        self._channel = channel
        self._mapping = mapping
        self._columns = [field.column for field in mapping.fields]
        self._report = report
        self._refuse = refuse
        self._seen: set[str] = set()

    def contacts(self, rows: Sequence[Row], opted_out: Callable[[Sequence[str]], set[str]]) -> list[Contact]:
        """The contacts of the rows, those on the opt-out list marked."""
        found = [contact for row in rows if (contact := self._contact(*row))]
        listed = opted_out([contact.key for contact in found]) if found else set()
        if not listed:
            return found
        marked = [contact._replace(opted_out=contact.key in listed) for contact in found]
        self._report.opted_out += sum(contact.opted_out for contact in marked)
        return marked

    def _contact(self, line: int, written: list[str]) -> Contact | None:
        """The contact of a row, or None with the reason noted."""
        self._report.rows += 1
        missing = self._mapping.width - len(written)
        cells = written + [""] * missing if missing > 0 else written
        recipient, judgement = self._destination(cells)
        refusal = self._fault(cells) or judgement.refusal
        if refusal:
            self._report.note_refused(line, refusal)
            self._refuse(RefusedRow(line, refusal, written))
            return None
        key = opt_out_key(self._channel, recipient)
        if key in self._seen:
            self._report.repeats.note(line)
            return None
        self._seen.add(key)
        values = tuple([cells[column] for column in self._columns])
        self._note_imported(line, values, doubtful=judgement.doubtful)
        if recipient != cells[self._mapping.destination]:
            self._report.note_changed(cells[self._mapping.destination], recipient)
        return Contact(recipient, key, values, opted_out=False)

    def _destination(self, cells: list[str]) -> tuple[str, Judgement]:
        """The recipient, read as a number of the country only where it would be refused as it is."""
        written = cells[self._mapping.destination]
        judgement = judge(self._channel, written)
        country = self._report.country
        number = read_as_number(written, country) if judgement.refusal and country else None
        return (number, judge(self._channel, number)) if number else (written, judgement)

    def _note_imported(self, line: int, values: tuple[str, ...], *, doubtful: bool) -> None:
        self._report.imported += 1
        if doubtful:
            self._report.doubtful.note(line)
        for field, value in zip(self._mapping.fields, values, strict=True):
            if is_blank(value):
                self._report.empty[field.name] += 1

    def _fault(self, cells: list[str]) -> Refusal | None:
        """What is wrong with a row whatever its destination."""
        if len(cells) > self._mapping.width and any(map(str.strip, cells[self._mapping.width :])):
            return Refusal.TOO_MANY_CELLS
        text = "".join(cells)  # most rows are done with a look at the whole
        if len(text) * 4 > LONGEST_FIELD and any(len(cell.encode()) > LONGEST_FIELD for cell in cells):
            return Refusal.FIELD_TOO_LONG
        return Refusal.OPEN_QUOTE if ("\n" in text or "\r" in text) and self._holds_rows(cells) else None

    def _holds_rows(self, cells: list[str]) -> bool:
        """Whether a cell goes on over lines that are rows themselves.

        So it is where a quote left open finds another to close it; strict reading can't see that.
        """
        return any(self._is_row(line, place) for place, cell in enumerate(cells) for line in LINE_END.split(cell)[1:])

    def _is_row(self, line: str, place: int) -> bool:
        """Whether the line is a row of the file, whole or up to the place of the cell that it is found in."""
        for separator in SEPARATORS:
            cells = line.split(separator)
            rowlike = len(cells) > 1 and len(cells) in {self._mapping.width, place + 1}
            if rowlike and self._mapping.destination < len(cells):
                recipient = cells[self._mapping.destination].strip(' "')
                if not judge(self._channel, recipient).refusal:
                    return True
        return False

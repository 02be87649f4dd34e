"""What changed since an export: its stored file is held against the rows of now, in step.

Both are in the order of the messages, and once it is Ready a campaign never gains or loses one, so the two are
read side by side in little memory and nothing is missed, whatever clocks say.
"""

import codecs
import csv
from collections.abc import Iterable, Iterator
from itertools import zip_longest

from models.addresses import FORGOTTEN
from models.errors import WrongStateError
from models.queries.files import read_file
from models.queries.work import file_of
from models.tables import Export

PREVIOUS = "previous_status"
_RECIPIENT, _STATUS, _FIELDS = 0, 1, 9  # where these stand, the contact's own values from the last on
_NOBODYS = ("",)  # a row where one of both has come to its end


def earlier_rows(export: Export, campaign_id: int, *, now: int) -> Iterator[tuple[str, ...]]:
    """The rows of an export of all messages of a campaign, without its header, as they stand in its file.

    Raises NotFoundError when the file is kept no longer, WrongStateError when the export was of anything else.
    """
    if export.criteria or export.since_id or export.campaign_id != campaign_id:
        raise WrongStateError("Only an export of all messages of this campaign can be compared with the present ones.")
    file = file_of(export, now=now)
    rows = csv.reader(_lines(codecs.iterdecode(read_file(file.id), "utf-8-sig")))
    next(rows)
    return map(tuple, rows)


def changed(rows: Iterable[tuple[str, ...]], earlier: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Those of `rows` whose status, reason, codes, attempts or times differ, with the status of before at their end.

    Raises WrongStateError when the earlier ones are of other contacts.
    """
    for row, before in zip_longest(rows, earlier, fillvalue=_NOBODYS):
        if row[_RECIPIENT] not in (before[_RECIPIENT], FORGOTTEN) or before is _NOBODYS:
            raise WrongStateError("The contacts were imported anew since that export. Export all messages.")
        if row[_STATUS:_FIELDS] != before[_STATUS:_FIELDS]:
            yield (*row, before[_STATUS])


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    """Lines with their ends, as `csv` wants them."""
    held = ""
    for piece in pieces:
        *whole, held = (held + piece).split("\n")
        yield from (f"{line}\n" for line in whole)
    if held:
        yield held

"""Reads of files in the database, chunk by chunk as they were written; and of the contacts in one."""

import zlib
from collections.abc import Iterator
from itertools import count

from models.contacts.country import CountryOffer, offer_country
from models.contacts.reading import contact_rows, examine
from models.contacts.text import Source
from models.database import select
from models.errors import NotFoundError
from models.tables import File, Import


def read_file(file_id: int) -> Iterator[bytes]:
    """The file's bytes, chunk by chunk.

    Raises NotFoundError for one that is gone, also when it goes while it is read: that is not its end.
    """
    sizes, given = select("SELECT size FROM files WHERE id = ?", file_id), 0
    for number in count():
        if sizes == [(given,)]:
            return
        found = select("SELECT compressed FROM file_chunks WHERE file_id = ? AND number = ?", file_id, number)
        if not (sizes and found):
            raise NotFoundError("The file is no longer kept, or not whole: upload or export it anew.")
        chunk = zlib.decompress(bytes(found[0][0]))
        given += len(chunk)
        yield chunk


def stored_file(file_id: int) -> File:
    """A stored file's name and figures; raises NotFoundError."""
    found: File | None = File.get_or_none(File.id == file_id)
    if found is None:
        raise NotFoundError("The file is no longer kept. Upload it again.")
    return found


def imported_file(work: Import) -> File | None:
    """The contacts file of an import, as long as it is kept."""
    found: File | None = File.get_or_none(File.id == work.file_id)
    return found


def offer_for(file_id: int, name: str, *, header: bool | None, column: int, country: str) -> CountryOffer:
    """What reading a stored file's column as numbers of a country would change (SPEC 3)."""
    source: Source = lambda: read_file(file_id)  # noqa: E731  # a source is any callable that reads anew
    rows = contact_rows(source, examine(source, name, header=header))
    return offer_country((cells[column] for _, cells in rows if column < len(cells)), country)

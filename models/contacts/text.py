"""A contacts file's bytes as text: its size, what kind of file it is, which encoding it is in."""

import codecs
import io
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from models.errors import UnreadableFileError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Source = Callable[[], Iterable[bytes]]
"""Gives the file's bytes in chunks of any size, from the start at each call."""

MAX_BYTES = 50 * 1024 * 1024
SAVE_AGAIN = "save it again as “CSV UTF-8”"
UTF_8 = "utf-8-sig"  # takes a byte order mark or none
UTF_16 = "utf-16"  # the byte order is in its mark
WINDOWS = "cp1252"
ENCODING_LABELS = {
    UTF_8: "UTF-8",
    UTF_16: "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    WINDOWS: "Windows-1252",
}

OTHER_KINDS = {
    b"PK\x03\x04": "an Excel workbook (.xlsx) or another zip file",
    b"PK\x05\x06": "an empty zip file",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an old Excel workbook (.xls)",
    b"\x1f\x8b": "a gzip file",
    b"%PDF": "a PDF",
    b"{\\rtf": "a rich text document",
}
PIECE = 64 * 1024
NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
# Letters of Windows-1252 but for its Š, Œ and Ž, with whose bytes Japanese characters begin.
ACCENTED = frozenset(map(chr, range(0xC0, 0x100))) - {"×", "÷"}
# Northern alphabets whose own letters also stand together, if only where somebody tries them out.
TOGETHER = tuple(map(frozenset, ("åäö", "æøå", "äöüß", "ðþæö")))


class _Chunks(io.RawIOBase):
    """The chunks of a source as a file, for the standard library's buffers and decoders."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        into = memoryview(buffer)
        size = min(len(into), len(self._rest))
        into[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def open_text(source: Source, encoding: str, *, errors: str = "strict") -> io.TextIOWrapper:
    """The file as text whose lines end with LF, CRLF or CR, and keep their ends."""
    return io.TextIOWrapper(io.BufferedReader(_Chunks(source())), encoding, errors=errors, newline="")


def _pieces(source: Source) -> Iterator[bytes]:
    """The bytes in small pieces, however large the chunks: as text they take up to four times the memory."""
    return iter(partial(io.BufferedReader(_Chunks(source())).read, PIECE), b"")


def refuse_other_kinds(source: Source, file_name: str) -> None:
    """Raise UnreadableFileError unless the name ends with .csv and the beginning is that of a text."""
    if not file_name.strip().lower().endswith(".csv"):
        raise UnreadableFileError(
            "Only .csv files can be read: save the contacts as CSV (in a spreadsheet: “CSV UTF-8”)."
        )
    start = next(_pieces(source), b"")
    for mark, kind in OTHER_KINDS.items():
        if start.startswith(mark):
            raise UnreadableFileError(f"The file is {kind} by another name: open it and save the contacts as CSV.")


def encoding_of(source: Source) -> str:
    """Decode the whole file; the codec that reads it, a key of ENCODING_LABELS.

    UTF-8 if it is that from end to end, UTF-16 by its mark or pattern, else Windows-1252 if that makes sense.
    Raises UnreadableFileError for anything else, for a mixture of UTF-8 and Windows-1252, and over 50 MB.
    """
    wide = _wide_encoding(next(_pieces(source), b""))
    if wide:
        if not _decodes(source, wide):
            raise UnreadableFileError(f"The file begins as UTF-16 text but can't be read to its end: {SAVE_AGAIN}.")
        return wide
    if _decodes(source, UTF_8):
        return UTF_8
    _refuse_mixture(source)
    if not _decodes(source, WINDOWS) or not _is_western(source):
        raise UnreadableFileError(
            f"The file is neither UTF-8 nor Windows-1252 text: {SAVE_AGAIN}, so that no name is garbled."
        )
    return WINDOWS


def _wide_encoding(start: bytes) -> str | None:
    """UTF-16 by its mark; without one only when more than half of the text is ASCII, each with its zero."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return UTF_16
    first, second = start[::2].count(0), start[1::2].count(0)
    half = max(4, len(start) // 4)
    if second > half and first <= second // 50:
        return "utf-16-le"
    return "utf-16-be" if first > half and second <= first // 50 else None


def _decodes(source: Source, encoding: str) -> bool:
    try:
        for _ in codecs.iterdecode(_limited(_pieces(source)), encoding):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _limited(pieces: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_BYTES:
            raise UnreadableFileError("The file is larger than 50 MB: split it into several campaigns.")
        yield piece


def _refuse_mixture(source: Source) -> None:
    """Raise UnreadableFileError for text that is UTF-8 in some places and something else in others.

    Read as Windows-1252 it would garble the former. A few accidental sequences (an accented capital before a
    curly quote) look like UTF-8, so up to a tenth is taken for accidents.
    """
    stray = sound = first_stray = 0
    for number, line in _telling_lines(source, UTF_8, errors="surrogateescape"):
        sound += len(re.findall(r"[\x80-\ud7ff\ue000-\U0010ffff]+", line))
        strays = len(re.findall(r"[\udc80-\udcff]+", line))
        first_stray = first_stray or (number if strays else 0)
        stray += strays
    if sound * 10 > stray:
        raise UnreadableFileError(f"The file is not UTF-8 throughout (line {first_stray} is not): {SAVE_AGAIN}.")


def _is_western(source: Source) -> bool:
    """Whether the text makes sense as Windows-1252, where accented letters mostly stand alone.

    Read so, Cyrillic, Greek, Hebrew, Arabic and Asian code pages give words of nothing else. charset-normalizer
    was tried for this and takes “L’été” and “Ñ” for nonsense.
    """
    strange = sound = 0
    for _, line in _telling_lines(source, WINDOWS):
        for run in NOT_ASCII.finditer(line):
            if _is_strange(run[0], line[max(0, run.start() - 1) : run.end() + 1]):
                strange += 1
            else:
                sound += 1
    return not strange or strange < sound


def _is_strange(run: str, around: str) -> bool:
    """Whether the run is hardly Western; `around` is the same with the character before and the one after.

    Three within a word (Sæþór) are not: in another code page the whole word would be of such letters.
    """
    if len(run) <= 2 or len(set(run)) == 1:
        return False
    if len(run) == 3 and ACCENTED.issuperset(run) and re.search("[A-Za-z]", around):
        return False
    letters = set(run.lower())
    return len(letters) < 3 or not any(letters <= alphabet for alphabet in TOGETHER)


def _telling_lines(source: Source, encoding: str, errors: str = "strict") -> Iterator[tuple[int, str]]:
    """Number and text of the lines that hold more than ASCII, a very long line in parts."""
    number = 1
    text = open_text(source, encoding, errors=errors)
    for line in iter(partial(text.readline, PIECE), ""):
        if not line.isascii():
            yield number, line
        number += line.endswith(("\n", "\r"))

"""How many SMS segments a text takes, and in which encoding.

Source of the tables and limits: 3GPP TS 23.038 (GSM 03.38) sections 6.2.1 and 6.2.1.1, and TS 23.040
section 9.2.3.24.1 for the header that joins segments.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

# Position 0x1B, the escape to the extension table, is not a character of its own.
GSM_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
GSM_EXTENSION = "\f^{}\\[~]|€"

LONGEST_SMS = 1600  # characters; Twilio refuses longer bodies: https://www.twilio.com/docs/api/errors/21617


class Encoding(StrEnum):
    """How the text travels; the label is what operators read."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


@dataclass(frozen=True, slots=True)
class Room:
    """What fits into one segment: alone, and as one of several (each then carries a 6-byte header)."""

    alone: int
    joined: int


ROOM = {Encoding.GSM_7: Room(alone=160, joined=153), Encoding.UCS_2: Room(alone=70, joined=67)}


@dataclass(frozen=True, slots=True)
class Segments:
    """The size of one text.

    `characters` are counted as the limits count them: in GSM-7 an extension character is two, in UCS-2
    a character beyond the basic plane (most emoji) is two. `count` is 0 for an empty text.
    """

    characters: int
    encoding: Encoding
    count: int


_GSM_ONLY = re.compile(f"[{re.escape(GSM_BASIC + GSM_EXTENSION)}]*")
_BASIC_ONLY = re.compile(f"[{re.escape(GSM_BASIC)}]*")
_BEFORE_TWO = {
    Encoding.GSM_7: re.compile(f"(?=[{re.escape(GSM_EXTENSION)}])"),
    Encoding.UCS_2: re.compile("(?=[\U00010000-\U0010ffff])"),
}
# Stands before a character that takes two places. A lone surrogate, because no text that can be sent has one.
_FIRST_HALF = "\ud800"


def count_segments(text: str) -> Segments:
    """The size of `text` as the provider bills it: one unit per segment.

    A character outside the GSM tables turns the whole text into UCS-2. National language tables of GSM
    are not counted on: providers don't use them unless asked.
    """
    if len(text) <= ROOM[Encoding.GSM_7].alone and _BASIC_ONLY.fullmatch(text):
        return Segments(len(text), Encoding.GSM_7, 1 if text else 0)
    encoding = Encoding.GSM_7 if _GSM_ONLY.fullmatch(text) else Encoding.UCS_2
    places = _BEFORE_TWO[encoding].sub(_FIRST_HALF, text)
    return Segments(len(places), encoding, _count(places, ROOM[encoding]))


def _count(places: str, room: Room) -> int:
    if len(places) <= room.alone:
        return 1
    count = start = 0
    while start < len(places):
        start += room.joined
        if start < len(places) and places[start - 1] == _FIRST_HALF:
            start -= 1  # both halves go into the next segment
        count += 1
    return count

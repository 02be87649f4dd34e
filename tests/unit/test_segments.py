"""Segments: the limits, what takes two places, and where a text may not be cut."""

import pytest

from models.segments import GSM_BASIC, GSM_EXTENSION, Encoding, Segments, count_segments

ROCKET = "\N{ROCKET}"  # a surrogate pair in UTF-16


def test_gsm_tables_have_all_positions_once() -> None:
    # 128 positions less the escape; the extension table has the nine printable ones and the form feed.
    assert len(set(GSM_BASIC)) == len(GSM_BASIC) == 127
    assert len(set(GSM_EXTENSION)) == len(GSM_EXTENSION) == 10
    assert not set(GSM_BASIC) & set(GSM_EXTENSION)


def test_empty_text_takes_no_segment() -> None:
    assert count_segments("") == Segments(0, Encoding.GSM_7, 0)


@pytest.mark.parametrize(("length", "count"), [(1, 1), (160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)])
def test_gsm_text_is_cut_at_160_then_153(length: int, count: int) -> None:
    assert count_segments("a" * length) == Segments(length, Encoding.GSM_7, count)


@pytest.mark.parametrize(("length", "count"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4)])
def test_other_text_is_cut_at_70_then_67(length: int, count: int) -> None:
    assert count_segments("Ж" * length) == Segments(length, Encoding.UCS_2, count)


@pytest.mark.parametrize("character", GSM_EXTENSION)
def test_extension_character_takes_two_places(character: str) -> None:
    assert count_segments(character * 80) == Segments(160, Encoding.GSM_7, 1)
    assert count_segments(character * 80 + "a") == Segments(161, Encoding.GSM_7, 2)


def test_extension_character_is_not_cut_at_border() -> None:
    # 306 places would fill two segments, but the euro sign at places 153 and 154 moves on whole.
    assert count_segments("a" * 152 + "€" + "a" * 152) == Segments(306, Encoding.GSM_7, 3)
    assert count_segments("a" * 151 + "€" + "a" * 153) == Segments(306, Encoding.GSM_7, 2)


def test_surrogate_pair_is_not_cut_at_border() -> None:
    assert count_segments("Ж" * 66 + ROCKET + "Ж" * 66) == Segments(134, Encoding.UCS_2, 3)
    assert count_segments("Ж" * 65 + ROCKET + "Ж" * 67) == Segments(134, Encoding.UCS_2, 2)


def test_emoji_counts_as_two_utf16_units() -> None:
    assert count_segments(ROCKET * 35) == Segments(70, Encoding.UCS_2, 1)
    # 33 pairs fit into 67 units, one unit stays empty.
    assert count_segments(ROCKET * 66) == Segments(132, Encoding.UCS_2, 2)
    assert count_segments(ROCKET * 67) == Segments(134, Encoding.UCS_2, 3)


@pytest.mark.parametrize("character", ["ç", "`", "“", "–", "\N{NO-BREAK SPACE}", "\t", "\x1b", "\0", "ê"])
def test_one_foreign_character_turns_all_into_ucs2(character: str) -> None:
    assert count_segments("a" * 70 + character).encoding is Encoding.UCS_2
    assert count_segments("a" * 70 + character).count == 2


def test_extension_characters_take_one_unit_in_ucs2() -> None:
    assert count_segments("Ж[€]") == Segments(4, Encoding.UCS_2, 1)


def test_line_breaks_count_as_they_are_typed() -> None:
    assert count_segments("a\r\nb") == Segments(4, Encoding.GSM_7, 1)

"""Contacts files: what can be read, and the one sentence for what can't."""

import csv
import io
import zipfile
from collections.abc import Iterator

import pytest

from models.contacts.reading import Examined, Row, contact_rows, examine
from models.contacts.text import Source
from models.errors import UnreadableFileError
from models.words import Channel
from tests.sample_contacts import sample_file, sample_rows

TABLE = [["phone", "name"], ["+61412345678", "Zoë"], ["+61412345679", "Bob “B” O'Neil – €5"]]


def source(content: bytes, size: int = 11) -> Source:
    """The content in chunks that break lines, characters and line ends."""
    return lambda: (content[start : start + size] for start in range(0, len(content), size))


def large(*parts: tuple[bytes, int]) -> Source:
    """Each part so many times, made on the way."""

    def chunks() -> Iterator[bytes]:
        for part, times in parts:
            for _ in range(times):
                yield part

    return chunks


def written(table: list[list[str]], delimiter: str = ",", line_end: str = "\r\n") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows(table)
    return text.getvalue()


def read(content: bytes, *, header: bool | None = None) -> tuple[Examined, list[Row]]:
    examined = examine(source(content), "contacts.csv", header=header)
    return examined, list(contact_rows(source(content), examined))


def refusal(content: bytes | Source, name: str = "contacts.csv") -> str:
    with pytest.raises(UnreadableFileError) as refused:
        examine(source(content) if isinstance(content, bytes) else content, name)
    assert str(refused.value).endswith(".")
    return str(refused.value)


class TestWhatCanBeRead:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
    def test_encodings_separators_and_line_ends(self, encoding: str, delimiter: str, line_end: str) -> None:
        examined, rows = read(written(TABLE, delimiter, line_end).encode(encoding))
        assert examined.columns == ("phone", "name")
        assert examined.delimiter == delimiter
        assert examined.rows == 2
        assert rows == [(2, TABLE[1]), (3, TABLE[2])]

    def test_big_endian_utf_16_with_its_mark(self) -> None:
        examined, rows = read(b"\xfe\xff" + written(TABLE).encode("utf-16-be"))
        assert examined.encoding == "utf-16"
        assert rows[0] == (2, TABLE[1])

    def test_byte_order_mark_is_not_part_of_the_first_header(self) -> None:
        assert read(b"\xef\xbb\xbf" + written(TABLE).encode())[0].columns[0] == "phone"

    def test_quoted_cells_keep_quotes_separators_and_line_ends(self) -> None:
        cells = ["+61412345678", 'said "hi", left', "one\ntwo\r\nthree\rfour"]
        _, rows = read(written([["phone", 'the "header"', "note"], cells, ["+61412345679", "", ""]]).encode())
        assert rows == [(2, cells), (6, ["+61412345679", "", ""])]

    def test_other_scripts_and_emoji_are_read_as_written(self) -> None:
        sample = sample_file(Channel.SMS, 400)
        assert [cells for _, cells in read(sample)[1]] == list(sample_rows(Channel.SMS, 400))

    def test_blank_lines_are_not_counted_but_keep_the_numbering(self) -> None:
        examined, rows = read(b"\nphone,name\n\n+61412345678,Ann\n\n\n+61412345679,Bob\n\n")
        assert examined.rows == 2
        assert [line for line, _ in rows] == [4, 7]

    def test_last_line_needs_no_end(self) -> None:
        assert read(b"phone\n+61412345678")[1] == [(2, ["+61412345678"])]

    def test_ragged_rows_are_read_as_they_are(self) -> None:
        _, rows = read(b"phone,name\n+61412345678\n+61412345679,Bob,extra\n")
        assert [cells for _, cells in rows] == [["+61412345678"], ["+61412345679", "Bob", "extra"]]

    def test_header_alone_is_a_file_of_no_rows(self) -> None:
        examined, rows = read(b"phone;name\n")
        assert (examined.columns, examined.rows, examined.sample, rows) == (("phone", "name"), 0, (), [])

    def test_sample_holds_the_first_five_rows(self) -> None:
        content = written([["phone"], *([f"+6141234567{digit}"] for digit in range(9))]).encode()
        assert read(content)[0].sample == tuple((f"+6141234567{digit}",) for digit in range(5))

    def test_duplicate_headers_are_no_fault_of_the_file(self) -> None:
        assert read(b"phone,name,Name\n+61412345678,a,b\n")[0].columns == ("phone", "name", "Name")

    def test_blank_header_is_named_by_its_place(self) -> None:
        assert read(b"phone, ,name,\n+61412345678,a,b,\n")[0].columns == ("phone", "Column 2", "name", "Column 4")

    def test_separator_is_not_taken_from_inside_cells(self) -> None:
        examined, _ = read(b"phone;price\n+61412345678;12,5\n+61412345679;13,5\n")
        assert examined.delimiter == ";"

    def test_one_column_of_numbers_is_read_whole(self) -> None:
        assert read(b"+61412345678\n+61412345679\n")[0].rows == 2


class TestHeader:
    @pytest.mark.parametrize(
        "first",
        [
            "+61412345678,Ann",
            "0412 345 678,Ann",
            "6.14E+10,Ann",
            'Ann,"=""0412345678"""',
            "ann@example.com,Ann",
            "٠٤١٢٣٤٥٦٧٨,A",
        ],
    )
    def test_row_with_a_destination_is_no_header(self, first: str) -> None:
        examined, rows = read(f"{first}\n+61412345679,Bob\n".encode())
        assert not examined.has_header
        assert examined.columns == ("Column 1", "Column 2")
        assert [line for line, _ in rows] == [1, 2]

    @pytest.mark.parametrize("first", ["phone,name", "Phone 2,E-mail @ work", "n/a,x", "téléphone,nom"])
    def test_row_without_a_destination_is_the_header(self, first: str) -> None:
        assert read(f"{first}\n+61412345679,Bob\n".encode())[0].has_header

    def test_header_can_be_overridden_both_ways(self) -> None:
        assert read(written(TABLE).encode(), header=False)[1][0] == (1, TABLE[0])
        examined, rows = read(b"+61412345678,Ann\n+61412345679,Bob\n", header=True)
        assert examined.columns == ("+61412345678", "Ann")
        assert rows == [(2, ["+61412345679", "Bob"])]

    def test_columns_without_header_are_as_many_as_the_widest_first_rows_have(self) -> None:
        assert len(read(b"+61412345678\n+61412345679,Bob,x\n")[0].columns) == 3


class TestWhatCannotBeRead:
    @pytest.mark.parametrize("name", ["contacts.xlsx", "contacts.tsv", "contacts.csv.gz", "contacts", ""])
    def test_name_that_does_not_end_with_csv(self, name: str) -> None:
        assert "Only .csv files" in refusal(b"phone\n+61412345678\n", name)

    def test_name_in_capitals_is_a_csv(self) -> None:
        assert examine(source(b"phone\n+61412345678\n"), "CONTACTS.CSV ").rows == 1

    def test_workbook_by_another_name(self) -> None:
        workbook = io.BytesIO()
        with zipfile.ZipFile(workbook, "w") as archive:
            archive.writestr("xl/workbook.xml", "<workbook/>")
        assert "Excel workbook" in refusal(workbook.getvalue())
        assert "old Excel workbook" in refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512)

    @pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\n\r\n"])
    def test_empty_file_has_no_contacts(self, content: bytes) -> None:
        assert "has no contacts" in refusal(content)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_nul_is_named_with_its_line(self, encoding: str) -> None:
        assert "Line 3 holds a NUL" in refusal("phone,name\n+61412345678,a\n+61412345679,a\0b\n".encode(encoding))

    def test_many_nuls_are_not_taken_for_utf_16(self) -> None:
        assert "NUL" in refusal(b"a,b\n" + b"1,\0\n" * 20)

    def test_quote_that_is_never_closed(self) -> None:
        rows = "".join(f"+6141234{number:04},Bob\n" for number in range(2_000))
        assert "opened in line 2 and never closed" in refusal(f'phone,name\n+61412345678,"Ann\n{rows}'.encode())

    def test_quote_left_open_before_another_quote(self) -> None:
        sentence = refusal(b'phone,name\n+61412345678,"Ann\n+61412345679,"Bob"\n')
        assert "Line 3" in sentence
        assert "begins in line 2" in sentence

    def test_text_after_a_closing_quote(self) -> None:
        assert "Line 2" in refusal(b'phone,name\n+61412345678,"Ann" Smith\n')

    def test_quote_left_open_in_the_header(self) -> None:
        assert "line 1" in refusal(b'phone,"name\n+61412345678,Ann\n')

    def test_utf_8_and_windows_bytes_mixed(self) -> None:
        content = "phone,name\n+61412345678,José\n".encode() + "+61412345679,Zoë\n".encode("cp1252")
        assert "not UTF-8 throughout (line 3 is not)" in refusal(content)

    @pytest.mark.parametrize(
        ("encoding", "name"),
        [("cp1251", "Иван Петров"), ("cp1253", "Γιώργος Παππάς"), ("shift_jis", "田中太郎"), ("euc_kr", "김민준")],
    )
    def test_other_code_pages_are_not_garbled(self, encoding: str, name: str) -> None:
        rows = "".join(f"+6141234567{digit},{name}\n" for digit in range(5))
        assert "neither UTF-8 nor Windows-1252" in refusal(f"phone,name\n{rows}".encode(encoding))

    @pytest.mark.parametrize("name", ["Ñ", "L’été", "ÉTÉ À L'ŒUVRE", "São João ½", "££", "———", "Ægir Þórðarson"])
    def test_western_names_are_read_as_windows_1252(self, name: str) -> None:
        examined, rows = read(f"phone,name\n+61412345678,{name}\n".encode("cp1252"))
        assert examined.encoding == "cp1252"
        assert rows == [(2, ["+61412345678", name])]

    @pytest.mark.parametrize("name", ["Sæþór", "SÆÞÓR", "Sæþóra", "Åäö", "ÅÄÖ", "Æøå", "þæö", "Süßöl", "Äöü"])
    def test_letters_that_stand_together_in_northern_words_are_no_other_code_page(self, name: str) -> None:
        examined, rows = read(f"phone,name\n+61412345678,{name}\n".encode("cp1252"))
        assert examined.encoding == "cp1252"
        assert rows == [(2, ["+61412345678", name])]

    @pytest.mark.parametrize(
        ("encoding", "name"),
        [
            ("cp1251", "Аня"),
            ("cp1251", "Юрий"),
            ("koi8_r", "Пётр"),
            ("cp1253", "Άννα"),
            ("cp1253", "Αννα"),
            ("cp1255", "זוהר"),
            ("cp1255", "צור"),
            ("cp1256", "وهو"),
            ("shift_jis", "佐藤"),
            ("shift_jis", "種子島"),
            ("gbk", "王芳"),
            ("big5", "陳小明"),
            ("euc_kr", "LG전자"),
        ],
    )
    def test_one_word_of_another_code_page_is_not_garbled(self, encoding: str, name: str) -> None:
        assert "neither UTF-8 nor Windows-1252" in refusal(f"phone,name\n+61412345678,{name}\n".encode(encoding))

    def test_bytes_that_windows_1252_lacks(self) -> None:
        assert "neither UTF-8 nor Windows-1252" in refusal(b"phone,name\n+61412345678,\x81\x8d\n")

    def test_utf_16_that_breaks_off(self) -> None:
        assert "UTF-16" in refusal(written(TABLE).encode("utf-16")[:-1])


class TestLimits:
    def test_over_50_mb(self) -> None:
        assert "larger than 50 MB" in refusal(large((b"+61412345678,A\n" * 1_000, 3_600)))

    def test_300_000_rows_are_read_and_one_more_is_not(self) -> None:
        most = large((b"phone,name\n", 1), (b"1234567,A\n" * 1_000, 300))
        assert examine(most, "most.csv").rows == 300_000
        over = large((b"phone,name\n", 1), (b"1234567,A\n" * 1_000, 300), (b"1234567,A\n", 1))
        assert "more than 300,000" in refusal(over)

    def test_200_columns_are_read_and_one_more_is_not(self) -> None:
        assert len(examine(source(b"a" + b",a" * 199 + b"\n", 1_000), "wide.csv").columns) == 200
        assert "Line 1 has 201 columns" in refusal(b"a" + b",a" * 200 + b"\n")

    def test_a_million_columns_in_one_line(self) -> None:
        assert "1,000,000 columns" in refusal(large((b"a," * 999, 1_001), (b"a\n", 1)))

    def test_file_of_one_endless_line(self) -> None:
        assert "over 4 MB" in refusal(large((b"x" * 100_000, 500)))

    def test_field_of_50_mb_in_one_line(self) -> None:
        assert "over 4 MB" in refusal(large((b'phone,name\n+61412345678,"', 1), (b"x" * 100_000, 500), (b'"\n', 1)))

    def test_field_of_50_mb_over_many_lines(self) -> None:
        content = large((b'phone,name\n+61412345678,"', 1), (b"x" * 99 + b"\n", 500_000), (b'"\n', 1))
        assert "begins in line 2 is longer than 131,072 characters" in refusal(content)

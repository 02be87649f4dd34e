"""Any table that a CSV file can carry reads back; keys, masks and cells hold for any text."""

import csv
import io
import json
from pathlib import Path

import email_validator
import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.addresses import judge, mask, opt_out_key
from models.contacts.checking import check_contacts
from models.contacts.country import read_as_number
from models.contacts.mapping import map_columns
from models.contacts.reading import contact_rows, examine
from models.contacts.report import Report
from models.csv_cells import neutralise
from models.words import Channel
from tests.sample_contacts import sample_rows

FIXTURES = Path(__file__).parents[1] / "fixtures"
NAUGHTY = json.loads((FIXTURES / "naughty_strings.json").read_text(encoding="utf-8"))
FORMULAS = (FIXTURES / "csv_injection.txt").read_text(encoding="utf-8").splitlines()
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
SPECIAL = st.text(alphabet='",;\t|\r\n a\u2028\x85\x0b\x1cé', max_size=12)
CELLS = st.one_of(TEXT, SPECIAL, st.sampled_from([text for text in NAUGHTY if "\0" not in text]))
# Windows-1252 is only taken for a text that makes sense in it: no runs of what isn't ASCII.
WESTERN = st.lists(st.sampled_from(["é ", "ab", "ñx", "Öl", '"', ",", ";", "\t", "|", "\r\n", "€5"]), max_size=9).map(
    "".join
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])


@st.composite
def tables(draw: st.DrawFn, cells: st.SearchStrategy[str]) -> list[list[str]]:
    width = draw(st.integers(1, 6))
    return draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=12))


def read_back(content: bytes, size: int) -> list[list[str]]:
    chunks = [content[start : start + size] for start in range(0, len(content), size)]
    examined = examine(lambda: chunks, "table.csv", header=False)
    rows = [cells for _, cells in contact_rows(lambda: chunks, examined)]
    assert examined.rows == len(rows)
    return rows


class TestReading:
    @given(
        st.data(),
        st.sampled_from([",", ";", "\t", "|"]),
        st.sampled_from(["\n", "\r\n", "\r"]),
        ENCODINGS,
        st.integers(1, 99),
    )
    def test_quoted_table_reads_back_equal(
        self, data: st.DataObject, delimiter: str, line_end: str, encoding: str, size: int
    ) -> None:
        table = data.draw(tables(WESTERN if encoding == "cp1252" else CELLS))
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL).writerows(table)
        assert read_back(text.getvalue().encode(encoding), size) == table

    @given(st.data(), st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n", "\r"]))
    def test_table_with_destinations_needs_few_quotes(self, data: st.DataObject, delimiter: str, line_end: str) -> None:
        words = st.text(st.characters(categories=["L", "Zs"]), max_size=20)
        # The csv.writer of Python 3.11 leaves a cell unquoted that holds a line end other than its own.
        special = SPECIAL if line_end == "\r\n" else SPECIAL.filter(lambda text: not {"\r", "\n"} & {*text})
        notes = data.draw(st.lists(st.tuples(words, special), min_size=2, max_size=9))
        table = [[f"+6141234567{place}", name, "x" + note] for place, (name, note) in enumerate(notes)]
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows(table)
        assert read_back(text.getvalue().encode(), 50) == table

    @given(st.lists(TEXT.filter(lambda text: text.strip("\r\n")), min_size=1, max_size=5))
    def test_lines_are_numbered_as_an_editor_does(self, notes: list[str]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        begins = []
        for note in notes:
            begins.append(text.getvalue().replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1)
            writer.writerow(["+61412345678", note])
        content = text.getvalue().encode()
        examined = examine(lambda: [content], "table.csv", header=False)
        assert [line for line, _ in contact_rows(lambda: [content], examined)] == begins


class TestAddresses:
    @given(st.one_of(TEXT, st.emails(), st.text(alphabet="aB.@éß\u0301İΣ。-x", max_size=30), st.sampled_from(NAUGHTY)))
    def test_key_of_a_key_is_the_key(self, text: str) -> None:
        for channel in Channel:
            key = opt_out_key(channel, text)
            assert opt_out_key(channel, key) == key

    @given(st.one_of(st.emails(), st.text(alphabet="aB.@é\"' -x\u0301", max_size=300), st.sampled_from(NAUGHTY)))
    def test_email_verdict_is_the_validators_own(self, text: str) -> None:
        try:
            email_validator.validate_email(text, check_deliverability=False)
        except email_validator.EmailNotValidError:
            assert judge(Channel.EMAIL, text).refusal
        else:
            assert not judge(Channel.EMAIL, text).refusal

    @given(st.from_regex(r"\+[1-9][0-9]{3,14}", fullmatch=True))
    def test_number_verdict_is_the_librarys_own(self, text: str) -> None:
        judgement = judge(Channel.SMS, text)
        try:
            number = phonenumbers.parse(text)
        except phonenumbers.NumberParseException:
            assert judgement.refusal
            return
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assume(written == text)  # else it has a national prefix, which the library reads over
        assert (not judgement.refusal) == phonenumbers.is_possible_number(number)
        assert (not judgement.refusal and not judgement.doubtful) == phonenumbers.is_valid_number(number)

    @given(st.one_of(TEXT, st.emails(), st.from_regex(r"\+[0-9]{0,15}", fullmatch=True)))
    def test_mask_hides_something_of_everything(self, text: str) -> None:
        masked = mask(text)
        assert "***" in masked
        assert masked != text
        if text.removeprefix("+").isdigit():
            assert sum(map(str.isdigit, masked)) <= max(0, len(text.removeprefix("+")) - 3)

    @given(
        st.from_regex(r"[(]?0?[1-9][0-9]{1,3}[)]?[ .-]?[0-9]{3}[ .-]{0,2}[0-9]{2,5}", fullmatch=True),
        st.sampled_from(["AU", "DE", "GB", "IT", "US"]),
    )
    def test_number_read_for_a_country_is_accepted(self, text: str, country: str) -> None:
        number = read_as_number(text, country)
        assume(number is not None)
        assert number is not None
        assert not judge(Channel.SMS, number).refusal


class TestCells:
    @given(st.one_of(TEXT, st.text(alphabet="=+-@\t\r\n\0 ＝a1'", max_size=8), st.sampled_from([*NAUGHTY, *FORMULAS])))
    def test_no_formula_is_left_but_phone_numbers(self, cell: str) -> None:
        safe = neutralise(cell)
        assert safe in {cell, "'" + cell}
        assert neutralise(safe) == safe
        phone_number = safe.startswith("+") and safe[1:].isdigit() and safe.isascii() and 7 <= len(safe) <= 16
        assert phone_number or not safe.lstrip(" ").startswith(FORMULA_STARTS)

    @pytest.mark.parametrize("number", ["+61412345678", "+155512", "+123456789012345"])
    def test_phone_numbers_pass_unchanged(self, number: str) -> None:
        assert neutralise(number) == number

    @pytest.mark.parametrize(
        "cell", [*(text for text in FORMULAS if text[0] in "=@"), "+1+2", "+12345", "+61412345678\n", "-1"]
    )
    def test_formulas_get_an_apostrophe(self, cell: str) -> None:
        assert neutralise(cell) == "'" + cell

    @pytest.mark.parametrize("cell", ["", "Ann", "a=b", "5", "'=1", "ann@example.com", "{{name}}", "é", " Ann", "–"])
    def test_all_else_is_left_alone(self, cell: str) -> None:
        assert neutralise(cell) == cell


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from(list(Channel)))
def test_every_row_becomes_one_contact_or_is_accounted_for(seed: int, channel: Channel) -> None:
    rows = list(sample_rows(channel, 150, seed))
    mapping = map_columns(["to", "name", "city", "note"], destination="to", fields=None)
    report = Report()
    batches = check_contacts(
        enumerate(rows, start=1), channel=channel, mapping=mapping, opted_out=lambda _: set(), report=report
    )
    contacts = [contact for batch in batches for contact in batch]
    assert len({contact.key for contact in contacts}) == len(contacts) == report.imported
    assert report.imported + report.refused_rows + report.repeats.count == report.rows == len(rows)
    assert {contact.recipient for contact in contacts} <= {row[0] for row in rows}

"""Rows of contacts files: which become contacts, and what the report says of the others."""

import csv
import io
import json
from collections.abc import Callable, Sequence

import pytest

from models.addresses import Refusal
from models.contacts.checking import Contact, check_contacts
from models.contacts.country import CountryOffer, offer_country
from models.contacts.mapping import ColumnMapping, map_columns
from models.contacts.reading import contact_rows, examine
from models.contacts.refused import RefusedRow, refused_header, refused_line
from models.contacts.report import Lines, Report
from models.words import Channel
from tests.sample_contacts import HEADERS, OUTCOMES, sample_file, sample_rows

COLUMNS = ("phone", "name", "city")


def mapped(country: str | None = None, columns: Sequence[str] = COLUMNS) -> ColumnMapping:
    return map_columns(columns, destination=columns[0], fields=None, country=country)


def nobody(keys: Sequence[str]) -> set[str]:
    return set()


def check(
    rows: Sequence[list[str]],
    *,
    channel: Channel = Channel.SMS,
    mapping: ColumnMapping | None = None,
    opted_out: Callable[[Sequence[str]], set[str]] = nobody,
    refuse: Callable[[RefusedRow], None] = lambda _: None,
) -> tuple[list[Contact], Report]:
    """Check rows that begin in lines 2, 3, …"""
    report = Report()
    batches = check_contacts(
        enumerate(rows, start=2),
        channel=channel,
        mapping=mapping or mapped(),
        opted_out=opted_out,
        report=report,
        refuse=refuse,
    )
    return [contact for batch in batches for contact in batch], report


def number(serial: int) -> str:
    return f"+6141{serial:07}"


class TestContacts:
    def test_values_stand_in_the_order_of_the_fields(self) -> None:
        mapping = map_columns(COLUMNS, destination="phone", fields={"city": "Town", "name": "Name"})
        contacts, _ = check([["+61412345678", " Ann ", "Perth"]], mapping=mapping)
        assert contacts == [Contact("+61412345678", "+61412345678", ("Perth", " Ann "), opted_out=False)]

    def test_recipient_is_kept_as_written_beside_its_key(self) -> None:
        contacts, _ = check([["Ann@BÜCHER.example", "", ""]], channel=Channel.EMAIL)
        assert contacts[0][:2] == ("Ann@BÜCHER.example", "ann@xn--bcher-kva.example")

    def test_short_row_has_empty_values(self) -> None:
        contacts, report = check([["+61412345678"]])
        assert contacts[0].values == ("", "")
        assert report.empty == {"name": 1, "city": 1}

    def test_empty_cells_beyond_the_columns_are_no_fault(self) -> None:
        assert check([["+61412345678", "Ann", "Perth", "", " "]])[1].imported == 1

    def test_there_is_a_list_for_every_thousand_rows(self) -> None:
        rows = [(line, [number(line) if line > 1_000 else "x", "", ""]) for line in range(1, 2_501)]
        report = Report()
        batches = check_contacts(rows, channel=Channel.SMS, mapping=mapped(), opted_out=nobody, report=report)
        assert [len(batch) for batch in batches] == [0, 1_000, 500]


class TestReport:
    def test_every_row_is_counted_once(self) -> None:
        rows = list(sample_rows(Channel.SMS, 3_000))
        contacts, report = check(rows, mapping=mapped(columns=HEADERS[Channel.SMS]))
        assert report.rows == 3_000
        assert report.imported == len(contacts)
        assert report.imported + report.refused_rows + report.repeats.count == report.rows
        assert report.refused_rows > 0
        assert report.repeats.count > 0

    def test_refused_rows_are_counted_by_reason_with_lines(self) -> None:
        _, report = check([["0412345678"], ["+61412345678"], [""], ["0412345679"]])
        assert report.refused == {Refusal.NO_PLUS: Lines(2, [2, 5]), Refusal.EMPTY: Lines(1, [4])}

    def test_all_are_counted_but_a_thousand_lines_kept(self) -> None:
        _, report = check([["x"]] * 1_001)
        lines = report.refused[Refusal.NOT_A_NUMBER]
        assert (lines.count, len(lines.first), lines.first[-1]) == (1_001, 1_000, 1_001)

    def test_repeats_by_key_are_left_out(self) -> None:
        rows = [["ann@example.com"], ["ANN@Example.com"], ["bob@bücher.example"], ["bob@xn--bcher-kva.example"]]
        contacts, report = check(rows, channel=Channel.EMAIL)
        assert [contact.recipient for contact in contacts] == ["ann@example.com", "bob@bücher.example"]
        assert report.repeats == Lines(2, [3, 5])

    def test_doubtful_numbers_are_imported_and_counted(self) -> None:
        contacts, report = check([["+447700900123"], ["+61412345678"]])
        assert len(contacts) == 2
        assert report.doubtful == Lines(1, [2])

    def test_people_on_the_opt_out_list_are_marked(self) -> None:
        asked: list[Sequence[str]] = []

        def opted_out(keys: Sequence[str]) -> set[str]:
            asked.append(keys)
            return {number(3), number(1_500), "+61499999999"} & {*keys, "+61499999999"}

        contacts, report = check([[number(serial)] for serial in range(2_000)], opted_out=opted_out)
        assert [contact.recipient for contact in contacts if contact.opted_out] == [number(3), number(1_500)]
        assert (report.opted_out, report.imported) == (2, 2_000)
        assert [len(keys) for keys in asked] == [1_000, 1_000]

    def test_empty_values_are_counted_for_each_field(self) -> None:
        _, report = check([[number(1), "Ann", " "], [number(2), "", ""], ["x", "", ""]])
        assert report.empty == {"name": 1, "city": 2}

    def test_report_survives_json(self) -> None:
        rows = [*sample_rows(Channel.SMS, 500), ["0412 345 000"]]
        _, report = check(rows, mapping=mapped("AU", HEADERS[Channel.SMS]))
        assert report.changed > 0
        assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report

    def test_sentences_name_counts_and_lines(self) -> None:
        rows = [[number(1), "Ann", "Perth"], [number(1)], ["0412345678"], ["+447700900123", "Bob", ""]]
        _, report = check(rows, opted_out=lambda keys: {number(1)})
        assert report.sentences() == [
            "4 rows read: 2 imported, 1 refused.",
            "Refused: No + and country code in front: 1 (line 4).",
            "Doubtful, as possible but not valid numbers: 1 (line 5).",
            "Repeats of an earlier row, left out: 1 (line 3).",
            "On the opt-out list, imported as Opted Out: 1.",
            "“city” is empty: 1 contact.",
        ]

    def test_file_without_rows_has_no_contacts(self) -> None:
        assert check([])[1].sentences() == ["The file has no contacts."]

    def test_many_lines_are_shown_by_the_first_five(self) -> None:
        assert check([["x"]] * 1_500)[1].sentences()[1].endswith("1,500 (lines 2, 3, 4, 5, 6 and 1,495 more).")


class TestFaultyRows:
    def test_more_cells_than_columns_are_refused(self) -> None:
        _, report = check([["+61412345678", "Smith", " Ann", "Perth"]])
        assert list(report.refused) == [Refusal.TOO_MANY_CELLS]

    @pytest.mark.parametrize(
        ("cell", "imported"), [("x" * 10_240, 1), ("x" * 10_241, 0), ("é" * 5_120, 1), ("é" * 5_121, 0)]
    )
    def test_cells_over_10_kb_are_refused(self, cell: str, imported: int) -> None:
        _, report = check([["+61412345678", cell]])
        assert report.imported == imported
        assert list(report.refused) == [Refusal.FIELD_TOO_LONG] * (1 - imported)

    @pytest.mark.parametrize(
        "swallowed", ["+61412345679,Bob,Perth\n", "", "+61412345679,Bob,Perth\n+61412345680,C,D\n"]
    )
    def test_rows_taken_in_by_an_open_quote_are_not_lost_silently(self, swallowed: str) -> None:
        content = f'phone,name,city\n+61412345678,"Ann,Perth\n{swallowed}+61412345681,Eve",Perth\n'.encode()
        examined = examine(lambda: [content], "contacts.csv")
        rows = [cells for _, cells in contact_rows(lambda: [content], examined)]
        _, report = check(rows)
        assert report.refused == {Refusal.OPEN_QUOTE: Lines(1, [2])}

    @pytest.mark.parametrize(
        "note", ["one\ntwo", "call\n+61412345679", "see below\r\na,b\rc,d,e", "Bob\n0412345679, Perth"]
    )
    def test_cell_of_several_lines_is_no_fault(self, note: str) -> None:
        assert check([["+61412345678", note, ""]])[1].imported == 1


class TestCountry:
    ROWS = (["0412 345 678"], ["+61412345679"], ["6.14E+10"], ["+61412345678"], ["+44 7700 900123"])

    def test_nothing_is_changed_unless_asked(self) -> None:
        contacts, report = check(self.ROWS)
        assert [contact.recipient for contact in contacts] == ["+61412345679", "+61412345678"]
        assert (report.changed, report.changed_samples) == (0, [])

    def test_numbers_are_read_as_those_of_the_country(self) -> None:
        contacts, report = check(self.ROWS, mapping=mapped("AU"))
        assert [contact.recipient for contact in contacts] == ["+61412345678", "+61412345679", "+447700900123"]
        assert (report.country, report.changed) == ("AU", 2)
        assert report.changed_samples[0] == ("0412 345 678", "+61412345678")
        assert report.repeats == Lines(1, [5])
        assert report.doubtful == Lines(1, [6])
        assert list(report.refused) == [Refusal.SPREADSHEET]
        assert any("0412 345 678 as +61412345678" in sentence for sentence in report.sentences())

    @pytest.mark.parametrize(
        "damaged", ["01701234567.0", "491701234567.0", "301234567.00", "+491701234567.0", " 0301234567.0\xa0", "4E+11"]
    )
    def test_number_damaged_by_a_spreadsheet_is_never_read_as_another(self, damaged: str) -> None:
        contacts, report = check([[damaged]], mapping=mapped("DE"))
        assert contacts == []
        assert list(report.refused) == [Refusal.SPREADSHEET]
        assert offer_country([damaged], "DE") == CountryOffer(0, ())

    def test_number_with_dots_between_its_parts_is_still_read(self) -> None:
        contacts, _ = check([["0170.123.45.60"], ["0170.1234570"]], mapping=mapped("DE"))
        assert [contact.recipient for contact in contacts] == ["+491701234560", "+491701234570"]

    def test_country_means_nothing_for_email(self) -> None:
        _, report = check([["0412 345 678"]], channel=Channel.EMAIL, mapping=mapped("AU"))
        assert (report.country, report.imported) == (None, 0)


class TestRefusedRows:
    def test_file_has_line_reason_and_the_cells_as_written(self) -> None:
        lines = [refused_header(COLUMNS)]
        rows = [["0412 345 678", 'A "B"', "=1+1"], ["+61 412", "é\nñ"], ["+61412345678", "", "", "more"]]
        check(rows, refuse=lambda row: lines.append(refused_line(row)))
        text = b"".join(lines).decode("utf-8-sig")
        assert list(csv.reader(io.StringIO(text, newline=""), strict=True)) == [
            ["line", "reason", "phone", "name", "city"],
            ["2", "No + and country code in front", "0412 345 678", 'A "B"', "'=1+1"],
            ["3", "Spaces, dashes, dots or brackets in the number", "'+61 412", "é\nñ"],
            ["4", "More cells than the file has columns", "+61412345678", "", "", "more"],
        ]

    def test_repeats_are_not_among_them(self) -> None:
        refused: list[RefusedRow] = []
        check([["+61412345678"], ["+61412345678"], ["x"]], refuse=refused.append)
        assert [row.line for row in refused] == [4]


class TestSample:
    @pytest.mark.parametrize("channel", list(Channel))
    def test_same_seed_gives_the_same_file(self, channel: Channel) -> None:
        assert sample_file(channel, 200, seed=3) == sample_file(channel, 200, seed=3)
        assert sample_file(channel, 200, seed=3) != sample_file(channel, 200, seed=4)

    @pytest.mark.parametrize("channel", list(Channel))
    def test_most_rows_are_imported_and_some_are_not(self, channel: Channel) -> None:
        rows = list(sample_rows(channel, 2_000))
        contacts, report = check(rows, channel=channel, mapping=mapped(columns=HEADERS[channel]))
        assert len(contacts) > 1_800
        assert report.refused_rows >= 30
        assert report.repeats.count >= 20

    def test_simulated_outcomes_are_among_both(self) -> None:
        numbers = {row[0][-4:] for row in sample_rows(Channel.SMS, 4_000)}
        addresses = {row[0].partition("@")[0] for row in sample_rows(Channel.EMAIL, 4_000)}
        assert {f"90{outcome:02}" for outcome in OUTCOMES} <= numbers
        assert {f"sim.{name}" for name in OUTCOMES.values()} <= addresses

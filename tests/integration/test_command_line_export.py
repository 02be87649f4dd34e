"""Exports from the command line: the CSV of SPEC 6, to the byte."""

import csv
import hashlib
import io
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from models.csv_cells import neutralise
from models.database import execute, transaction
from models.rules.verdicts import Word
from models.words import Channel, FailureReason
from tests import factories
from tests.terminal import Terminal

FIXTURES = Path(__file__).parents[1] / "fixtures"
NAUGHTY: list[str] = json.loads((FIXTURES / "naughty_strings.json").read_text(encoding="utf-8"))
INJECTIONS = (FIXTURES / "csv_injection.txt").read_text(encoding="utf-8").splitlines()
COLUMNS = "recipient,status,failure_reason,provider_code,provider_text,attempts,queued_at,sent_at,updated_at"
MOMENT = re.compile(r"2025-06-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

pytestmark = pytest.mark.both_engines


def exported(terminal: Terminal, campaign_id: int, *words: str) -> list[dict[str, str]]:
    """The rows of an export, by column."""
    path = terminal.folder / "out.csv"
    assert terminal.result("export", campaign_id, *words, "-o", path) == ""
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def test_an_export_is_utf8_with_bom_crlf_and_the_agreed_header(terminal: Terminal) -> None:
    contacts = "phone,City,STATUS,Attempts,-x\n+12025550100,Malmö,gold,3,\n"
    campaign_id = int(terminal.result(*terminal.creation(contacts=contacts, template="Hi")))
    path = terminal.folder / "out.csv"
    said = terminal("export", campaign_id, "-o", path)
    lines = path.read_bytes().split(b"\r\n")
    assert lines[0] == b"\xef\xbb\xbf" + f"{COLUMNS},City,field.STATUS,field.Attempts,'-x".encode()
    assert re.fullmatch(rb"\+12025550100,waiting,,,,0,,,[-0-9T:.]+Z,Malm\xc3\xb6,gold,3,", lines[1])
    assert lines[2:] == [b""]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert re.fullmatch(rf"1 rows as of 20[-0-9T:]+\+00:00, SHA-256 {digest}\n", said.err)


def test_a_verdict_is_told_with_code_text_attempts_and_times(terminal: Terminal) -> None:
    campaign_id = factories.make_campaign(messages=2)
    factories.run(campaign_id)
    claimed = factories.claim(campaign_id)
    factories.answer(claimed)
    failed = {"reason": FailureReason.BLOCKED, "code": "30007", "text": "=Carrier, said: “no”"}
    factories.receive(claimed[:1], Word.FAILED, at=factories.NOW + 1234, **failed)
    rows = exported(terminal, campaign_id)
    assert [row["status"] for row in rows] == ["failed", "sending"]
    assert (rows[0]["failure_reason"], rows[0]["provider_code"]) == ("blocked", "30007")
    assert rows[0]["provider_text"] == "'=Carrier, said: “no”"
    assert rows[0]["attempts"] == "1"
    assert rows[0]["updated_at"] == "2025-06-15T15:06:41.234Z"
    assert all(MOMENT.fullmatch(row[at]) for row in rows for at in ("queued_at", "sent_at", "updated_at"))


def test_naughty_strings_come_back_as_they_went_in(terminal: Terminal) -> None:
    values = [*NAUGHTY, *INJECTIONS, "line\nbreak", "carriage\rreturn", 'quo"te', "a,b;c\td|e", " spaces "]
    written = io.StringIO()
    table = csv.writer(written)
    table.writerow(["phone", "value"])
    recipients = factories.recipients_on(Channel.SMS, len(values))
    table.writerows(zip(recipients, values, strict=True))
    campaign_id = int(terminal.result(*terminal.creation(contacts=written.getvalue(), template="Hi")))
    rows = exported(terminal, campaign_id)
    assert [row["recipient"] for row in rows] == recipients
    assert [row["value"] for row in rows] == [neutralise(value) for value in values]
    assert all(
        row["value"].removeprefix("'") == value.removeprefix("'") for row, value in zip(rows, values, strict=True)
    )
    assert not [row for row in rows if row["value"].startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_an_export_can_be_imported_again(terminal: Terminal) -> None:
    first = int(terminal.result(*terminal.creation()))
    exported(terminal, first)
    again = terminal.creation(
        contacts=terminal.folder / "out.csv", name="Again", destination="recipient", field=["first name=first name"]
    )
    second = int(terminal.result(*again))
    rows = exported(terminal, second)
    assert [(row["recipient"], row["first name"]) for row in rows] == [("+12025550100", "Ada"), ("+12025550101", "Bo")]


def test_who_was_left_out_has_the_reason(terminal: Terminal) -> None:
    campaign_id = factories.make_left_out(left_out=2)
    rows = exported(terminal, campaign_id, "--reason", "reached_lately")
    assert [(row["status"], row["failure_reason"]) for row in rows] == [("cancelled", "reached_lately")] * 2


class TestFilters:
    @pytest.fixture
    def campaign_id(self, terminal: Terminal) -> int:
        """Six messages: two waiting, two failed for one reason, one for another, one delivered."""
        recipients = [f"{name}@example.com" for name in ("ada", "adam", "bo", "cy", "di_x", "dixx")]
        campaign_id = factories.make_campaign(Channel.EMAIL, recipients)
        stands = [
            ("waiting", None),
            ("failed", "blocked"),
            ("failed", "expired"),
            ("failed", "blocked"),
            ("delivered", None),
            ("waiting", None),
        ]
        with transaction():
            for message_id, (status, reason) in zip(factories.message_ids(campaign_id), stands, strict=True):
                execute("UPDATE messages SET status = ?, failure_reason = ? WHERE id = ?", status, reason, message_id)
        return campaign_id

    @pytest.mark.parametrize(
        ("words", "names"),
        [
            ([], "ada adam bo cy di_x dixx"),
            (["--status", "failed"], "adam bo cy"),
            (["--status", "waiting"], "ada dixx"),
            (["--status", "cancelled"], ""),
            (["--reason", "blocked"], "adam cy"),
            (["--status", "delivered", "--reason", "blocked"], ""),
            (["--search", "ada"], "ada adam"),
            (["--search", "ADA"], "ada adam"),
            (["--search", "=ada@example.com"], "ada"),
            (["--search", "=ada"], ""),
            (["--search", "*i_x@"], "di_x"),
            (["--search", "*a%m"], ""),
            (["--status", "failed", "--search", "ada"], "adam"),
        ],
    )
    def test_only_what_matches_is_in_the_file(
        self, terminal: Terminal, campaign_id: int, words: list[str], names: str
    ) -> None:
        rows = exported(terminal, campaign_id, *words)
        assert [row["recipient"].partition("@")[0] for row in rows] == names.split()

    def test_an_export_of_nothing_is_a_header(self, terminal: Terminal, campaign_id: int) -> None:
        assert exported(terminal, campaign_id, "--status", "queued") == []
        assert (terminal.folder / "out.csv").read_bytes() == f"\ufeff{COLUMNS}\r\n".encode()

    def test_totals_by_status_are_those_of_the_rows(self, terminal: Terminal, campaign_id: int) -> None:
        totals = Counter(row["status"] for row in exported(terminal, campaign_id))
        assert totals == {"waiting": 2, "failed": 3, "delivered": 1}


def test_an_export_is_in_the_audit_with_its_rows(terminal: Terminal) -> None:
    campaign_id = factories.make_campaign(messages=2, name="Spring")
    exported(terminal, campaign_id)
    entry = factories.rows_of("audit")[-1]
    assert (entry["act"], entry["object_id"], entry["object_name"]) == ("export", campaign_id, "Spring")
    assert json.loads(entry["numbers"]) == {"rows": 2}


def test_an_output_that_is_no_file_gets_it_all_the_same(terminal: Terminal) -> None:
    campaign_id = factories.make_campaign(messages=2)
    assert terminal("export", campaign_id, "-o", "/dev/null").code == 0

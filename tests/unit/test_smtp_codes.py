"""What a mail server's words mean: the table against its CSV row by row, its rules in words, and enhanced codes."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.providers.base import Meaning
from jobs.providers.smtp.codes import (
    ENHANCED,
    LOCAL,
    NO_CONNECTION,
    NO_SUCH_DOMAIN,
    REPLY,
    TIMED_OUT,
    TLS_ERROR,
    enhanced_in,
    meaning_of,
    reply_code_in,
)
from models.words import FailureReason, RetryClass, Scope

CSV = Path(__file__).parents[1] / "fixtures" / "failure_reasons" / "smtp_reasons.csv"
ROWS = list(csv.DictReader(CSV.read_text(encoding="utf-8").splitlines()))
TABLES = {"enhanced": ENHANCED, "reply": REPLY}
# The CSV's words for what our own side notices, and the codes that we give it.
LOCAL_CODES = {
    "connect_refused/timeout before MAIL": [NO_CONNECTION, TIMED_OUT],
    "tls_error": [TLS_ERROR],
    "dns_nxdomain": [NO_SUCH_DOMAIN],
    "lost connection after DATA dot": [],  # it has no reason: nobody knows
}


def rows(*kinds: str) -> list[object]:
    """The CSV's rows of these kinds, as parameters."""
    return [pytest.param(row, id=row["pattern"]) for row in ROWS if row["kind"] in kinds]


def meaning_in(row: dict[str, str]) -> Meaning:
    """What a row says; the account's refusals, which name no retry class, are pointless to repeat as they are."""
    scope = Scope(row["scope"])
    unnamed = RetryClass.POINTLESS if scope is Scope.ACCOUNT else RetryClass.LIKELY
    return Meaning(FailureReason(row["standard_reason"]), RetryClass(row["retry_class"] or unnamed), scope)


class TestTable:
    def test_csv_has_the_rows_that_it_had(self) -> None:
        assert len(ROWS) == 68

    @pytest.mark.parametrize("kind", TABLES)
    def test_patterns_are_those_of_the_csv_in_its_order(self, kind: str) -> None:
        assert list(TABLES[kind]) == [row["pattern"] for row in ROWS if row["kind"] == kind]

    @pytest.mark.parametrize("row", rows("enhanced", "reply"))
    def test_row_says_what_the_csv_says(self, row: dict[str, str]) -> None:
        assert TABLES[row["kind"]][row["pattern"]] == meaning_in(row)

    @pytest.mark.parametrize("row", rows("enhanced", "reply"))
    def test_account_refusals_are_those_that_go_back_to_the_queue(self, row: dict[str, str]) -> None:
        is_account = TABLES[row["kind"]][row["pattern"]].scope is Scope.ACCOUNT
        assert row["our_status"] == ("queued" if is_account else "failed")

    @pytest.mark.parametrize("row", rows("local"))
    def test_local_error_has_its_codes(self, row: dict[str, str]) -> None:
        for code in LOCAL_CODES[row["pattern"]]:
            assert LOCAL[code] == meaning_in(row)

    def test_there_are_no_other_local_codes(self) -> None:
        assert sorted(LOCAL) == sorted(code for codes in LOCAL_CODES.values() for code in codes)


class TestMeaning:
    @pytest.mark.parametrize("row", rows("enhanced"))
    def test_enhanced_code_finds_its_row(self, row: dict[str, str]) -> None:
        assert meaning_of("", row["pattern"].replace("*", "99"), "") == meaning_in(row)

    @pytest.mark.parametrize("row", rows("reply"))
    def test_reply_code_finds_its_row(self, row: dict[str, str]) -> None:
        assert meaning_of(row["pattern"].replace("*", "9"), "", "") == meaning_in(row)

    @pytest.mark.parametrize("code", LOCAL)
    def test_local_code_finds_its_row(self, code: str) -> None:
        assert meaning_of(code, "", "") == LOCAL[code]

    def test_enhanced_code_goes_before_the_reply_code(self) -> None:
        assert meaning_of("550", "5.2.2", "") == ENHANCED["5.2.2"]
        assert meaning_of("452", "4.5.3", "too many recipients") == ENHANCED["4.5.3"]

    def test_special_pattern_goes_before_the_general_one(self) -> None:
        assert meaning_of("", "5.3.4", "") == ENHANCED["5.3.4"] != ENHANCED["5.3.*"]
        assert meaning_of("421", "", "") == REPLY["421"] != REPLY["4**"]

    @pytest.mark.parametrize("enhanced", ["5.9.1", "5.0.0", "6.1.1", "5.1.11", "nonsense"])
    def test_enhanced_code_without_a_row_leaves_it_to_the_reply_code(self, enhanced: str) -> None:
        assert meaning_of("452", enhanced, "") == REPLY["452"]

    def test_codes_in_the_text_count_where_none_are_given(self) -> None:
        assert meaning_of("", "", "550 5.1.1 no such user") == ENHANCED["5.1.1"]
        assert meaning_of("", "", "421 try again later") == REPLY["421"]

    @pytest.mark.parametrize("code", ["", "250", "600", "55", "5500", "never heard of"])
    def test_what_no_rule_knows_has_no_meaning(self, code: str) -> None:
        assert meaning_of(code, "", "something else") is None

    @given(st.text(), st.text(), st.text())
    def test_no_text_breaks_it(self, code: str, enhanced: str, text: str) -> None:
        found = meaning_of(code, enhanced, text)
        assert found is None or found.reason is not None


class TestRulesInWords:
    @pytest.mark.parametrize(
        ("code", "enhanced", "text", "reason"),
        [
            ("554", "5.7.1", "Message rejected as spam", FailureReason.CONTENT_REJECTED),
            ("550", "5.7.1", "rejected because of its content", FailureReason.CONTENT_REJECTED),
            ("554", "5.7.1", "Client host [192.0.2.1] blocked using zen.spamhaus.org", FailureReason.BLOCKED),
            ("550", "5.7.1", "Spam from your IP: see our blocklist", FailureReason.BLOCKED),
            ("550", "5.7.1", "Relaying denied", FailureReason.BLOCKED),
            ("550", "", "No such user here", FailureReason.INVALID_RECIPIENT),
            ("550", "", "This looks like SPAM", FailureReason.CONTENT_REJECTED),
            ("550", "", "You are blocked", FailureReason.BLOCKED),
            ("550", "", "Mailbox is full", FailureReason.MAILBOX_FULL),
            ("552", "", "Message size exceeds the limit", FailureReason.CONTENT_REJECTED),
            ("552", "", "Mailbox over quota", FailureReason.MAILBOX_FULL),
            ("452", "", "Too many recipients", FailureReason.RATE_LIMITED),
            ("452", "", "Insufficient system storage", FailureReason.MAILBOX_FULL),
            ("554", "", "Virus found", FailureReason.CONTENT_REJECTED),
            ("554", "", "Transaction failed", FailureReason.BLOCKED),
            ("", "", "the mailbox is over its quota", FailureReason.MAILBOX_FULL),
            ("", "", "the sender is on a blacklist", FailureReason.BLOCKED),
        ],
    )
    def test_text_decides_where_the_code_leaves_it_open(
        self, code: str, enhanced: str, text: str, reason: FailureReason
    ) -> None:
        meaning = meaning_of(code, enhanced, text)
        assert meaning is not None
        assert meaning.reason is reason

    @pytest.mark.parametrize(("code", "enhanced"), [("550", "5.1.1"), ("450", ""), ("535", ""), ("571", "")])
    def test_text_does_not_overrule_other_codes(self, code: str, enhanced: str) -> None:
        assert meaning_of(code, enhanced, "spam, blocked, quota") == meaning_of(code, enhanced, "")


class TestEnhancedCode:
    @pytest.mark.parametrize(
        ("text", "enhanced"),
        [
            ("550 5.1.1 no such user", "5.1.1"),
            ("5.1.1 no such user", "5.1.1"),
            ("  4.2.2 The mailbox is full", "4.2.2"),
            ("550-5.7.26 This mail has been blocked\n550 5.7.26 for that", "5.7.26"),
            ("smtp; 452 4.2.2 over quota", "4.2.2"),
            ("host mx.example[192.0.2.1] said: 450 4.7.1 try later (in reply to RCPT TO)", "4.7.1"),
            ("554 Denied (#5.7.1)", "5.7.1"),
            ("550 #5.1.0 Address rejected.", "5.1.0"),
            ("Status: 5.4.4", "5.4.4"),
            ("5.1.1", "5.1.1"),
            ("550 5.1.1: gone", "5.1.1"),
            ("550 5.1.10 null MX", "5.1.10"),
        ],
    )
    def test_it_is_found_where_servers_put_it(self, text: str, enhanced: str) -> None:
        assert enhanced_in(text) == enhanced

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "no such user",
            "5.1.1.7 is blocked",
            "550 5.1.1.7 is blocked",
            "Connection from 5.1.1.7 refused",
            "554 Client host [5.2.1.4] blocked",
            "Postfix 2.5.1 does not like it",
            "Exim 4.94.2",
            "550 4.94.2",
            "server/5.3.1 says no",
            "version 5.1.1 of the policy",
            "3.1.1 is none",
            "550 5.1",
            "550 5.1.1-beta",
            "550 5.1.1111",
        ],
    )
    def test_addresses_and_versions_are_none(self, text: str) -> None:
        assert enhanced_in(text) == ""

    @pytest.mark.parametrize(
        ("text", "code"),
        [("550 no", "550"), ("421-wait", "421"), ("452", "452"), ("5500 no", ""), ("no 550", ""), ("350 go on", "")],
    )
    def test_reply_code_stands_first(self, text: str, code: str) -> None:
        assert reply_code_in(text) == code

"""Twilio's code table against the CSV that it is a copy of."""

import csv
from pathlib import Path

import pytest

from jobs.providers.twilio.codes import MEANINGS, meaning_of
from models.words import Scope

PATH = Path(__file__).parents[1] / "fixtures" / "failure_reasons" / "twilio_errors.csv"
with PATH.open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))


@pytest.mark.parametrize("row", ROWS, ids=[row["code"] for row in ROWS])
def test_code_means_what_its_row_says(row: dict[str, str]) -> None:
    meaning = meaning_of(row["code"])
    assert meaning is not None
    said = ("opted_out" if meaning.reason is None else meaning.reason, meaning.scope, meaning.retry_class)
    assert said == (row["standard_reason"], row["scope"], row["retry_class"])


def test_table_has_each_row_and_no_other() -> None:
    assert len(ROWS) == 88
    assert sorted(row["code"] for row in ROWS) == sorted(MEANINGS)


def test_code_is_found_as_a_number_and_as_text() -> None:
    assert meaning_of(20003) == meaning_of("20003") == MEANINGS["20003"]
    assert MEANINGS["20003"].scope is Scope.ACCOUNT


@pytest.mark.parametrize("code", [0, -1, 99999, "", "abc", "21211 ", "021211", "²", "9" * 5000])
def test_code_that_no_row_has_can_be_told_from_all_others(code: int | str) -> None:
    assert meaning_of(code) is None

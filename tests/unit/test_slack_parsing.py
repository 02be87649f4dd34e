"""What somebody types after /campaign, and what the bot takes it for."""

import pytest

from bot.drawing.blocks import escaped
from bot.parsing import Command, NotUnderstoodError, campaign_number, parse
from models.rules.typed import is_same_name


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", Command("help")),
        ("  HELP ", Command("help")),
        ("stat spring", Command("status", "spring")),
        ("Run  “Spring  sale” ", Command("run", "Spring sale")),
        ("stop ‘Spring’", Command("stop", "Spring")),
        ("status Spring — north", Command("status", "Spring - north")),
        ("status Salt &amp; vinegar", Command("status", "Salt & vinegar")),
        ("find <tel:+14155550123|+1 415 555-0123>", Command("find", "+14155550123")),
        ("find <mailto:ann@example.com|ann@example.com>", Command("find", "ann@example.com")),
        ("export June status:Failed", Command("export", "June", {"status": "Failed"}, "June status:Failed")),
        (
            "export reason:“mailbox full”  June",
            Command("export", "June", {"reason": "mailbox full"}, 'reason:"mailbox full" June'),
        ),
        ("export “Status:quo”", Command("export", "", {"status": "quo"}, "Status:quo")),
        ("stop Status:quo", Command("stop", "Status:quo")),
        ("list status:running", Command("list", "status:running")),
        ("retry", Command("retry")),
    ],
)
def test_it_is_forgiving(typed: str, meant: Command) -> None:
    assert parse(typed) == meant


@pytest.mark.parametrize(("typed", "suggestion"), [("statsu spring", "status"), ("re spring", ""), ("xyzzy", "")])
def test_what_is_no_command_may_be_near_one(typed: str, suggestion: str) -> None:
    with pytest.raises(NotUnderstoodError) as unclear:
        parse(typed)
    assert (unclear.value.typed, unclear.value.suggestion) == (typed.partition(" ")[0], suggestion)


@pytest.mark.parametrize(
    ("typed", "number"), [("12", 12), ("#12", 12), ("C12", 12), (" c12 ", 12), ("12a", None), ("", None)]
)
def test_number_of_a_campaign(typed: str, number: int | None) -> None:
    assert campaign_number(typed) == number


def test_what_is_copied_from_our_own_answers_is_as_if_it_was_typed() -> None:
    name, status = escaped("Autumn_check: 2"), escaped("assumed_delivered")
    assert parse(f"export {name} status:{status}") == parse("export Autumn_check: 2 status:assumed_delivered")


def test_name_copied_from_our_own_texts_is_the_name() -> None:
    assert is_same_name(escaped("Autumn_check: 2").upper(), "Autumn_check: 2")
    assert is_same_name("Autumn\u2060 check", "Autumn\u2060 check")
    assert not is_same_name("Autumn", "Autumn_check: 2")

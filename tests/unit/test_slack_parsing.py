"""What somebody types after /campaign, and what the bot takes it for."""

import pytest

from bot.parsing import Command, NotUnderstoodError, campaign_number, parse


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

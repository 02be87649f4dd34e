"""How the bot counts in its sentences."""

import pytest

from bot.drawing import lines


@pytest.mark.parametrize(
    ("n", "then", "noun", "said"),
    [
        (0, "are queued again", "message", "0 messages are queued again"),
        (1, "are queued again", "message", "1 message is queued again"),
        (1, "were not sent", "message", "1 message was not sent"),
        (1, "that had been Cancelled went on", "message", "1 message that had been Cancelled went on"),
        (1, "", "attempt", "1 attempt"),
        (1200, "go on", "message", "1,200 messages go on"),
        (1200, "", "recipient", "1,200 recipients"),
    ],
)
def test_one_is_no_plural(n: int, then: str, noun: str, said: str) -> None:
    assert lines.counted(n, then, noun) == said

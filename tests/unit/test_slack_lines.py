"""How the bot counts in its sentences."""

import pytest

from bot.drawing import lines
from models.queries.campaigns import CampaignSummary
from models.queries.progress import Progress
from models.rules.counts import Counts
from models.tables import Campaign
from models.words import CampaignStatus, MessageStatus


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


def progress(rate: float) -> Progress:
    summary = CampaignSummary(Campaign(), CampaignStatus.IN_PROGRESS, Counts({MessageStatus.QUEUED: 100}))
    return Progress(summary, sent=0, rate=rate, seconds_left=None, waits_until=None, as_of=0)


@pytest.mark.parametrize(("rate", "said"), [(0.3, "0.3"), (9.96, "10.0"), (41.4, "41"), (1234.0, "1,234")])
def test_slow_pace_is_no_standstill(rate: float, said: str) -> None:
    assert lines.pace(progress(rate)) == f" · {said} messages/s"

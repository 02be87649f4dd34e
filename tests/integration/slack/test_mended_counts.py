"""Counts that were wrong are told to Admins, and to nobody else."""

from models.database import execute, transaction
from models.operations.proving import prove_counts
from tests.factories import make_ended
from tests.integration.slack.asking import text_of
from tests.integration.slack.workspace import Workspace


def test_admins_are_told_of_counts_that_were_wrong(slack: Workspace, now_is: int) -> None:
    campaign_id = make_ended(messages=3, now=now_is)
    with transaction():
        execute("UPDATE message_counts SET n = n + 2 WHERE campaign_id = ? AND status = 'delivered'", campaign_id)
    prove_counts(campaign_id, now=now_is)
    slack.say_what_is_due()
    told = [text_of(one) for one in slack.person("alice").direct_messages()]
    assert [text for text in told if "were wrong* by 2 messages" in text]
    assert "were wrong" not in text_of(slack.person("ben").direct_messages())

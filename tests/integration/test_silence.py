"""A silent provider is noticed by the sweep, told of once, and forgotten when it is heard again."""

import pytest

from models.database import execute, select
from models.operations.watching import notice_silence
from models.queries.campaigns import get_campaign
from models.queries.health import silent_campaigns
from models.rules.silence import LONGEST
from models.rules.verdicts import Word
from models.words import Channel, Scope, Silence
from tests.factories import NOW, SECOND, answer, claim, make_campaign, receive, run

PROVIDERS = {Channel.SMS: "twilio", Channel.EMAIL: "sendgrid"}
pytestmark = pytest.mark.both_engines


def notice(at: int) -> None:
    notice_silence(PROVIDERS, now=at, scale=1)


def told(campaign_id: int) -> list[str]:
    return [
        act
        for (act,) in select(
            "SELECT act FROM audit WHERE object_kind = 'campaign' AND object_id = ? AND act IN ('nothing_accepted', "
            "'no_receipts') ORDER BY id",
            campaign_id,
        )
    ]


@pytest.fixture
def campaign_id(installation: object) -> int:
    campaign_id = make_campaign(messages=5)
    run(campaign_id)
    return campaign_id


def test_nothing_accepted_is_told_once(campaign_id: int) -> None:
    notice(NOW + LONGEST - SECOND)
    assert get_campaign(campaign_id).silence is None
    for later in range(3):
        notice(NOW + LONGEST + later)
    assert get_campaign(campaign_id).silence == Silence.NOTHING_ACCEPTED
    assert told(campaign_id) == [Silence.NOTHING_ACCEPTED]


def test_it_is_over_when_something_is_accepted(campaign_id: int) -> None:
    notice(NOW + LONGEST)
    answer(claim(campaign_id, limit=1), at=NOW + LONGEST)
    notice(NOW + LONGEST + SECOND)
    assert get_campaign(campaign_id).silence is None


def test_receipts_that_stay_away_are_told_until_one_comes(campaign_id: int) -> None:
    claimed = claim(campaign_id)
    answer(claimed[:1], at=NOW + SECOND)
    answer(claimed[1:], at=NOW + 2 * SECOND)
    notice(NOW + LONGEST)
    assert get_campaign(campaign_id).silence is None
    notice(NOW + SECOND + LONGEST)
    assert get_campaign(campaign_id).silence == Silence.NO_RECEIPTS
    receive(claimed[:1], Word.SENT, at=NOW + LONGEST + 2 * SECOND)
    notice(NOW + LONGEST + 3 * SECOND)
    assert get_campaign(campaign_id).silence is None
    assert told(campaign_id) == [Silence.NO_RECEIPTS]


def test_an_old_receipt_that_is_read_again_breaks_no_silence(campaign_id: int) -> None:
    """So it happens every five minutes for a day to a post in which another message is not found."""
    claimed = claim(campaign_id)
    answer(claimed[:1])
    receive(claimed[:1], Word.SENT, at=NOW + SECOND)
    answer(claimed[1:], at=NOW + 2 * SECOND)
    receive(claimed[1:2], Word.SENT, at=NOW + 3 * SECOND)
    answer(claimed[2:], at=NOW + 4 * SECOND)
    receive(claimed[:1], Word.SENT, at=NOW + SECOND)
    assert get_campaign(campaign_id).receipt_at == NOW + 3 * SECOND
    notice(NOW + 4 * SECOND + LONGEST)
    assert get_campaign(campaign_id).silence == Silence.NO_RECEIPTS


def test_the_end_forgets_it(campaign_id: int) -> None:
    claimed = claim(campaign_id)
    answer(claimed)
    notice(NOW + LONGEST)
    receive(claimed, Word.DELIVERED, at=NOW + LONGEST + SECOND)
    assert get_campaign(campaign_id).phase == "ended"
    assert get_campaign(campaign_id).silence is None


def test_an_account_that_is_refused_is_no_silence_any_more(campaign_id: int) -> None:
    notice(NOW + LONGEST)
    claimed = claim(campaign_id)
    answer(claimed, Word.NOT_SENT, at=NOW + LONGEST, scope=Scope.ACCOUNT, code="20003")
    assert get_campaign(campaign_id).phase == "failed"
    assert silent_campaigns() == []


def test_a_campaign_that_ends_while_it_is_looked_at_is_not_silent(campaign_id: int) -> None:
    class Ending(dict[Channel, str]):
        """Who sends what; to ask for it ends the campaign."""

        def get(self, *_: object) -> str:  # type: ignore[override]
            execute("UPDATE campaigns SET phase = 'ended' WHERE id = ?", campaign_id)
            return "twilio"

    notice_silence(Ending(), now=NOW + LONGEST, scale=1)
    assert silent_campaigns() == []
    assert told(campaign_id) == []

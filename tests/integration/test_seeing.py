"""Others' drafts: there are none for who is no Admin, whatever is asked of them (SPEC 1, 9)."""

from collections.abc import Callable

import pytest

from models.actors import COMMAND_LINE, Actor
from models.errors import NotFoundError
from models.operations.asking import ask_provider
from models.operations.cards import move_card
from models.operations.duplicating import duplicate_campaign
from models.operations.exporting import start_export
from models.operations.handing_on import hand_on
from models.operations.retrying import open_plan
from models.operations.running import delete_campaign, run_campaign
from models.operations.scheduling import cancel_start
from models.operations.seeking import find_recipient
from models.queries.campaigns import list_campaigns, seen_campaign
from models.queries.previews import preview_of
from models.rules.criteria import Criteria
from models.words import Role
from tests.factories import NOW, dump, make_draft, make_messages, refused, run_later

pytestmark = pytest.mark.both_engines
SOMEBODY = "+12025550123"

ASKED: dict[str, Callable[[int, Actor], object]] = {
    "look": seen_campaign,
    "preview": lambda draft, actor: preview_of(draft, 1, actor),
    "export": lambda draft, actor: start_export(draft, criteria=Criteria(), actor=actor, now=NOW),
    "ask": lambda draft, actor: ask_provider(draft, actor=actor, now=NOW),
    "run": lambda draft, actor: run_campaign(draft, actor=actor, disclaimer_accepted=True, now=NOW),
    "run later": lambda draft, actor: run_later(draft, at=None, actor=actor),
    "take a start back": lambda draft, actor: cancel_start(draft, actor=actor, now=NOW),
    "plan a retry": lambda draft, actor: open_plan(draft, criteria=Criteria(), actor=actor, now=NOW),
    "delete": lambda draft, actor: delete_campaign(draft, actor=actor, typed_name="Plan", now=NOW),
    "duplicate": lambda draft, actor: duplicate_campaign(draft, actor=actor, now=NOW),
    "move the card": lambda draft, actor: move_card(draft, slack_channel_id="C0GENERAL", actor=actor, now=NOW),
    "hand on": lambda draft, actor: hand_on(draft, to=1, actor=actor, now=NOW),
}


@pytest.fixture
def draft(ben: Actor) -> int:
    """Ben's, with somebody in it."""
    campaign_id = make_draft(name="Plan", actor=ben)
    make_messages(campaign_id, [SOMEBODY])
    return campaign_id


@pytest.mark.parametrize("asked", ASKED)
def test_another_campaigner_is_told_of_none(draft: int, cast: Callable[[str, Role], Actor], asked: str) -> None:
    other, before = cast("Otto", Role.CAMPAIGNER), dump()
    with refused(NotFoundError) as told:
        ASKED[asked](draft, other)
    assert str(told.value) == f"There is no campaign {draft}."
    assert dump() == before


def test_owner_and_admins_know_of_it(draft: int, ben: Actor, alice: Actor, cast: Callable[[str, Role], Actor]) -> None:
    other = cast("Otto", Role.CAMPAIGNER)
    for actor, there in ((ben, 1), (alice, 1), (COMMAND_LINE, 1), (other, 0)):
        assert len([one for one in list_campaigns(actor) if one.campaign.id == draft]) == there
        assert len(find_recipient(SOMEBODY, actor, now=NOW).messages) == there
    assert preview_of(draft, 1, ben).recipient == SOMEBODY

"""What is Unconfirmed, as Slack tells it: what happened to each, the provider asked, and what came of it."""

import json
from collections.abc import Iterator

import pytest

from jobs import context, lookups
from jobs.runtime.stopping import Stop
from models.actors import Actor
from models.rules.verdicts import Word
from models.tables import LookUp, SlackOutbox
from models.tables import Person as PersonRow
from models.words import Channel
from tests import factories
from tests.factories import make_campaign, make_draft, statuses
from tests.integration.slack.asking import heard, shown, submitted, told
from tests.integration.slack.workspace import Workspace
from tests.slack_person import Person

LOST, NEVER = "+12025559050", "+12025559051"


@pytest.fixture
def doubtful(slack: Workspace) -> int:
    """A campaign of which two messages are Unconfirmed: of one the answer was lost, of one the process died."""
    campaign_id = make_campaign(messages=[LOST, NEVER], name="Spring")
    factories.run(campaign_id)
    claimed = factories.claim(campaign_id, provider="simulated")
    factories.answer(claimed[:1], Word.UNKNOWN, text="reset <by> peer")
    factories.receive(claimed, Word.UNCONFIRMED)
    return campaign_id


@pytest.fixture
def works(slack: Workspace) -> Iterator[None]:
    """A work process with the workspace's configuration."""
    stop = Stop()
    context.enter(context.Context(slack.config, stop))
    yield
    stop.close()


def test_each_is_explained_and_the_provider_can_be_asked(doubtful: int, as_ben: Person, works: None) -> None:
    failures = told(as_ben, "/campaign failures spring", "2 Unconfirmed")
    as_ben.clicks(failures, "doubts", str(doubtful))
    doubts = heard(as_ben, "ended before it noted an answer")
    assert "reset &lt;by" in str(doubts)  # its signs are defused
    assert str(doubts).count("the person may get it twice") == 1  # said once, since it is the same of both
    as_ben.clicks(doubts, "look_up", str(doubtful))
    asked = heard(as_ben, "being asked about 2 messages")
    lookups.ask(LookUp.get().id)
    as_ben.clicks(asked, "doubts_again", str(doubtful))
    heard(as_ben, "1 bound to what the simulated provider has; 1 still Unconfirmed")
    assert statuses(doubtful) == {"delivered": 1, "unconfirmed": 1}
    (line,) = SlackOutbox.select().where(SlackOutbox.kind == "thread", SlackOutbox.topic.contains("looked_up"))
    assert line.content["numbers"]["found"] == 1


def test_find_explains_what_is_unconfirmed(doubtful: int, as_ben: Person) -> None:
    told(as_ben, f"/campaign find {NEVER}", "ended before it noted an answer")


def test_one_that_is_found_is_asked_about_alone(doubtful: int, as_ben: Person, works: None) -> None:
    found = told(as_ben, f"/campaign find {NEVER}", "ended before it noted an answer")
    for _ in range(2):  # a double click
        as_ben.clicks(found, "look_up_one")
    heard(as_ben, "The provider is being asked about this message.")
    (asked,) = LookUp.select()
    assert (asked.message_id, asked.total) == (factories.message_ids(doubtful)[1], 1)
    lookups.ask(asked.id)
    as_ben.clicks(found, "find", block_id="find")
    heard(as_ben, "the simulated provider lists none that must be it.")
    as_ben.clicks(found, "look_up_one")
    heard(as_ben, "the simulated provider lists none for it.")
    assert LookUp.select().count() == 1
    assert statuses(doubtful) == {"unconfirmed": 2}


def test_one_that_was_decided_meanwhile_says_so(doubtful: int, as_ben: Person) -> None:
    found = told(as_ben, f"/campaign find {LOST}", "The answer was lost")
    factories.receive(factories.latest(doubtful)[:1], Word.DELIVERED)
    as_ben.clicks(found, "look_up_one")
    heard(as_ben, "That message is not Unconfirmed any more.")


def test_who_can_not_be_asked_has_no_button(slack: Workspace, as_ben: Person) -> None:
    campaign_id = make_campaign(Channel.EMAIL, ["ann@example.com"])
    factories.run(campaign_id)
    factories.receive(factories.claim(campaign_id, provider="smtp"), Word.UNCONFIRMED)
    found = told(as_ben, "/campaign find ann@example.com", "A mail server keeps no list")
    assert "look_up_one" not in str(found)
    assert "retry_one" in str(found)


def test_viewer_is_told_without_the_address_and_may_not_ask(doubtful: int, as_vera: Person) -> None:
    as_vera.clicks(told(as_vera, "/campaign failures spring", "2 Unconfirmed"), "doubts", str(doubtful))
    doubts = heard(as_vera, "The answer was lost.")
    assert LOST not in str(doubts)
    assert "reset" not in str(doubts)
    as_vera.clicks(doubts, "look_up", str(doubtful))
    heard(as_vera, "your role must be")
    assert not LookUp.select().count()


def test_draft_of_somebody_else_is_not_there(slack: Workspace, alice: Actor) -> None:
    draft = make_draft(name="Secret plan")
    as_alice = slack.person("alice")
    listed = told(as_alice, "/campaign list", "Secret plan")
    PersonRow.update(role="campaigner").where(PersonRow.id == alice.person_id).execute()
    as_alice.clicks(listed, "menu", f"status:{draft}")
    heard(as_alice, f"There is no campaign {draft}.")


def test_they_are_sent_again_by_their_own_tick_alone(doubtful: int, as_ben: Person) -> None:
    retry = shown(as_ben, "/campaign retry spring", "Also send the Unconfirmed messages")
    assert "These people may get the message twice." in str(retry)
    assert as_ben.submits(tick=[]).errors == {"unconfirmed": "Tick what is to be sent again."}
    submitted(as_ben, "2 messages", tick=["unconfirmed"])
    (move,) = factories.rows_of("audit", "WHERE act = 'retry'")
    assert json.loads(move["numbers"]) == {"messages": 2, "unconfirmed": True}
    factories.move_all(doubtful)
    assert statuses(doubtful) == {"queued": 2}

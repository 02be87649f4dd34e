"""Who may do what in Slack: every command, button and dialog, every role, at the click and not at the drawing."""

from collections.abc import Callable, Sequence

import pytest

from bot import dialogs
from bot.listeners.actions import CLICKS
from bot.local_slack.errors import Document
from bot.parsing import VERBS
from models.actors import Actor
from models.rules.verdicts import Word
from models.tables import Person as PersonRow
from models.words import FailureReason, RetryClass, Role
from tests import factories
from tests.factories import dump, make_campaign, message_ids
from tests.integration.slack.asking import ALL_FOUR, dialog, shown, submitted, text_of
from tests.integration.slack.workspace import Workspace
from tests.slack_person import Person, eventually

VIEWER, CAMPAIGNER = Role.VIEWER, Role.CAMPAIGNER
COMMANDS = {
    "help": VIEWER,
    "list": VIEWER,
    "status": VIEWER,
    "failures": VIEWER,
    "summary": VIEWER,
    "find": VIEWER,
    "panel": VIEWER,
    "run": CAMPAIGNER,
    "stop": CAMPAIGNER,
    "resume": CAMPAIGNER,
    "retry": CAMPAIGNER,
    "export": CAMPAIGNER,
    "delete": CAMPAIGNER,
    "create": CAMPAIGNER,
}
BUTTONS = {
    "status": VIEWER,
    "refresh": VIEWER,
    "failures": VIEWER,
    "samples": VIEWER,  # masked
    "doubts": VIEWER,  # masked
    "doubts_again": VIEWER,  # masked
    "move": VIEWER,
    "panel": VIEWER,
    "summary": VIEWER,  # masked
    "actions": VIEWER,
    "find": VIEWER,  # masked
    "refresh_home": VIEWER,
    "mute_finished": VIEWER,  # one's own
    "ask_stop": CAMPAIGNER,
    "stop": CAMPAIGNER,
    "run": CAMPAIGNER,
    "resume": CAMPAIGNER,
    "retry": CAMPAIGNER,
    "retry_one": CAMPAIGNER,
    "look_up": CAMPAIGNER,
    "look_up_one": CAMPAIGNER,
    "delete": CAMPAIGNER,
    "export": CAMPAIGNER,
    "cancel_start": CAMPAIGNER,
    "cancel_export": CAMPAIGNER,
}
HOME = {"refresh_home", "mute_finished"}  # answered in the App Home, which strangers get too, empty
NO_EXPORT = "There is no export"


def beyond(table: dict[str, Role]) -> list[str]:
    """What a Viewer may not do."""
    return sorted(verb for verb, weakest in table.items() if weakest is not VIEWER)


def drawn(slack: Workspace, verb: str, campaign_id: int) -> Document:
    """A message with such a button, as an older version or somebody else's click may have left it."""
    one = f"{campaign_id}:{message_ids(campaign_id)[0]}"
    subjects = {"find": "+12025550100", "retry_one": one, "look_up_one": one}
    subject = subjects.get(verb, str(campaign_id))
    button = {"type": "button", "action_id": verb, "value": subject, "text": {"type": "plain_text", "text": verb}}
    row = {"type": "actions", "block_id": "old", "elements": [button]}
    slack.client.chat_postMessage(channel="C0CAMPAIGNS", text=f"old {verb}", blocks=[row])
    return slack.person("ben").latest(f"old {verb}")


@pytest.fixture
def demote(ben: Actor) -> Callable[[], object]:
    """Ben, who may have a form open, becomes a Viewer."""
    return PersonRow.update(role=VIEWER).where(PersonRow.id == ben.person_id).execute


def failed() -> int:
    """A campaign whose failures are likely to work at a second try."""
    campaign_id = make_campaign(name="Spring")
    factories.run(campaign_id)
    claimed = factories.claim(campaign_id)
    factories.answer(claimed)
    factories.receive(claimed, Word.FAILED, reason=FailureReason.UNREACHABLE, retry_class=RetryClass.LIKELY)
    return campaign_id


def is_refused(person: Person, act: Callable[[], object], *sentences: str) -> None:
    """The act is answered with one of these sentences and changes nothing."""
    if person.modals():
        person.closes(everything=True)
    before, said = dump(), count(person, sentences)
    act()
    eventually(lambda: count(person, sentences) > said)
    assert dump() == before


def count(person: Person, sentences: Sequence[str]) -> int:
    """How often any of them is said to this person."""
    seen = text_of([person.modals(), person.messages(), person.direct_messages()])
    return sum(seen.count(sentence) for sentence in sentences)


def test_tables_have_every_command_and_button() -> None:
    assert COMMANDS.keys() == {verb.name for verb in VERBS}
    assert BUTTONS.keys() == CLICKS.keys() - set(dialogs.TURNS)


def test_commands_beyond_the_role_are_refused(as_vera: Person) -> None:
    make_campaign(name="Spring")
    for verb in beyond(COMMANDS):
        is_refused(as_vera, lambda verb=verb: as_vera.types(f"/campaign {verb} spring"), "you are Viewer")


def test_buttons_beyond_the_role_are_refused_wherever_they_were_drawn(slack: Workspace, as_vera: Person) -> None:
    campaign_id = failed()
    for verb in beyond(BUTTONS):
        message = drawn(slack, verb, campaign_id)
        is_refused(as_vera, lambda at=message, verb=verb: as_vera.clicks(at, verb), "you are Viewer", NO_EXPORT)


def test_stranger_gets_nothing_by_any_button(slack: Workspace) -> None:
    campaign_id, mallory = failed(), slack.person("mallory")
    for verb in sorted(BUTTONS.keys() - HOME):
        message = drawn(slack, verb, campaign_id)
        is_refused(mallory, lambda at=message, verb=verb: mallory.clicks(at, verb), "You are not known to Signalbox")


def test_role_taken_away_before_the_click(slack: Workspace, as_ben: Person, demote: Callable[[], object]) -> None:
    campaign_id = failed()
    messages = {verb: drawn(slack, verb, campaign_id) for verb in beyond(BUTTONS)}
    demote()
    for verb, message in messages.items():
        is_refused(as_ben, lambda at=message, verb=verb: as_ben.clicks(at, verb), "you are Viewer", NO_EXPORT)


@pytest.mark.parametrize(
    ("verb", "answers"),
    [
        ("run", {"disclaimer": ALL_FOUR}),
        ("retry", {"tick": ["likely:unreachable"]}),
        ("delete", {"name": "Spring"}),
        ("export", {}),
    ],
)
def test_role_taken_away_before_the_submission(
    as_ben: Person, demote: Callable[[], object], verb: str, answers: dict[str, object]
) -> None:
    if verb == "run":
        make_campaign(name="Spring")
    else:
        failed()
    as_ben.types(f"/campaign {verb} spring")
    eventually(lambda: [view for view in as_ben.modals() if view.get("submit")])
    demote()
    before = dump()
    submitted(as_ben, "you are Viewer", **answers)
    assert dump() == before


def test_role_taken_away_before_a_tick(as_ben: Person, demote: Callable[[], object]) -> None:
    plan = shown(as_ben, f"/campaign retry {failed()}", "Likely to work")
    demote()
    before = dump()
    as_ben.clicks(plan, "tick", [], block_id="likely-0")
    dialog(as_ben, "you are Viewer")
    assert dump() == before


def test_role_taken_away_before_another_contact_is_shown(as_ben: Person, demote: Callable[[], object]) -> None:
    summary = shown(as_ben, f"/campaign summary {make_campaign()}", "Contact 1 of 3")
    assert "+14155550000" in text_of(summary)
    demote()
    as_ben.clicks(summary, "page_on")
    eventually(lambda: "+1415555" not in text_of(as_ben.modals()))

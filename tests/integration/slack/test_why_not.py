"""Why can't I? In Slack each refusal says who or what is in the way, and its next step is a button that works."""

import pytest

from bot.drawing.blocks import escaped
from bot.local_slack.errors import Document
from models.words import Action
from tests import factories
from tests.factories import make_campaign, make_ended
from tests.integration.refusals import OTHER, REFUSALS, Refusal
from tests.integration.slack.asking import ALL_FOUR, shown, submitted, text_of
from tests.integration.slack.workspace import Workspace
from tests.slack_person import Person, eventually

WAITING = [refusal for refusal in REFUSALS if refusal.step is Action.START_LATER]
AT_ONCE = [refusal for refusal in REFUSALS if refusal not in WAITING]
JOINER = text_of([escaped(":")])[3:-2]
TEXTS = {
    Action.RUN: "Run…",
    Action.STOP: "Stop…",
    Action.RESUME: "Resume…",
    Action.RETRY: "Retry…",
    Action.EDIT: "Edit in the panel",
    Action.DUPLICATE: "Duplicate in the panel",
}


@pytest.fixture
def as_alice(slack: Workspace) -> Person:
    """Alice, an Org Admin, who sees every draft."""
    return slack.person("alice")


def told_in(refused: Document, refusal: Refusal) -> bool:
    """Whether all parts of the sentence stand there; what keeps outside text from formatting is taken out of it."""
    shown = text_of(refused).replace(JOINER, "")
    return all(part in shown for part in refusal.told)


def steps_of(refused: Document) -> dict[str, Document]:
    """The buttons that a refusal offers, by their words."""
    rows = [block["elements"] for block in refused["blocks"] if block.get("block_id") == "steps"]
    return {element["text"]["text"]: element for row in rows for element in row}


def works(person: Person, refused: Document, step: Document) -> None:
    """The button leads to the panel, or opens what it says and does not refuse in its turn."""
    if "url" in step:
        assert "/campaigns/" in step["url"]
        return
    before = [view["id"] for view in person.modals()]
    assert person.clicks(refused, step["action_id"], block_id="steps").error is None
    opened = eventually(
        lambda: [one for one in person.modals() if one["id"] not in before and "Loading" not in str(one)]
    )
    assert "Not done" not in text_of(opened[-1]["title"])


@pytest.mark.parametrize("refusal", AT_ONCE, ids=lambda refusal: refusal.name)
def test_refusal_says_why_and_its_next_step_is_a_button(as_alice: Person, refusal: Refusal) -> None:
    campaign_id = refusal.make()
    line = f"/campaign {refusal.action} #{campaign_id}"
    if refusal.action is Action.STOP:
        assert as_alice.types(line).error is None
        refused = eventually(lambda: [one for one in as_alice.messages() if told_in(one, refusal)])[-1]
    else:
        refused = shown(as_alice, line, "Not done")
    assert told_in(refused, refusal)
    steps = steps_of(refused)
    assert set(steps) == {TEXTS[step] for step in (refusal.step,) if step} | (
        {f"Status of {OTHER}"} if refusal.is_taken else set()
    )
    for step in steps.values():
        works(as_alice, refused, step)


@pytest.mark.parametrize("refusal", WAITING, ids=lambda refusal: refusal.name)
def test_taken_channel_is_told_in_the_dialog_which_offers_to_wait(as_alice: Person, refusal: Refusal) -> None:
    campaign_id = refusal.make()
    dialog = shown(as_alice, f"/campaign run #{campaign_id}", "is in use")
    assert told_in(dialog, refusal)
    assert dialog["submit"]["text"] == "Start when SMS is free"


@pytest.mark.parametrize("verb", ["run", "retry"])
def test_channel_taken_under_the_dialog_offers_to_wait_and_to_look(as_alice: Person, verb: str) -> None:
    campaign_id = make_campaign() if verb == "run" else make_ended(word=factories.Word.FAILED)
    other = make_campaign(name=OTHER)
    view = shown(as_alice, f"/campaign {verb} #{campaign_id}", "confirm each" if verb == "run" else "no data yet")
    factories.run(other)
    boxes = next(block for block in view["blocks"] if block["type"] == "input")["element"]
    every_tick = {"disclaimer": ALL_FOUR} if verb == "run" else {"tick": [one["value"] for one in boxes["options"]]}
    refused = submitted(as_alice, OTHER, **every_tick)
    assert view["id"] == refused["id"]
    steps = steps_of(refused)
    assert list(steps) == ["Start when SMS is free…", f"Status of {OTHER}"]
    for step in steps.values():
        works(as_alice, refused, step)


@pytest.mark.parametrize("line", ["run", "stop", "resume", "retry", "delete", "export"])
def test_role_is_told_whom_to_ask(as_vera: Person, line: str) -> None:
    campaign_id = make_campaign()
    assert as_vera.types(f"/campaign {line} #{campaign_id}").error is None
    eventually(lambda: "Ask an Org Admin." in text_of([*as_vera.modals(), *as_vera.messages()]))

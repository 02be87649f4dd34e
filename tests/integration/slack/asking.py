"""Asking the bot as a person does: type or press, and look until the answer is there."""

from typing import Any

from bot.local_slack.errors import Document
from tests.slack_person import Person, eventually

ALL_FOUR = ["1", "2", "3", "4"]


def text_of(message: object) -> str:
    """All that stands in a message or view."""
    return str(message)


def told(person: Person, line: str, answer: str) -> Document:
    """Type a command; the message with `answer` in it, once it is there."""
    assert person.types(line).error is None
    return heard(person, answer)


def heard(person: Person, answer: str) -> Document:
    """The last message of the channel with `answer` in it, once it is there."""
    return eventually(lambda: [one for one in person.messages() if answer in text_of(one)])[-1]


def shown(person: Person, line: str, answer: str) -> Document:
    """Type a command that opens a dialog; the dialog once it says `answer`."""
    assert person.types(line).error is None
    return dialog(person, answer)


def dialog(person: Person, answer: str) -> Document:
    """The topmost dialog once it says `answer`."""
    return eventually(lambda: [one for one in person.modals()[-1:] if answer in text_of(one)])[-1]


def submitted(person: Person, answer: str, **answers: Any) -> Document:
    """Submit the topmost dialog; the dialog once it says how it ended."""
    outcome = person.submits(**answers)
    assert (outcome.error, outcome.errors) == (None, {})
    return dialog(person, answer)

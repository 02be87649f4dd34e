"""Texts from outside (names, fields, bounces) never ping, link or format, and are nowhere where they are not to be."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import looks
from bot.local_slack import blocks as block_kit
from models.rules.verdicts import Word
from models.tables import Campaign
from models.words import Channel, FailureReason
from tests import factories
from tests.factories import make_campaign, make_ended
from tests.integration.slack.asking import shown, text_of, told
from tests.integration.slack.workspace import Workspace
from tests.slack_person import Person

FIXTURES = Path(__file__).parents[2] / "fixtures"
NAUGHTY: list[str] = json.loads((FIXTURES / "naughty_strings.json").read_text(encoding="utf-8"))
NASTY = (
    "<!channel> <!here> <!everyone>",
    "<@U0ALICE> look",
    "<https://evil.example|your bank>",
    "https://evil.example/a",
    "*bold* _it_ ~no~ `code`",
    "```code```",
    ":rotating_light: :wave:",
    "&lt;!channel&gt;",
    "> quoted",
    "a" * 60,
)


def strings(thing: Any) -> Iterator[tuple[str, str]]:
    """The type and text of every text object, and of the messages themselves, whose text is what notifies."""
    if isinstance(thing, dict):
        if thing.get("type") in ("mrkdwn", "plain_text", "message") and isinstance(thing.get("text"), str):
            yield thing["type"], thing["text"]
        for value in thing.values():
            yield from strings(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from strings(value)


def assert_harmless(subject: Any) -> None:
    """No text in it pings or leads anywhere, but by what the bot itself writes."""
    for kind, text in strings(subject):
        if kind != "plain_text":
            marks = [part.split(">")[0] for part in text.split("<")[1:]]
            assert all(mark.startswith("!date^") or mark == "@U0BEN" for mark in marks), text


def named(name: str) -> int:
    """A campaign that has come by such a name, and such a template and values."""
    campaign_id = make_campaign(Channel.EMAIL, messages=2)
    Campaign.update(name=name, name_key=name.casefold(), description=name, body=name, subject=name).where(
        Campaign.id == campaign_id
    ).execute()
    return campaign_id


@pytest.mark.parametrize("name", NASTY)
def test_no_name_does_anything(slack: Workspace, as_ben: Person, name: str) -> None:
    campaign_id = named(name)
    factories.run(campaign_id)
    claimed = factories.claim(campaign_id)
    factories.answer(claimed)
    factories.receive(claimed, Word.FAILED, reason=FailureReason.BLOCKED, code=name[:20], text=name)
    slack.say_what_is_due()
    for command in ("list", f"status {campaign_id}", f"failures {campaign_id}", "find person0@example.com"):
        assert_harmless(told(as_ben, f"/campaign {command}", ""))
    for command in ("summary", "retry", "export", "delete"):
        assert_harmless(shown(as_ben, f"/campaign {command} {campaign_id}", name[:3] if name.isalpha() else ""))
    assert_harmless(as_ben.messages())
    assert_harmless(as_ben.direct_messages())


def test_every_naughty_string_is_shown_as_text(slack: Workspace) -> None:
    campaign_id = named("Spring")
    for text in NAUGHTY:
        name = text[:60].replace("\x00", "") or "-"
        Campaign.update(name=name, description=name, body=name, subject=name).where(
            Campaign.id == campaign_id
        ).execute()
        for message in (looks.snapshot_of(campaign_id), looks.card_of(campaign_id)):
            assert block_kit.message_problems(message.blocks) == []
            assert_harmless(message.blocks)
            assert message.blocks[0]["text"] == {"type": "plain_text", "text": name, "emoji": False}


def test_long_fields_are_cut_and_never_refused(as_ben: Person) -> None:
    campaign_id = make_campaign(Channel.EMAIL, messages=1)
    Campaign.update(body="&<>*" * 1000, subject="s" * 4000, description="d" * 4000).where(
        Campaign.id == campaign_id
    ).execute()
    assert_harmless(shown(as_ben, f"/campaign summary {campaign_id}", "Contact 1 of 1"))


def test_no_channel_carries_anything_personal(slack: Workspace, as_ben: Person) -> None:
    campaign_id = make_campaign(Channel.SMS, ["+14155550123"], name="Spring")
    factories.run(campaign_id)
    claimed = factories.claim(campaign_id)
    factories.answer(claimed)
    factories.receive(claimed, Word.FAILED, reason=FailureReason.BLOCKED, code="30007", text="Ann Lee is away")
    slack.say_what_is_due()
    make_ended(Channel.EMAIL)
    said = json.dumps(slack.said_in_channels())
    assert "Spring" in said
    for secret in ("4155550123", "Ann Lee", "example.com"):
        assert secret not in said
    assert text_of(as_ben.messages())

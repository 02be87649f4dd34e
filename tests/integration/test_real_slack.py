"""What the bot relies on in Slack: shown by the local Slack each time, and by a real workspace when tokens name one.

`SLACK_TEST_BOT_TOKEN=xoxb-… SLACK_TEST_CHANNEL=C… pytest -m real_slack`; the bot must be in that channel.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.drawing import blocks
from bot.local_slack import LocalSlack
from models.actors import Actor
from models.clock import now_ms
from models.config import Config
from models.operations.exporting import do_export
from models.rules.verdicts import Word
from models.tables import Export
from models.tables import Person as PersonRow
from models.words import Channel
from tests import factories
from tests.factories import make_campaign, make_ended
from tests.integration.slack.workspace import IDS, Workspace, workspace
from tests.slack_person import eventually

TOKEN, CHANNEL = "SLACK_TEST_BOT_TOKEN", "SLACK_TEST_CHANNEL"
COMMANDS = (
    "help", "list", "list ready", "status 1", "status", "failures 1", "create", "panel", "statsu",
    "find +12025550147", "run spring", "run 1", "stop july", "resume 1", "retry 1", "delete 1",
    "summary 1", "export 1", "export 1 status:failed",
)  # fmt: skip
Document = dict[str, Any]


@dataclass(frozen=True)
class Room:
    """A channel that the bot is in."""

    client: WebClient
    channel: str

    def refusal(self, call: Callable[..., Any], **arguments: Any) -> str:
        """Slack's word for why the call was refused."""
        with pytest.raises(SlackApiError) as caught:
            call(**arguments)
        return str(caught.value.response["error"])


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Room]:
    with LocalSlack(tmp_path / "room") as slack:
        yield Room(WebClient(token=slack.bot_token, base_url=slack.api_url), "C0CAMPAIGNS")


@pytest.fixture
def real() -> Room:
    missing = [name for name in (TOKEN, CHANNEL) if name not in os.environ]
    if missing:
        pytest.skip(f"no real workspace to run against: {' and '.join(missing)} not set")
    patient = RateLimitErrorRetryHandler(max_retry_count=3)
    return Room(WebClient(token=os.environ[TOKEN], retry_handlers=[patient]), os.environ[CHANNEL])


@pytest.fixture(params=["local", pytest.param("real", marks=pytest.mark.real_slack)])
def room(request: pytest.FixtureRequest) -> Room:
    found: Room = request.getfixturevalue(request.param)
    return found


def test_token_is_a_bots_and_its_scopes_are_told(room: Room) -> None:
    answer = room.client.auth_test()
    assert answer["bot_id"]
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


def test_message_lives_from_its_post_to_its_deletion(room: Room) -> None:
    client, channel = room.client, room.channel
    metadata = {"event_type": "campaign", "event_payload": {"id": 7}}
    posted = client.chat_postMessage(
        channel=channel, text="Spring: Ready", blocks=[blocks.section("*Spring* Ready")], metadata=metadata
    )
    reply = client.chat_postMessage(channel=channel, thread_ts=posted["ts"], text="Ben started it")
    changed = client.chat_update(channel=channel, ts=posted["ts"], text="Spring: Complete")
    assert (changed["ts"], reply["message"]["thread_ts"]) == (posted["ts"], posted["ts"])
    assert "blocks" not in changed["message"] or changed["message"]["blocks"] != posted["message"]["blocks"]
    for ts in (reply["ts"], posted["ts"]):
        client.chat_delete(channel=channel, ts=ts)
    assert room.refusal(client.chat_update, channel=channel, ts=posted["ts"], text="again") == "message_not_found"


def test_refusals_have_the_words_that_the_bot_heeds(room: Room) -> None:
    client, channel = room.client, room.channel
    assert room.refusal(client.chat_postMessage, channel="C0000000000", text="hi") == "channel_not_found"
    assert room.refusal(client.api_call, api_method="chat.postMessage", json={"channel": channel}) == "no_text"
    unknown = [{"type": "chart"}]
    assert room.refusal(client.chat_postMessage, channel=channel, text="hi", blocks=unknown) == "invalid_blocks"
    nobody = {"channel": channel, "user": "U0000000000", "text": "psst"}
    assert room.refusal(client.chat_postEphemeral, **nobody) == "user_not_in_channel"
    assert room.refusal(client.users_info, user="U0000000000") == "user_not_found"


def test_file_comes_and_goes(room: Room) -> None:
    uploaded = room.client.files_upload_v2(content="a,b\n1,2\n", filename="test.csv", channel=room.channel)
    room.client.files_delete(file=uploaded["file"]["id"])


@pytest.fixture
def said(installation: Config, tmp_path: Path, alice: Actor, ben: Actor) -> list[Document]:
    """All views and blocks of a walk through the bot, as it sent them to the local Slack."""
    for actor in (alice, ben):
        PersonRow.update(slack_id=IDS[actor.name.lower()]).where(PersonRow.id == actor.person_id).execute()
    make_ended(word=Word.FAILED, messages=3)
    make_campaign(name="Spring")
    factories.run(make_campaign(Channel.EMAIL, name="July"))
    with workspace(installation.variables, tmp_path / "walk") as running:
        walk(running)
        return sent_blocks(running.slack)


def walk(running: Workspace) -> None:
    """Each command once, App Home, a run, and an export."""
    as_ben = running.person("ben")
    for command in COMMANDS:
        before = len(running.slack.core.traffic)
        assert as_ben.types(f"/campaign {command}").error is None
        eventually(lambda: answered(running.slack, before))  # noqa: B023  # called at once
    as_ben.opens_home()
    eventually(as_ben.home)
    do_export(Export.get().id, clock=now_ms)
    running.say_what_is_due()


def answered(slack: LocalSlack, before: int) -> bool:
    """Whether the bot said something since, other than that a dialog loads."""
    calls = [one["name"] for one in list(slack.core.traffic)[before:] if one["direction"] == "in"]
    return bool({"views.update", "response_url"} & set(calls))


def sent_blocks(slack: LocalSlack) -> list[Document]:
    """What the app sent, ready for `blocks.validate`."""
    calls = [one["sent"] for one in slack.core.traffic if one["direction"] == "in" and isinstance(one["sent"], dict)]
    return [{part: call[part]} for call in calls for part in ("view", "blocks") if call.get(part)]


def test_everything_the_bot_says_is_valid(room: Room, said: list[Document]) -> None:
    assert len(said) > len(COMMANDS)
    for subject in said:
        room.client.blocks_validate(**subject)

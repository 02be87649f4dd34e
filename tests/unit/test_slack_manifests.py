"""The Slack app's manifests: well formed, within Slack's limits, asking for what the bot uses and for nothing else."""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from bot.listeners import register
from bot.local_slack import AppProfile
from bot.local_slack.methods import METHODS, conversations
from jobs import slack_app
from tests.slack_calls import called

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "tests/fixtures/manifest.schema.json").read_text(encoding="utf-8"))
URL = "https://outreach.example.org"
BOTH = pytest.mark.parametrize("by_socket", [False, True])
# What methods need beside a scope of their own: by the kind of conversation, or for what is read in the answer.
MORE_SCOPES = {
    "conversations.info": set(conversations.READ_SCOPES.values()),
    "conversations.history": set(conversations.HISTORY_SCOPES.values()),
    "conversations.replies": set(conversations.HISTORY_SCOPES.values()),
    "users.info": {"users:read.email"},
}


def manifest(by_socket: bool) -> dict[str, Any]:
    return slack_app.manifest(by_socket=by_socket, public_url=URL)


class Register:
    """Stands where bolt's app does while listeners are registered, and keeps what they listen to, by kind."""

    def __init__(self) -> None:
        self.heard: dict[str, list[str | re.Pattern[str]]] = defaultdict(list)
        register(self)  # type: ignore[arg-type]

    def __getattr__(self, kind: str) -> Callable[..., Callable[..., None]]:
        def keep(name: str | re.Pattern[str]) -> Callable[..., None]:
            self.heard[kind].append(name)
            return lambda *_listeners, **_more: None

        return keep


def fits(listened: str | re.Pattern[str], name: str) -> bool:
    return listened == name if isinstance(listened, str) else bool(listened.search(name))


def declared(by_socket: bool, kind: str) -> list[str]:
    """The names of a kind in the manifest."""
    profile = AppProfile.from_manifest(manifest(by_socket))
    names = {
        "command": [command.name for command in profile.commands],
        "shortcut": [shortcut.callback_id for shortcut in profile.shortcuts],
        "event": list(profile.events),
    }
    return names[kind]


@BOTH
def test_manifest_is_well_formed(by_socket: bool) -> None:
    assert [error.message for error in Draft7Validator(SCHEMA).iter_errors(manifest(by_socket))] == []


@BOTH
def test_manifest_keeps_to_slacks_limits(by_socket: bool) -> None:
    found = manifest(by_socket)
    about, features = found["display_information"], found["features"]
    assert (len(about["name"]) <= 35, len(about["description"]) <= 140) == (True, True)
    for command in features["slash_commands"]:
        assert (len(command["command"]) <= 32, len(command["usage_hint"]) <= 1000) == (True, True)
    assert (len(features["slash_commands"]) <= 50, len(features["shortcuts"]) <= 10) == (True, True)
    for shortcut in features["shortcuts"]:
        assert (len(shortcut["name"]) <= 24, len(shortcut["description"]) <= 150) == (True, True)


@BOTH
@pytest.mark.parametrize("kind", ["command", "event", "shortcut"])
def test_whatever_is_declared_is_listened_to_and_the_reverse(by_socket: bool, kind: str) -> None:
    names, heard = declared(by_socket, kind), Register().heard[kind]
    assert [name for name in names if not any(fits(listened, name) for listened in heard)] == []
    assert [listened for listened in heard if not any(fits(listened, name) for name in names)] == []


def test_scopes_are_those_that_the_calls_need() -> None:
    needed = {"commands"} | {scope for name in called() if (scope := METHODS[name].scope)}
    assert slack_app.scopes() == needed.union(*(MORE_SCOPES.get(name, ()) for name in called()))


def test_both_differ_in_how_slack_reaches_us_only() -> None:
    http, by_socket = manifest(False), manifest(True)
    assert (http["settings"]["socket_mode_enabled"], by_socket["settings"]["socket_mode_enabled"]) == (False, True)
    stripped = [deepcopy(one) for one in (http, by_socket)]
    for one in stripped:
        del one["settings"]["socket_mode_enabled"]
        one["features"]["slash_commands"][0].pop("url", None)
        one["settings"]["event_subscriptions"].pop("request_url", None)
        one["settings"]["interactivity"].pop("request_url", None)
        one["settings"]["interactivity"].pop("message_menu_options_url", None)
    assert stripped[0] == stripped[1]


def test_every_address_is_the_installations_own() -> None:
    assert set(re.findall(r'"https?:[^"]+"', json.dumps(manifest(False)))) == {f'"{URL}/slack/events"'}
    assert "http" not in json.dumps(manifest(True))


def test_home_interactivity_and_messages_are_switched_on() -> None:
    found = manifest(True)
    assert found["features"]["app_home"]["home_tab_enabled"]
    assert found["features"]["app_home"]["messages_tab_enabled"]
    assert found["settings"]["interactivity"]["is_enabled"]

"""The one app of the local workspace, as its manifest describes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCOPES = (
    "channels:history", "channels:read", "chat:write", "commands", "files:read", "files:write", "groups:history",
    "groups:read", "im:history", "im:read", "im:write", "users:read", "users:read.email",
)  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A slash command of the app."""

    name: str
    description: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Shortcut:
    """A shortcut of the app; `kind` is `message` or `global`."""

    name: str
    callback_id: str
    kind: str = "message"


@dataclass(frozen=True)
class AppProfile:
    """What the workspace knows of the app: its name, what people can call, what its token may do."""

    name: str = "Signalbox"
    commands: tuple[Command, ...] = (Command("/campaign", "Campaigns", "help"),)
    shortcuts: tuple[Shortcut, ...] = ()
    scopes: tuple[str, ...] = SCOPES
    events: tuple[str, ...] = ("app_home_opened",)
    home: bool = True

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any]) -> "AppProfile":
        """The profile that an app manifest describes. Raises KeyError when a required part is missing."""
        features = manifest.get("features", {})
        return cls(
            name=manifest["display_information"]["name"],
            commands=tuple(
                Command(command["command"], command.get("description", ""), command.get("usage_hint", ""))
                for command in features.get("slash_commands", [])
            ),
            shortcuts=tuple(
                Shortcut(shortcut["name"], shortcut["callback_id"], shortcut["type"])
                for shortcut in features.get("shortcuts", [])
            ),
            scopes=tuple(manifest["oauth_config"]["scopes"]["bot"]),
            events=tuple(manifest.get("settings", {}).get("event_subscriptions", {}).get("bot_events", [])),
            home=bool(features.get("app_home", {}).get("home_tab_enabled", False)),
        )

"""The Slack app as its manifests describe it: what is pasted into Slack, and what its token may do.

The bot, the command line and `doctor` ask for it, and the latter may not look into `bot/`: so both stand here.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "manifests"
PLACEHOLDER = "https://signalbox.example.com"


def manifest(*, by_socket: bool, public_url: str = PLACEHOLDER) -> dict[str, Any]:
    """The manifest for Socket Mode, or for HTTP with its requests sent to `public_url`."""
    text = (FOLDER / ("socket.json" if by_socket else "http.json")).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text.replace(PLACEHOLDER, public_url.rstrip("/")))
    return found


def scopes() -> frozenset[str]:
    """What the bot token has to be allowed; the same for both."""
    return frozenset(manifest(by_socket=True)["oauth_config"]["scopes"]["bot"])

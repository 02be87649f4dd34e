"""What the workspace knows about a Web API method."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.local_slack.arguments import Arguments
from bot.local_slack.core import Core
from bot.local_slack.errors import Document


@dataclass(frozen=True)
class Method:
    """One method. Without `takes_json` it reads forms and queries only; 0 `per_minute` is no limit."""

    act: Callable[[Core, Arguments], Document]
    scope: str | None = None
    per_minute: int = 0
    takes_json: bool = False
    app_level: bool = False

"""A Web API call's arguments, from a form or from JSON, and their types."""

import json
from collections.abc import Mapping
from typing import Any

from bot.local_slack.errors import SlackError


class Arguments:
    """What a call brought along. The readers raise SlackError(`invalid_arguments`) as Slack does."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given

    def __contains__(self, name: str) -> bool:
        return self.given.get(name) not in (None, "")

    def optional(self, name: str) -> str | None:
        """A text, or None when it is absent or empty."""
        value = self.given.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise SlackError("invalid_arguments", [f"must provide a string [json-pointer:/{name}]"])
        return value

    def required(self, name: str) -> str:
        """A text that has to be there."""
        value = self.optional(name)
        if value is None:
            raise SlackError("invalid_arguments", [f"missing required field: {name}"])
        return value

    def flag(self, name: str) -> bool:
        """True for true, 1 and their texts; absent is False."""
        return str(self.given.get(name, "")).lower() in {"true", "1"}

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number, given as such or as text."""
        value = self.given.get(name, default)
        try:
            return int(str(value))
        except ValueError:
            raise SlackError("invalid_arguments", [f"must provide a number [json-pointer:/{name}]"]) from None

    def structure(self, name: str, error: str = "invalid_arguments") -> Any:
        """A list or an object, given as such or as JSON text; None when absent."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        try:
            return json.loads(value)
        except ValueError:
            raise SlackError(error, [f"must be valid JSON [json-pointer:/{name}]"]) from None

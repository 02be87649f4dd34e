"""What Slack answers when it refuses: a code, and at times what to mend."""

from typing import Any

Document = dict[str, Any]


class SlackError(Exception):
    """A refusal. `code` is Slack's documented word; `details` say where, `extra` stands beside the code."""

    def __init__(self, code: str, details: list[str] | None = None, **extra: object) -> None:
        super().__init__(code)
        self.code = code
        self.details = details or []
        self.extra = extra

    def body(self) -> Document:
        """The answer as Slack words it."""
        body: Document = {"ok": False, "error": self.code, **self.extra}
        if self.details:
            body["response_metadata"] = {"messages": [f"[ERROR] {detail}" for detail in self.details]}
        return body


class RateLimitedError(SlackError):
    """Too many calls; `retry_after` is in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after

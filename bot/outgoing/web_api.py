"""Slack's Web API: every call within one budget, and every refusal sorted by what follows from it."""

from collections.abc import Callable
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.outgoing.budget import Budget
from models.database import refusal_in
from models.queries.slack import MISSING_SCOPE, OUTAGE

# What Slack says of the whole app, not of one call (https://docs.slack.dev/reference/methods/auth.test).
ACCOUNT = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        MISSING_SCOPE,
        "not_authed",
        "not_allowed_token_type",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
SLACKS_OWN = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
TOO_MANY = 429


class NotNowError(Exception):
    """The budget is spent, or Slack asks us to wait: surely nothing was done."""


class LostError(Exception):
    """This one thing did not get through: it is tried again after a pause, while what else is said goes on."""


class RefusedError(Exception):
    """Slack refuses this one call; `error` is its word."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class TroubleError(Exception):
    """Slack refuses all we say (`error` is its word), or could not be reached: then the call may have been done."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


def stops_all(fault: BaseException) -> bool:
    """Whether what comes after could be said as little: Slack's trouble, its limits, or a database that refuses."""
    return isinstance(fault, (NotNowError, TroubleError)) or bool(refusal_in(fault))


class WebApi:
    """Calls methods of the Web API by their names in slack_sdk."""

    def __init__(self, client: WebClient, budget: Budget, clock: Callable[[], int]) -> None:
        self._client = client
        self._budget = budget
        self._clock = clock

    def ready(self, method: str, channel: str = "") -> None:
        """Raise NotNowError unless a call may be made now."""
        if not self._budget.allows(method, channel, now=self._clock()):
            raise NotNowError(method)

    def call(self, method: str, **arguments: Any) -> Any:
        """Slack's answer. Raises NotNowError, RefusedError, TroubleError."""
        channel = str(arguments.get("channel", ""))
        self.ready(method, channel)
        self._budget.spend(method, channel, now=self._clock())
        try:
            return getattr(self._client, method)(**arguments)
        except SlackApiError as refusal:
            raise self._sorted(refusal, method, channel) from refusal
        except (SlackClientError, OSError, HTTPException) as lost:
            raise TroubleError(OUTAGE) from lost

    def is_well(self, trouble: str) -> bool:
        """Whether Slack would take what we say again; a scope that was missing is there now."""
        try:
            answer = self.call("auth_test")
        except (NotNowError, RefusedError, TroubleError):
            return False
        error, _, scope = trouble.partition(":")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return error != MISSING_SCOPE or scope in headers.get("x-oauth-scopes", "").split(",")

    def _sorted(self, refusal: SlackApiError, method: str, channel: str) -> Exception:
        answer = refusal.response
        error = str(answer.get("error"))
        if answer.status_code == TOO_MANY or error == "ratelimited":
            seconds = int(answer.headers.get("Retry-After", 1))
            self._budget.rest(method, channel, until=self._clock() + seconds * 1000)
            return NotNowError(method)
        if error == MISSING_SCOPE:
            return TroubleError(f"{error}:{answer.get('needed', '')}")
        if error in ACCOUNT:
            return TroubleError(error)
        # What is no word did not come from Slack: a proxy's page, or that of a fallen server.
        if error in SLACKS_OWN or answer.status_code >= 500 or " " in error:
            return TroubleError(OUTAGE)
        return RefusedError(error)

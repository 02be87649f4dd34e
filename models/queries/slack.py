"""Reads of how Slack stands."""

from dataclasses import dataclass

from models.database import select
from models.words import SlackWay

MISSING_SCOPE = "missing_scope"
OUTAGE = "outage"
_STEPS = {
    OUTAGE: "See https://slack-status.com and this machine's way to *.slack.com; it is tried again by itself.",
    MISSING_SCOPE: "Give the app that scope under OAuth & Permissions, then reinstall it to the workspace.",
    "account_inactive": "The app was removed from the workspace: install it again, then set SLACK_BOT_TOKEN to its "
    "new token and restart.",
}
_NEW_TOKEN = "Reinstall the app, set SLACK_BOT_TOKEN to its new bot token and restart."  # noqa: S105  # a sentence
_NEW_APP_TOKEN = (
    "Make an app-level token with the scope connections:write (api.slack.com/apps → Basic Information → "  # noqa: S105
    "App-Level Tokens), set SLACK_APP_TOKEN to it, switch Socket Mode on, and restart."
)


@dataclass(frozen=True)
class SlackTrouble:
    """What keeps Slack and us apart: Slack's word (or `outage`), since when (epoch ms), and what mends it."""

    way: SlackWay
    error: str
    since: int

    @property
    def says(self) -> str:
        """What does not work, as the middle of a sentence."""
        return "takes nothing from us" if self.way is SlackWay.SAYS else "sends us no commands and clicks"

    @property
    def meanwhile(self) -> str:
        """What people do without until it is mended, as the end of a sentence."""
        waits = "cards and messages wait" if self.way is SlackWay.SAYS else "people act from the panel"
        return f"{waits} until it is mended."

    @property
    def step(self) -> str:
        """What mends it."""
        return step_after(self.way, self.error)


def step_after(way: SlackWay, error: str) -> str:
    """What mends an error of Slack's, as a sentence."""
    other = _NEW_TOKEN if way is SlackWay.SAYS else _NEW_APP_TOKEN
    return _STEPS.get(error.partition(":")[0], other)


def slack_troubles() -> list[SlackTrouble]:
    """What keeps Slack and us apart now, the oldest first; empty when all is well."""
    found = select("SELECT way, error, since FROM slack_faults ORDER BY since, way")
    return [SlackTrouble(SlackWay(way), error, since) for way, error, since in found]


def slack_trouble(way: SlackWay = SlackWay.SAYS) -> SlackTrouble | None:
    """The trouble of one way; None when it works."""
    return next((trouble for trouble in slack_troubles() if trouble.way is way), None)

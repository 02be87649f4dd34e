"""Reads of how Slack stands."""

from dataclasses import dataclass

from models.database import select

MISSING_SCOPE = "missing_scope"
OUTAGE = "outage"
_STEPS = {
    OUTAGE: "See https://slack-status.com and this machine's network; it goes on by itself.",
    MISSING_SCOPE: "Give the app that scope under OAuth & Permissions, then reinstall it to the workspace.",
    "account_inactive": "The app was removed from the workspace: install it again, then set SLACK_BOT_TOKEN to its "
    "new token and restart.",
}
_NEW_TOKEN = "Reinstall the app, set SLACK_BOT_TOKEN to its new bot token and restart."  # noqa: S105  # a sentence


@dataclass(frozen=True)
class SlackTrouble:
    """Why nothing can be said in Slack: Slack's word (or `outage`), since when (epoch ms), and what mends it."""

    error: str
    since: int
    step: str


def slack_trouble() -> SlackTrouble | None:
    """What keeps Slack from taking what we say; None when all is well."""
    found = select("SELECT error, since FROM slack_faults ORDER BY since LIMIT 1")
    if not found:
        return None
    error, since = found[0]
    return SlackTrouble(error, since, _STEPS.get(error.partition(":")[0], _NEW_TOKEN))

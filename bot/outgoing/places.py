"""Where things are said: a campaign's channel, a person's direct messages."""

from bot.outgoing.web_api import RefusedError, WebApi
from models.queries.people import person_by_id
from models.queries.settings import setting
from models.tables import Campaign

# A channel that takes nothing from us: chat.postMessage's words.
RESTRICTED = frozenset(
    {"restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel"}
)
SHUT = frozenset({"channel_not_found", "is_archived", "not_in_channel"}) | RESTRICTED


def channel_of(campaign: Campaign) -> str | None:
    """The channel chosen at creation, else the setting's; None when there is neither."""
    chosen: str | None = campaign.slack_channel_id or setting("slack_channel")
    return chosen


def its_card(campaign: Campaign) -> str:
    """Where a campaign's card is, or will be in a moment, as a sentence."""
    if channel := channel_of(campaign):
        return f"Its card is in <#{channel}>."
    if campaign.owner_id:
        return "Its card is in the owner's direct messages."
    return "Its card is nowhere: neither a channel nor an owner is set."


class Places:
    """Knows conversations by the people they are with; Slack never changes them."""

    def __init__(self, web_api: WebApi) -> None:
        self._web_api = web_api
        self._direct: dict[str, str] = {}

    def direct(self, person_id: int | None) -> str:
        """The person's direct messages; raises RefusedError for one who is gone or not in Slack."""
        person = person_by_id(person_id) if person_id is not None else None
        if person is None or not person.slack_id:
            raise RefusedError("nobody in Slack")
        if person.slack_id not in self._direct:
            opened = self._web_api.call("conversations_open", users=[person.slack_id])
            self._direct[person.slack_id] = str(opened["channel"]["id"])
        return self._direct[person.slack_id]

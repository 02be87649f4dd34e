"""Answers to one person: ephemeral in the channel they are in, else in their direct messages."""

import json
from collections.abc import Sequence
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from bot.blocks import Block, escaped, section
from models.errors import CampaignError


class Reply:
    """Where an answer to one request goes."""

    def __init__(self, client: WebClient, body: dict[str, Any]) -> None:
        self.client = client
        self.user_id: str = body.get("user_id") or body["user"]["id"]
        self.trigger_id: str = body.get("trigger_id", "")
        self._response_url: str = body.get("response_url", "")
        metadata = _metadata(body)
        self.channel_id: str = (
            body.get("channel_id") or body.get("channel", {}).get("id", "") or metadata.get("channel", "")
        )

    def whisper(self, text: str, blocks: Sequence[Block] = (), *, instead: bool = False) -> None:
        """Say it to this person only; `instead` replaces the ephemeral message that was clicked."""
        shown = list(blocks) or [section(text)]
        if self._response_url:
            WebhookClient(self._response_url).send(
                text=text, blocks=shown, response_type="ephemeral", replace_original=instead
            )
            return
        if self.channel_id and not self.channel_id.startswith("D"):
            try:
                self.client.chat_postEphemeral(channel=self.channel_id, user=self.user_id, text=text, blocks=shown)
            except SlackApiError as trouble:
                if trouble.response.get("error") not in ("not_in_channel", "channel_not_found", "user_not_in_channel"):
                    raise
            else:
                return
        self.direct(text, shown)

    def whisper_if_possible(self, text: str) -> None:
        """The same, when something has failed already: Slack being away must not hide the first fault."""
        try:
            self.whisper(text)
        except SlackApiError:
            return

    def tell(self, text: str) -> None:
        """Say the outcome of a dialog."""
        self.whisper(text)

    def direct(self, text: str, blocks: Sequence[Block] = ()) -> None:
        """Say it in the person's direct messages."""
        channel = self.client.conversations_open(users=[self.user_id])["channel"]["id"]
        self.client.chat_postMessage(channel=channel, text=text, blocks=list(blocks) or [section(text)])


def refusal(refused: CampaignError) -> str:
    """The sentence of a refusal, safe to show."""
    return escaped(str(refused))


def _metadata(body: dict[str, Any]) -> dict[str, str]:
    kept = body.get("view", {}).get("private_metadata") or "{}"
    found: dict[str, str] = json.loads(kept)
    return found

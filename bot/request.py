"""One request from Slack: who asks, from where, and where the answer goes.

An answer goes where the person is looking: into the dialog that was opened for it, else onto the dialog or the
App Home where they clicked, else as an ephemeral message in the channel, else into their direct messages.
"""

from collections.abc import Sequence
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook import WebhookClient

from bot.drawing import blocks
from bot.drawing.blocks import Block, Message
from bot.people import actor_of
from models.actors import Actor
from models.rules.slack_places import is_direct

log = structlog.stdlib.get_logger("signalbox.bot")

ANSWER_SECONDS = 10
# Slack lets nobody but a conversation's members see an ephemeral message of ours in it.
NOT_THERE = frozenset({"not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived"})
VIEW_GONE = frozenset({"not_found", "expired_trigger_id", "exchanged_trigger_id"})


class Request:
    """A command, a click, a submission or a shortcut. `body` is its payload as Slack sent it."""

    def __init__(self, body: dict[str, Any], client: WebClient) -> None:
        self.body = body
        self.client = client
        self.view: dict[str, Any] = body.get("view", {})
        self.user_id: str = body.get("user_id") or body["user"]["id"]
        self._response_url: str = body.get("response_url", "")
        self._dialog_id: str = ""

    @cached_property
    def actor(self) -> Actor:
        """The person who asks, with their role of this moment. Raises NotAllowedError for a stranger."""
        return actor_of(self.user_id, self.client)

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What the dialog was opened about."""
        return blocks.kept_in(self.view)

    @property
    def channel_id(self) -> str:
        """Where the person is; '' in the App Home."""
        here = self.body.get("channel_id") or self.body.get("channel", {}).get("id") or self.kept.get("channel")
        return str(here or "")

    @property
    def is_in_dialog(self) -> bool:
        """Whether what was clicked stands in a dialog."""
        return bool(self.view.get("type") == "modal")

    @property
    def _is_in_view(self) -> bool:
        """Whether it stands in a dialog or in the App Home: a message in a channel would not be seen there."""
        return bool(self.view) and "trigger_id" in self.body

    @property
    def time_zone(self) -> str:
        """The person's own, as they have told Slack."""
        return str(self.client.users_info(user=self.user_id)["user"].get("tz") or "UTC")

    def is_member_of(self, channel_id: str) -> bool:
        """Whether the bot may post into a conversation."""
        try:
            found = self.client.conversations_info(channel=channel_id)["channel"]
        except SlackApiError as trouble:
            if trouble.response.get("error") not in NOT_THERE:
                raise
            return False
        return bool(found.get("is_member") or found.get("is_im"))

    def whisper(self, message: Message | str, *, instead: bool = False) -> None:
        """Say it to this person only; `instead` puts it in the place of the answer that was clicked."""
        said = message if isinstance(message, Message) else Message.of(message)
        if self._is_in_view and self._said_in_dialog(said, instead=instead):
            return
        if not self._answered(said, instead=instead) and not self._whispered_in_channel(said):
            self.direct(said)

    def direct(self, message: Message) -> None:
        """Say it in the person's direct messages."""
        channel = self.client.conversations_open(users=[self.user_id])["channel"]["id"]
        self.client.chat_postMessage(channel=channel, text=message.text, blocks=message.blocks)

    def open_dialog(self, view: Block) -> None:
        """Open a dialog now: a trigger lives three seconds. From within a dialog it opens on top, or takes the
        place of the third, as Slack has no more than three.
        """
        opens = self.client.views_push if self.is_in_dialog else self.client.views_open
        try:
            self._dialog_id = opens(trigger_id=self.body["trigger_id"], view=view)["view"]["id"]
        except SlackApiError as trouble:
            if trouble.response.get("error") != "push_limit_reached":
                raise
            self.stay_in_dialog()
            self.show(view)

    def stay_in_dialog(self) -> None:
        """Answer in the dialog that this request came from."""
        self._dialog_id = self.view["id"]

    def show(self, view: Block) -> bool:
        """Put this into the dialog; False when none is open, or the person has closed it."""
        if not self._dialog_id:
            return False
        try:
            self.client.views_update(view_id=self._dialog_id, view=view)
        except SlackApiError as trouble:
            if trouble.response.get("error") not in VIEW_GONE:
                raise
            return False
        return True

    def answer(self, text: str, *, title: str = "Not done", shown: Sequence[Block] = ()) -> None:
        """Say how it ended where the person is looking. `text` is mrkdwn; outside words in it are escaped."""
        self.end(blocks.ended(title, text, shown))

    def end(self, view: Block) -> None:
        """Show how it ended; where the dialog was closed meanwhile, or takes nothing, as a message."""
        try:
            shown = self.show(view)
        except (SlackClientError, OSError) as trouble:
            log.warning("Slack does not show how it ended", trouble=str(trouble))
            shown = False
        if not shown:
            self.whisper(Message(str(view["blocks"][0]["text"]["text"]), view["blocks"]))

    def _said_in_dialog(self, said: Message, *, instead: bool) -> bool:
        """The answer as a dialog of its own; False when it can't be opened any more."""
        view = blocks.modal("Signalbox", said.blocks, callback_id="said")
        if instead and self.view.get("callback_id") == "said":
            self.stay_in_dialog()
            return self.show(view)
        try:
            self.open_dialog(view)
        except SlackApiError as trouble:
            if trouble.response.get("error") not in VIEW_GONE:
                raise
            return False
        return True

    def _answered(self, said: Message, *, instead: bool) -> bool:
        """Say it where Slack waits for the answer; False when it does not any more, or does not take it."""
        if not self._response_url:
            return False
        answers = WebhookClient(self._response_url, timeout=ANSWER_SECONDS, retry_handlers=[])
        try:
            answer = answers.send(
                text=said.text, blocks=said.blocks, response_type="ephemeral", replace_original=instead
            )
        except (OSError, HTTPException) as trouble:
            log.warning("Slack can't be reached for an answer", trouble=str(trouble))
            return False
        if answer.status_code != HTTPStatus.OK:
            log.warning("Slack takes no answer", status=answer.status_code, error=answer.body)
        return answer.status_code == HTTPStatus.OK

    def _whispered_in_channel(self, said: Message) -> bool:
        channel = self.channel_id
        if not channel or is_direct(channel):
            return False
        try:
            self.client.chat_postEphemeral(channel=channel, user=self.user_id, text=said.text, blocks=said.blocks)
        except SlackApiError as trouble:
            if trouble.response.get("error") not in NOT_THERE:
                raise
            return False
        return True


def inputs_of(view: dict[str, Any]) -> dict[str, Any]:
    """What was typed, ticked or chosen in a view, by block: a text, a list of values, one value, or a moment in ms."""
    return {
        block_id: _value(given)
        for block_id, by_action in view["state"]["values"].items()
        for given in by_action.values()
    }


def _value(given: dict[str, Any]) -> Any:
    if "selected_options" in given:
        return [option["value"] for option in given["selected_options"] or []]
    if "selected_option" in given:
        return (given["selected_option"] or {}).get("value", "")
    if "selected_date_time" in given:
        at = given["selected_date_time"]
        return at * 1000 if at else None
    return given.get("value") or ""

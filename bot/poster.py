"""The poster: says what waits in the outbox, and keeps cards up to date. One process of all does it.

Slack's trouble stays here: what can't be said now waits, and of each card only the latest state goes out.
"""

import hashlib
import json
import time
from collections.abc import Callable

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError

from bot import cards, letters
from bot.blocks import section
from bot.cards import Card
from bot.files import send_export
from models.clock import now_ms
from models.errors import CampaignError, NotFoundError
from models.operations import outbox
from models.operations.settings import setting
from models.queries.campaigns import get_campaign
from models.queries.people import person_by_id
from models.tables import SlackOutbox, SlackPost

log = structlog.stdlib.get_logger("signalbox.poster")

CARD_EVERY_SECONDS = 3.0
GONE = frozenset({"message_not_found", "channel_not_found", "is_archived", "cant_update_message", "thread_not_found"})
SHUT = frozenset({"not_in_channel", "channel_not_found", "is_archived", "user_not_found", "cannot_dm_bot"})
ACCOUNT = frozenset({"invalid_auth", "token_revoked", "account_inactive", "missing_scope", "not_authed"})
PAUSE_SECONDS = 15.0


class Poster:
    """Talks to one workspace."""

    def __init__(self, client: WebClient) -> None:
        self._client = client
        self._cards_at = 0.0
        self._pause_until = 0.0

    def work(self) -> None:
        """Say what is due; then bring moving cards up to date, every few seconds."""
        if time.monotonic() < self._pause_until:
            return
        for saying in outbox.due_sayings(now=now_ms()):
            self._try(saying)
        if time.monotonic() >= self._cards_at:
            self._cards_at = time.monotonic() + CARD_EVERY_SECONDS
            for post in outbox.moving_cards():
                self._guarded(lambda: self._update(post, cards.card(post.subject_id)), post)  # noqa: B023  # called at once

    def _try(self, saying: SlackOutbox) -> None:
        try:
            _SAYINGS[saying.kind](self, saying)
        except SlackApiError as trouble:
            self._heed(saying, trouble)
        except (SlackRequestError, OSError) as trouble:
            outbox.not_said(saying.id, problem=str(trouble)[:200], now=now_ms())
        except CampaignError as gone:
            outbox.drop(saying.id, problem=str(gone), now=now_ms())
        else:
            outbox.said(saying.id, now=now_ms())

    def _heed(self, saying: SlackOutbox, trouble: SlackApiError) -> None:
        error = str(trouble.response.get("error"))
        if error == "ratelimited":
            wait = int(trouble.response.headers.get("Retry-After", 1)) * 1000
            outbox.not_said(saying.id, problem=error, now=now_ms(), retry_after_ms=wait)
        elif error in SHUT:
            outbox.drop(saying.id, problem=error, now=now_ms())
        else:
            outbox.not_said(saying.id, problem=error, now=now_ms())
            if error in ACCOUNT:
                self._pause(error)

    def _pause(self, error: str) -> None:
        log.error("Slack refuses us; what is to be said waits", error=error)
        self._pause_until = time.monotonic() + PAUSE_SECONDS

    def _guarded(self, act: Callable[[], None], post: SlackPost) -> None:
        """An update that fails is made again with newer figures; one whose message is gone never."""
        try:
            act()
        except SlackApiError as trouble:
            error = str(trouble.response.get("error"))
            if error in GONE:
                outbox.lose_post(post.id)
            elif error in ACCOUNT:
                self._pause(error)
            elif error == "ratelimited":
                self._cards_at = time.monotonic() + float(trouble.response.headers.get("Retry-After", 1))
        except (SlackRequestError, OSError) as trouble:
            log.debug("card not updated", trouble=str(trouble))
        except NotFoundError:
            outbox.lose_post(post.id)

    def say_card(self, saying: SlackOutbox) -> None:
        """Post the card, or bring it up to date; `move_to` posts it anew at the bottom of a channel."""
        card = cards.card(saying.subject_id)
        post = outbox.live_card(saying.subject_id)
        target = saying.content.get("move_to")
        if post is not None and not target:
            self._guarded(lambda: self._update(post, card), post)
            return
        channel = target or self._home_of(saying.subject_id)
        if channel is None:
            return
        answer = self._client.chat_postMessage(channel=channel, text=card.text, blocks=card.blocks)
        if post is not None:
            self._guarded(lambda: self._retire(post), post)
        outbox.keep_post(
            "card",
            saying.subject_id,
            channel_id=answer["channel"],
            ts=answer["ts"],
            rendered_hash=_hash(card),
            now=now_ms(),
        )

    def say_in_thread(self, saying: SlackOutbox) -> None:
        """One line under the card, once there is one."""
        post = outbox.live_card(saying.subject_id)
        if post is not None:
            line = letters.thread_line(saying.content)
            self._client.chat_postMessage(
                channel=post.slack_channel_id, thread_ts=post.ts, text=line, blocks=[section(line)]
            )

    def say_in_channel(self, saying: SlackOutbox) -> None:
        """Held and Failed also appear in the campaign's channel."""
        channel = self._home_of(saying.subject_id)
        if channel is not None:
            letter = letters.news(saying.subject_id, saying.content)
            self._client.chat_postMessage(channel=channel, text=letter.text, blocks=letter.blocks)

    def say_to_owner(self, saying: SlackOutbox) -> None:
        """A direct message about a campaign."""
        channel = self._direct(int(saying.address))
        if channel is not None:
            letter = letters.news(saying.subject_id, saying.content)
            self._client.chat_postMessage(channel=channel, text=letter.text, blocks=letter.blocks)

    def say_export(self, saying: SlackOutbox) -> None:
        """An export's file and its receipt, to the person who asked."""
        channel = self._direct(int(saying.address))
        if channel is not None:
            send_export(self._client, channel, saying.subject_id)

    def _update(self, post: SlackPost, card: Card) -> None:
        rendered = _hash(card)
        if rendered != post.rendered_hash:
            self._client.chat_update(channel=post.slack_channel_id, ts=post.ts, text=card.text, blocks=card.blocks)
            outbox.note_update(post.id, rendered_hash=rendered, now=now_ms())

    def _retire(self, post: SlackPost) -> None:
        """Let the old place of a moved card point to where it is now."""
        text = "The card of this campaign has moved."
        self._client.chat_update(channel=post.slack_channel_id, ts=post.ts, text=text, blocks=[section(text)])

    def _home_of(self, campaign_id: int) -> str | None:
        """The campaign's channel, else the setting's, else the owner's direct messages."""
        campaign = get_campaign(campaign_id)
        chosen: str | None = campaign.slack_channel_id or setting("slack_channel")
        return chosen or (self._direct(campaign.owner_id) if campaign.owner_id else None)

    def _direct(self, person_id: int) -> str | None:
        person = person_by_id(person_id)
        if person is None or not person.slack_id:
            return None
        return str(self._client.conversations_open(users=[person.slack_id])["channel"]["id"])


_SAYINGS: dict[str, Callable[[Poster, SlackOutbox], None]] = {
    "card": Poster.say_card,
    "thread": Poster.say_in_thread,
    "post": Poster.say_in_channel,
    "dm": Poster.say_to_owner,
    "export": Poster.say_export,
}


def _hash(card: Card) -> str:
    """Of what is said, without the moment it is as of: an unchanged card is not sent again."""
    lasting = [block for block in card.blocks if block["type"] != "context"]
    return hashlib.sha256(json.dumps([card.text, lasting], sort_keys=True).encode()).hexdigest()[:32]

"""The life of campaigns' cards in Slack: posted once, moved when asked, kept up to date, and left alone when gone."""

from collections.abc import Callable

import structlog

from bot import looks
from bot.drawing.blocks import Message, section
from bot.outgoing import letters
from bot.outgoing.places import SHUT, Places, channel_of
from bot.outgoing.posting import Posted, Posting, fingerprint
from bot.outgoing.resting import Resting
from bot.outgoing.web_api import NotNowError, RefusedError, WebApi
from models.errors import NotFoundError
from models.operations import posts, telling
from models.queries.campaigns import get_campaign
from models.queries.posts import LivingCard, card_of, living_cards
from models.tables import Campaign, SlackOutbox, SlackPost
from models.words import HOLDS_CHANNEL, Phase

log = structlog.stdlib.get_logger("signalbox.poster")

# chat.update's words for a message that will never take an update again.
GONE = frozenset(
    {
        "cant_update_message",
        "channel_not_found",
        "edit_window_closed",
        "is_archived",
        "is_inactive",
        "message_not_found",
        "not_in_channel",
    }
)
FIRST_MINUTE = 60_000
QUIET_AFTER = 30_000  # ms without an acceptance: receipts only


class StatusCards:
    """Posts cards and brings them up to date."""

    def __init__(self, web_api: WebApi, posting: Posting, places: Places, clock: Callable[[], int]) -> None:
        self._web_api = web_api
        self._posting = posting
        self._places = places
        self._clock = clock
        self._resting = Resting(clock)

    def say(self, saying: SlackOutbox) -> None:
        """Post the card at its campaign's run, else bring it up to date; move it; or let it say that all is deleted."""
        post, content = card_of(saying.subject_id), saying.content
        if content.get("act") == "delete":
            if post is not None and post.state == "live":
                self._show(post, letters.deleted(content))
                posts.settle_post(post)
        elif "move_to" in content:
            self._move(saying, post, content["move_to"])
        elif post is None:
            self._post_at_home(saying)
        elif post.state == "live":  # a card that somebody deleted does not come back by itself
            self._update(post)

    def refresh(self) -> None:
        """Bring up to date what is due: campaigns at work first, and of them who has waited longest."""
        now = self._clock()
        due = [living for living in living_cards() if now - living.post.updated_at >= pace(living, now)]
        for living in sorted(due, key=lambda living: living.phase is not Phase.RUNNING):
            if self._resting.rests(living.post):
                continue
            try:
                with self._resting.tried(living.post):
                    self._update(living.post)
            except NotNowError:
                return

    def _post_at_home(self, saying: SlackOutbox) -> None:
        campaign = get_campaign(saying.subject_id)
        card = looks.card_of(campaign.id)
        channel = channel_of(campaign)
        if channel is None:
            self._keep(saying, self._posting.post(saying, self._places.direct(campaign.owner_id), card))
            return
        try:
            posted = self._posting.post(saying, channel, card)
        except RefusedError as refused:
            if refused.error not in SHUT:
                raise
            posted = self._post_to_owner(saying, campaign, card)
            telling.tell_of_shut_channel(campaign.id, channel, refused.error, now=self._clock())
        self._keep(saying, posted)

    def _post_to_owner(self, saying: SlackOutbox, campaign: Campaign, card: Message) -> Posted:
        return self._posting.post(saying, self._places.direct(campaign.owner_id), card)

    def _move(self, saying: SlackOutbox, post: SlackPost | None, channel: str) -> None:
        card = looks.card_of(saying.subject_id)
        posted = self._posting.post(saying, channel, card)
        if post is not None and post.state == "live":
            text = "The card of this campaign has moved."
            self._show(post, Message(text, [section(text)]))
        self._keep(saying, posted)

    def _keep(self, saying: SlackOutbox, posted: Posted) -> None:
        """What an interrupted try has posted may show older figures: the next look brings it up to date."""
        posts.keep(
            "card",
            saying.subject_id,
            channel_id=posted.channel_id,
            ts=posted.ts,
            rendered_hash=posted.shows,
            now=self._clock(),
        )

    def _update(self, post: SlackPost) -> None:
        now = self._clock()  # before the figures are read: what changes meanwhile is newer
        try:
            card = looks.card_of(post.subject_id)
        except NotFoundError:  # deleted: the card hears of it by the act itself
            return
        rendered = fingerprint(card)
        if rendered == post.rendered_hash or self._show(post, card):
            posts.note_look(post, rendered_hash=rendered, now=now)

    def _show(self, post: SlackPost, card: Message) -> bool:
        """Let the message say this; False when it is gone, and noted to be."""
        try:
            self._web_api.call(
                "chat_update", channel=post.slack_channel_id, ts=post.ts, text=card.text, blocks=card.blocks
            )
        except RefusedError as refused:
            if refused.error not in GONE:
                log.warning("Slack refuses a card", campaign_id=post.subject_id, error=refused.error)
                return True
            posts.lose_post(post)
            return False
        return True


def pace(living: LivingCard, now: int) -> int:
    """How long a card rests between two looks, in ms: while messages are handed over, it is never 6 s behind."""
    if living.phase is Phase.RUNNING and now - max(living.accepted_at, living.started_at) < QUIET_AFTER:
        return 3_000 if now - living.started_at < FIRST_MINUTE else 5_000
    if living.phase is Phase.FAILED:
        return 5_000  # what was not sent becomes Cancelled within seconds
    return 10_000 if living.phase in HOLDS_CHANNEL else 15_000

"""The poster: says what waits in the outbox, and keeps cards and exports up to date. One process of all does it.

Slack's trouble stays here: what can't be said now waits in the database, and of each card only the latest
state goes out. Nothing of it reaches those who send.
"""

from collections.abc import Callable

import structlog
from slack_sdk import WebClient

from bot.drawing.blocks import escaped
from bot.outgoing import letters
from bot.outgoing.budget import Budget
from bot.outgoing.exports import ExportMessages
from bot.outgoing.places import Places, channel_of
from bot.outgoing.posting import Posting
from bot.outgoing.status_cards import StatusCards
from bot.outgoing.web_api import LostError, NotNowError, RefusedError, TroubleError, WebApi, stops_all
from jobs.runtime.faults import contained
from models.clock import now_ms
from models.errors import CampaignError, NotFoundError
from models.operations import outbox, posts
from models.operations.slack_state import clear_trouble, note_trouble
from models.operations.telling import moving
from models.queries.campaigns import get_campaign
from models.queries.people import person_by_id
from models.queries.posts import card_of, latest_post, waits
from models.queries.slack import slack_trouble
from models.tables import SlackOutbox
from models.words import Phase

log = structlog.stdlib.get_logger("signalbox.poster")

FIRST_PAUSE, LONGEST_PAUSE = 2_000, 60_000  # ms between two looks whether Slack is well again
CLEANED_EVERY = 60_000  # ms


class Poster:
    """Talks to one workspace; all it must remember is in the database."""

    def __init__(self, client: WebClient, *, clock: Callable[[], int] = now_ms, budget: Budget | None = None) -> None:
        self._clock = clock
        self._web_api = WebApi(client, budget or Budget(), clock)
        self._posting = Posting(self._web_api, clock)
        self._places = Places(self._web_api)
        self._cards = StatusCards(self._web_api, self._posting, self._places, clock)
        self._exports = ExportMessages(self._web_api, self._posting, self._places, clock)
        self._says: dict[str, Callable[[SlackOutbox], None]] = {
            "card": self._cards.say,
            "thread": self._say_in_thread,
            "post": self._say_in_channel,
            "dm": self._say_to_person,
            "export": self._exports.say,
            "file": self._exports.say_file,
        }
        known = slack_trouble()
        self._trouble = known.error if known else ""
        self._pause = FIRST_PAUSE
        self._pause_until = self._clean_at = 0

    def work(self, go_on: Callable[[], bool] = lambda: True) -> None:
        """One round: say what is due, then bring up to date what moves; ended early when `go_on` says so."""
        if self._trouble and not self._is_over():
            return
        try:
            self._round(go_on)
        except TroubleError as trouble:
            self._stop_for(trouble.error)
        else:
            self._recover()

    def _round(self, go_on: Callable[[], bool]) -> None:
        for saying in outbox.due_sayings(now=self._clock()):
            if not go_on():
                return
            self._try(saying)
        self._cards.refresh()
        self._exports.refresh()
        self._clean()

    def _try(self, saying: SlackOutbox) -> None:
        """Say it; one that can't even be made holds nothing up."""
        facts = {"kind": saying.kind, "subject_id": saying.subject_id}
        with contained("message to Slack", known=stops_all, **facts) as unit:
            self._say(saying)
        if unit.faulty:
            outbox.put_off(saying, problem="a fault of ours", now=self._clock())

    def _say(self, saying: SlackOutbox) -> None:
        try:
            self._says[saying.kind](saying)
        except NotNowError:
            return  # it keeps its place in the line
        except LostError:
            outbox.put_off(saying, problem="lost on its way", now=self._clock())
        except (RefusedError, CampaignError) as refused:
            log.info("not said", kind=saying.kind, subject_id=saying.subject_id, because=str(refused))
            outbox.drop(saying, problem=str(refused), now=self._clock())
        except TroubleError as trouble:
            outbox.put_off(saying, problem=trouble.error, now=self._clock())
            raise
        else:
            outbox.said(saying, now=self._clock())

    def _say_in_thread(self, saying: SlackOutbox) -> None:
        """One line under the card; none without a card, as before the first run."""
        post = card_of(saying.subject_id)
        if post is None and any(map(waits, (f"card:{saying.subject_id}", moving(saying.subject_id)))):
            raise NotNowError("the card comes first")
        if post is not None:
            line = letters.thread_line(saying.content, _who(saying))
            self._posting.post(saying, post.slack_channel_id, line, thread_ts=post.ts)

    def _say_in_channel(self, saying: SlackOutbox) -> None:
        """Held and Failed also appear in the campaign's channel; where there is none, its owner is told anyway."""
        campaign = get_campaign(saying.subject_id)
        channel = channel_of(campaign)
        if channel and not letters.is_overtaken(saying.content["act"], campaign.phase):
            self._posting.post(saying, channel, letters.letter(campaign.id, saying.content, "", gone=False))

    def _say_to_person(self, saying: SlackOutbox) -> None:
        """A direct message; similar ones within five minutes are one message that is brought up to date."""
        phase = _phase_of(saying.subject_id)
        if letters.is_overtaken(saying.content["act"], phase):
            return
        letter = letters.letter(saying.subject_id, saying.content, _who(saying), gone=phase is None)
        channel = self._places.direct(int(saying.address))
        told = latest_post(saying.topic, saying.subject_id, since=saying.content["since"])
        if told is None:
            posted = self._posting.post(saying, channel, letter)
            told = posts.keep(saying.topic, saying.subject_id, channel_id=channel, ts=posted.ts, now=self._clock())
            if not posted.found:
                return
        self._web_api.call("chat_update", channel=channel, ts=told.ts, text=letter.text, blocks=letter.blocks)

    def _clean(self) -> None:
        if self._clock() >= self._clean_at:
            self._clean_at = self._clock() + CLEANED_EVERY
            self._exports.delete_old_files()
            outbox.purge(now=self._clock())

    def _is_over(self) -> bool:
        """Whether Slack's trouble is over: it is asked at growing distances."""
        if self._clock() < self._pause_until:
            return False
        if not self._web_api.is_well(self._trouble):
            self._rest()
            return False
        outbox.shed_lines(now=self._clock())
        return True

    def _stop_for(self, error: str) -> None:
        if error != self._trouble:
            log.error("Slack takes nothing from us; what is to be said waits", error=error)
            note_trouble(error, now=self._clock())
        self._trouble = error
        self._rest()

    def _rest(self) -> None:
        self._pause_until = self._clock() + self._pause
        self._pause = min(LONGEST_PAUSE, self._pause * 2)

    def _recover(self) -> None:
        """A whole round went well."""
        self._pause = FIRST_PAUSE
        if self._trouble:
            log.info("Slack takes what we say again", after=self._trouble)
            clear_trouble()
            self._trouble = ""


def _phase_of(campaign_id: int) -> str | None:
    """The campaign's phase, None once it is deleted."""
    try:
        phase = str(get_campaign(campaign_id).phase)
    except NotFoundError:
        return None
    return None if phase == Phase.DELETING else phase


def _who(saying: SlackOutbox) -> str:
    """The actor, as a mention where Slack knows them."""
    person_id = saying.content.get("person_id")
    person = person_by_id(person_id) if person_id else None
    if person is not None and person.slack_id:
        return f"<@{person.slack_id}>"
    return f"*{escaped(str(saying.content['by']))}*"

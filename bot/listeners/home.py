"""The App Home: published when it is opened, and anew when somebody asks for it."""

from typing import Any

from slack_sdk import WebClient

from bot.drawing import blocks
from bot.drawing import home as drawn
from bot.request import Request
from bot.site import site
from models import database
from models.actors import Actor
from models.clock import now_ms
from models.errors import CampaignError
from models.operations.own_account import mute_finished
from models.queries.campaigns import list_campaigns
from models.queries.people import person_by_id
from models.queries.progress import progress_of
from models.queries.starts import pending_starts
from models.queries.work import kept_exports_of
from models.words import HOLDS_CHANNEL, Channel, Phase


def opened(event: dict[str, Any], client: WebClient) -> None:
    """Somebody opened it; who is nobody here is told whom to ask."""
    if event.get("tab", "home") != "home":
        return
    try:
        publish(Request({"user_id": event["user"]}, client))
    finally:
        database.release()


def refresh(request: Request, _subject: str) -> None:
    """Show the figures of now."""
    publish(request)


def mute(request: Request, subject: str) -> None:
    """Stop, or go on with, telling this person of campaigns that finished."""
    mute_finished(request.actor, muted=bool(subject), now=now_ms())
    publish(request)


def publish(request: Request) -> None:
    """Show the person their App Home."""
    try:
        view = drawn.home(day_of(request.actor), site())
    except CampaignError as refused:
        view = drawn.view([blocks.section(blocks.escaped(str(refused)))])
    request.client.views_publish(user_id=request.user_id, view=view)


def day_of(actor: Actor) -> drawn.Day:
    """What this person's App Home shows."""
    campaigns, now = list_campaigns(actor), now_ms()
    holding = [found for found in campaigns if Phase(found.campaign.phase) in HOLDS_CHANNEL]
    person = person_by_id(actor.person_id) if actor.person_id else None
    return drawn.Day(
        person=actor.name,
        role=actor.role,
        running={Channel(found.campaign.channel): progress_of(found, now=now) for found in holding},
        starts=pending_starts(),
        campaigns=campaigns,
        exports=kept_exports_of(actor, now=now),
        finished_muted=bool(person and person.finished_muted_at),
        as_of=now,
    )

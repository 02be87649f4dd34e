"""Pickers search while somebody types: by number, by the beginning of a name, by any part of it."""

from collections.abc import Callable
from typing import Any

from slack_sdk import WebClient

from bot.drawing import campaigns as drawn
from bot.parsing import campaign_number
from bot.request import Request
from models import database
from models.errors import CampaignError
from models.queries.campaigns import list_campaigns
from models.queries.finding import find_campaigns

SUGGESTED = 100  # Slack's limit


def suggest(ack: Callable[..., object], body: dict[str, Any], client: WebClient) -> None:
    """The campaigns that fit what was typed; none for a stranger."""
    request, typed = Request(body, client), str(body.get("value", ""))
    try:
        fitting = (
            find_campaigns(typed, campaign_number(typed), request.actor)
            if typed.strip()
            else list_campaigns(request.actor)
        )
    except CampaignError:  # nothing fits, or nobody who may see them
        fitting = []
    finally:
        database.release()
    groups = drawn.suggestions(fitting[:SUGGESTED])
    if groups:
        ack(option_groups=groups)
    else:
        ack(options=[])

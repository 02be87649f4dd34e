"""The wrapper of each listener: a refusal is told, and no fault of ours goes without an answer."""

from collections.abc import Callable
from typing import Any

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.refusing import refuse
from bot.request import Request
from jobs.runtime.faults import contained
from models import database
from models.errors import CampaignError

log = structlog.stdlib.get_logger("signalbox.bot")

Listener = Callable[[Request], None]
FAULT = "That went wrong on our side and was written down. Nothing was changed by halves; try again."


def acknowledge(ack: Callable[..., object]) -> None:
    """Answer Slack at once."""
    ack()


def heard(listener: Listener) -> Callable[..., None]:
    """The listener as bolt calls it."""

    def listen(body: dict[str, Any], client: WebClient) -> None:
        request = Request(body, client)
        try:
            with contained("listener") as unit:  # bolt would only log a fault, and the person would see nothing
                _hear(listener, request)
            if unit.faulty:
                _say_fault(request)
        finally:
            database.release()  # bolt's threads live on, and an idle one must not hold a connection

    return listen


def _hear(listener: Listener, request: Request) -> None:
    """Let the listener answer; its refusal is the answer too, and may go wrong as any other."""
    try:
        _answer(listener, request)
    except SlackApiError as trouble:
        log.warning("Slack refused", error=trouble.response.get("error"), method=trouble.response.api_url)
        _say_fault(request)


def _answer(listener: Listener, request: Request) -> None:
    try:
        listener(request)
    except CampaignError as refused:
        refuse(request, refused)


def _say_fault(request: Request) -> None:
    """Slack being away must not hide the first fault."""
    try:
        request.answer(FAULT)
    except (SlackClientError, OSError) as trouble:
        log.warning("the person could not be told", trouble=str(trouble))

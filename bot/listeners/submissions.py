"""Dialogs that were submitted: what is wrong at an input is said there; how it ended is said in the dialog's place.

Slack waits three seconds for the answer, and a provider may be asked meanwhile. What is done within a blink is
the answer itself; else the answer is a waiting view, and how it ended takes its place.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import structlog
from slack_sdk import WebClient

from bot import dialogs
from bot.drawing import blocks
from bot.drawing.blocks import Block
from bot.listeners.wrapper import FAULT
from bot.refusing import beside
from bot.request import Request, inputs_of
from models import database
from models.errors import CampaignError

log = structlog.stdlib.get_logger("signalbox.bot")

BLINK_SECONDS = 0.15
# An update that overtakes the answer would be lost under the waiting view.
ANSWER_ARRIVES_SECONDS = 1.0

_workers = ThreadPoolExecutor(8, "submission")


def answer(ack: Callable[..., object], body: dict[str, Any], client: WebClient) -> None:
    """Answer a submission, and carry it out."""
    view = body["view"]
    errors = dialogs.errors_in(view["callback_id"], view)
    if errors:
        ack(response_action="errors", errors=errors)
        return
    request = Request(body, client)
    work = _workers.submit(carry_out, request)
    work.add_done_callback(_log_fault)
    if wait([work], BLINK_SECONDS).done:
        ack(response_action="update", view=_end_of(work))
        return
    ack(response_action="update", view=blocks.ended(view["title"]["text"], "Working…"))
    answered = time.monotonic()
    ended = _end_of(work)
    time.sleep(max(0.0, answered + ANSWER_ARRIVES_SECONDS - time.monotonic()))
    request.stay_in_dialog()
    request.end(ended)


def carry_out(request: Request) -> Block:
    """Do what the dialog asked for; the view that says how it ended."""
    view = request.view
    try:
        said = dialogs.submit(view["callback_id"], request, inputs_of(view))
    except CampaignError as refused:
        return blocks.ended("Not done", blocks.escaped(str(refused)), beside(refused))
    finally:
        database.release()
    return blocks.ended(view["title"]["text"], said)


def _end_of(work: Future[Block]) -> Block:
    """What it came to, once it has; a fault of ours is told to the person."""
    return blocks.ended("Not done", FAULT) if work.exception() else work.result()


def _log_fault(work: Future[Block]) -> None:
    """Log a fault of ours beside the answer: to write down a long traceback may take longer than Slack waits."""
    if fault := work.exception():
        log.error("a submission failed", exc_info=fault)

"""Starting later, as a part of the dialogs that start something: at a time, or when the channel is free."""

from typing import Any

from bot.dialogs.frame import Given, Kept
from bot.drawing import blocks, lines
from bot.drawing.blocks import Block, escaped
from bot.request import Request
from models.clock import now_ms
from models.operations import scheduling
from models.queries.campaigns import CampaignSummary
from models.words import START_WAITS

START_AT = "start_at"


def start_input(taken: str = "") -> Block:
    """When it starts: now, or once the channel `taken` is free, unless a time is chosen."""
    picker = blocks.moment_input(START_AT)
    otherwise = f"as soon as {taken} is free" if taken else "now"
    label = f"Start later: leave it empty to start {otherwise}"
    return blocks.input_block(label, picker, block_id=START_AT, optional=True)


def in_use(summary: CampaignSummary, reason: str) -> str:
    """Another campaign holds the channel: which, how far it is, and why one waits for it."""
    channel = lines.channel_label(summary)
    return f"*{channel} is in use.* Two {channel} campaigns never run at once. {escaped(reason)}"


def wrong_time(given: Given, now: int) -> dict[str, str]:
    """What is wrong with the time that was chosen."""
    at = given.get(START_AT)
    return {START_AT: "Choose a time that is still to come."} if at and at <= now else {}


def starts_later(kept: Kept, given: Given) -> bool:
    """Whether it is to wait: for a time, or for the channel that was taken when the dialog opened."""
    return bool(given.get(START_AT) or kept.get("taken"))


def schedule(request: Request, kept: Kept, given: Given, **asked: Any) -> str:
    """Keep the start that was asked for; returns what it waits for. Raises what `schedule_start` raises."""
    at, when_free = given.get(START_AT), bool(kept.get("taken"))
    scheduling.schedule_start(
        kept["campaign"],
        **asked,
        start_at=at,
        when_free=when_free,
        time_zone=request.time_zone,
        actor=request.actor,
        now=now_ms(),
    )
    if at is None:
        return START_WAITS
    free = " if the channel is free then, or up to an hour later when it becomes free" if when_free else ""
    return f"It starts at {blocks.local_date(at)}{free}. `/campaign status` shows it, with a button to cancel it."

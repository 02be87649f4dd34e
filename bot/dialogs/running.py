"""Run a campaign: what will be sent to how many, what to think of first, and the disclaimer."""

from bot.dialogs.frame import Dialog, Form, Given, Kept
from bot.dialogs.later import in_use, schedule, start_input, starts_later, wrong_time
from bot.drawing import blocks, lines, previews
from bot.drawing.blocks import Block
from bot.outgoing.places import its_card
from bot.request import Request
from bot.site import site
from jobs import starting
from models.clock import now_ms
from models.errors import ChannelTakenError
from models.operations import running
from models.operations.running import DISCLAIMER
from models.queries.campaigns import get_campaign, summary_of
from models.queries.previews import preview_of
from models.queries.run_check import run_check
from models.rules.run_warnings import RunCheck
from models.words import LEAVE_OUT_MEANS, Action, StartKind

LEAVE_OUT = "leave_out"


def _form(request: Request, campaign_id: int, _message_ids: tuple[int, ...]) -> Form:
    taken = _taken(request, campaign_id)
    running.require_recipients(campaign_id, now=now_ms())
    summary, check = summary_of(campaign_id), run_check(campaign_id, now=now_ms())
    shown = [
        blocks.section(lines.about(summary)),
        *([blocks.section(in_use(summary, taken))] if taken else []),
        blocks.section(_what(check)),
        *previews.message(preview_of(campaign_id, 1, request.actor)),
        *(blocks.section(f":warning: {blocks.escaped(warning)}") for warning in check.warnings),
        *([_leave_out(check)] if check.reached_lately else []),
        _disclaimer(),
        start_input(lines.channel_label(summary) if taken else ""),
        *lines.mark(summary, site()),
    ]
    return Form(
        shown, f"Start when {lines.channel_label(summary)} is free" if taken else "Run Campaign", {"taken": bool(taken)}
    )


def _sketch(request: Request, campaign_id: int) -> list[Block]:
    """What is known at once: to look at each of 300,000 contacts takes a while."""
    _taken(request, campaign_id)
    summary = summary_of(campaign_id)
    sendable = lines.counted(running.require_recipients(campaign_id, now=now_ms()))
    return [
        blocks.section(lines.about(summary)),
        blocks.section(f"*{sendable}* will be sent · looking at each contact…"),
        *previews.message(preview_of(campaign_id, 1, request.actor)),
    ]


def _taken(request: Request, campaign_id: int) -> str:
    """Who holds the channel, as a sentence; '' when it may run now. Raises CampaignError when it can't start at all."""
    try:
        running.permitted(Action.RUN, campaign_id, request.actor, now=now_ms())
    except ChannelTakenError as taken:
        running.permitted(Action.START_LATER, campaign_id, request.actor, now=now_ms())
        return str(taken)
    return ""


def _what(check: RunCheck) -> str:
    parts = [f"*{lines.counted(check.sendable)}* will be sent"]
    if check.segments is not None:
        parts.append(lines.counted(check.segments, noun="segment"))
    if check.cost is not None:
        parts.append(f"about {check.currency} {check.cost:,.2f}")
    if check.opted_out:
        parts.append(f"{check.opted_out:,} opted out and {'gets' if check.opted_out == 1 else 'get'} nothing")
    return " · ".join(parts)


def _leave_out(check: RunCheck) -> Block:
    whom = "this person" if check.reached_lately == 1 else f"these {check.reached_lately:,} people"
    option = blocks.option(f"Leave out {whom}", LEAVE_OUT, LEAVE_OUT_MEANS)
    boxes = blocks.checkboxes(LEAVE_OUT, [option])
    return blocks.input_block("Reached in the last 24 hours", boxes, block_id=LEAVE_OUT, optional=True)


def _disclaimer() -> Block:
    options = [blocks.option(sentence, str(number)) for number, sentence in enumerate(DISCLAIMER, start=1)]
    return blocks.input_block(
        "To run it, confirm each", blocks.checkboxes("disclaimer", options), block_id="disclaimer"
    )


def _check(_kept: Kept, given: Given) -> dict[str, str]:
    if len(given.get("disclaimer", [])) < len(DISCLAIMER):
        return {"disclaimer": "Confirm all four to run it."}
    return wrong_time(given, now_ms())


def _submit(request: Request, kept: Kept, given: Given) -> str:
    if starts_later(kept, given):
        return schedule(
            request,
            kept,
            given,
            kind=StartKind.RUN,
            criteria=None,
            disclaimer_accepted=True,
            leave_out_reached=bool(given.get(LEAVE_OUT)),
        )
    moved = starting.run_campaign(
        kept["campaign"],
        actor=request.actor,
        disclaimer_accepted=True,
        leave_out_reached=bool(given.get(LEAVE_OUT)),
        now=now_ms(),
    )
    queued = lines.counted(moved.messages, "are being queued")
    return f"It runs: {queued}. {its_card(get_campaign(kept['campaign']))} {blocks.escaped(moved.warning)}".rstrip()


DIALOG = Dialog("Run Campaign", _form, _submit, _check, sketch=_sketch)

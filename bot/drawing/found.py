"""Every message to one recipient, as the person who asks may see it."""

from bot.drawing import blocks, doubts, lines
from bot.drawing.blocks import Block, Message, escaped
from bot.drawing.lines import Site
from models.queries.finding import FoundMessage, FoundRecipient
from models.words import (
    CHANNEL_LABELS,
    MESSAGE_STATUS_LABELS,
    REASON_NAMES,
    Channel,
    MessageStatus,
)

VIEWER = "You are a Viewer: the recipient is masked; fields, provider texts and opt-outs are not shown."


def messages_to(found: FoundRecipient, typed: str, now: int, *, may_act: bool, site: Site) -> Message:
    """The messages, newest first, with Retry on what failed and Ask on what is in doubt; `typed` is sought again."""
    count = len(found.messages) + found.more
    told = lines.counted(count) if count else "no messages"
    head = f"{blocks.code(found.shown)}: {told}{_opted_out(found)}"
    shown = [blocks.section(head)]
    for one in found.messages:
        shown += _message(one, may_act=may_act)
    if found.more:
        shown.append(blocks.context(f"{found.more} older ones are in the panel."))
    refresh = blocks.button("Refresh", "find", value=typed)
    panel = blocks.button("Open panel", "open_panel", url=site.panel_url)
    shown.append(blocks.actions([refresh, panel] if may_act else [refresh], block_id="find"))
    note = "" if may_act else f" {VIEWER}"
    shown.append(blocks.context(f"As of {blocks.local_time(now)}.{note}"))
    return Message(f"{escaped(found.shown)}: {told}", shown)


def _opted_out(found: FoundRecipient) -> str:
    if found.opted_out is None:
        return ""
    channel = CHANNEL_LABELS[Channel(found.channel)]
    return f" · *opted out* of {channel}" if found.opted_out else " · not opted out"


def _message(one: FoundMessage, *, may_act: bool) -> list[Block]:
    state = MESSAGE_STATUS_LABELS[MessageStatus(one.status)]
    if one.failure_reason:
        state += f": {REASON_NAMES[one.failure_reason]}"
    channel = CHANNEL_LABELS[Channel(one.channel)]
    told = f"*{escaped(one.campaign_name)}* · {channel} · *{state}* · {blocks.local_date(one.updated_at)}"
    said = ": ".join(escaped(part) for part in (one.provider_code, one.provider_text) if part)
    tries = lines.counted(one.attempts, noun="attempt") if one.attempts else ""
    detail = " · ".join(filter(None, (said, tries)))
    told = "\n".join(filter(None, (told, detail, doubts.explained(one.doubt) if one.doubt else "")))
    value = f"{one.campaign_id}:{one.message_id}"
    retry = blocks.button("Retry…", "retry_one", value=value) if one.retryable and may_act else None
    shown = [blocks.section(told, retry)]
    if one.doubt and one.doubt.asks and may_act:
        ask = blocks.button(f"Ask {one.doubt.asks}", "look_up_one", value=value)
        shown.append(blocks.actions([ask], block_id=f"ask-{one.message_id}"))
    return shown

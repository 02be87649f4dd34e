"""Pure, given what happened: the lines of a card's thread, and the messages to owners and channels."""

from collections.abc import Mapping
from typing import Any

from bot import blocks
from bot.blocks import escaped
from bot.cards import BUTTON_TEXTS, Card, card_buttons
from models.clock import now_ms
from models.queries.people import person_by_id
from models.queries.progress import progress_of
from models.words import (
    CAMPAIGN_STATUS_LABELS,
    CHANNEL_LABELS,
    FAILURE_REASON_NAMES,
    SILENCE_LABELS,
    Channel,
    MessageStatus,
)

_THREAD = {
    "run": "{who} ran the campaign: {messages:,} recipients, disclaimer accepted.",
    "stop": "{who} stopped it: {messages:,} messages are not sent.",
    "resume": "{who} resumed it: {messages:,} messages go on.",
    "retry": "{who} retried {messages:,} messages.",
    "delete": "{who} deleted it.",
    "export": "{who} started an export: {rows:,} messages.",
    "hold": "*Held*: {failed:,} of the last 500 first attempts failed.",
    "fail": "*Failed*: the provider refused the account five times.",
    "end": "It ended.",
    "late_start": "It was to start later, and did not.",
    **{silence.value: label for silence, label in SILENCE_LABELS.items()},
}
_BUTTONS = {
    "hold": ("resume", "stop", "failures"),
    "fail": ("resume", "failures", "panel"),
    "end": ("retry", "failures", "export"),
}


def thread_line(content: Mapping[str, Any]) -> str:
    """What happened, and who did it, in one line."""
    numbers = {"messages": 0, "rows": 0, "failed": 0, **content["numbers"]}
    return _THREAD[content["act"]].format(who=who(content), **numbers)


def who(content: Mapping[str, Any]) -> str:
    """The actor, as a mention where Slack knows them."""
    person = person_by_id(content["person_id"]) if content.get("person_id") else None
    if person is not None and person.slack_id:
        return f"<@{person.slack_id}>"
    return f"*{escaped(str(content['name']))}*"


def news(campaign_id: int, content: Mapping[str, Any]) -> Card:
    """A message about what became of a campaign, or what somebody did to it."""
    progress = progress_of(campaign_id, now=now_ms())
    summary, act = progress.summary, content["act"]
    name = escaped(summary.campaign.name)
    text = _TEXTS.get(act, "*{who} acted on {name}.*").format(
        who=who(content),
        name=name,
        status=CAMPAIGN_STATUS_LABELS[summary.status],
        queued=summary.counts[MessageStatus.QUEUED],
        cancelled=summary.counts[MessageStatus.CANCELLED],
        failed=content["numbers"].get("failed", summary.counts[MessageStatus.FAILED]),
        failed_now=summary.counts[MessageStatus.FAILED],
        messages=content["numbers"].get("messages", 0),
        reason=escaped(str(content["numbers"].get("reason", ""))),
        delivered=_share(summary.counts[MessageStatus.DELIVERED], summary.counts.total),
        channel=CHANNEL_LABELS[Channel(summary.campaign.channel)],
        top=FAILURE_REASON_NAMES[progress.reasons[0][0]] if progress.reasons else "none",
    )
    shown = [blocks.section(text)]
    verbs = [verb for verb in _BUTTONS.get(act, ()) if verb in BUTTON_TEXTS]
    if verbs:
        shown.append(card_buttons(campaign_id, verbs))
    return Card(f"{summary.campaign.name}: {CAMPAIGN_STATUS_LABELS[summary.status]}", shown)


_TEXTS = {
    "hold": "*{name} is Held.* {failed:,} of the last 500 first attempts failed, most of them {top}. "
    "Nothing more is handed over until somebody decides; {queued:,} stay Queued.",
    "fail": "*{name} is Failed.* The provider refused the account five times. {cancelled:,} messages are Cancelled, "
    "{channel} is free. Mend the account, then Resume.",
    "end": "*{name} is {status}.* {delivered} delivered · {failed_now:,} failed.",
    "late_start": "*{name} was not started as planned.* {reason}",
    "stop": "*{who} stopped {name}.* {messages:,} messages are not sent.",
    "resume": "*{who} resumed {name}.* {messages:,} messages go on.",
    "retry": "*{who} retried {name}.* {messages:,} messages are queued again.",
    "delete": "*{who} deleted {name}.*",
    **{silence.value: f"*{{name}}*: {label}" for silence, label in SILENCE_LABELS.items()},
}


def _share(part: int, whole: int) -> str:
    return f"{100 * part / max(1, whole):.1f} %"

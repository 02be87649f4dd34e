"""The retry plan: what failed, by what a retry of it is worth; what is ticked is sent again (SPEC 5)."""

from collections.abc import Collection

from bot.dialogs.frame import Dialog, Form, Given, Kept
from bot.dialogs.later import START_AT, in_use, schedule, start_input, starts_later, wrong_time
from bot.drawing import blocks, lines
from bot.drawing.blocks import Block
from bot.outgoing.places import its_card
from bot.request import Request
from bot.site import site
from models.clock import now_ms
from models.operations import retrying
from models.queries.campaigns import CampaignSummary, get_campaign, summary_of
from models.rules.criteria import Criteria
from models.rules.retry_plan import PlanEntry, RetryPlan
from models.words import (
    CAMPAIGN_STATUS_LABELS,
    FAILURE_REASON_NAMES,
    RETRY_GROUPS,
    CampaignStatus,
    MessageStatus,
    RetryClass,
    StartKind,
)

IN_DOUBT = "unconfirmed"
TICK = "tick"
BOXES = 10  # Slack's limit for one group of checkboxes


def _form(request: Request, campaign_id: int, message_ids: tuple[int, ...]) -> Form:
    plan = retrying.open_plan(
        campaign_id, criteria=Criteria(message_ids=message_ids), actor=request.actor, now=now_ms()
    )
    return _drawn(plan, summary_of(campaign_id), plan.ticked, include_unconfirmed=False)


def _ticked_again(request: Request, _subject: str, given: Given) -> Form:
    """The same plan with what is ticked now, and its new total."""
    plan = retrying.read_plan(request.kept["plan"], actor=request.actor, now=now_ms())
    ticked, unconfirmed = _ticks(given)
    return _drawn(plan, summary_of(plan.campaign_id), ticked, include_unconfirmed=unconfirmed)


def _drawn(plan: RetryPlan, summary: CampaignSummary, ticked: Collection[str], *, include_unconfirmed: bool) -> Form:
    taken = plan.answer.blocker_id is not None
    messages = plan.messages(ticked, include_unconfirmed=include_unconfirmed)
    shown = [
        blocks.section(f"{lines.about(summary)}\nThe campaign {_becomes(summary)}."),
        *([blocks.section(in_use(summary, plan.answer.reason))] if taken else []),
        *_groups(plan, summary),
        *([_in_doubt(plan)] if plan.unconfirmed else []),
        *([blocks.context(_never(plan))] if plan.opted_out else []),
        blocks.divider(),
        blocks.section(_total(plan, messages, ticked, include_unconfirmed=include_unconfirmed)),
        start_input(lines.channel_label(summary) if taken else ""),
        blocks.context(f"The set is fixed at {blocks.local_time(plan.cutoff_at)}. What fails later is not in it."),
        *lines.mark(summary, site()),
    ]
    submit = f"Start when {lines.channel_label(summary)} is free" if taken else f"Retry {lines.counted(messages)}"
    return Form(shown, submit, {"plan": plan.id, "taken": taken})


def _becomes(summary: CampaignSummary) -> str:
    if summary.status is CampaignStatus.IN_PROGRESS:
        return "stays *In Progress*"
    return f"goes from *{CAMPAIGN_STATUS_LABELS[summary.status]}* to *In Progress*"


def _groups(plan: RetryPlan, summary: CampaignSummary) -> list[Block]:
    shown = []
    for retry_class, (name, meaning) in RETRY_GROUPS.items():
        entries = [entry for entry in plan.entries if entry.retry_class is retry_class]
        of_all = f" ({sum(entry.n for entry in entries):,} of {summary.counts[MessageStatus.FAILED]:,} failed)"
        label = f"{name}: {meaning}" if meaning else name
        for number, some in enumerate(entries[first : first + BOXES] for first in range(0, len(entries), BOXES)):
            options = [_box(entry) for entry in some]
            ticked = [option for option, entry in zip(options, some, strict=True) if entry.ticked]
            title = label + (of_all if retry_class is RetryClass.LIKELY and not number else "")
            boxes = blocks.checkboxes(TICK, options, ticked)
            block_id = f"{retry_class.value}-{number}"
            shown.append(blocks.input_block(title, boxes, block_id=block_id, optional=True, tells=True))
    return shown


def _box(entry: PlanEntry) -> Block:
    known = entry.recovered_percent
    before = "no data yet" if known is None else f"{known} % recovered before"
    return blocks.option(f"{FAILURE_REASON_NAMES[entry.reason]}: {entry.n:,}", entry.key, before)


def _in_doubt(plan: RetryPlan) -> Block:
    option = blocks.option(
        f"Also send the Unconfirmed messages: {plan.unconfirmed:,}", IN_DOUBT, "These people may get the message twice."
    )
    boxes = blocks.checkboxes(TICK, [option])
    return blocks.input_block("In doubt", boxes, block_id=IN_DOUBT, optional=True, tells=True)


def _never(plan: RetryPlan) -> str:
    people = "1 person" if plan.opted_out == 1 else f"{plan.opted_out:,} people"
    return f"Never: {people} opted out. They are not counted and cannot be sent to."


def _total(plan: RetryPlan, messages: int, ticked: Collection[str], *, include_unconfirmed: bool) -> str:
    parts = [f"*{lines.counted(messages)}*"]
    segments = plan.segments(ticked, include_unconfirmed=include_unconfirmed)
    cost = plan.cost(ticked, include_unconfirmed=include_unconfirmed)
    if segments:
        parts.append(lines.counted(segments, noun="segment"))
    if cost is not None:
        parts.append(f"about {plan.currency} {cost:,.2f}")
    return " · ".join(parts)


def _ticks(given: Given) -> tuple[list[str], bool]:
    """The keys of the failures that are ticked, and whether the Unconfirmed are."""
    chosen = [key for block_id, value in given.items() if block_id != START_AT for key in value]
    return [key for key in chosen if key != IN_DOUBT], IN_DOUBT in chosen


def _check(_kept: Kept, given: Given) -> dict[str, str]:
    ticked, unconfirmed = _ticks(given)
    if not ticked and not unconfirmed:
        first = next((block_id for block_id in given if block_id != START_AT), START_AT)
        return {first: "Tick what is to be sent again."}
    return wrong_time(given, now_ms())


def _submit(request: Request, kept: Kept, given: Given) -> str:
    ticked, unconfirmed = _ticks(given)
    if starts_later(kept, given):
        criteria = retrying.plan_criteria(kept["plan"], ticked=ticked, include_unconfirmed=unconfirmed)
        return schedule(request, kept, given, kind=StartKind.RETRY, criteria=criteria)
    retried = retrying.confirm_plan(
        kept["plan"], ticked=ticked, include_unconfirmed=unconfirmed, actor=request.actor, now=now_ms()
    )
    campaign = get_campaign(kept["campaign"])
    return f"*{blocks.escaped(campaign.name)}*: {retried.told} {its_card(campaign)}"


DIALOG = Dialog("Retry failed messages", _form, _submit, _check, {TICK: _ticked_again})

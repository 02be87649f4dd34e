"""Dialogs: opened at once with a loading view, filled from the rules, submitted to one operation each."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot import blocks
from bot.blocks import Block, escaped
from bot.replies import Reply, refusal
from jobs import starting
from models.actors import Actor
from models.clock import now_ms
from models.errors import CampaignError, InvalidInputError, WrongStateError
from models.operations import retrying, running
from models.queries.campaigns import CampaignSummary, standing_of, summary_of
from models.rules.actions import answer_for, right_for
from models.rules.criteria import Criteria
from models.words import (
    CAMPAIGN_STATUS_LABELS,
    CHANNEL_LABELS,
    Action,
    Channel,
    MessageStatus,
)

TITLES = {
    "run": "Run Campaign",
    "stop": "Stop campaign",
    "resume": "Resume campaign",
    "retry": "Retry failed messages",
    "delete": "Delete campaign",
    "summary": "Summary",
}
VERBS = tuple(TITLES)
_ACTIONS = {
    "run": Action.RUN,
    "stop": Action.STOP,
    "resume": Action.RESUME,
    "retry": Action.RETRY,
    "delete": Action.DELETE,
    "summary": Action.VIEW_SUMMARY,
}
PREVIEW_LENGTH = 1000


class InputError(Exception):
    """What was typed or ticked is not acceptable: {block id: sentence}."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(str(errors))
        self.errors = errors


@dataclass(frozen=True)
class _Form:
    """A dialog's content, and what its button says."""

    blocks: list[Block]
    submit: str = ""


def open_dialog(verb: str, campaign_id: int, actor: Actor, reply: Reply) -> None:
    """Open the dialog at once, then fill it: whatever the database takes, the trigger is used in time."""
    loading = blocks.modal(TITLES[verb], [blocks.section("Loading…")], callback_id="loading")
    view = reply.client.views_open(trigger_id=reply.trigger_id, view=loading)["view"]
    metadata = json.dumps({"campaign": campaign_id, "channel": reply.channel_id, "at": now_ms()})
    try:
        form = _form(verb, campaign_id, actor)
    except CampaignError as refused:
        filled = blocks.modal(TITLES[verb], [blocks.section(refusal(refused))], callback_id="refused")
    else:
        filled = blocks.modal(TITLES[verb], form.blocks, callback_id=verb, submit=form.submit, metadata=metadata)
    reply.client.views_update(view_id=view["id"], view=filled)


def submit(actor: Actor, body: dict[str, Any]) -> str:
    """Carry out what the dialog asked for; returns the sentence of the outcome.

    Raises InputError for what is wrong at an input, CampaignError for a refusal.
    """
    view = body["view"]
    asked: dict[str, Any] = json.loads(view["private_metadata"])
    return _SUBMITS[view["callback_id"]](actor, asked, _filled_in(view))


def refused_view(refused: CampaignError) -> Block:
    """The dialog as it is left when the act was refused."""
    return blocks.modal("Not done", [blocks.section(refusal(refused))], callback_id="refused")


def fault_view(sentence: str) -> Block:
    """The dialog as it is left after a fault of ours."""
    return blocks.modal("Not done", [blocks.section(sentence)], callback_id="refused")


def _form(verb: str, campaign_id: int, actor: Actor) -> _Form:
    action = _ACTIONS[verb]
    actor.require(right_for(action))
    answer = answer_for(action, standing_of(campaign_id), actor)
    if not answer.allowed:
        raise WrongStateError(answer.reason, campaign_id=campaign_id)
    return _FORMS[verb](summary_of(campaign_id))


def _about(summary: CampaignSummary) -> Block:
    channel = CHANNEL_LABELS[Channel(summary.campaign.channel)]
    return blocks.section(f"*{escaped(summary.campaign.name)}* · {channel}")


def _run_form(summary: CampaignSummary) -> _Form:
    shown = [
        _about(summary),
        blocks.section(f"*{summary.counts.sendable:,} messages* will be sent."),
        _preview(summary),
        blocks.input_block(
            "To run it, confirm each",
            blocks.checkboxes(
                "disclaimer",
                [
                    blocks.option(f"{number}. {short}", str(number), "")
                    for number, short in enumerate(_SHORT_DISCLAIMER, start=1)
                ],
            ),
            block_id="disclaimer",
        ),
        blocks.context(escaped(" ".join(running.DISCLAIMER))),
    ]
    return _Form(shown, "Run Campaign")


_SHORT_DISCLAIMER = (
    "All recipients agreed to be written to",
    "The content is lawful and suitable",
    "Opt-out is offered; nobody who opted out",
    "I am responsible for the data",
)


def _stop_form(summary: CampaignSummary) -> _Form:
    left = summary.counts[MessageStatus.QUEUED] + summary.counts[MessageStatus.WAITING]
    return _Form(
        [
            _about(summary),
            blocks.section(
                f"*{left:,} messages* that are not with the provider yet become Cancelled, or go back to what they "
                "were before their retry. What is being sent finishes."
            ),
        ],
        "Stop",
    )


def _resume_form(summary: CampaignSummary) -> _Form:
    counts = summary.counts
    left = counts[MessageStatus.CANCELLED] + counts[MessageStatus.QUEUED] + counts[MessageStatus.WAITING]
    return _Form([_about(summary), blocks.section(f"*{left:,} messages* go on.")], f"Resume {left:,} messages"[:24])


def _retry_form(summary: CampaignSummary) -> _Form:
    failed = summary.counts[MessageStatus.FAILED]
    unconfirmed = summary.counts[MessageStatus.UNCONFIRMED]
    status = CAMPAIGN_STATUS_LABELS[summary.status]
    shown = [
        _about(summary),
        blocks.section(f"*{failed:,} messages* will be sent again."),
        blocks.section(f"The campaign goes from *{status}* to *In Progress*."),
    ]
    if unconfirmed:
        option = blocks.option(
            f"Also send the Unconfirmed messages: {unconfirmed:,}", "yes", "These people may get the message twice."
        )
        doubt = blocks.checkboxes("unconfirmed", [option])
        shown.append(blocks.input_block("In doubt", doubt, block_id="unconfirmed", optional=True))
    shown.append(blocks.context(f"The set is fixed at {blocks.local_time(now_ms())}. What fails later is not in it."))
    return _Form(shown, f"Retry {failed:,} messages"[:24])


def _delete_form(summary: CampaignSummary) -> _Form:
    typed = {"type": "plain_text_input", "action_id": "name"}
    return _Form(
        [
            _about(summary),
            blocks.section(f"*{summary.counts.total:,} messages* will be removed. The audit and the opt-outs stay."),
            blocks.input_block(f"Type its name: {summary.campaign.name}", typed, block_id="name"),
        ],
        "Delete",
    )


def _summary_form(summary: CampaignSummary) -> _Form:
    counts = " · ".join(f"{status.replace('_', ' ')} {n:,}" for status, n in summary.counts.by_status.items() if n)
    lines = [
        f"*Status* {CAMPAIGN_STATUS_LABELS[summary.status]}",
        f"*Messages* {summary.counts.total:,}: {counts}",
        f"*Description* {escaped(summary.campaign.description or '–')}",
    ]
    return _Form([_about(summary), blocks.section("\n".join(lines)), _preview(summary)])


def _preview(summary: CampaignSummary) -> Block:
    campaign = summary.campaign
    subject = f"Subject: {campaign.subject}\n\n" if campaign.subject else ""
    text = blocks.cut(subject + campaign.body, PREVIEW_LENGTH)
    return {"type": "section", "text": blocks.plain(text)}


def _filled_in(view: dict[str, Any]) -> dict[str, Any]:
    """What was typed or ticked: {block id: value}."""
    found = {}
    for block_id, inputs in view["state"]["values"].items():
        for given in inputs.values():
            found[block_id] = given.get("value") or [option["value"] for option in given.get("selected_options") or []]
    return found


def _run(actor: Actor, asked: dict[str, Any], given: dict[str, Any]) -> str:
    accepted = len(given.get("disclaimer", [])) == len(_SHORT_DISCLAIMER)
    if not accepted:
        raise InputError({"disclaimer": "Confirm all four to run it."})
    moved = starting.run_campaign(asked["campaign"], actor=actor, disclaimer_accepted=accepted, now=now_ms())
    return f"It runs: {moved.messages:,} messages are being queued."


def _stop(actor: Actor, asked: dict[str, Any], _given: dict[str, Any]) -> str:
    moved = running.stop_campaign(asked["campaign"], actor=actor, now=now_ms())
    return f"Stopped. {moved.messages:,} messages are not sent."


def _resume(actor: Actor, asked: dict[str, Any], _given: dict[str, Any]) -> str:
    moved = starting.resume_campaign(asked["campaign"], actor=actor, now=now_ms())
    return f"It goes on: {moved.messages:,} messages are queued again."


def _retry(actor: Actor, asked: dict[str, Any], given: dict[str, Any]) -> str:
    moved = retrying.retry_messages(
        asked["campaign"],
        actor=actor,
        criteria=Criteria(cutoff_at=asked["at"]),
        include_unconfirmed=bool(given.get("unconfirmed")),
        now=now_ms(),
    )
    return f"{moved.messages:,} queued."


def _delete(actor: Actor, asked: dict[str, Any], given: dict[str, Any]) -> str:
    try:
        running.delete_campaign(asked["campaign"], actor=actor, typed_name=str(given.get("name", "")), now=now_ms())
    except InvalidInputError as wrong:
        raise InputError({"name": str(wrong)}) from wrong
    return "Deleted. Its messages are being removed."


_FORMS: dict[str, Callable[[CampaignSummary], _Form]] = {
    "run": _run_form,
    "stop": _stop_form,
    "resume": _resume_form,
    "retry": _retry_form,
    "delete": _delete_form,
    "summary": _summary_form,
}
_SUBMITS: dict[str, Callable[[Actor, dict[str, Any], dict[str, Any]], str]] = {
    "run": _run,
    "stop": _stop,
    "resume": _resume,
    "retry": _retry,
    "delete": _delete,
}

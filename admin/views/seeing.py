"""What a person may see of a campaign: the campaign itself, its live figures, one contact in its template."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import request

from admin import sessions
from admin.numbers import whole_number
from admin.presenting import charts, heads, moves, previews, words, zones
from admin.presenting import progress as told
from admin.presenting.filters import MessageFilter
from admin.views.given import text_of
from models.actors import Actor, Right
from models.addresses import opt_out_key
from models.clock import now_ms
from models.config import current
from models.operations.seeking import with_recipient
from models.providers import GIVES_NO_RECEIPTS, provider_name
from models.queries.campaigns import standing_in, summarised
from models.queries.flow import flow_of
from models.queries.pages import names_of
from models.queries.previews import contact_values
from models.queries.progress import progress_of
from models.queries.settings import allowed_rate, setting
from models.queries.starts import pending_start_of, planned_of
from models.queries.work import current_move, last_whole_export_of
from models.rules.account import goes_on_by, who_can_mend
from models.rules.actions import available_actions
from models.rules.criteria import Criteria
from models.segments import count_segments
from models.tables import Campaign, ScheduledStart
from models.template import normalise_name, placeholders, render
from models.words import CHANNEL_LABELS, NOT_RUN, OPEN_WORK, Channel, Phase, StartKind, WorkState

LONGEST_TYPED = 200  # characters for a field, so that an address holds many
LIVE, IDLE = 2, 15  # seconds between two looks: at what moves, and at what may begin to


def filter_of_request(actor: Actor) -> MessageFilter:
    """The request's filter as far as this person may ask."""
    return MessageFilter.from_args(request.values, exact_only=not actor.may(Right.SEE_RECIPIENTS))


def criteria_for(campaign: Campaign, wanted: MessageFilter, actor: Actor) -> Criteria:
    """What the filter means for this person: without the right to see recipients, one of them exactly."""
    asked = wanted.criteria()
    if not wanted.text or actor.may(Right.SEE_RECIPIENTS):
        return asked
    channel = Channel(campaign.channel)
    found = with_recipient(campaign.id, channel, opt_out_key(channel, wanted.text), actor, now=now_ms())
    return Criteria(asked.statuses, asked.reasons, message_ids=found.message_ids)


def live_context(campaign: Campaign, actor: Actor, wanted: MessageFilter) -> dict[str, Any]:
    """What the head and the progress panel show."""
    now = now_ms()
    progress = progress_of(summarised(campaign), now=now)
    campaign_id, phase = campaign.id, Phase(campaign.phase)
    answers = available_actions(standing_in(progress.summary, now=now), actor)
    badge = words.campaign_badge(phase, progress.counts)
    headline, follows = told.headline(progress, sessions.current_zone())
    move = current_move(campaign_id)
    planned = planned_of(campaign)
    start = told_start(planned.pending, campaign)
    live = progress.live or (move is not None and WorkState(move.state) in OPEN_WORK)
    return {
        "campaign": campaign,
        "progress": progress,
        "badge": badge,
        "was_run": phase not in NOT_RUN,
        "owner": owner_of(campaign),
        "head": heads.head(progress.summary.status, phase, answers, goes_on_by(progress.counts)),
        "standing": heads.standing(f"{badge.word} {campaign.silence} {campaign.owner_id}", answers),
        "answers": answers,
        "filter": wanted,
        "tiles": told.tiles(progress),
        "headline": headline,
        "follows": follows,
        "announced": told.announced(progress),
        "move": moves.shown(move, now=now),
        "start": start,
        "missed": planned.missed,
        "delivered_means": words.ACCEPTED_BY_SERVER if _gives_no_receipts(campaign) else "",
        "who_can_mend": who_can_mend(campaign.failed_code or "", provider_of(campaign)),
        "goes_on_by": goes_on_by(progress.counts),
        "last_export": partial(last_whole_export_of, actor, campaign_id, now=now),
        "live": live,
        "every": LIVE if live else IDLE if start or phase is Phase.READY else 0,
        "unfolded": request.cookies.get("progress") != "closed",
    }


@dataclass(frozen=True)
class Start:
    """What a campaign waits for before it is run, or its failures are retried, and who asked."""

    what: str
    when: str
    by: str

    @property
    def cancelled(self) -> str:
        """The same as something that an edit cancels."""
        noun = "start" if self.what == "Runs" else "retry"
        return f"the planned {noun}: {self.when}, asked for by {self.by}."


def told_start(pending: ScheduledStart | None, campaign: Campaign) -> Start | None:
    """What is to start the campaign later, if anything, in the time zone of who looks."""
    if pending is None:
        return None
    when = [zones.told(pending.starts_at, sessions.current_zone())] if pending.starts_at else []
    when += [f"when {CHANNEL_LABELS[Channel(campaign.channel)]} is free"] if pending.when_free else []
    what = "Runs" if pending.kind == StartKind.RUN else "Retries"
    return Start(what, ", ".join(when), pending.actor_name)


def edit_cancels(campaign: Campaign) -> Start | None:
    """What an edit of the campaign would cancel."""
    return told_start(pending_start_of(campaign.id), campaign)


def edit_cancelled(campaign: Campaign, start: Start | None) -> str:
    """That an edit cancelled the `start` which it was said to cancel, '' if there was none."""
    return f" That cancelled {start.cancelled}" if start and not pending_start_of(campaign.id) else ""


def chart_of_campaign(campaign: Campaign) -> charts.Chart | None:
    """Delivery over time, None before anything was delivered."""
    flow = flow_of(campaign.id)
    return charts.chart_of(flow, sessions.current_zone()) if flow else None


def provider_of(campaign: Campaign) -> str:
    """By whom it is sent, in the middle of a sentence."""
    return provider_name(current().providers.get(Channel(campaign.channel), ""))


def _gives_no_receipts(campaign: Campaign) -> bool:
    return current().providers.get(Channel(campaign.channel)) in GIVES_NO_RECEIPTS


def owner_of(campaign: Campaign) -> str:
    """The owner's name, empty when there is none."""
    return names_of([campaign.owner_id]).get(campaign.owner_id or 0, "")


def preview_context(campaign: Campaign, actor: Actor, total: int) -> dict[str, Any]:
    """The template with the values of the contact that the request names by its place, from 1."""
    place, typing = asked_place(total), typed_in_place(campaign, actor)
    recipient, values = contact_values(campaign, actor, place, typed=typing)
    text = render(campaign.body, values) if campaign.channel == Channel.SMS else ""
    return {
        "preview_at": now_ms(),
        "place": place,
        "contacts": total,
        "recipient": recipient,
        "typing": typing,
        "typed_query": _query_of(typing),
        "subject": previews.marked(campaign.subject, values),
        "sms": previews.marked(campaign.body, values) if text else None,
        "segments": count_segments(text) if text else None,
    }


def typed_in_place(campaign: Campaign, actor: Actor) -> dict[str, str]:
    """What the address has for the fields of the template, of who may not see contacts' own values; {} for others."""
    if actor.may(Right.SEE_RECIPIENTS):
        return {}
    return {name: text_of(f"value-{place}", longest=LONGEST_TYPED) for place, name in enumerate(used_fields(campaign))}


def _query_of(typing: Mapping[str, str]) -> str:
    """The same for the end of an address."""
    given = {f"value-{place}": value for place, value in enumerate(typing.values()) if value}
    return f"&{urlencode(given)}" if given else ""


def used_fields(campaign: Campaign) -> list[str]:
    """The names of the fields that the template uses, in the order of the file."""
    used = set(placeholders(campaign.subject + campaign.body))
    return [field["name"] for field in campaign.fields if normalise_name(field["name"]) in used]


def asked_place(total: int) -> int:
    """The place, from 1, of the contact that the request asks to see, or the nearest one; 0 when there is none."""
    place = whole_number(request.values.get("contact", "")) or 1
    return max(min(1, total), min(place, total))


@dataclass(frozen=True)
class Sending:
    """By whom a campaign will be sent, how fast (messages per second, None without a limit), how long that takes.

    `own_speed`: it is the provider that is so slow, and not a limit of ours.
    """

    provider: str
    simulated: bool
    rate: float | None
    own_speed: bool
    seconds: float | None


def sending_of(campaign: Campaign, messages: int) -> Sending:
    """How so many messages of a Ready campaign will be sent."""
    channel = Channel(campaign.channel)
    simulated = channel in current().simulated
    ours, own = allowed_rate(channel), own_speed_of(channel)
    rate = min((limit for limit in (ours, own) if limit), default=None)
    seconds = messages / rate if rate else None
    return Sending(provider_of(campaign), simulated, rate, rate != ours, seconds)


def own_speed_of(channel: Channel) -> float | None:
    """How many messages a second the channel's provider takes by itself; None if that is not for us to know."""
    return float(setting("simulated.speed") or 0) or None if channel in current().simulated else None

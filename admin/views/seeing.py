"""What a person may see of a campaign: the campaign itself, its live figures, one contact in its template."""

from dataclasses import dataclass
from typing import Any

from flask import request

from admin.presenting import heads, previews, words
from admin.presenting import progress as told
from admin.presenting.filters import MessageFilter
from models.actors import Actor, Right
from models.addresses import opt_out_key
from models.clock import now_ms
from models.config import current
from models.errors import NotFoundError
from models.operations.settings import rate_of, setting
from models.queries.campaigns import get_campaign, standing_of, summary_of
from models.queries.pages import names_of, with_recipient
from models.queries.previews import contact_values
from models.queries.progress import progress_of
from models.queries.work import open_move
from models.rules.actions import available_actions
from models.rules.criteria import Criteria
from models.segments import count_segments
from models.tables import Campaign
from models.template import render
from models.words import Channel, MoveKind, Phase

SIMULATED = "simulated"
PROVIDER_NAMES = {SIMULATED: "the simulated provider", "twilio": "Twilio", "sendgrid": "SendGrid", "smtp": "SMTP"}


def seen_campaign(campaign_id: int, actor: Actor) -> Campaign:
    """The campaign, if this person may know of it; raises NotFoundError, also for other people's drafts."""
    campaign = get_campaign(campaign_id)
    others_draft = (
        campaign.phase == Phase.DRAFT and campaign.owner_id != actor.person_id and not actor.may(Right.SEE_OPERATIONS)
    )
    if campaign.phase == Phase.DELETING or others_draft:
        raise NotFoundError(f"There is no campaign {campaign_id}.", campaign_id=campaign_id)
    return campaign


def filter_of_request(actor: Actor) -> MessageFilter:
    """The request's filter as far as this person may ask."""
    return MessageFilter.from_args(request.values, exact_only=not actor.may(Right.SEE_RECIPIENTS))


def criteria_for(campaign: Campaign, wanted: MessageFilter, actor: Actor) -> Criteria:
    """What the filter means for this person: without the right to see recipients, one of them exactly."""
    asked = wanted.criteria()
    if not wanted.text or actor.may(Right.SEE_RECIPIENTS):
        return asked
    found = with_recipient(campaign.id, opt_out_key(Channel(campaign.channel), wanted.text))
    return Criteria(asked.statuses, asked.reasons, message_ids=found.message_ids)


def live_context(campaign_id: int, actor: Actor, wanted: MessageFilter) -> dict[str, Any]:
    """What the head and the progress panel show."""
    progress = progress_of(campaign_id, now=now_ms())
    campaign, phase = progress.summary.campaign, Phase(progress.summary.campaign.phase)
    answers = available_actions(standing_of(campaign_id, now=now_ms()), actor)
    badge = words.campaign_badge(phase, progress.counts)
    headline, follows = told.headline(progress)
    move = open_move(campaign_id)
    return {
        "campaign": campaign,
        "progress": progress,
        "badge": badge,
        "was_run": phase not in (Phase.DRAFT, Phase.READY),
        "owner": owner_of(campaign),
        "head": heads.head(progress.summary.status, phase, answers),
        "standing": heads.standing(f"{badge.word} {campaign.silence}", answers),
        "answers": answers,
        "filter": wanted,
        "tiles": told.tiles(progress),
        "headline": headline,
        "follows": follows,
        "announced": told.announced(progress),
        "move": move,
        "move_words": words.MOVE_WORDS[MoveKind(move.kind)] if move else None,
        "live": progress.live or move is not None,
        "unfolded": request.cookies.get("progress") != "closed",
    }


def owner_of(campaign: Campaign) -> str:
    """The owner's name, empty when there is none."""
    return names_of([campaign.owner_id]).get(campaign.owner_id or 0, "")


def preview_context(campaign: Campaign, actor: Actor, total: int) -> dict[str, Any]:
    """The template with the values of the contact that the request names by its place, from 1."""
    given = request.args.get("contact", "")
    place = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else 1
    place = max(1, min(place, total))
    recipient, values = contact_values(campaign, actor, place)
    text = render(campaign.body, values) if campaign.channel == Channel.SMS else ""
    return {
        "preview_at": now_ms(),
        "place": place,
        "contacts": total,
        "recipient": recipient,
        "subject": previews.marked(campaign.subject, values),
        "sms": previews.marked(campaign.body, values) if text else None,
        "segments": count_segments(text) if text else None,
    }


@dataclass(frozen=True)
class Sending:
    """By whom a campaign will be sent, how fast (messages per second, None without a limit), how long that takes."""

    provider: str
    rate: float | None
    seconds: float | None


def sending_of(campaign_id: int) -> Sending:
    """How a Ready campaign will be sent."""
    summary = summary_of(campaign_id)
    channel = Channel(summary.campaign.channel)
    provider = current().providers.get(channel, "")
    rate = rate_of(channel) or (setting("simulated.speed") if provider == SIMULATED else None)
    return Sending(PROVIDER_NAMES.get(provider, provider), rate, summary.counts.sendable / rate if rate else None)

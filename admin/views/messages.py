"""A campaign's page: its head, the progress panel, and the messages table."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose

from admin import sessions
from admin.presenting import words
from admin.presenting.filters import MATCH_LABELS, Match, MessageFilter
from admin.views.base import ListView
from admin.views.drafts import next_step
from admin.views.seeing import chart_of_campaign, criteria_for, filter_of_request, live_context, seen_campaign
from models.actors import Actor, Right
from models.addresses import mask
from models.queries.pages import Page, Row, page_of_messages, total_of
from models.tables import Campaign
from models.words import RETRYABLE, Channel, MessageStatus, Phase

PAIRS_SHOWN = 3
HIDDEN = None


@dataclass(frozen=True)
class Line:
    """A message as its reader may see it; a value of None is hidden."""

    id: int
    recipient: str
    masked: bool
    badge: words.Badge
    pairs: tuple[tuple[str, str | None], ...]
    rest: tuple[tuple[str, str | None], ...]
    reason: str
    meaning: str
    code: str
    soft: bool
    attempts: int
    updated_at: int
    retryable: bool


class MessagesView(ListView):
    """The messages of one campaign."""

    list_template = "panel/campaign.html"

    def create_blueprint(self, admin: Admin) -> Blueprint:
        """All addresses of this view carry the campaign's id."""
        blueprint = super().create_blueprint(admin)

        def carry_id(_endpoint: str, values: dict[str, Any]) -> None:
            values.setdefault("campaign_id", (request.view_args or {}).get("campaign_id"))

        blueprint.url_defaults(carry_id)
        return blueprint

    @expose("/")  # type: ignore[untyped-decorator]  # publishes no types
    def index_view(self, campaign_id: int) -> ResponseReturnValue:
        """The page; a draft's is where its making goes on."""
        campaign = seen_campaign(campaign_id, sessions.current_actor())
        if campaign.phase == Phase.DRAFT:
            return redirect(next_step(campaign))
        page: str = super().index_view()
        return page

    def get_list(self, *_: Any, **__: Any) -> tuple[None, list[Line]]:
        """The page of messages that the URL asks for."""
        actor, campaign_id = sessions.current_actor(), int((request.view_args or {})["campaign_id"])
        campaign = seen_campaign(campaign_id, actor)
        wanted = filter_of_request(actor)
        criteria = criteria_for(campaign, wanted, actor)
        page = page_of_messages(campaign_id, criteria, after=wanted.after, before=wanted.before)
        shown = live_context(campaign_id, actor, wanted)
        counts = shown["progress"].counts
        self._template_args.update(
            shown,
            total=total_of(campaign_id, criteria, counts),
            chart=chart_of_campaign(campaign) if shown["was_run"] else None,
            **_searching(campaign, actor),
            **_edges(campaign_id, wanted, page),
        )
        return None, [line_of(row, campaign, actor) for row in page.rows]


def line_of(row: Row, campaign: Campaign, actor: Actor) -> Line:
    """A message as this person may see it."""
    hidden = not actor.may(Right.SEE_RECIPIENTS)
    names = [field["name"] for field in campaign.fields]
    pairs = tuple((name, HIDDEN if hidden else value) for name, value in zip(names, row.values, strict=False))
    reason, meaning = _why(row)
    code = "" if hidden else ": ".join(filter(None, (row.provider_code, row.provider_text)))
    return Line(
        row.id,
        mask(row.recipient) if hidden else row.recipient,
        hidden,
        words.message_badge(row.status),
        pairs[:PAIRS_SHOWN],
        pairs[PAIRS_SHOWN:],
        reason,
        meaning,
        code,
        soft=row.status is MessageStatus.UNCONFIRMED,
        attempts=row.attempts,
        updated_at=row.updated_at,
        retryable=row.status in RETRYABLE,
    )


def _why(row: Row) -> tuple[str, str]:
    if row.status is MessageStatus.UNCONFIRMED:
        return words.ANSWER_LOST, words.ANSWER_LOST_MEANING
    if row.status is not MessageStatus.FAILED:
        return "", ""
    reason = row.failure_reason or "unknown"
    return words.reason_name(reason), words.reason_meaning(reason, row.retry_class)


def _searching(campaign: Campaign, actor: Actor) -> dict[str, Any]:
    may_see = actor.may(Right.SEE_RECIPIENTS)
    sought = [field["name"] for field in campaign.fields if field["searchable"]]
    whole = "The whole number" if campaign.channel == Channel.SMS else "The whole address"
    return {
        "matches": MATCH_LABELS if may_see else {Match.EXACT: MATCH_LABELS[Match.EXACT]},
        "search_hint": ", ".join(["Recipient", *sought]) if may_see else whole,
    }


def _edges(campaign_id: int, wanted: MessageFilter, page: Page) -> dict[str, Any]:
    def url(**edge: int) -> str:
        given: dict[str, Any] = {"campaign_id": campaign_id, **wanted.query(**edge)}
        return url_for("messages.index_view", **given)

    return {
        "previous_url": url(before=page.rows[0].id) if page.before and page.rows else "",
        "next_url": url(after=page.rows[-1].id) if page.after and page.rows else "",
    }

"""A campaign's page: its head, the progress panel, and the messages table."""

from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import Admin, expose

from admin import sessions
from admin.presenting.filters import MATCH_LABELS, Match, MessageFilter
from admin.presenting.lines import MessageLine, line_of
from admin.refusals import status_of
from admin.views.base import ListView
from admin.views.drafts import next_step
from admin.views.looking_up import asking
from admin.views.seeing import chart_of_campaign, criteria_for, filter_of_request, live_context
from admin.views.stories import drawer
from models.actors import Actor, Right
from models.errors import NotAllowedError, NotFoundError
from models.queries.campaigns import seen_campaign
from models.queries.pages import Page, Total, page_of_messages, seen_by, total_of
from models.queries.stories import provider_ids
from models.queries.walks import walk_of
from models.rules.counts import Counts
from models.rules.criteria import Criteria
from models.tables import Campaign
from models.words import Channel, MessageStatus, Phase


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
        return page, status_of(self._template_args["refused"]) if self._template_args["refused"] else 200

    def get_list(self, *_: Any, **__: Any) -> tuple[None, list[MessageLine]]:
        """The page of messages that the URL asks for."""
        actor, campaign_id = sessions.current_actor(), int((request.view_args or {})["campaign_id"])
        campaign = seen_campaign(campaign_id, actor)
        wanted = filter_of_request(actor)
        shown = live_context(campaign, actor, wanted)
        page, total, refused = _found(campaign, wanted, actor, shown["progress"].counts)
        self._template_args.update(
            shown,
            total=total,
            refused=refused,
            chart=chart_of_campaign(campaign) if shown["was_run"] else None,
            **_searching(campaign, actor),
            asking_all=asking(campaign, actor) if wanted.status is MessageStatus.UNCONFIRMED else None,
            **_edges(campaign_id, wanted, page),
            **_story(campaign, wanted.message, actor),
        )
        names = [field["name"] for field in campaign.fields]
        ids = provider_ids([row.id for row in page.rows], actor)
        return None, [line_of(seen_by(row, actor), names, ids.get(row.id, "")) for row in page.rows]


def _found(
    campaign: Campaign, wanted: MessageFilter, actor: Actor, counts: Counts
) -> tuple[Page, Total, NotAllowedError | None]:
    """What is sought, or why this person may not look for it: the campaign is there to be seen all the same."""
    try:
        criteria = criteria_for(campaign, wanted, actor)
    except NotAllowedError as refused:
        return Page((), before=False, after=False), Total(0), refused
    return *_read(campaign.id, wanted, criteria, counts), None


def _read(campaign_id: int, wanted: MessageFilter, criteria: Criteria, counts: Counts) -> tuple[Page, Total]:
    """The page, and how many match; a page that has them all is not counted again."""
    walk = walk_of(criteria, counts, sort=wanted.sort or "" if wanted.sortable else "")
    page = page_of_messages(campaign_id, criteria, walk=walk, after=wanted.after, before=wanted.before)
    whole = criteria.search and not page.before and not page.after
    return page, Total(len(page.rows)) if whole else total_of(campaign_id, criteria, counts)


def _story(campaign: Campaign, message_id: int | None, actor: Actor) -> dict[str, Any]:
    """The drawer that the URL asks for; one that is not there is left out, as all in a URL that means nothing."""
    try:
        return drawer(campaign, message_id, actor) if message_id else {"story": None}
    except NotFoundError:
        return {"story": None}


def _searching(campaign: Campaign, actor: Actor) -> dict[str, Any]:
    """What can be sought in and how."""
    if not actor.may(Right.SEE_RECIPIENTS):
        whole = "The whole number" if campaign.channel == Channel.SMS else "The whole address"
        return {"places": ["Recipient"], "matches": {Match.EXACT: MATCH_LABELS[Match.EXACT]}, "search_hint": whole}
    places = ["Recipient", *(field["name"] for field in campaign.fields if field["searchable"])]
    return {"places": places, "matches": MATCH_LABELS, "search_hint": " or ".join(places)}


def _edges(campaign_id: int, wanted: MessageFilter, page: Page) -> dict[str, Any]:
    def url(**edge: int) -> str:
        given: dict[str, Any] = {"campaign_id": campaign_id, **wanted.query(**edge)}
        return url_for("messages.index_view", **given)

    return {
        "previous_url": url(before=page.rows[0].id) if page.before and page.rows else "",
        "next_url": url(after=page.rows[-1].id) if page.after and page.rows else "",
    }

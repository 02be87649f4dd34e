"""Outreach, Campaigns: both channels at a glance, and the list."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from admin import sessions
from admin.presenting import charts
from admin.presenting import progress as told
from admin.views.base import ListView
from admin.views.drafts import how_far
from admin.views.given import number_of, text_of, word_of
from admin.views.seeing import Start, told_start
from jobs.runtime import run_file
from models.clock import now_ms
from models.config import current
from models.queries.campaigns import CampaignSummary, drafts_with_template, list_campaigns
from models.queries.flow import flows_of
from models.queries.pages import PAGE, names_of
from models.queries.progress import Progress, progress_of
from models.queries.starts import pending_starts
from models.rules.counts import Counts
from models.words import CHANNEL_LABELS, HOLDS_CHANNEL, NOT_RUN, CampaignStatus, Channel, MessageStatus, Phase

TABS = {
    "running": ("In Progress", {CampaignStatus.IN_PROGRESS}),
    "ready": ("Ready", {CampaignStatus.READY}),
    "attention": ("Needs attention", {CampaignStatus.HELD, CampaignStatus.FAILED}),
    "complete": (
        "Complete",
        {
            CampaignStatus.COMPLETE,
            CampaignStatus.COMPLETE_WITH_ERRORS,
            CampaignStatus.ACTIVE_RETRIES,
            CampaignStatus.STOPPED,
        },
    ),
    "draft": ("Drafts", {CampaignStatus.DRAFT}),
}
LONGEST_SEARCH = 100


@dataclass(frozen=True)
class Line:
    """A campaign in the list."""

    summary: CampaignSummary
    owner: str
    progress: str
    start: Start | None

    @property
    def campaign(self) -> Any:
        """The campaign's row."""
        return self.summary.campaign

    @property
    def counts(self) -> Counts:
        """Where its messages stand."""
        return self.summary.counts

    @property
    def delivered(self) -> int:
        """Delivered, the assumed ones not among them."""
        return self.counts[MessageStatus.DELIVERED]

    @property
    def was_run(self) -> bool:
        """Whether there are results to show."""
        return Phase(self.campaign.phase) not in NOT_RUN


@dataclass(frozen=True)
class Sort:
    """A column that the list can be sorted by."""

    heading: str
    key: Callable[[Line], Any]
    largest_first: bool = True


SORTS = {
    "name": Sort("Campaign", lambda line: line.campaign.name_key, largest_first=False),
    "status": Sort("Status", lambda line: list(CampaignStatus).index(line.summary.status), largest_first=False),
    "recipients": Sort("Recipients", lambda line: line.counts.total),
    "delivered": Sort("Delivered", lambda line: line.delivered),
    "failed": Sort("Failed", lambda line: line.counts[MessageStatus.FAILED]),
    "updated": Sort("Updated", lambda line: line.campaign.updated_at),
}


@dataclass(frozen=True)
class Track:
    """A channel: what holds it, or why it is free, or what it lacks."""

    channel: Channel
    label: str
    held_by: Progress | None
    lacks: str


@dataclass(frozen=True)
class ListFilter:
    """What the URL asks of the list."""

    tab: str
    channel: str
    text: str
    sort: str
    page: int

    @classmethod
    def from_request(cls) -> "ListFilter":
        """Read it; words that mean nothing are left out."""
        args = request.args
        sort = args.get("sort", "")
        return cls(
            tab=args.get("status", "") if args.get("status") in TABS else "",
            channel=word_of("channel", Channel) or "",
            text=text_of("q", longest=LONGEST_SEARCH).strip(),
            sort=sort if sort in SORTS else "updated",
            page=number_of("page") or 0,
        )

    def url(self, **changes: object) -> str:
        """The list's address with these changes, from its first page unless one is given."""
        asked: dict[str, object] = {
            "status": self.tab,
            "channel": self.channel,
            "q": self.text,
            "sort": "" if self.sort == "updated" else self.sort,
            **changes,
        }
        given: dict[str, Any] = {name: str(value) for name, value in asked.items() if value}
        return url_for("campaigns.index_view", **given)

    def takes(self, line: Line) -> bool:
        """Whether a campaign belongs on the list, its status aside."""
        if self.channel and line.campaign.channel != self.channel:
            return False
        sought = self.text.casefold()
        return not sought or sought in line.campaign.name_key or sought.removeprefix("#") == str(line.campaign.id)


class CampaignsView(ListView):
    """All campaigns, the latest change first."""

    list_template = "panel/campaigns.html"

    def get_list(self, *_: Any, **__: Any) -> tuple[int, list[Line]]:
        """The campaigns of this page and how many there are."""
        wanted, all_lines = ListFilter.from_request(), _lines()
        lines = [line for line in all_lines if wanted.takes(line)]
        tabs = {tab: sum(line.summary.status in statuses for line in lines) for tab, (_, statuses) in TABS.items()}
        shown = [line for line in lines if not wanted.tab or line.summary.status in TABS[wanted.tab][1]]
        sort = SORTS[wanted.sort]
        shown.sort(key=sort.key, reverse=sort.largest_first)
        page = min(wanted.page, max(0, len(shown) - 1) // PAGE)
        self._template_args.update(
            wanted=wanted,
            tabs=tabs,
            total=len(lines),
            page_number=page,
            pages=1 + max(0, len(shown) - 1) // PAGE,
            tracks=_tracks(all_lines),
            first_start=not all_lines,
            local_slack="" if all_lines else _local_slack(),
        )
        on_page = shown[page * PAGE : (page + 1) * PAGE]
        self._template_args["sparks"] = _sparks([line.campaign.id for line in on_page if line.was_run])
        return len(shown), on_page

    def context(self) -> dict[str, Any]:
        """What the words of the list are."""
        return {"tab_names": {tab: name for tab, (name, _) in TABS.items()}, "sorts": SORTS}


def _lines() -> list[Line]:
    found = list_campaigns(sessions.current_actor())
    owners = names_of([summary.campaign.owner_id for summary in found])
    starts = {start.campaign_id: start for start in pending_starts()}
    written = drafts_with_template()
    return [
        Line(
            summary,
            owners.get(summary.campaign.owner_id or 0, ""),
            how_far(summary.counts.total, is_written=summary.campaign.id in written)
            if summary.campaign.phase == Phase.DRAFT
            else told.one_line(Phase(summary.campaign.phase), summary.counts),
            told_start(starts.get(summary.campaign.id), summary.campaign),
        )
        for summary in found
    ]


def _sparks(campaign_ids: list[int]) -> dict[int, charts.Spark]:
    """Delivery over time of the campaigns of a page, all read at once."""
    zone = sessions.current_zone()
    flows = flows_of(campaign_ids, most_columns=charts.SPARKS)
    drawn = {campaign_id: flow for campaign_id, flow in flows.items() if len(flow.columns) >= charts.FEWEST_SPARKS}
    return {campaign_id: charts.spark_of(flow, zone) for campaign_id, flow in drawn.items()}


def _local_slack() -> str:
    """The address of the project's own Slack, '' where there is none."""
    config = current()
    section = run_file.living(config.var, "slack_local") if config.local_mode else None
    return str(section["url"]) if section else ""


def _tracks(lines: list[Line]) -> list[Track]:
    holding = {line.campaign.channel: line.summary for line in lines if Phase(line.campaign.phase) in HOLDS_CHANNEL}
    return [
        Track(
            channel,
            CHANNEL_LABELS[channel],
            progress_of(holding[channel], now=now_ms()) if channel in holding else None,
            current().lacks(channel),
        )
        for channel in Channel
    ]

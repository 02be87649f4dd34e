"""Reads of campaigns: one, a list, and what the rules need to know."""

from dataclasses import dataclass
from math import ceil

from models.actors import Actor
from models.config import current
from models.database import for_update, marks, select
from models.errors import NotFoundError
from models.queries.pace import rate_of
from models.rules.actions import Blocker, Standing
from models.rules.counts import Counts, shown_status
from models.rules.seeing import knows_of
from models.rules.timeouts import MINUTE
from models.tables import Attachment, Campaign, File
from models.tables.campaigns import IS_HOLDING
from models.words import CampaignStatus, Channel, MessageStatus, Phase

# A list shows no templates, and each may be a megabyte.
_LISTED = Campaign.columns_but("subject", "body")


@dataclass(frozen=True)
class CampaignSummary:
    """A campaign as lists, cards and the command line show it."""

    campaign: Campaign
    status: CampaignStatus
    counts: Counts


def name_is_taken(name: str) -> bool:
    """Whether a campaign is called so, in any letter case."""
    return bool(select("SELECT 1 FROM campaigns WHERE name_key = ? AND phase <> 'deleting'", name.casefold()))


def get_campaign(campaign_id: int, *, lock: bool = False) -> Campaign:
    """The campaign's row; `lock` keeps it as it is until the open transaction ends. Raises NotFoundError."""
    if lock and (clause := for_update()):
        select(f"SELECT id FROM campaigns WHERE id = ?{clause}", campaign_id)
    found = Campaign.get_or_none(Campaign.id == campaign_id)
    if found is None:
        raise not_there(campaign_id)
    campaign: Campaign = found
    return campaign


def seen_campaign(campaign_id: int, actor: Actor, *, lock: bool = False) -> Campaign:
    """The campaign's row, if this actor may know of it; raises NotFoundError, also for other people's drafts."""
    campaign = get_campaign(campaign_id, lock=lock)
    if not knows_of(actor, campaign.phase, campaign.owner_id):
        raise not_there(campaign_id)
    return campaign


def not_there(campaign_id: int) -> NotFoundError:
    """What is said of a campaign that there is not, and of one that the actor may not know of."""
    return NotFoundError(f"There is no campaign {campaign_id}.", campaign_id=campaign_id)


def attachments_of(campaign_id: int) -> list[File]:
    """The files that go with every message of the campaign, by name."""
    joined = File.select().join(Attachment, on=Attachment.file_id == File.id)
    return list(joined.where(Attachment.campaign_id == campaign_id).order_by(File.name))


def counts_of(campaign_id: int) -> Counts:
    """Where a campaign's messages stand, from its counters."""
    return Counts.from_rows(
        (status, reason, retry_class, n)
        for status, reason, retry_class, n in select(
            "SELECT status, failure_reason, retry_class, n FROM message_counts WHERE campaign_id = ?",
            campaign_id,
        )
    )


def summary_of(campaign_id: int) -> CampaignSummary:
    """One campaign with its counts and the status shown; raises NotFoundError."""
    return summarised(get_campaign(campaign_id))


def summarised(campaign: Campaign) -> CampaignSummary:
    """A campaign that was read, with its counts and the status shown."""
    counts = counts_of(campaign.id)
    return CampaignSummary(campaign, shown_status(Phase(campaign.phase), counts), counts)


def list_campaigns(actor: Actor) -> list[CampaignSummary]:
    """All campaigns that this actor may know of, newest first, without their templates."""
    listed = Campaign.select(*_LISTED).order_by(Campaign.id.desc())
    campaigns = [campaign for campaign in listed if knows_of(actor, campaign.phase, campaign.owner_id)]
    counts = _counts_of_all([campaign.id for campaign in campaigns])
    return [
        CampaignSummary(campaign, shown_status(Phase(campaign.phase), counts[campaign.id]), counts[campaign.id])
        for campaign in campaigns
    ]


def drafts_with_template() -> set[int]:
    """The drafts that somebody has written something in."""
    return {row[0] for row in select("SELECT id FROM campaigns WHERE phase = 'draft' AND body <> ''")}


def standing_of(campaign_id: int, *, lock: bool = False, now: int | None = None) -> Standing:
    """What the rules need to know; `lock` keeps the campaign's row until the open transaction ends.

    Without `now` (epoch ms) a refusal can't say for how long the channel has been taken, and how long it will be.
    Raises NotFoundError.
    """
    clause = for_update() if lock else ""
    found = select(f"SELECT name, channel, phase, owner_id FROM campaigns WHERE id = ?{clause}", campaign_id)
    if not found:
        raise not_there(campaign_id)
    name, channel, phase, owner_id = found[0]
    return _standing(campaign_id, name, Channel(channel), Phase(phase), owner_id, counts_of(campaign_id), now=now)


def standing_in(summary: CampaignSummary, *, now: int) -> Standing:
    """The same of a campaign that has been read already, so that figures and answers are of one moment."""
    one = summary.campaign
    channel, phase = Channel(one.channel), Phase(one.phase)
    return _standing(one.id, one.name, channel, phase, one.owner_id, summary.counts, now=now)


def _standing(  # a campaign's row, however it was read
    campaign_id: int,
    name: str,
    channel: Channel,
    phase: Phase,
    owner_id: int | None,
    counts: Counts,
    *,
    now: int | None,
) -> Standing:
    return Standing(
        name=name,
        channel=channel,
        phase=phase,
        counts=counts,
        blocker=blocker_of(channel, campaign_id, now=now),
        not_configured=current().lacks(channel),
        owner_id=owner_id,
    )


def seen_standing(campaign_id: int, actor: Actor, *, now: int | None = None) -> Standing:
    """The same, locked, for an act of the actor's: raises NotFoundError for other people's drafts too."""
    campaign = standing_of(campaign_id, lock=True, now=now)
    if campaign.phase is Phase.DRAFT and not knows_of(actor, campaign.phase, campaign.owner_id):
        raise not_there(campaign_id)
    return campaign


def blocker_of(channel: Channel, campaign_id: int, *, now: int | None = None) -> Blocker | None:
    """The other campaign that holds the channel, if one does, and how far it is at `now`."""
    found = select(
        "SELECT id, name, phase, COALESCE(started_at, updated_at) FROM campaigns "
        f"WHERE channel = ? AND {IS_HOLDING} AND id <> ?",
        channel.value,
        campaign_id,
    )
    if not found:
        return None
    blocker_id, name, phase, since_at = found[0]
    counts = counts_of(blocker_id)
    return Blocker(
        blocker_id,
        name,
        Phase(phase),
        since_at,
        counts.percent_sent,
        minutes_since=None if now is None else max(0, now - since_at) // MINUTE,
        minutes_left=None if now is None or phase != Phase.RUNNING else _minutes_left(blocker_id, counts, now=now),
        unanswered=counts[MessageStatus.SENDING],
    )


def _minutes_left(campaign_id: int, counts: Counts, *, now: int) -> int | None:
    """Until all is handed over, rounded up; None when nothing is left or its pace is not known."""
    rate = rate_of(campaign_id, now=now)
    return ceil(counts.to_be_sent / rate / 60) if rate and counts.to_be_sent else None


def _counts_of_all(campaign_ids: list[int]) -> dict[int, Counts]:
    rows: dict[int, list[tuple[str, str, str, int]]] = {campaign_id: [] for campaign_id in campaign_ids}
    if campaign_ids:
        for campaign_id, *count in select(
            "SELECT campaign_id, status, failure_reason, retry_class, n FROM message_counts "
            f"WHERE campaign_id IN ({marks(campaign_ids)})",
            *campaign_ids,
        ):
            rows[campaign_id].append((count[0], count[1], count[2], count[3]))
    return {campaign_id: Counts.from_rows(found) for campaign_id, found in rows.items()}

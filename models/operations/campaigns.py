"""Making campaigns: a draft, its template, its contacts; then it is Ready and most of it fixed."""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple

from peewee import IntegrityError

from models.actors import Actor, Right
from models.addresses import judge
from models.database import execute, select, transaction
from models.errors import InvalidInputError, WrongStateError
from models.operations import audit, deleting
from models.operations.unscheduling import drop_start
from models.queries.campaigns import counts_of, seen_campaign
from models.rules.slack_places import is_channel, is_direct
from models.rules.timeouts import DAY
from models.segments import LONGEST_SMS
from models.tables import Campaign
from models.tables.work import IS_OPEN
from models.template import check_header, missing_fields
from models.words import NOT_RUN, Channel, Phase, WorkState

NAME_LENGTH = range(3, 61)
DESCRIPTION_LENGTH = 500
SUBJECT_LENGTH = 500
DRAFT_KEPT = 14 * DAY  # since its last change
BODY_BYTES = 1_000_000
DISCARD_SLICE = 500


@dataclass(frozen=True)
class CampaignTemplate:
    """What is sent: for SMS only the body, for email HTML with a subject and a sender."""

    body: str
    subject: str = ""
    from_address: str = ""
    reply_to: str = ""

    @property
    def mark(self) -> str:
        """Tells one version of it from another: what a form carries to show which one it was filled with."""
        return hashlib.sha256("\0".join(astuple(self)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def create_draft(
    *,
    name: str,
    channel: Channel,
    owner_id: int | None,
    actor: Actor,
    now: int,
    description: str = "",
    slack_channel_id: str | None = None,
) -> int:
    """Begin a campaign; returns its id.

    Raises NotAllowedError, and InvalidInputError for a name that is too short, too long or taken, a description that
    is too long, or what is no Slack channel's id.
    """
    actor.require(Right.CHANGE_CAMPAIGNS)
    basics = _checked_basics(name, description, slack_channel_id)
    try:
        with transaction():
            campaign_id = int(
                Campaign.insert(
                    **basics._asdict(),
                    channel=channel.value,
                    phase=Phase.DRAFT.value,
                    owner_id=owner_id,
                    created_at=now,
                    updated_at=now,
                ).execute()
            )
            audit.record(actor, "create_draft", now=now, kind="campaign", object_id=campaign_id, name=basics.name)
    except IntegrityError as taken:
        raise _taken(basics.name) from taken
    return campaign_id


def set_basics(
    campaign_id: int,
    *,
    name: str,
    channel: Channel,
    description: str,
    slack_channel_id: str | None,
    actor: Actor,
    now: int,
) -> None:
    """Change what a draft is called and where its card goes; its channel too as long as it has no contacts.

    Raises NotFoundError, WrongStateError, and what `create_draft` raises.
    """
    actor.require(Right.CHANGE_CAMPAIGNS)
    basics = _checked_basics(name, description, slack_channel_id)
    try:
        with transaction():
            campaign = seen_campaign(campaign_id, actor, lock=True)
            if campaign.phase != Phase.DRAFT:
                raise WrongStateError(f"{campaign.name} is no Draft any more.", campaign_id=campaign_id)
            if channel != campaign.channel and (counts_of(campaign_id).total or _is_importing(campaign_id)):
                raise InvalidInputError(
                    "The channel can't be changed any more: its contacts were checked for the other one.",
                    field="channel",
                    campaign_id=campaign_id,
                )
            columns = {**basics._asdict(), "channel": channel.value, "updated_at": now}
            Campaign.update(columns).where(Campaign.id == campaign_id).execute()
            audit.record(actor, "set_basics", now=now, kind="campaign", object_id=campaign_id, name=basics.name)
    except IntegrityError as taken:
        raise _taken(basics.name) from taken


class _Basics(NamedTuple):
    """Columns of a campaign."""

    name: str
    name_key: str
    description: str
    slack_channel_id: str | None


def _checked_basics(name: str, description: str, slack_channel_id: str | None) -> _Basics:
    """Raises InvalidInputError."""
    shown, told, place = " ".join(name.split()), description.strip(), (slack_channel_id or "").strip()
    if len(shown) not in NAME_LENGTH:
        raise InvalidInputError("A campaign's name has 3 to 60 characters.", field="name")
    if not any(character.isprintable() and not character.isspace() for character in shown):
        raise InvalidInputError("None of the characters of this name can be seen.", field="name")
    if len(told) > DESCRIPTION_LENGTH:
        raise InvalidInputError(
            f"A description has at most {DESCRIPTION_LENGTH} characters; this has {len(told):,}.", field="description"
        )
    if place and not (is_channel(place) or is_direct(place)):
        raise InvalidInputError(
            f"“{place[:80]}” is no Slack channel id. It looks like C0123ABCD and stands at the end of the channel's "
            "details in Slack.",
            field="slack_channel_id",
        )
    return _Basics(shown, shown.casefold(), told, place or None)


def _taken(name: str) -> InvalidInputError:
    return InvalidInputError(f"There is already a campaign named {name}; choose another name.", field="name")


def _is_imported(campaign_id: int) -> bool:
    """Whether its last import, if it had one, took the whole file: else only some of the contacts may be there."""
    found = select("SELECT state FROM imports WHERE campaign_id = ? ORDER BY id DESC LIMIT 1", campaign_id)
    return not found or bool(found[0][0] == WorkState.DONE)


def _is_importing(campaign_id: int) -> bool:
    return bool(select(f"SELECT 1 FROM imports WHERE campaign_id = ? AND {IS_OPEN} LIMIT 1", campaign_id))


def set_template(
    campaign_id: int, template: CampaignTemplate, *, actor: Actor, now: int, seen: str | None = None
) -> None:
    """Set the template and sender of a Draft or Ready campaign.

    `seen` is the mark of the version that was changed into this one; None replaces any version.

    Raises NotFoundError, NotAllowedError, WrongStateError, and InvalidInputError, also when `seen` is not what
    stands there now.
    """
    actor.require(Right.CHANGE_CAMPAIGNS)
    with transaction():
        campaign = seen_campaign(campaign_id, actor, lock=True)
        _refuse_fixed_parts(campaign, template)
        stands = template_of(campaign)
        if seen not in (None, stands.mark) and stands != template:
            raise InvalidInputError(
                "The template was changed meanwhile, in another window or by somebody else. "
                "Save once more to replace it with yours, or reload to see theirs.",
                campaign_id=campaign_id,
            )
        if campaign.phase != Phase.DRAFT:
            check_template(campaign, template)
        drop_start(campaign_id, by="set_message", actor=actor, now=now)
        execute(
            "UPDATE campaigns SET subject = ?, body = ?, from_address = ?, reply_to = ?, updated_at = ? WHERE id = ?",
            template.subject,
            template.body,
            template.from_address,
            template.reply_to,
            now,
            campaign_id,
        )
        audit.record(actor, "set_message", now=now, kind="campaign", object_id=campaign_id, name=campaign.name)


def _refuse_fixed_parts(campaign: Campaign, template: CampaignTemplate) -> None:
    """Draft and Ready: everything may change. A Failed email's sender may, since a sender may be why it failed."""
    if campaign.phase in NOT_RUN:
        return
    is_failed_email = campaign.phase == Phase.FAILED and campaign.channel == Channel.EMAIL
    if not is_failed_email or (template.body, template.subject) != (campaign.body, campaign.subject):
        raise WrongStateError(f"{campaign.name} can't be edited any more.", campaign_id=campaign.id)


def finish_draft(campaign_id: int, *, actor: Actor, now: int) -> None:
    """Make a complete draft Ready.

    Raises NotFoundError, NotAllowedError, WrongStateError (no contacts yet), InvalidInputError (template).
    """
    actor.require(Right.CHANGE_CAMPAIGNS)
    with transaction():
        campaign = seen_campaign(campaign_id, actor, lock=True)
        if campaign.phase != Phase.DRAFT:
            raise WrongStateError(f"{campaign.name} is no Draft any more.", campaign_id=campaign_id)
        if _is_importing(campaign_id):
            raise WrongStateError(f"The contacts of {campaign.name} are still being imported.", campaign_id=campaign_id)
        if not _is_imported(campaign_id):
            sentence = f"The last import into {campaign.name} did not come to its end: upload the contacts again."
            raise WrongStateError(sentence, campaign_id=campaign_id)
        total = counts_of(campaign_id).total
        if not total:
            raise WrongStateError(f"{campaign.name} has no contacts yet.", campaign_id=campaign_id)
        check_template(campaign, template_of(campaign))
        execute("UPDATE campaigns SET phase = 'ready', updated_at = ? WHERE id = ?", now, campaign_id)
        audit.record(
            actor,
            "create",
            now=now,
            kind="campaign",
            object_id=campaign_id,
            name=campaign.name,
            messages=total,
        )


def template_of(campaign: Campaign) -> CampaignTemplate:
    """The campaign's template and sender."""
    return CampaignTemplate(campaign.body, campaign.subject, campaign.from_address, campaign.reply_to)


def discard_draft(campaign_id: int) -> None:
    """Undo a draft that could not be finished, with whatever was imported into it; nothing else of it stays."""
    with transaction():
        if not execute("UPDATE campaigns SET phase = 'deleting' WHERE id = ? AND phase = 'draft'", campaign_id):
            raise WrongStateError("Only a draft can be discarded.", campaign_id=campaign_id)
    removed = 1
    while removed:
        with transaction():
            removed = deleting.remove_messages(campaign_id, DISCARD_SLICE)
    deleting.remove_campaign(campaign_id)


def check_template(campaign: Campaign, template: CampaignTemplate) -> None:
    """Raise InvalidInputError when the template or the sender can't be sent as it is."""
    check_parts(Channel(campaign.channel), template, [field["name"] for field in campaign.fields])


def check_parts(channel: Channel, template: CampaignTemplate, field_names: Sequence[str]) -> None:
    """The same for a campaign that is not stored yet."""
    if not template.body.strip():
        raise InvalidInputError("The message is empty.", field="body")
    if channel is Channel.SMS and len(template.body) > LONGEST_SMS:
        raise InvalidInputError(
            f"An SMS has at most {LONGEST_SMS:,} characters; this has {len(template.body):,}.", field="body"
        )
    if len(template.body.encode()) > BODY_BYTES:
        raise InvalidInputError("The message is over 1 MB.", field="body")
    if channel is Channel.EMAIL:
        _check_email(template)
    missing = missing_fields(template.body + template.subject, field_names, channel=channel)
    if missing:
        known = ", ".join(field_names) or "none"
        raise InvalidInputError(
            f"The message uses {{{{{missing[0]}}}}}, but no column provides it. Fields: {known}.", field="body"
        )


def _check_email(template: CampaignTemplate) -> None:
    if not template.subject.strip():
        raise InvalidInputError("An email needs a subject.", field="subject")
    check_header(template.subject, field="subject")
    if len(template.subject) > SUBJECT_LENGTH:
        raise InvalidInputError(
            f"A subject has at most {SUBJECT_LENGTH} characters; this has {len(template.subject):,}.", field="subject"
        )
    if not template.from_address:
        raise InvalidInputError("An email needs a sender address.", field="from_address")
    for field, address in (("from_address", template.from_address), ("reply_to", template.reply_to)):
        if address and judge(Channel.EMAIL, address).refusal:
            raise InvalidInputError(f"{address} is not an email address.", field=field)

"""Duplicating a campaign: the same message for new contacts (SPEC 1)."""

from itertools import count

from models.actors import Actor
from models.database import execute, transaction
from models.errors import InvalidInputError
from models.operations import audit
from models.operations.campaigns import NAME_LENGTH, create_draft
from models.operations.running import permitted
from models.queries.campaigns import get_campaign
from models.tables import Campaign
from models.words import Action, Channel

LONGEST_NAME = NAME_LENGTH[-1]


def duplicate_campaign(campaign_id: int, *, actor: Actor, now: int) -> int:
    """Begin a Draft of the actor's with the template, sender and mapping of another campaign; returns its id.

    Neither contacts nor consent go with it. Raises NotFoundError, NotAllowedError, and WrongStateError for a
    campaign that is being deleted.
    """
    with transaction():
        permitted(Action.DUPLICATE, campaign_id, actor, now=now)
        original = get_campaign(campaign_id)
        copy_id = _begin(original, actor=actor, now=now)
        Campaign.update(
            subject=original.subject,
            body=original.body,
            from_address=original.from_address,
            reply_to=original.reply_to,
            fields=original.fields,
            mapping=original.mapping,
        ).where(Campaign.id == copy_id).execute()
        execute(
            "INSERT INTO attachments (campaign_id, file_id) SELECT ?, file_id FROM attachments WHERE campaign_id = ?",
            copy_id,
            campaign_id,
        )
        audit.record(
            actor,
            "duplicate",
            now=now,
            kind="campaign",
            object_id=campaign_id,
            name=original.name,
            copy=copy_id,
        )
    return copy_id


def copy_name(name: str, number: int) -> str:
    """The name of a campaign's `number`th copy, shortened to what a name may have: "Spring SMS copy 2"."""
    suffix = " copy" if number == 1 else f" copy {number}"
    return name[: LONGEST_NAME - len(suffix)].rstrip() + suffix


def _begin(original: Campaign, *, actor: Actor, now: int) -> int:
    """The draft under the first name that is free."""
    for number in count(1):
        try:
            return create_draft(
                name=copy_name(original.name, number),
                channel=Channel(original.channel),
                owner_id=actor.person_id,
                actor=actor,
                now=now,
                description=original.description,
                slack_channel_id=original.slack_channel_id,
            )
        except InvalidInputError as refused:
            if refused.field != "name":
                raise
    raise AssertionError("numbers have no end")

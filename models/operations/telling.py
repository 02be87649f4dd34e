"""Telling people in Slack: what is to be said goes into the outbox in the transaction of the act itself.

Only what and about whom is kept here; the words are the bot's. Of one topic only the latest waits, so what
has been overtaken is never said.
"""

from collections.abc import Mapping

from models.actors import Actor
from models.config import current
from models.database import execute, select, transaction
from models.tables import Export, SlackOutbox
from models.words import Silence, Surface

# Acts on a campaign that its thread tells of, once it has a card.
TOLD = frozenset({"run", "stop", "resume", "retry", "delete", "hold", "fail", "end", "export", "late_start", *Silence})
OWNER_ALWAYS = frozenset({"hold", "fail", "end", "late_start", Silence.NOTHING_ACCEPTED})
OWNER_BY_OTHERS = frozenset({"stop", "resume", "retry", "delete"})
CARDLESS = frozenset({"delete", "late_start"})  # the card is retired, or not there yet
IN_CHANNEL = frozenset({"hold", "fail"})
DM_LIFE = 24 * 3600 * 1000  # ms after which a direct message is no news any more


def announce(actor: Actor, act: str, campaign_id: int, numbers: Mapping[str, object], *, now: int) -> None:
    """Put what an act on a campaign makes worth saying into the outbox; nothing when Slack is off."""
    if act not in TOLD or not current().slack_is_on:
        return
    content = {"act": act, "person_id": actor.person_id, "name": actor.name, "numbers": numbers, "at": now}
    if act not in CARDLESS:
        put("card", campaign_id, topic=f"card:{campaign_id}", content={}, now=now)
    put("thread", campaign_id, topic=f"thread:{campaign_id}:{act}:{now}", content=content, now=now)
    if act in IN_CHANNEL:
        put("post", campaign_id, topic=f"post:{campaign_id}:{act}", content=content, now=now)
    owner_id = select("SELECT owner_id FROM campaigns WHERE id = ?", campaign_id)[0][0]
    by_other = act in OWNER_BY_OTHERS and owner_id != actor.person_id
    if owner_id is not None and (by_other or act in OWNER_ALWAYS):
        put(
            "dm",
            campaign_id,
            topic=f"dm:{owner_id}:{campaign_id}:{act}",
            content=content,
            address=str(owner_id),
            expires_at=now + DM_LIFE,
            now=now,
        )


def hand_over_export(export: Export, *, now: int) -> None:
    """Send what became of an export that was asked for in Slack to the person who asked."""
    if export.surface == Surface.SLACK and export.actor_id is not None:
        with transaction():
            put("export", export.id, topic=f"export:{export.id}", content={}, address=str(export.actor_id), now=now)


def move_card(campaign_id: int, *, slack_channel_id: str, now: int) -> None:
    """Let the campaign's card be posted anew at the bottom of a channel."""
    with transaction():
        put("card", campaign_id, topic=f"card:{campaign_id}", content={"move_to": slack_channel_id}, now=now)


def put(
    kind: str,
    subject_id: int,
    *,
    topic: str,
    content: Mapping[str, object],
    now: int,
    address: str = "",
    expires_at: int | None = None,
) -> None:
    """Add something to say, or bring what waits under the same topic up to date."""
    execute(
        "INSERT INTO slack_outbox "
        "(kind, subject_id, address, topic, content, state, tries, due_at, expires_at, created_at) "
        "VALUES (?, ?, ?, ?, ?, 'queued', 0, ?, ?, ?) ON CONFLICT (topic) WHERE state = 'queued' "
        "DO UPDATE SET content = excluded.content, address = excluded.address, expires_at = excluded.expires_at",
        kind,
        subject_id,
        address,
        topic,
        SlackOutbox.content.db_value(content),
        now,
        expires_at,
        now,
    )

"""The opt-out list: who refuses a channel, by keyed hash."""

from collections.abc import Sequence

from models.actors import Actor, Right
from models.addresses import is_forgotten, opt_out_key
from models.database import execute, marks, select, transaction
from models.errors import NotFoundError
from models.operations import audit
from models.rules.preferences import Preference
from models.secret_key import opt_out_hashes
from models.unsubscribe import Refuser
from models.words import CHANNEL_LABELS, Channel, OptInReason, OptOutSource

RECIPIENT = "the recipient"


def opt_out(
    channel: Channel, recipient_key: str, *, actor: Actor, now: int, source: OptOutSource = OptOutSource.HAND
) -> bool:
    """Put somebody on the list; returns False when they were on it already.

    Raises NotAllowedError. Messages are not touched: the list is checked where they are claimed.
    """
    actor.require(Right.ADD_OPT_OUTS)
    with transaction():
        added = list_key(channel, recipient_key, source=source, campaign_id=None, by=actor.name, now=now)
        if added:
            audit.record(actor, "opt_out", now=now, kind="opt_out", object_id=None, name=CHANNEL_LABELS[channel])
    return added


def opt_in(channel: Channel, recipient_key: str, *, actor: Actor, now: int) -> None:
    """Take somebody off the list; messages stay as they are.

    Raises NotAllowedError, and NotFoundError when they are not on it.
    """
    hashes = opt_out_hashes(channel, recipient_key)
    _take_off(f"channel = ? AND key_hash IN ({marks(hashes)})", channel.value, *hashes, actor=actor, now=now)


def remove_opt_out(opt_out_id: int, *, reason: OptInReason, actor: Actor, now: int) -> None:
    """The same by the row of the list, also for somebody whose address was erased; `reason` is kept in the audit."""
    _take_off("id = ?", opt_out_id, actor=actor, now=now, reason=reason.value)


def _take_off(condition: str, *values: object, actor: Actor, now: int, **numbers: object) -> None:
    actor.require(Right.REMOVE_OPT_OUTS)
    with transaction():
        found = select(f"SELECT id, channel FROM opt_outs WHERE {condition} AND removed_at IS NULL", *values)
        changed = found and execute(
            f"UPDATE opt_outs SET removed_at = ?, removed_by = ? WHERE {condition} AND removed_at IS NULL",
            now,
            actor.name,
            *values,
        )
        if not changed:
            raise NotFoundError("That recipient is not on the opt-out list, or no longer.")
        name = CHANNEL_LABELS[Channel(found[0][1])]
        audit.record(actor, "opt_in", now=now, kind="opt_out", object_id=None, name=name, **numbers)


def note_preferences(preferences: Sequence[Preference], *, now: int) -> None:
    """Follow what recipients said themselves, in its order, within the open transaction. Messages stay as they are.

    What takes back an opt-out that came after it changes nothing: it was said before.
    """
    words = [(opt_out_key(said.channel, said.recipient), said) for said in preferences]
    for key, said in sorted(words, key=lambda word: word[0]):  # one order of people for all, as for every lock
        if said.refuses:
            list_key(said.channel, key, source=said.source, campaign_id=None, by=RECIPIENT, now=said.at)
        else:
            _take_back(key, said, now=now)


def opt_out_by_link(refuser: Refuser, *, now: int) -> bool:
    """The recipient's own act on the unsubscribe page; returns False when they were on the list already."""
    with transaction():
        return list_key(
            refuser.channel,
            refuser.recipient_key,
            source=OptOutSource.LINK,
            campaign_id=None,
            by=RECIPIENT,
            now=now,
        )


def _take_back(recipient_key: str, said: Preference, *, now: int) -> None:
    hashes = opt_out_hashes(said.channel, recipient_key)
    by_any = said.source is OptOutSource.INBOUND  # START is the person's word, whatever listed them
    execute(
        f"UPDATE opt_outs SET removed_at = ?, removed_by = ? WHERE channel = ? AND key_hash IN ({marks(hashes)}) "
        "AND removed_at IS NULL AND created_at <= ? AND (? = 1 OR source = ?)",
        now,
        RECIPIENT,
        said.channel.value,
        *hashes,
        said.at,
        int(by_any),
        said.source.value,
    )


def list_key(
    channel: Channel, recipient_key: str, *, source: OptOutSource, campaign_id: int | None, by: str, now: int
) -> bool:
    """Add a row unless there is an active one, within the open transaction."""
    newest, *older = opt_out_hashes(channel, recipient_key)
    return not (is_forgotten(recipient_key) or _is_listed(channel, older)) and bool(
        execute(
            "INSERT INTO opt_outs (channel, key_hash, recipient_key, source, campaign_id, actor_name, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel, key_hash) WHERE removed_at IS NULL DO NOTHING",
            channel.value,
            newest,
            recipient_key,
            source.value,
            campaign_id,
            by,
            now,
        )
    )


def _is_listed(channel: Channel, hashes: Sequence[str]) -> bool:
    active = f"SELECT 1 FROM opt_outs WHERE channel = ? AND key_hash IN ({marks(hashes)}) AND removed_at IS NULL"
    return bool(hashes and select(active, channel.value, *hashes))

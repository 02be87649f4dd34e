"""Who refuses by now: people on the opt-out list, and their messages, whatever was so when they were imported."""

from collections.abc import Sequence
from typing import Any

from models.addresses import FORGOTTEN, is_forgotten
from models.database import indexed_by, marks, on_sqlite, select
from models.queries.messages import LAST_CHARACTER
from models.secret_key import opt_out_hashes
from models.words import Channel


def opted_out(channel: Channel | str, recipient_keys: Sequence[str]) -> set[str]:
    """Those of `recipient_keys` that are on the list now; who was forgotten is nobody to write to."""
    return {key for key in recipient_keys if is_forgotten(key)} | _listed(channel, recipient_keys, "removed_at IS NULL")


def listed_as_forgotten(channel: Channel | str, recipient_keys: Sequence[str]) -> set[str]:
    """Those of `recipient_keys` whose address the list has no more, for they were forgotten."""
    return _listed(channel, recipient_keys, "removed_at IS NULL AND recipient_key IS NULL")


def listed_among(channel: Channel, columns: str, condition: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """`columns` of the messages that match, of one campaign, whose recipients are on the channel's list now.

    It costs a look-up for each opt-out of the channel, whatever matches. Who was forgotten has no address there.
    """
    return select(
        f"WITH refusing AS (SELECT {listed_key()} AS refused FROM opt_outs WHERE channel = ? AND removed_at IS NULL) "
        f"SELECT {columns} FROM refusing CROSS JOIN messages{indexed_by('messages_recipient')} "
        f"WHERE recipient_key = refused AND {condition}",
        channel.value,
        *values,
    )


def forgotten_among(columns: str, condition: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The same of people who were forgotten: there is nobody to write to. It costs their rows."""
    return select(
        f"SELECT {columns} FROM messages{indexed_by('messages_recipient')} "
        f"WHERE recipient_key >= ? AND recipient_key < ? AND {condition}",
        f"{FORGOTTEN} ",
        f"{FORGOTTEN} {LAST_CHARACTER}",
        *values,
    )


def cancelled_of_forgotten(campaign_id: int) -> int:
    """How many Cancelled messages no Resume may send, as their people were forgotten."""
    return len(forgotten_among("id", "campaign_id = ? AND status = 'cancelled'", [campaign_id]))


def listed_key() -> str:
    """The column of the opt-out list to hold against messages' keys, ordered as theirs are."""
    return "recipient_key" if on_sqlite() else 'recipient_key COLLATE "C"'


def waiting_who_refuse(campaign_id: int, channel: Channel) -> frozenset[int]:
    """The ids of the messages that wait for a run and whose recipients opted out since they were imported.

    Those who were forgotten wait no more.
    """
    found = listed_among(channel, "id", "campaign_id = ? AND status = 'waiting'", [campaign_id])
    return frozenset(message_id for (message_id,) in found)


def _listed(channel: Channel | str, recipient_keys: Sequence[str], condition: str) -> set[str]:
    by_hash = {key_hash: key for key in recipient_keys for key_hash in opt_out_hashes(channel, key)}
    if not by_hash:
        return set()
    among = f"channel = ? AND {condition} AND key_hash IN ({marks(list(by_hash))})"
    found = select(f"SELECT key_hash FROM opt_outs WHERE {among}", str(channel), *by_hash)
    return {by_hash[key_hash] for (key_hash,) in found}

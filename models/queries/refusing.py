"""Who refuses by now: messages whose recipients are on the opt-out list, whatever was so when they were imported."""

from collections.abc import Sequence
from typing import Any

from models.addresses import FORGOTTEN
from models.database import indexed_by, on_sqlite, select
from models.queries.messages import LAST_CHARACTER
from models.words import Channel


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

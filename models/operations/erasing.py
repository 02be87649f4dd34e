"""Erasing what messages keep of a person: at once, or once the provider's word has come."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from models.addresses import FORGOTTEN, forgotten_key
from models.database import after_commit, execute, execute_many, for_update, marks, select, transaction
from models.operations import watching
from models.operations.counters import Deltas
from models.operations.resting import MessageStanding
from models.words import TO_BE_SENT, MessageStatus, RetryClass

AT_VERDICT, ERASED = 1, 2  # in `messages.erase_at_verdict`
SWEPT = 100


class ToErase(NamedTuple):
    """A message of somebody who is to be forgotten, and where it stands."""

    id: int
    campaign_id: int
    status: str
    failure_reason: str | None
    retry_class: str | None


COLUMNS = ", ".join(f"m.{column}" for column in ToErase._fields)


def forget_messages(messages: Sequence[ToErase], *, now: int) -> None:
    """Bring the messages, locked in the open transaction, to rest and erase them.

    What was to be sent becomes Opted Out, what failed is worth no retry any more, the rest keeps its status. What
    is Sending is erased at its verdict: until then a look-up may need to know whom it went to.
    """
    sending = [one.id for one in messages if one.status == MessageStatus.SENDING]
    execute_many(
        "UPDATE messages SET erase_at_verdict = ? WHERE id = ?", [(AT_VERDICT, message_id) for message_id in sending]
    )
    settled = [(one, forgotten_standing(_at_rest(one))) for one in messages if one.id not in sending]
    execute_many(
        "UPDATE messages SET updated_at = CASE WHEN status = ? THEN updated_at ELSE ? END, "
        "due_at = CASE WHEN status = ? THEN due_at END, status = ?, retry_class = ? WHERE id = ?",
        [(to.status, now, to.status, to.status, to.retry_class, one.id) for one, to in settled],
    )
    erase([one.id for one, _ in settled])
    deltas = Deltas()
    for one, to in settled:
        if (one.status, one.retry_class) != (to.status, to.retry_class):
            deltas.add(one.campaign_id, one.status, one.failure_reason, one.retry_class, -1)
            deltas.add(one.campaign_id, *to[:3], 1)
    deltas.write(now)
    for campaign_id in sorted({one.campaign_id for one in messages}):
        after_commit(partial(watching.finish_if_done, campaign_id, now=now))


def erase_what_came_to_rest(*, now: int) -> int:
    """Erase messages whose hand-over was undone, so that no verdict will come; returns how many were looked at."""
    wanted = (
        f"SELECT {COLUMNS} FROM messages m WHERE m.erase_at_verdict = {AT_VERDICT} AND m.status <> 'sending' "
        f"ORDER BY m.id LIMIT {SWEPT}"
    )
    if not select(wanted):  # as nearly always, and then no writer waits for us
        return 0
    with transaction():
        found = select(wanted + for_update())
        forget_messages([ToErase(*row) for row in found], now=now)
    return len(found)


def erase(message_ids: Sequence[int]) -> None:
    """Take recipient, field values and the provider's texts out of messages and their attempts, in the transaction."""
    if not message_ids:
        return
    execute_many(
        "UPDATE messages SET recipient = ?, recipient_key = ?, field_values = '[]', search_1 = NULL, search_2 = NULL, "
        "search_3 = NULL, provider_text = NULL, erase_at_verdict = ? WHERE id = ?",
        [(FORGOTTEN, forgotten_key(message_id), ERASED, message_id) for message_id in sorted(message_ids)],
    )
    execute(
        "UPDATE attempts SET provider_text = NULL, lost_as = CASE WHEN lost_as IS NOT NULL THEN '' END "
        f"WHERE message_id IN ({marks(message_ids)})",
        *message_ids,
    )


def forgotten_standing(stands: MessageStanding) -> MessageStanding:
    """How a message of somebody forgotten stands: it can't be sent to again, and nothing says who it was."""
    failed = stands.status == MessageStatus.FAILED
    return stands._replace(retry_class=RetryClass.NEVER if failed else stands.retry_class, provider_text=None)


def _at_rest(message: ToErase) -> MessageStanding:
    if message.status in TO_BE_SENT:
        return MessageStanding(MessageStatus.OPTED_OUT)
    return MessageStanding(message.status, message.failure_reason, message.retry_class)

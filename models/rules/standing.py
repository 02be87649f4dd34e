"""Where a message stands, given what became of its attempt and what its campaign is at (SPEC 1 and 2)."""

from models.rules.verdicts import NOT_SENT
from models.words import KEEPS_QUEUE, MessageStatus, Phase


def follows(message_status: str, attempt_status: str) -> bool:
    """Whether a message takes part in what becomes of its latest attempt: it does while it shows its status."""
    return message_status == attempt_status


def standing_after(message_status: str, attempt_before: str, attempt_after: str, phase: Phase) -> str | None:
    """The message's new status, None if it keeps the one it has.

    A message that was surely not sent is queued again if its campaign goes on; else it comes to rest
    (`resting_place` says where). A message that waits for a retry ends when its last attempt turns out
    to be delivered: the retry is dropped.
    """
    if attempt_after == attempt_before:
        return None
    if follows(message_status, attempt_before):
        if attempt_after != NOT_SENT:
            return attempt_after
        return MessageStatus.QUEUED if phase in KEEPS_QUEUE else MessageStatus.CANCELLED
    waits = message_status in (MessageStatus.QUEUED, MessageStatus.CANCELLED)
    return MessageStatus.DELIVERED if waits and attempt_after == MessageStatus.DELIVERED else None

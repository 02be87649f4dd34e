"""What came of a test's hand-overs, in words."""

from dataclasses import dataclass

from admin.presenting.words import Badge, message_badge
from models.operations.testing import Result
from models.rules.verdicts import Word
from models.words import FAILURE_REASON_NAMES, Channel, FailureReason, MessageStatus

_HANDED_OVER = {
    Channel.SMS: "The provider took it. Whether it arrives, look at the phone.",
    Channel.EMAIL: "The provider took it. Whether it arrives, look into the mailbox.",
}
_DOUBT = "No answer came back: it may have been sent."


@dataclass(frozen=True)
class Told:
    """One recipient of a test: how it ended, and the provider's own words if there are any."""

    recipient: str
    badge: Badge
    sentence: str
    code: str


def told(result: Result, channel: Channel) -> Told:
    """A result as people read it."""
    badge, sentence = _meaning(result, channel)
    return Told(result.recipient, badge, sentence, " ".join(filter(None, (result.code, result.text))))


def _meaning(result: Result, channel: Channel) -> tuple[Badge, str]:
    taken = message_badge(MessageStatus.DELIVERED)
    match Word(result.word):
        case Word.ACCEPTED:
            return Badge("Sent", taken.colour, taken.icon), _HANDED_OVER[channel]
        case Word.DELIVERED:
            return Badge("Sent", taken.colour, taken.icon), "The mail server took it."
        case Word.UNKNOWN:
            return message_badge(MessageStatus.UNCONFIRMED), _DOUBT
        case Word.OPTED_OUT:
            return message_badge(MessageStatus.OPTED_OUT), "The recipient refuses messages on this channel."
        case _:
            failed = message_badge(MessageStatus.FAILED)
            word = "Failed" if result.word == Word.FAILED else "Not sent"
            reason = FAILURE_REASON_NAMES[FailureReason(result.reason)] + "." if result.reason else ""
            return Badge(word, failed.colour, failed.icon), reason or "The provider could not be reached."

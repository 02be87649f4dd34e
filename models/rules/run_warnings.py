"""What a Run dialog shows of a campaign, and what it warns of before anybody confirms (SPEC 1)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from models.segments import LONGEST_SMS
from models.template import UNSUBSCRIBE_URL, placeholders
from models.words import CHANNEL_LABELS, Channel

BROKEN_SHOWN = 5
# The word that carriers act on is written STOP; in small letters it is only a way out where one is told to answer it.
_WAY_OUT = re.compile(
    r"\bSTOP\b|(?i:\b(?:reply|text|send|answer)\W{1,3}stop\b|\bunsubscribe\b|\bopt(?:ing)?[ -]?out\b)"
)


@dataclass(frozen=True)
class EmptyField:
    """A field that the template uses, and how many of those to be sent to have no value in it."""

    name: str
    contacts: int


@dataclass(frozen=True)
class RunCheck:
    """Figures for a Run dialog; all are about the messages that a run would send, but for `total` and `opted_out`, who
    are those of the import and those who opted out since.

    `segments` is the sum over all contacts, None for email; `too_long` is how many texts no SMS can carry. `cost` is
    None where no price is set. `broken` is what looks like a placeholder and is none. `reached_lately` counts those who
    were handed a message by another campaign of the channel in the last 24 hours. `webhook_lacks` is a sentence, ''
    when nothing is known to be missing.
    """

    channel: Channel
    total: int
    sendable: int
    opted_out: int
    segments: int | None
    cost: Decimal | None
    currency: str
    too_long: int
    empty_fields: tuple[EmptyField, ...]
    broken: tuple[str, ...]
    offers_opt_out: bool
    reached_lately: int
    webhook_lacks: str

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be wrong, as sentences; nothing of it forbids to run. Field names are people's own words."""
        told = [
            _reached_lately(self.reached_lately, self.channel),
            _too_long(self.too_long),
            *(_empty(field) for field in self.empty_fields),
            sent_as_typed(self.broken),
            "" if self.offers_opt_out else _NO_WAY_OUT[self.channel],
            self.webhook_lacks,
        ]
        return tuple(filter(None, told))


def offers_opt_out(channel: Channel, body: str) -> bool:
    """Whether the text says how to get no more of it: an SMS by STOP or its like, an email by its link."""
    if channel is Channel.EMAIL:
        return UNSUBSCRIBE_URL in placeholders(body)
    return bool(_WAY_OUT.search(body))


def sent_as_typed(broken: Sequence[str]) -> str:
    """What is said of what looks like a placeholder and is none; '' if there is nothing."""
    if not broken:
        return ""
    more = len(broken) - BROKEN_SHOWN
    *before, last = [*broken[:BROKEN_SHOWN], *([f"{more:,} more"] if more > 0 else [])]
    if not before:
        return f"{last} looks like a variable but will be sent as typed."
    return f"{', '.join(before)} and {last} look like variables but will be sent as typed."


_NO_WAY_OUT = {
    Channel.SMS: "The text doesn't say how to opt out. Add a line like: Reply STOP to opt out.",
    Channel.EMAIL: f"The text has no link to unsubscribe. Add one that leads to {{{{{UNSUBSCRIBE_URL}}}}}.",
}


def _reached_lately(contacts: int, channel: Channel) -> str:
    if not contacts:
        return ""
    were = "contact was" if contacts == 1 else "contacts were"
    return f"{contacts:,} {were} sent another {CHANNEL_LABELS[channel]} campaign in the last 24 hours."


def _too_long(contacts: int) -> str:
    if not contacts:
        return ""
    get = "contact gets" if contacts == 1 else "contacts get"
    return f"{contacts:,} {get} a text of over {LONGEST_SMS:,} characters, which no SMS can carry: it will fail."


def _empty(field: EmptyField) -> str:
    have = "contact has" if field.contacts == 1 else "contacts have"
    return f"{field.contacts:,} {have} no {field.name}: they will read {{{{{field.name}}}}}."

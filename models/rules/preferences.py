"""A recipient's own word on whether a channel may write to them: STOP, START, a complaint, an unsubscribe."""

from dataclasses import dataclass

from models.words import Channel, OptOutSource


@dataclass(frozen=True, slots=True)
class Preference:
    """What somebody said; `recipient` is the number or address as the provider wrote it, `at` epoch milliseconds.

    With `refuses` false it takes back an opt-out: by START whatever opted them out, else only what `source` did.
    """

    channel: Channel
    recipient: str
    refuses: bool
    source: OptOutSource
    at: int

"""A provider that takes nothing, or tells nothing, for five minutes while it should (SPEC 2 and 7)."""

from dataclasses import dataclass

from models.providers import GIVES_NO_RECEIPTS
from models.rules.timeouts import MINUTE
from models.words import HOLDS_CHANNEL, Phase, Silence

LONGEST = 5 * MINUTE  # before scaling


@dataclass(frozen=True, slots=True)
class Sounds:
    """What was heard of a campaign's sending; times in epoch ms.

    `accepted_at` is the last acceptance, `unheard_since` the first one that no receipt of any message followed.
    """

    phase: Phase
    provider: str
    queued: int
    sending: int
    started_at: int
    accepted_at: int | None
    unheard_since: int | None


def silence_of(sounds: Sounds, *, now: int, scale: float) -> Silence | None:
    """Which silence there is; none accepted is the graver one. `scale` (TIME_SCALE) divides the five minutes."""
    since = now - LONGEST / scale
    if sounds.phase is Phase.RUNNING and sounds.queued and max(sounds.started_at, sounds.accepted_at or 0) <= since:
        return Silence.NOTHING_ACCEPTED
    owed = sounds.sending and sounds.provider not in GIVES_NO_RECEIPTS and sounds.phase in HOLDS_CHANNEL
    if owed and sounds.unheard_since is not None and sounds.unheard_since <= since:
        return Silence.NO_RECEIPTS
    return None

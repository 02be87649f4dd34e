"""What is known of a message that is Unconfirmed: what happened, step by step, and what can still happen.

The panel and Slack say it in these words; each draws the moments in its reader's own time zone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from models.providers import GIVES_NO_RECEIPTS, PROVIDERS, provider_name
from models.rules.verdicts import HandOverAnswer, Word
from models.words import Listed

MAY_COME_TWICE = "To send it again is your decision: the person may get it twice."


@dataclass(frozen=True)
class AttemptTold:
    """One hand-over, named as the columns of its row; times in epoch ms.

    Text, id and how an answer was lost are the provider's own: None, or '', for who may not see recipients.
    """

    number: int
    provider: str
    status: str
    answer: str | None
    progress: str | None
    timed_out: int
    failure_reason: str | None
    provider_code: str | None
    provider_text: str | None
    provider_id: str | None
    lost_as: str | None
    lookups: int
    looked_up_at: int | None
    listed: str | None
    claimed_at: int
    handed_over_at: int | None
    progress_at: int | None
    event_at: int | None
    verdict_at: int | None


@dataclass(frozen=True)
class Fact:
    """One thing that is known, and when it was (epoch ms) if that is known too."""

    words: str
    at: int | None = None


@dataclass(frozen=True)
class Explained:
    """What happened, the oldest first, what can still happen, and whom one can ask ('' if nobody)."""

    facts: tuple[Fact, ...]
    outlook: tuple[str, ...]
    asks: str


def explain(attempt: AttemptTold, *, configured: str) -> Explained:
    """What became of the hand-over, as far as anybody knows; `configured` is who sends the channel now."""
    asks = "" if why_not_asked(attempt.provider, configured) else provider_name(attempt.provider)
    return Explained(tuple(_facts(attempt)), tuple(_outlook(attempt, configured)), asks)


def why_not_asked(provider: str, configured: str) -> str:
    """Why a hand-over to `provider` can't be looked up, '' if it can."""
    known = PROVIDERS.get(provider)
    if known is None or (provider != configured and not known.why_not_asked):
        return f"It was handed to {provider_name(provider)}, which this installation can't ask now."
    return known.why_not_asked


def told_result(provider: str, *, found: int, unlisted: int, unclear: int, unasked: int) -> str:
    """What a look-up came to: "2 bound, 3 still Unconfirmed: Twilio lists none for these."."""
    name = provider_name(provider)
    parts = [f"{found:,} bound to what {name} has"] if found or not (unlisted or unclear or unasked) else []
    if unlisted:
        parts.append(f"{unlisted:,} still Unconfirmed: {name} lists none for {'it' if unlisted == 1 else 'these'}")
    if unclear:
        parts.append(f"{unclear:,} still Unconfirmed: what {name} lists may be another message")
    if unasked:
        parts.append(f"{unasked:,} not looked up: handed to somebody else, changed meanwhile, or no answer came")
    return f"{'; '.join(parts)}."


def _facts(attempt: AttemptTold) -> Iterator[Fact]:
    name = provider_name(attempt.provider)
    yield Fact(f"Taken from the queue for {name}.", attempt.claimed_at)
    if attempt.answer == HandOverAnswer.ACCEPTED:
        yield Fact(f"{_upper(name)} took it.", attempt.handed_over_at)
    elif attempt.lost_as is None:
        yield Fact("The process that handed it over ended before it noted an answer.")
    else:
        yield Fact(f"The answer was lost: {attempt.lost_as}" if attempt.lost_as else "The answer was lost.")
    yield _receipt(attempt, name)
    yield from sorted(_later(attempt, name), key=lambda fact: fact.at or 0)


def _later(attempt: AttemptTold, name: str) -> Iterator[Fact]:
    if attempt.looked_up_at is not None:
        yield Fact(f"Looked up: {_LISTED[Listed(attempt.listed or Listed.NOTHING)].format(name)}", attempt.looked_up_at)
    if attempt.verdict_at is not None:
        yield Fact("Nothing decided it in time, so it became Unconfirmed.", attempt.verdict_at)


_LISTED = {
    Listed.NOTHING: "{} lists none that must be it.",
    Listed.UNCLEAR: "{} lists what may be it and may be another.",
    Listed.IT: "{} has it.",
}


def _receipt(attempt: AttemptTold, name: str) -> Fact:
    if attempt.progress == Word.SENT:
        return Fact(f"{_upper(name)} says that it sent it on; whether it arrived is not known.", attempt.progress_at)
    if attempt.progress == Word.ACCEPTED:
        return Fact(f"{_upper(name)} says that it has it, and nothing more.", attempt.progress_at)
    return Fact("A mail server gives no receipts." if attempt.provider in GIVES_NO_RECEIPTS else "No receipt came.")


def _outlook(attempt: AttemptTold, configured: str) -> Iterator[str]:
    if attempt.provider not in GIVES_NO_RECEIPTS:
        yield "A receipt that comes late still decides it: Delivered, Failed or Opted Out."
    yield why_not_asked(attempt.provider, configured) or (
        f"{_upper(provider_name(attempt.provider))} can be asked; what it has decides, else the doubt stays."
    )
    yield MAY_COME_TWICE


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]

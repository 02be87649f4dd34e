"""The look-up jobs: ask the provider about hand-overs whose answer was lost, by themselves or for somebody (SPEC 2)."""

from collections.abc import Callable, Sequence

import structlog
import uvloop

from jobs import context
from jobs.providers.base import Asked, Doubt, LookedUp
from jobs.providers.messages import OutgoingMessage
from jobs.providers.registry import provider_to_ask
from jobs.rendering import Renderer
from jobs.runtime import addresses
from jobs.simulation import current_simulation
from models.clock import now_ms
from models.errors import NotConfiguredError, NotFoundError
from models.operations.asking import end_look_up, next_to_ask, note_asked, take_look_up
from models.operations.doubts import Looked, note_lookups
from models.operations.sending import Claimed
from models.providers import LOOKS_UP, provider_name
from models.queries.campaigns import get_campaign
from models.queries.doubts import InDoubt, bound_provider_ids, doubts_due, still_unconfirmed
from models.tables import LookUp
from models.words import Channel

log = structlog.stdlib.get_logger("signalbox.lookups")

PAUSE_SECONDS = 1
AT_ONCE = 50  # hand-overs a round: what was found is noted before the next are asked about


def look_up(_subject_id: int) -> None:
    """Look up what is due at the providers of now, as far as they are asked about lost answers."""
    config = context.current().config
    for channel, name in config.providers.items():
        if name not in LOOKS_UP or config.lacks(channel):
            continue
        try:
            _look_up_through(provider_to_ask(channel, config, current_simulation()))
        except NotConfiguredError as wrong:
            log.warning("look-ups can't be made", reason=str(wrong))


def _look_up_through(provider: Asked) -> None:
    """Round by round, until nothing is due or the process is asked to stop.

    Where the provider does not answer, the look-up does not count, and the next sweep hints again.
    """
    now = context.current()
    render = _texts(addresses.public_url(now.config))
    while not now.stop.asked:
        due = doubts_due(now=now_ms(), scale=now.config.time_scale, limit=AT_ONCE, providers=[provider.name])
        if not due:
            return
        found = uvloop.run(_ask(provider, [_doubt(one, render(one)) for one in due]))
        note_lookups(_looked(found), now=now_ms(), scale=now.config.time_scale)
        if not any(one.answered for one in found):
            return


def ask(look_up_id: int) -> None:
    """Ask about the Unconfirmed messages that somebody wants to know of; a worker that dies is followed by another."""
    config, look_up = context.current().config, take_look_up(look_up_id, now=now_ms())
    if look_up is None:
        return
    try:
        channel = Channel(get_campaign(look_up.campaign_id).channel)
    except NotFoundError:  # deleted meanwhile, and the look-up with it
        return
    try:
        _ask_through(look_up, provider_to_ask(channel, config, current_simulation()))
    except NotConfiguredError as wrong:
        end_look_up(look_up, provider=config.providers.get(channel, ""), now=now_ms(), problem=str(wrong))


def _ask_through(look_up: LookUp, provider: Asked) -> None:
    """Round by round, with a pause between two: a provider is asked for people's sake, not at the speed of sending."""
    here = context.current()
    render, message_ids = _texts(addresses.public_url(here.config)), next_to_ask(look_up, limit=AT_ONCE)
    while message_ids:
        due = still_unconfirmed(message_ids, provider.name)
        found = uvloop.run(_ask(provider, [_doubt(one, render(one)) for one in due])) if due else []
        if due and not any(one.answered for one in found):
            problem = f"{provider_name(provider.name)} did not answer; ask again later."
            end_look_up(look_up, provider=provider.name, now=now_ms(), problem=problem)
            return
        note_asked(look_up, message_ids, _looked(found), now=now_ms(), scale=here.config.time_scale)
        message_ids = next_to_ask(look_up, limit=AT_ONCE)
        if message_ids and here.stop.wait(PAUSE_SECONDS):
            return
    end_look_up(look_up, provider=provider.name, now=now_ms())


def _looked(found: Sequence[LookedUp]) -> list[Looked]:
    """What counts: where the provider did not answer, nothing was looked up."""
    answered = [one for one in found if one.answered]
    return [Looked(one.doubt.message_id, one.doubt.attempt, one.event, one.unclear) for one in answered]


async def _ask(provider: Asked, doubts: Sequence[Doubt]) -> Sequence[LookedUp]:
    async with provider:
        return await provider.look_up(doubts, bound=bound_provider_ids, at=now_ms())


def _texts(public_url: str) -> Callable[[InDoubt], OutgoingMessage]:
    """Renders what was handed over, each campaign's template taken apart once."""
    renderers: dict[int, Renderer] = {}

    def render(one: InDoubt) -> OutgoingMessage:
        if one.campaign_id not in renderers:
            renderers[one.campaign_id] = Renderer(get_campaign(one.campaign_id), public_url)
        claimed = Claimed(one.message_id, one.attempt, one.recipient, one.field_values)
        return renderers[one.campaign_id].render(claimed)

    return render


def _doubt(one: InDoubt, message: OutgoingMessage) -> Doubt:
    return Doubt(one.message_id, one.attempt, one.recipient, message.body, one.claimed_at, one.provider_id)

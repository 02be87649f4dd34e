"""The look-up job: asks the provider about hand-overs whose answer was lost (SPEC 2)."""

from collections.abc import Callable, Sequence

import structlog
import uvloop

from jobs import context
from jobs.providers.messages import OutgoingMessage
from jobs.providers.registry import twilio_provider
from jobs.providers.twilio.provider import NAME, Doubt, LookUp, TwilioProvider
from jobs.rendering import Renderer
from jobs.runtime import addresses
from models.clock import now_ms
from models.errors import NotConfiguredError
from models.operations.doubts import InDoubt, bound_provider_ids, doubts_due, note_lookups
from models.operations.sending import Claimed
from models.queries.campaigns import get_campaign
from models.words import Channel

log = structlog.stdlib.get_logger("signalbox.lookups")

AT_ONCE = 50  # hand-overs a round: what was found is noted before the next are asked about


def look_up(_subject_id: int) -> None:
    """Look up what is due, round by round, until nothing is or the process is asked to stop.

    Where Twilio does not answer, the look-up does not count, and the next sweep hints again.
    """
    now = context.current()
    if now.config.providers.get(Channel.SMS) != NAME or now.config.lacks(Channel.SMS):
        return
    try:
        provider = twilio_provider(now.config)
    except NotConfiguredError as wrong:
        log.warning("look-ups can't be made", reason=str(wrong))
        return
    render = _texts(addresses.public_url(now.config))
    while not now.stop.asked:
        due = doubts_due(now=now_ms(), scale=now.config.time_scale, limit=AT_ONCE)
        if not due:
            return
        found = uvloop.run(_ask(provider, [_doubt(one, render(one)) for one in due]))
        note_lookups(
            [one.event for one in found if one.event],
            [(one.doubt.message_id, one.doubt.attempt) for one in found if one.answered and not one.event],
            now=now_ms(),
            scale=now.config.time_scale,
        )
        if not any(one.answered for one in found):
            return


async def _ask(provider: TwilioProvider, doubts: Sequence[Doubt]) -> Sequence[LookUp]:
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
    return Doubt(one.message_id, one.attempt, one.recipient, message.body, one.claimed_at)

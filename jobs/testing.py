"""The job that sends a test: a few hand-overs by the channel's own provider, none of them a message (SPEC 1)."""

import asyncio
from collections.abc import Sequence

import uvloop

from jobs import context
from jobs.providers.base import Outcome, Provider
from jobs.providers.messages import OutgoingMessage
from jobs.providers.registry import provider_for
from jobs.rendering import Renderer
from jobs.runtime import addresses
from jobs.simulation import current_simulation
from models.clock import now_ms
from models.errors import NotConfiguredError, NotFoundError
from models.operations.sending import Claimed
from models.operations.testing import MOST, Result, begin_test, end_test
from models.queries.campaigns import get_campaign
from models.rules.verdicts import OF_A_TEST
from models.tables import Campaign, SentTest
from models.words import Channel


def send(test_id: int) -> None:
    """Send a test that waits, and keep what the provider answered."""
    test = begin_test(test_id, now=now_ms())
    if test is None:
        return
    now = context.current()
    try:
        campaign = get_campaign(test.campaign_id)
        messages = _messages(test, campaign, addresses.public_url(now.config))
    except NotFoundError:  # deleted meanwhile, and the test with it
        return
    channel = Channel(campaign.channel)
    try:
        provider = provider_for(channel, now.config, current_simulation())
    except NotConfiguredError as missing:
        end_test(test, channel, [], refused=str(missing), now=now_ms())
        return
    outcomes = uvloop.run(_hand_over(provider, messages))
    end_test(test, channel, [_result(outcome) for outcome in outcomes], now=now_ms())


def _messages(test: SentTest, campaign: Campaign, public_url: str) -> list[OutgoingMessage]:
    """One for each recipient, under an id of its own among tests."""
    renderer = Renderer(campaign, public_url)
    values = tuple(test.field_values.get(field["name"], "") for field in campaign.fields)
    return [
        renderer.render(Claimed(test.id * MOST + place, OF_A_TEST, recipient, values))
        for place, recipient in enumerate(test.recipients)
    ]


async def _hand_over(provider: Provider, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
    size = provider.batch_size
    batches = [messages[start : start + size] for start in range(0, len(messages), size)]
    async with provider:
        answers = await asyncio.gather(*map(provider.send, batches))
    return [outcome for outcomes in answers for outcome in outcomes]


def _result(outcome: Outcome) -> Result:
    return Result(
        outcome.message.recipient, outcome.word.value, outcome.reason, outcome.code, outcome.text, outcome.provider_id
    )

"""Run and resume as people ask for them, and what was to start later (SPEC 1).

The provider is asked first whether the account may send.
The operations themselves know no network. Only a clear no refuses; what can't be told is a warning.
"""

import asyncio
from dataclasses import replace

from jobs.providers.base import AccountCheck
from jobs.providers.registry import provider_for
from jobs.providers.simulated import Simulation
from jobs.runtime.faults import FaultsError, contained
from models.actors import Actor
from models.config import Config, current
from models.database import refusal_in
from models.errors import AccountRefusedError, CampaignError, ChannelTakenError
from models.operations import running, scheduling
from models.operations.running import Moved
from models.queries.starts import due_starts
from models.tables import ScheduledStart
from models.words import Action, Channel


def run_campaign(
    campaign_id: int, *, actor: Actor, disclaimer_accepted: bool, leave_out_reached: bool = False, now: int
) -> Moved:
    """`running.run_campaign`, unless the provider refuses the account. Raises AccountRefusedError then."""
    warning = _ask_first(Action.RUN, campaign_id, actor, now=now)
    moved = running.run_campaign(
        campaign_id,
        actor=actor,
        disclaimer_accepted=disclaimer_accepted,
        leave_out_reached=leave_out_reached,
        now=now,
    )
    return replace(moved, warning=warning)


def resume_campaign(campaign_id: int, *, actor: Actor, now: int) -> Moved:
    """`running.resume_campaign`, unless the provider refuses the account. Raises AccountRefusedError then."""
    warning = _ask_first(Action.RESUME, campaign_id, actor, now=now)
    return replace(running.resume_campaign(campaign_id, actor=actor, now=now), warning=warning)


def fire_due_starts(*, now: int) -> None:
    """Start what was to start later and whose moment has come, first come first served.

    One whose channel is taken goes on waiting within its allowance; any other refusal ends it, and the
    campaign's owner is told. Raises FaultsError in the end for those that a fault of ours has kept from it: they
    are still to start.
    """
    faulty = []
    for start in due_starts(now=now):
        with contained("later start", known=refusal_in, campaign_id=start.campaign_id) as unit:
            _fire_or_refuse(start, now=now)
        if unit.faulty:
            faulty.append(start.campaign_id)
    if faulty:
        raise FaultsError(f"campaigns that could not start: {', '.join(map(str, faulty))}")


def check_account(channel: Channel, config: Config) -> AccountCheck:
    """What the channel's provider says of the account, within 2 s or so. Raises NotConfiguredError."""
    provider = provider_for(channel, config, Simulation())

    async def ask() -> AccountCheck:
        async with provider:
            return await provider.check_account()

    return asyncio.run(ask())


def _fire_or_refuse(start: ScheduledStart, *, now: int) -> None:
    try:
        _fire(start, now=now)
    except ChannelTakenError:
        return
    except CampaignError as refusal:
        scheduling.refuse_start(start.id, refusal, now=now)


def _fire(start: ScheduledStart, *, now: int) -> None:
    scheduling.require_in_time(start, now=now)
    _ask_first(Action(start.kind), start.campaign_id, scheduling.actor_of(start), now=now)
    scheduling.fire_start(start.id, now=now)


def _ask_first(action: Action, campaign_id: int, actor: Actor, *, now: int) -> str:
    """What the provider could not tell of the account, as a sentence; '' if it is in good standing.

    Role and state first: who may not act, or a campaign that can't, is no reason to ask anybody.
    """
    campaign = running.permitted(action, campaign_id, actor, now=now)
    answer = check_account(campaign.channel, current())
    if answer.refusal:
        raise AccountRefusedError(answer.refusal_in_full, in_public=answer.refusal, campaign_id=campaign_id)
    return answer.warning

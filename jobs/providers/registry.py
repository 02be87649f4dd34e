"""All providers by name: how each is made from the environment, and at which addresses they tell us something."""

from collections.abc import Callable, Mapping
from pathlib import Path

from jobs.providers import simulated
from jobs.providers.base import Asked, Provider, ReceiptParser, Webhook
from jobs.providers.sendgrid.provider import NAME as SENDGRID
from jobs.providers.sendgrid.provider import SendGridProvider
from jobs.providers.sendgrid.webhooks import EVENT_WEBHOOK
from jobs.providers.simulated import SimulatedProvider, Simulation
from jobs.providers.smtp.provider import NAME as SMTP
from jobs.providers.smtp.provider import SmtpProvider
from jobs.providers.twilio.provider import NAME as TWILIO
from jobs.providers.twilio.provider import TwilioProvider
from jobs.providers.twilio.webhooks import INBOUND, STATUS
from models.config import Config
from models.errors import NotConfiguredError
from models.providers import SIMULATED
from models.rules.in_doubt import why_not_asked
from models.words import Channel

REAL: Mapping[str, Callable[[Config], Provider]] = {
    TWILIO: TwilioProvider.from_config,
    SENDGRID: SendGridProvider.from_config,
    SMTP: SmtpProvider.from_config,
}
WEBHOOKS: tuple[Webhook, ...] = (STATUS, INBOUND, EVENT_WEBHOOK)
PARSERS: Mapping[str, ReceiptParser] = {
    SIMULATED: simulated.parse_receipts,
    **{webhook.kept_as: webhook.parse for webhook in WEBHOOKS},
}


def provider_for(channel: Channel, config: Config, simulation: Simulation) -> Provider:
    """The channel's provider. Raises NotConfiguredError naming what is missing."""
    if lacking := config.lacks(channel):
        raise NotConfiguredError(lacking)
    name = config.providers[channel]
    return REAL[name](config) if name in REAL else SimulatedProvider(channel, simulation, Path(config.var))


def provider_to_ask(channel: Channel, config: Config, simulation: Simulation) -> Asked:
    """The channel's provider, if it can be asked what became of a message. Raises NotConfiguredError."""
    provider = provider_for(channel, config, simulation)
    if not isinstance(provider, Asked):
        raise NotConfiguredError(why_not_asked(provider.name, provider.name))
    return provider

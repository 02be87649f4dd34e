"""Which provider a channel has, and who reads which receipts."""

from collections.abc import Mapping
from pathlib import Path

from jobs.providers import simulated
from jobs.providers.base import Asked, Provider, ReceiptParser
from jobs.providers.sendgrid import webhooks as sendgrid
from jobs.providers.sendgrid.provider import NAME as SENDGRID
from jobs.providers.sendgrid.provider import SendGridAccount, SendGridProvider
from jobs.providers.simulated import SimulatedProvider, Simulation
from jobs.providers.smtp.connection import SmtpAccount
from jobs.providers.smtp.provider import NAME as SMTP
from jobs.providers.smtp.provider import SmtpProvider
from jobs.providers.twilio import webhooks as twilio
from jobs.providers.twilio.provider import NAME as TWILIO
from jobs.providers.twilio.provider import TwilioAccount, TwilioProvider
from jobs.runtime import addresses
from models.config import Config
from models.errors import NotConfiguredError
from models.rules.in_doubt import why_not_asked
from models.rules.timeouts import VALIDITY
from models.words import Channel

TWILIO_STATUS = "/webhooks/twilio/status"
TWILIO_INBOUND = "/webhooks/twilio/inbound"
SENDGRID_EVENTS = "/webhooks/sendgrid/events"
# What is kept of inbound messages stands beside the receipts, under a name of its own.
INBOUND = "twilio_inbound"

PARSERS: Mapping[str, ReceiptParser] = {
    simulated.NAME: simulated.parse_receipts,
    TWILIO: twilio.parse_receipts,
    INBOUND: twilio.parse_inbound,
    SENDGRID: sendgrid.parse_receipts,
}


def provider_for(channel: Channel, config: Config, simulation: Simulation) -> Provider:
    """The channel's provider. Raises NotConfiguredError naming what is missing."""
    if lacking := config.lacks(channel):
        raise NotConfiguredError(lacking)
    name = config.providers[channel]
    if name == TWILIO:
        return twilio_provider(config)
    if name == SENDGRID:
        return SendGridProvider(SendGridAccount.from_variables(config.variables))
    if name == SMTP:
        return SmtpProvider(SmtpAccount.from_url(config.variables["SMTP_URL"]))
    return SimulatedProvider(channel, simulation, Path(config.var))


def provider_to_ask(channel: Channel, config: Config, simulation: Simulation) -> Asked:
    """The channel's provider, if it can be asked what became of a message. Raises NotConfiguredError."""
    provider = provider_for(channel, config, simulation)
    if not isinstance(provider, TwilioProvider | SimulatedProvider):
        raise NotConfiguredError(why_not_asked(provider.name, provider.name))
    return provider


def twilio_provider(config: Config) -> TwilioProvider:
    """Twilio as the environment names it. Raises NotConfiguredError."""
    return TwilioProvider(
        TwilioAccount.from_variables(config.variables),
        callback_url=callback_url(config),
        validity_seconds=round(VALIDITY / 1000 / config.time_scale),
    )


def callback_url(config: Config) -> str | None:
    """Where Twilio sends its receipts; None without a PUBLIC_URL, as it refuses an address it can't reach."""
    return f"{addresses.public_url(config)}{TWILIO_STATUS}" if config.public_url else None

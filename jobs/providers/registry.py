"""Which provider a channel has, and who reads which receipts."""

from collections.abc import Mapping
from pathlib import Path

from jobs.providers import simulated
from jobs.providers.base import Provider, ReceiptParser
from jobs.providers.simulated import SimulatedProvider, Simulation
from models.config import Config
from models.errors import NotConfiguredError
from models.words import Channel

PARSERS: Mapping[str, ReceiptParser] = {simulated.NAME: simulated.parse_receipts}


def provider_for(channel: Channel, config: Config, simulation: Simulation) -> Provider:
    """The channel's provider. Raises NotConfiguredError naming what is missing."""
    if lacking := config.lacks(channel):
        raise NotConfiguredError(lacking)
    if config.providers[channel] == simulated.NAME:
        return SimulatedProvider(channel, simulation, Path(config.var))
    raise NotConfiguredError(f"{config.providers[channel]} can't be used yet; set it to simulated.")

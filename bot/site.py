"""What every drawing needs to know of the installation: where the panel is, and which channels only simulate."""

from bot.drawing.lines import Site
from jobs.runtime.addresses import public_url
from models.config import current


def site() -> Site:
    """The installation of now; in local mode the panel may move to another port."""
    config = current()
    simulated = frozenset(channel for channel, provider in config.providers.items() if provider == "simulated")
    return Site(public_url(config), simulated)

"""What every drawing needs to know of the installation: where the panel is, and which channels only simulate."""

from bot.drawing.lines import Site
from jobs.runtime.addresses import public_url
from models.config import current


def site() -> Site:
    """The installation of now; in local mode the panel may move to another port."""
    config = current()
    return Site(public_url(config), config.simulated)

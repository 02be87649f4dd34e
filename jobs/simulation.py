"""The simulated world as the settings describe it."""

from jobs.providers.simulated import Simulation
from models.queries.settings import setting


def current_simulation() -> Simulation:
    """Read from the settings."""
    return Simulation(
        seed=setting("simulated.seed"),
        latency_ms=setting("simulated.latency_ms"),
        speed=setting("simulated.speed"),
        delay_seconds=setting("simulated.delay_seconds"),
        mix=setting("simulated.mix"),
    )

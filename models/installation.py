"""The installation that this process belongs to: its environment, database and secret, opened once at the entry."""

import time
from collections.abc import Callable

from models import database
from models.clock import now_ms
from models.config import Config, use
from models.operations.settings import take_first_values
from models.schema import wait_for_schema
from models.secret_key import load_secret


def open_installation(
    config: Config,
    *,
    seconds: float = 30,
    pause: Callable[[float], object] = time.sleep,
    tell: Callable[[str], object] = lambda _refusal: None,
) -> None:
    """Connect the database, bring the schema up to date, load the secret; for `pause`, `tell` see `wait_for_schema`.

    Raises NotConfiguredError when the database can't be reached within `seconds`.
    """
    use(config)
    database.connect(config)
    load_secret(config)
    wait_for_schema(seconds, pause, tell)
    take_first_values(config, now=now_ms())

"""What every process of the Procfile does before and after its own work."""

import atexit
import os
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from jobs.runtime import exits, logs, owner, parents
from jobs.runtime.stopping import Stop
from models.config import Config

Main = Callable[[Config, Stop], None]

# People, providers and Slack wait for `web`, and everybody for Redis; the others can let them go first.
WAITED_FOR = frozenset({"web", "redis"})
NICENESS = 5


def run(name: str, main: Main, variables: Mapping[str, str] | None = None) -> NoReturn:
    """Be the process `name` of the Procfile: run `main` until it returns or is stopped, then exit.

    Exit codes: 0 after a clean stop; 2 with one sentence on stderr when something isn't configured, or
    another process owns this name in `var/`; 1 after a fault, which is logged with its traceback.
    """
    stop = Stop()
    stop.listen()
    code = exits.code_of(lambda: _run(name, main, stop, variables))
    # Once its threads are done: the rest of what Python does on its way out takes a fifth of a second of CPU, while a
    # next start may wait for us, and takes the handlers away, so that a stop said again would kill.
    atexit.register(exits.leave, code)
    sys.exit(code)


def _run(name: str, main: Main, stop: Stop, variables: Mapping[str, str] | None) -> None:
    parents.end_with_honcho()
    if name not in WAITED_FOR:
        os.nice(NICENESS)
    config = Config.from_env(variables)
    logs.set_up(config, name)
    owner.take(config.var, name, stop)  # until the end of the process
    main(config, stop)

"""How a process of ours ends: what it was told becomes an exit code (0 ended, 2 misused, 1 a fault)."""

import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

import structlog

from jobs.runtime.stopping import Stopped
from models.errors import NotConfiguredError

log = structlog.stdlib.get_logger("signalbox.process")

ENDED, FAULT, MISUSED = 0, 1, 2


def code_of(main: Callable[[], None]) -> int:
    """Run `main` and return the exit code; a refusal's sentence goes to stderr, a fault to the log."""
    try:
        main()
    except NotConfiguredError as refusal:
        sys.stderr.write(f"{refusal}\n")
        return MISUSED
    except Stopped:
        return ENDED
    except SystemExit as end:
        return _known(end.code)
    except Exception:  # the entry of a process: nobody above could tell of it
        if structlog.is_configured():
            log.exception("ended by a fault")
        else:  # structlog would show what variables hold, the environment with its secrets among them
            traceback.print_exc()
        return FAULT
    return ENDED


def leave(code: int) -> NoReturn:
    """End this process at once, without what Python, or a forked child's parent, had planned for the exit."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def reaped(pid: int) -> str | None:
    """How the child `pid` ended, in words, after letting go of it; None while it lives."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        return None
    code = os.waitstatus_to_exitcode(status)
    return f"exit code {code}" if code >= 0 else f"killed by signal {-code}"


def _known(code: object) -> int:
    """Servers have exit codes of their own: all that aren't ours are faults."""
    return ENDED if code is None else code if code in (ENDED, MISUSED) and isinstance(code, int) else FAULT

"""What a job finds around it in its work process: the environment, and the wish to stop."""

from dataclasses import dataclass

from jobs.runtime.stopping import Stop
from models.config import Config


@dataclass(frozen=True)
class Context:
    """Set once, when a work process begins."""

    config: Config
    stop: Stop


_context: Context | None = None


def enter(context: Context) -> None:
    """Make `context` that of this process."""
    global _context  # noqa: PLW0603  # one context per process
    _context = context


def current() -> Context:
    """The context of this process."""
    assert _context is not None, "jobs run in a work process"
    return _context

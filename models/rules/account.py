"""The account that was refused as a whole: who can mend that, and what goes on then (SPEC 1)."""

from models.rules.counts import Counts
from models.words import Action

NOT_CONFIGURED = "not_configured"  # our own code, of a channel whose configuration is gone


def why_refused(code: str) -> str:
    """Why sending could not go on; `code` is the provider's, '' if it gave none."""
    return f"the provider refused the account ({code or 'no code'})"


def who_can_mend(code: str, provider: str) -> str:
    """Whom to turn to; `provider` is its name in the middle of a sentence."""
    if code == NOT_CONFIGURED:
        return "whoever runs this installation: the channel's provider is no longer configured"
    return f"whoever looks after the account at {provider}: its credentials, its permission to send, its balance"


def goes_on_by(counts: Counts) -> Action:
    """What to press once it is mended: Retry where a retry had queued all that was left; none of it is Cancelled."""
    return Action.RESUME if counts.left else Action.RETRY

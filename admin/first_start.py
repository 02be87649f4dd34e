"""The first start with nothing configured: sample people and campaigns, and one box that says where to go."""

import time

from admin.sample import make_samples
from jobs.runtime import addresses, owner, run_file
from jobs.runtime.stopping import Stop
from models.actors import SYSTEM
from models.clock import now_ms
from models.config import Config
from models.operations.people import make_sign_in_link
from models.queries.health import is_empty
from models.queries.people import first_org_admin

BOT_SECONDS = 1.0
SLACK_SECONDS = 5.0
POLL_SECONDS = 0.1


def fill_empty_installation() -> bool:
    """Make the samples if there is nobody and nothing yet; returns whether it did."""
    if not is_empty():
        return False
    make_samples(now=now_ms())
    return True


def wait_for_local_slack(config: Config, stop: Stop) -> None:
    """Wait for the bot to publish it, if there is a bot: the box is better late than without it."""
    began = time.monotonic()
    while run_file.living(config.var, "slack_local") is None:
        waited = time.monotonic() - began
        if waited > SLACK_SECONDS or (waited > BOT_SECONDS and owner.holder(config.var, "bot") is None):
            return
        stop.pause(POLL_SECONDS)


def box(config: Config) -> str:
    """Where to go: a link that signs in, the local Slack, and what to type there."""
    admin = first_org_admin()
    slack = run_file.living(config.var, "slack_local")
    simulated = "Nothing leaves this machine: every provider is simulated."
    lines = [f"Signalbox is running. {'Messages reach people.' if config.really_sends else simulated}", ""]
    if admin is not None:
        token = make_sign_in_link(admin.email, actor=SYSTEM, now=now_ms())
        lines.append(f"Panel, signed in as {admin.name}:  {addresses.public_url(config)}/login/{token}")
    if slack is not None:
        lines.append(f"Local Slack:  {slack['url']}/")
        lines.append("There, type /campaign")
    width = max(map(len, lines))
    framed = [f"│ {line.ljust(width)} │" for line in lines]
    return "\n".join([f"┌{'─' * (width + 2)}┐", *framed, f"└{'─' * (width + 2)}┘"])

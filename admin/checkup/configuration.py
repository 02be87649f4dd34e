"""What the environment sets: whether it is complete, understood, and what the providers say of it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from admin.checkup.findings import Finding, fault, ok, warning
from jobs import starting
from jobs.runtime import logs, reporting
from models import config as variables
from models.config import Config
from models.errors import NotConfiguredError
from models.providers import PROVIDERS, SIMULATED, providers_of
from models.words import CHANNEL_LABELS, Channel

SECRET_LENGTH = 32  # characters
LOG_FORMATS = ("console", "json")
PREFIXES = ("SMS_", "EMAIL_", "SLACK_", "SIGNALBOX_", *(f"{provider.upper()}_" for provider in PROVIDERS))
KNOWN = {
    *variables.PROVIDER_VARIABLES.values(),
    *variables.FIRST_SETTINGS,
    *(name for traits in PROVIDERS.values() for name in traits.variables),
    *variables.OPTIONAL,
    *variables.SLACK_SECRETS,
    "SIGNALBOX_VAR",
    "SLACK_LOCAL",
    "SLACK_LOCAL_PORT",
}


def environment(config: Config) -> Iterator[Finding]:
    """The variables, as far as no other part asks for them; outside local mode also the address."""
    yield ok("environment", "local mode" if config.local_mode else "production mode")
    if config.log_level not in logs.LEVELS or config.log_format not in LOG_FORMATS:
        yield fault(
            "environment",
            f"LOG_LEVEL is {config.log_level}, LOG_FORMAT {config.log_format}",
            f"LOG_LEVEL can be {', '.join(logs.LEVELS)}; LOG_FORMAT {' or '.join(LOG_FORMATS)}.",
        )
    for name in sorted(config.variables):
        if name.startswith(PREFIXES) and name not in KNOWN:
            yield warning("environment", f"{name} is no variable of ours", "Look whether it is misspelt, or unset it.")
    try:
        reporting.check(config)
    except NotConfiguredError as wrong:
        yield fault("Sentry", str(wrong), "Copy the DSN from the project's Client Keys, or unset SENTRY_DSN.")
    yield from _time(config)
    if not config.local_mode:
        yield from reachable(config)


def reachable(config: Config) -> Iterator[Finding]:
    """Whether links, webhooks and Slack find their way here, by a key that holds."""
    url = config.public_url
    if url is None:
        step = "Set PUBLIC_URL to the https address at which web is reached."
        yield warning("address", "links, webhooks and Slack only work on this machine", step)
    elif urlsplit(url).scheme != "https":
        yield warning("address", f"PUBLIC_URL is {url}", "Set it to an https address: links to it sign people in.")
    else:
        yield ok("address", url)
    if not any(name in config.variables for name in variables.SLACK_SECRETS):
        yield warning(
            "Slack", "off", "Set SLACK_BOT_TOKEN with SLACK_SIGNING_SECRET (HTTP) or SLACK_APP_TOKEN (Socket Mode)."
        )
    secret = config.variables.get("SECRET_KEY")
    if secret is not None and len(secret.partition(",")[0]) < SECRET_LENGTH:
        step = f"Put a new one of {SECRET_LENGTH} random characters or more before it, with a comma between."
        yield warning("secret", "SECRET_KEY is short", step)


def channels(config: Config) -> Iterator[Finding]:
    """Each channel's provider, its credentials, and what it says of the account."""
    for channel in Channel:
        subject, provider = CHANNEL_LABELS[channel], config.providers.get(channel)
        lacking = config.lacks(channel)
        if provider is None:
            step = f"Set {variables.PROVIDER_VARIABLES[channel]} to {' or '.join(providers_of(channel))}."
            yield warning(subject, "not configured, no campaign can be run", step)
        elif lacking:
            yield fault(subject, f"{provider}, half set", lacking)
        else:
            yield _account(channel, provider, config)
    if not config.providers:
        yield fault("channels", "neither SMS nor email is configured", "Set SMS_PROVIDER or EMAIL_PROVIDER.")
    for channel, name, step in config.ignored():
        yield warning(CHANNEL_LABELS[channel], f"{name} is ignored", step)


def _time(config: Config) -> Iterator[Finding]:
    real = sorted({name for name in config.providers.values() if name != SIMULATED})
    if config.time_scale == 1:
        return
    says = f"TIME_SCALE {config.time_scale:g} divides every lease and time-out"
    if real:
        yield warning("time", f"{says}, also for {' and '.join(real)}", "Set TIME_SCALE=1: real receipts take minutes.")
    else:
        yield ok("time", says)


def _account(channel: Channel, provider: str, config: Config) -> Finding:
    """What the provider itself says of the account."""
    subject = CHANNEL_LABELS[channel]
    try:
        answer = starting.check_account(channel, config)
    except NotConfiguredError as wrong:
        return fault(subject, f"{provider}, not understood", str(wrong))
    if answer.refusal:
        return fault(subject, f"{provider} refuses the account", answer.refusal_in_full)
    if answer.warning:
        return warning(subject, f"{provider}, the account could not be checked", answer.warning)
    return ok(subject, provider)

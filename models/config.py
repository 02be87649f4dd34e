"""The environment of a process, read once at its entry (SPEC 10).

What people change while it runs (rates, guard, prices, ...) lives in the database instead:
see `models.rules.setting_values`.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from models.errors import InvalidInputError, NotConfiguredError
from models.providers import PROVIDERS, SIMULATED, providers_of
from models.rules import setting_values
from models.rules.setting_values import Check
from models.words import CHANNEL_LABELS, Channel

PROVIDER_VARIABLES = {Channel.SMS: "SMS_PROVIDER", Channel.EMAIL: "EMAIL_PROVIDER"}
# The settings that a variable gives their first value, and what makes it of what was typed.
FIRST_SETTINGS: Mapping[str, tuple[str, Check]] = {
    "SMS_RATE": ("rate.sms", setting_values.rate),
    "EMAIL_RATE": ("rate.email", setting_values.rate),
    "SLACK_CHANNEL": ("slack_channel", setting_values.slack_channel),
}
# Read where they are used, through `Config.variables`.
OPTIONAL = ("SLACK_API_URL", "SENTRY_DSN")
SLACK_SECRETS = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_APP_TOKEN")
LOCAL_TIME_SCALE = 60.0
LAST_PORT = 65535


@dataclass(frozen=True)
class Config:
    """What the environment says, with the defaults of SPEC 10 filled in.

    `time_scale` divides every wait of SPEC 2, leases, sweeps and the simulated provider's delays.
    `providers` has an entry only for a channel that names one.
    """

    variables: Mapping[str, str]
    local_mode: bool
    var: Path
    database_url: str
    redis_url: str | None
    port: int
    slack_local_port: int
    public_url: str | None
    time_scale: float
    providers: Mapping[Channel, str]
    first_settings: Mapping[str, Any]
    log_format: str
    log_level: str

    @classmethod
    def from_env(cls, variables: Mapping[str, str] | None = None) -> "Config":
        """Read `os.environ` (or what is given).

        Raises NotConfiguredError naming the variable that is missing, half set or not understood.
        """
        given = {name: value for name, value in (os.environ if variables is None else variables).items() if value != ""}
        local_mode = _is_local(given)
        _refuse_half_set_slack(given, local_mode=local_mode)
        var = Path(given.get("SIGNALBOX_VAR", "var")).absolute()
        return cls(
            variables=given,
            local_mode=local_mode,
            var=var,
            database_url=_database_url(given, var),
            redis_url=_redis_url(given),
            port=_port(given, "PORT", 5000),
            slack_local_port=_port(given, "SLACK_LOCAL_PORT", 5100),
            public_url=_public_url(given),
            time_scale=_scale(given, local_mode=local_mode),
            providers=_providers(given, local_mode=local_mode),
            first_settings=_first_settings(given),
            log_format=given.get("LOG_FORMAT", "console"),
            log_level=given.get("LOG_LEVEL", "INFO").upper(),
        )

    @property
    def on_sqlite(self) -> bool:
        """Whether the database is a file of this machine's."""
        return self.database_url.startswith("sqlite")

    @property
    def slack_is_on(self) -> bool:
        """Whether there is a Slack to talk to: a workspace, or in local mode the project's own."""
        return self.local_mode or "SLACK_BOT_TOKEN" in self.variables

    @property
    def simulated(self) -> frozenset[Channel]:
        """The channels on which no message leaves Signalbox."""
        return frozenset(channel for channel, provider in self.providers.items() if provider == SIMULATED)

    @property
    def really_sends(self) -> bool:
        """Whether a channel's provider is more than simulated."""
        return self.providers.keys() != self.simulated

    @property
    def slack_api_url(self) -> str:
        """The base URL of Slack's Web API, with its last slash."""
        return self.variables.get("SLACK_API_URL", "https://slack.com/api").rstrip("/") + "/"

    def lacks(self, channel: Channel) -> str:
        """What a channel lacks before anything can be sent on it, as a sentence; '' when it is configured."""
        variable = PROVIDER_VARIABLES[channel]
        provider = self.providers.get(channel)
        if provider is None:
            known = " or ".join(providers_of(channel))
            return f"{CHANNEL_LABELS[channel]} is not configured: set {variable} to {known}."
        missing = [name for name in PROVIDERS[provider].credentials if name not in self.variables]
        if missing:
            return (
                f"{CHANNEL_LABELS[channel]} is not configured: {variable} is {provider}, but {missing[0]} is not set."
            )
        return ""

    def ignored(self) -> list[tuple[Channel, str, str]]:
        """Credentials of a provider that no channel names: channel, the variable, and what mends it as a sentence."""
        found = []
        for channel, variable in PROVIDER_VARIABLES.items():
            for provider in providers_of(channel):
                given = [name for name in PROVIDERS[provider].credentials if name in self.variables]
                if given and self.providers.get(channel) != provider:
                    step = f"Set {variable}={provider}, or unset it."
                    found.append((channel, given[0], step))
        return found

    def webhook_lacks(self, channel: Channel) -> str:
        """What the channel's receipts lack before they can come in, as a sentence; '' if nothing that is known here."""
        needed = PROVIDERS[self.providers[channel]].webhook_variables if channel in self.providers else ()
        missing = [name for name in needed if name not in self.variables]
        if not missing:
            return ""
        return f"Receipts can't come in, so nobody will know who got it: {missing[0]} is not set."


def _is_local(given: Mapping[str, str]) -> bool:
    """Local mode exactly as SPEC 10 defines it."""
    if given.get("SLACK_LOCAL") == "1":
        return True
    named = {given[variable] for variable in PROVIDER_VARIABLES.values() if variable in given}
    return (
        given.get("SLACK_LOCAL") != "0"
        and not any(name in given for name in (*SLACK_SECRETS, "PUBLIC_URL"))
        and named <= {SIMULATED}
    )


def _refuse_half_set_slack(given: Mapping[str, str], *, local_mode: bool) -> None:
    present = {name for name in SLACK_SECRETS if name in given}
    if local_mode and given.get("SLACK_LOCAL") == "1" and present:
        raise NotConfiguredError(
            f"SLACK_LOCAL=1 runs the project's own local Slack, but {_listed(present)} names a real workspace: "
            "unset one of the two."
        )
    if not present or {"SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET"} <= present:
        return
    if {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"} <= present:
        return
    missing = "SLACK_BOT_TOKEN" if "SLACK_BOT_TOKEN" not in present else "SLACK_SIGNING_SECRET or SLACK_APP_TOKEN"
    raise NotConfiguredError(f"Slack is half set: {_listed(present)} is given, {missing} is missing.")


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names))


def _database_url(given: Mapping[str, str], var: Path) -> str:
    url = given.get("DATABASE_URL", f"sqlite:///{var / 'signalbox.db'}")
    scheme = _scheme("DATABASE_URL", url)
    if scheme not in {"sqlite", "postgres", "postgresql"}:
        raise NotConfiguredError(
            f"DATABASE_URL begins with {scheme or 'nothing'!r}; use sqlite:///… or postgresql://…."
        )
    if scheme == "sqlite" and not url.startswith("sqlite:///"):
        raise NotConfiguredError("DATABASE_URL has three slashes before a file: sqlite:///…")
    if scheme != "sqlite" and "SECRET_KEY" not in given:
        raise NotConfiguredError("SECRET_KEY must be given with a PostgreSQL DATABASE_URL: all machines need the same.")
    return url


def _redis_url(given: Mapping[str, str]) -> str | None:
    url = given.get("REDIS_URL")
    if url is not None and _scheme("REDIS_URL", url) not in {"redis", "rediss"}:
        raise NotConfiguredError("REDIS_URL must begin with redis:// or rediss://.")
    return url


def _scheme(name: str, url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError as wrong:
        raise NotConfiguredError(f"{name} is not understood: {wrong}.") from None


def _public_url(given: Mapping[str, str]) -> str | None:
    url = given.get("PUBLIC_URL")
    if url is not None and not url.startswith(("http://", "https://")):
        raise NotConfiguredError(f"PUBLIC_URL is {url!r}; it must begin with https:// or http://.")
    return url


def _scale(given: Mapping[str, str], *, local_mode: bool) -> float:
    if "TIME_SCALE" in given:
        return _positive(given, "TIME_SCALE")
    return LOCAL_TIME_SCALE if local_mode else 1.0


def _providers(given: Mapping[str, str], *, local_mode: bool) -> dict[Channel, str]:
    chosen = {}
    for channel, variable in PROVIDER_VARIABLES.items():
        name, known = given.get(variable, SIMULATED if local_mode else ""), providers_of(channel)
        if name and name not in known:
            raise NotConfiguredError(f"{variable} is {name!r}; it can be {' or '.join(known)}.")
        if name:
            chosen[channel] = name
    return chosen


def _first_settings(given: Mapping[str, str]) -> dict[str, Any]:
    first = {}
    for variable, (setting, check) in FIRST_SETTINGS.items():
        try:
            if variable in given:
                first[setting] = check(given[variable])
        except InvalidInputError as wrong:
            raise NotConfiguredError(f"{variable} is {given[variable]!r}. {wrong}") from None
    return first


def _port(given: Mapping[str, str], name: str, default: int) -> int:
    try:
        port = int(given.get(name, default))
    except ValueError:
        port = -1
    if not 0 <= port <= LAST_PORT:
        raise NotConfiguredError(f"{name} is {given[name]!r}; it must be a whole number of 0 to {LAST_PORT}.")
    return port


def _positive(given: Mapping[str, str], name: str) -> float:
    try:
        value = float(given[name])
    except ValueError:
        value = 0.0
    if not (0 < value < math.inf):
        raise NotConfiguredError(f"{name} is {given[name]!r}; it must be a number above 0.")
    return value


_current: Config | None = None


def use(config: Config) -> None:
    """Make `config` that of this process."""
    global _current  # noqa: PLW0603  # one environment per process
    _current = config


def current() -> Config:
    """The environment of this process; raises NotConfiguredError before `use`."""
    if _current is None:
        raise NotConfiguredError("The installation has not been opened.")
    return _current

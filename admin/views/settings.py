"""Administration, Settings: what people change here, and what the environment set, tested live."""

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from admin import sessions
from admin.checkup.doctor import live_findings
from admin.presenting.words import finding_badge
from admin.views.base import done, wants_part
from admin.views.given import typed
from admin.views.seeing import own_speed_of
from models import config as variables
from models.clock import now_ms
from models.config import Config, current
from models.errors import InvalidInputError, NotFoundError
from models.operations.settings import change_setting
from models.providers import PROVIDERS, provider_name
from models.queries.health import unmapped_codes
from models.queries.settings import changed_settings, setting
from models.words import CHANNEL_LABELS, Channel

blueprint = Blueprint("settings", __name__, url_prefix="/settings")
LONGEST = 200  # characters of a value


@dataclass(frozen=True)
class Field:
    """How a setting is shown: its name, what stands after its field, and how wide that is."""

    label: str
    unit: str
    hint: str = ""
    size: int = 8


FIELDS = {
    "rate.sms": Field(
        "SMS rate", "messages per second", "Empty: no limit. Counts within a second, also while it sends."
    ),
    "rate.email": Field("Email rate", "messages per second", "Empty: no limit."),
    "guard": Field("Failure guard", "", "Holds a campaign in which 50 of the last 500 first attempts failed."),
    "price.sms": Field("Price of an SMS segment", "", "Empty: no cost is shown."),
    "price.email": Field("Price of an email", "", "Empty: no cost is shown."),
    "currency": Field("Currency", "three letters", size=4),
    "time_zone": Field("Time zone", "like Europe/Berlin", "For people who have not chosen their own.", size=22),
    "retention_days": Field(
        "Retention", "days after their end campaigns are deleted", "Empty: never. Audit and opt-outs stay."
    ),
    "slack_channel": Field("Slack home channel", "channel ID", "Where cards go if a campaign names none.", size=14),
}
SWITCHES = frozenset({"guard"})


@dataclass(frozen=True)
class Variable:
    """A variable of the environment: set or not; its value only where it is no secret."""

    name: str
    is_set: bool
    shown: str = ""


@blueprint.get("")
def page() -> ResponseReturnValue:
    """All settings."""
    return _page()


@blueprint.post("/<name>")
def change(name: str) -> ResponseReturnValue:
    """One setting."""
    if name not in FIELDS:
        raise NotFoundError(f"There is no setting {name} here.")
    value = typed("value", longest=LONGEST)
    try:
        changed = change_setting(name, value, actor=sessions.current_actor(), now=now_ms())
    except InvalidInputError as refused:
        wrong = {"refused": refused, "wrong": name, "typed": value}
        return (_row(name, **wrong) if wants_part() else _page(**wrong)), 422
    told = f"{FIELDS[name].label} {'saved' if changed else 'is as it was'}."
    if not wants_part():
        return done(told, url_for("settings.page", _anchor=name), stay=False)
    return _row(name), {"HX-Trigger": json.dumps({"toast": told})}


@blueprint.post("/test")
def test() -> ResponseReturnValue:
    """Ask what the environment names: providers, Slack, Redis. Shows what they say, never a secret."""
    found = [(finding, finding_badge(finding.level)) for finding in live_findings(current())]
    if wants_part():
        return render_template("administration/tests.html", findings=found, tested_at=now_ms())
    return _page(findings=found, tested_at=now_ms())


def _page(**shown: Any) -> str:
    return render_template(
        "administration/settings.html",
        **{"refused": None, "wrong": "", "typed": "", "findings": [], "tested_at": 0, **shown},
        fields=FIELDS,
        **_shown_of_rows(),
        surroundings=_surroundings(current()),
        codes=unmapped_codes(),
        provider_name=provider_name,
    )


def _row(name: str, **shown: Any) -> str:
    """One setting alone, to take the place of its row."""
    asked = {"refused": None, "wrong": "", "typed": "", **shown}
    return render_template("administration/setting.html", name=name, field=FIELDS[name], **asked, **_shown_of_rows())


def _shown_of_rows() -> dict[str, Any]:
    return {
        "switches": SWITCHES,
        "values": {name: setting(name) for name in FIELDS},
        "changed": changed_settings(),
        "own_speeds": {f"rate.{channel}": own_speed_of(channel) for channel in Channel},
    }


def _surroundings(config: Config) -> list[tuple[str, str, list[Variable]]]:
    """What is set by the environment, by part: its name, how it stands, its variables."""
    parts = []
    for channel in Channel:
        provider = config.providers.get(channel, "")
        traits = PROVIDERS.get(provider)
        names = (*traits.credentials, *traits.webhook_variables) if traits else ()
        own = Variable(variables.PROVIDER_VARIABLES[channel], bool(provider), provider)
        listed = [own, *(_variable(config, name) for name in names)]
        parts.append((CHANNEL_LABELS[channel], config.lacks(channel) or config.webhook_lacks(channel), listed))
    slack = [_variable(config, name) for name in variables.SLACK_SECRETS]
    parts.append(("Slack", "" if config.slack_is_on else "Slack is off.", slack))
    rest = [_variable(config, name) for name in ("PUBLIC_URL", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "SENTRY_DSN")]
    parts.append(("Installation", "Local mode" if config.local_mode else "", rest))
    return parts


def _variable(config: Config, name: str) -> Variable:
    return Variable(name, name in config.variables, config.public_url or "" if name == "PUBLIC_URL" else "")

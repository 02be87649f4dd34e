"""Settings that people change while the product runs: kept in the database, audited, with defaults."""

from dataclasses import dataclass
from typing import Any

from models.actors import Actor, Right
from models.config import Config
from models.database import select, transaction
from models.errors import InvalidInputError
from models.operations import audit
from models.rules import setting_values as values
from models.rules.setting_values import Check
from models.tables import Setting
from models.words import Channel


@dataclass(frozen=True)
class Definition:
    """A setting: its default, what it means, and what makes a value of what was given."""

    default: Any
    meaning: str
    check: Check = values.anything


DEFINITIONS = {
    "rate.sms": Definition(None, "SMS per second at most; none means no limit", values.rate),
    "rate.email": Definition(None, "emails per second at most; none means no limit", values.rate),
    "simulated.speed": Definition(40.0, "messages per second that the simulated provider takes; none means no limit"),
    "simulated.latency_ms": Definition(80, "how long the simulated provider takes to answer"),
    "simulated.delay_seconds": Definition(120.0, "how long simulated receipts take at most, before TIME_SCALE"),
    "simulated.seed": Definition(1, "decides which simulated recipients meet which fate"),
    "simulated.mix": Definition(
        {
            "delivered": 890,
            "failed": 60,
            "optedout": 10,
            "deferred": 20,
            "silent": 8,
            "sent": 12,
        },
        "how many simulated recipients in a thousand meet which fate, if their address does not say",
    ),
    "guard": Definition(True, "whether a campaign is held in which too many first attempts fail", values.on_off),
    "price.sms": Definition(None, "price of one SMS segment; none means that no cost is shown", values.price),
    "price.email": Definition(None, "price of one email; none means that no cost is shown", values.price),
    "currency": Definition("USD", "the currency of prices, by its three letters", values.currency),
    "slack_channel": Definition(
        None, "the Slack channel where cards go if a campaign names none", values.slack_channel
    ),
    "time_zone": Definition("UTC", "the organisation's time zone", values.time_zone),
    "retention_days": Definition(None, "days after which ended campaigns are deleted; none means never", values.days),
}


def setting(name: str) -> Any:
    """The setting's value, or its default."""
    stored = select("SELECT value FROM settings WHERE name = ?", name)
    return Setting.value.python_value(stored[0][0]) if stored else DEFINITIONS[name].default


def rate_of(channel: Channel) -> float | None:
    """Messages per second allowed on a channel."""
    rate = setting(f"rate.{channel}")
    return float(rate) if rate else None


def take_first_values(config: Config, *, now: int) -> None:
    """Give settings the values that the environment suggests, unless somebody has set them already."""
    for name, value in config.first_settings.items():
        if Setting.get_or_none(Setting.name == name) is None:
            with transaction():
                _write(name, value, by="environment", now=now)


def change_setting(name: str, value: Any, *, actor: Actor, now: int) -> bool:
    """Set it, to a value or what was typed for it; the old and the new one are kept in the audit.

    False when it has this value already: then nothing is written.

    Raises NotAllowedError, and InvalidInputError for a name that is none or a value that can't be.
    """
    actor.require(Right.CHANGE_SETTINGS)
    if name not in DEFINITIONS:
        raise InvalidInputError(f"There is no setting {name}.", field="name")
    new = DEFINITIONS[name].check(value)
    with transaction():
        old = setting(name)
        if new == old:
            return False
        _write(name, new, by=actor.name, now=now)
        audit.record(actor, "change_setting", now=now, kind="setting", object_id=None, name=name, old=old, new=new)
    return True


def _write(name: str, value: Any, *, by: str, now: int) -> None:
    row = {"value": value, "updated_at": now, "updated_by": by}
    Setting.insert(name=name, **row).on_conflict(conflict_target=[Setting.name], update=row).execute()

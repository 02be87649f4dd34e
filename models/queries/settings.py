"""Reads of the settings that people change while the product runs."""

from typing import Any

from models.database import select
from models.rules.setting_values import DEFINITIONS
from models.tables import Setting
from models.words import Channel


def setting(name: str) -> Any:
    """The setting's value, or its default."""
    stored = select("SELECT value FROM settings WHERE name = ?", name)
    return Setting.value.python_value(stored[0][0]) if stored else DEFINITIONS[name].default


def allowed_rate(channel: Channel) -> float | None:
    """Messages per second allowed on a channel."""
    rate = setting(f"rate.{channel}")
    return float(rate) if rate else None


def changed_settings() -> dict[str, Setting]:
    """The settings that somebody has changed, with who and when."""
    return {row.name: row for row in Setting.select()}

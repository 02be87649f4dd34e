"""The settings there are, and what they may be: from what somebody typed, or a program gave, to the value kept."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.errors import InvalidInputError
from models.rules.slack_places import is_channel
from models.rules.time_zones import is_time_zone

Check = Callable[[Any], Any]
FASTEST = 100_000  # messages per second
DEAREST = 1000
LONGEST_KEPT = 36_500  # days
_CURRENCY = re.compile(r"[A-Z]{3}")
_ON_OFF = {"on": True, "off": False, "True": True, "False": False}


def anything(value: Any) -> Any:
    """Not checked: set by programs only."""
    return value


def rate(value: Any) -> float | int | None:
    """Messages per second, None for no limit."""
    return _number(value, above=0, most=FASTEST, says="A rate is a number of messages per second, like 40 or 0.5.")


def price(value: Any) -> float | int | None:
    """The price of one, None when it is not known."""
    return _number(value, above=-1e-9, most=DEAREST, says="A price is a number, like 0.0079.")


def days(value: Any) -> int | None:
    """Whole days, None for never."""
    text = _text(value)
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LONGEST_KEPT):
        raise InvalidInputError("Give whole days, like 365, or nothing for never.", field="value")
    return int(text)


def on_off(value: Any) -> bool:
    """Whether it is on."""
    if _text(value) not in _ON_OFF:
        raise InvalidInputError("It is on or off.", field="value")
    return _ON_OFF[_text(value)]


def time_zone(value: Any) -> str:
    """The IANA name of a time zone."""
    if not is_time_zone(_text(value)):
        raise InvalidInputError("A time zone looks like Europe/Berlin.", field="value")
    return _text(value)


def currency(value: Any) -> str:
    """Three letters."""
    text = _text(value).upper()
    if not _CURRENCY.fullmatch(text):
        raise InvalidInputError("A currency has three letters, like USD.", field="value")
    return text


def slack_channel(value: Any) -> str | None:
    """A Slack channel's id, None for none."""
    text = _text(value).removeprefix("#")
    if text and not is_channel(text):
        raise InvalidInputError(
            "Give the channel's ID, like C024BE91L: in Slack, it stands at the end of the channel's details.",
            field="value",
        )
    return text or None


@dataclass(frozen=True)
class Definition:
    """A setting: its default, what it means, and what makes a value of what was given."""

    default: Any
    meaning: str
    check: Check = anything


DEFINITIONS = {
    "rate.sms": Definition(None, "SMS per second at most; none means no limit", rate),
    "rate.email": Definition(None, "emails per second at most; none means no limit", rate),
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
    "guard": Definition(True, "whether a campaign is held in which too many first attempts fail", on_off),
    "price.sms": Definition(None, "price of one SMS segment; none means that no cost is shown", price),
    "price.email": Definition(None, "price of one email; none means that no cost is shown", price),
    "currency": Definition("USD", "the currency of prices, by its three letters", currency),
    "slack_channel": Definition(None, "the Slack channel where cards go if a campaign names none", slack_channel),
    "time_zone": Definition("UTC", "the organisation's time zone", time_zone),
    "retention_days": Definition(None, "days after which ended campaigns are deleted; none means never", days),
}


def _number(value: Any, *, above: float, most: float, says: str) -> float | int | None:
    text = _text(value)
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not above < number <= most:
        raise InvalidInputError(says, field="value")
    return int(number) if number.is_integer() else number


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()

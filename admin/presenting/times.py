"""Moments as people read them: how long ago, or the time of day in their zone, with the exact one in UTC at hand."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

DAY = 86_400
_STEPS = ((60, 1, "s"), (3600, 60, "min"), (DAY, 3600, "h"))


def iso(moment: int) -> str:
    """ISO 8601, to the second: 2026-11-23T10:16:02Z. `moment` is epoch ms here and below."""
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact(moment: int) -> str:
    """For tooltips: 2026-11-23 10:16:02 UTC."""
    return _utc(moment).strftime("%Y-%m-%d %H:%M:%S UTC")


def clock(moment: int, zone: str = "UTC") -> str:
    """The time of day: 10:16."""
    return _in(zone, moment).strftime("%H:%M")


def clock_exact(moment: int, zone: str = "UTC") -> str:
    """The time of day to the second: 10:16:02."""
    return _in(zone, moment).strftime("%H:%M:%S")


def day_and_clock(moment: int, zone: str = "UTC") -> str:
    """The day and time of day: 23 Nov 10:16."""
    return _in(zone, moment).strftime("%-d %b %H:%M")


def day(moment: int, zone: str = "UTC") -> str:
    """The date: 20 Nov 2026."""
    return _in(zone, moment).strftime("%-d %b %Y")


def ago(moment: int, now: int) -> str:
    """How long ago: "4 s ago", "2 min ago", "yesterday", "3 days ago", then the date."""
    seconds = max(0, (now - moment) // 1000)
    for limit, unit, name in _STEPS:
        if seconds < limit:
            return f"{seconds // unit} {name} ago"
    days = (_utc(now).date() - _utc(moment).date()).days
    if days <= 1:
        return "yesterday"
    return f"{days} days ago" if days < 7 else day(moment)


def ago_element(moment: int, now: int) -> Markup:
    """How long ago, as an element that a script keeps true and whose title is exact."""
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(
        iso(moment), exact(moment), ago(moment, now)
    )


def clock_element(moment: int, zone: str) -> Markup:
    """The time of day to the second, as an element whose title is exact."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        iso(moment), exact(moment), clock_exact(moment, zone)
    )


def start_element(moment: int, now: int, zone: str = "UTC") -> Markup:
    """The time of day and how long ago: "10:02, 14 min ago"; without the time of day when it was another day."""
    today = _in(zone, now).date() == _in(zone, moment).date()
    return Markup('{}<time datetime="{}" title="{}" data-ago>{}</time>').format(
        f"{clock(moment, zone)}, " if today else "", iso(moment), exact(moment), ago(moment, now)
    )


def _utc(moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1000, UTC)


def _in(zone: str, moment: int) -> datetime:
    return datetime.fromtimestamp(moment / 1000, ZoneInfo(zone))

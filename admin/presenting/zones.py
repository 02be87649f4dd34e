"""Moments in a person's own time zone: as typed into a form, and as told with the zone beside them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from models.errors import InvalidInputError


def moment_in(typed: str, zone: str) -> int:
    """What a date and time field holds, "2026-11-26T14:00" in this zone, as epoch ms. Raises InvalidInputError."""
    try:
        there = datetime.fromisoformat(typed).replace(tzinfo=ZoneInfo(zone))
        exists = there.astimezone(UTC).astimezone(there.tzinfo) == there
    except (ValueError, OverflowError) as wrong:  # no time at all, or one beyond the calendar
        raise InvalidInputError("Choose the day and the time at which it starts.", field="start_at") from wrong
    if not exists:
        raise InvalidInputError(
            f"There is no {there:%H:%M} on that day in {zone}: clocks are set forward. Choose another time.",
            field="start_at",
        )
    return int(there.timestamp() * 1000)


def told(moment: int, zone: str) -> str:
    """The day and time with its zone: "Thu 26 Nov 2026, 14:00 Europe/Berlin (UTC+01:00)"."""
    there = _there(moment, zone)
    return f"{there:%a %-d %b %Y, %H:%M} {zone_told(moment, zone)}"


def zone_told(moment: int, zone: str) -> str:
    """A zone with what it is ahead of UTC at that moment."""
    ahead = _there(moment, zone).utcoffset() or timedelta()
    if zone == "UTC":
        return zone
    sign = "-" if ahead < timedelta() else "+"
    minutes = abs(ahead) // timedelta(minutes=1)
    return f"{zone} (UTC{sign}{minutes // 60:02}:{minutes % 60:02})"


def field_value(moment: int, zone: str) -> str:
    """As a date and time field takes it: "2026-11-26T14:00"."""
    return f"{_there(moment, zone):%Y-%m-%dT%H:%M}"


def _there(moment: int, zone: str) -> datetime:
    return datetime.fromtimestamp(moment / 1000, ZoneInfo(zone))

"""The time zones that people may name, by their IANA names."""

from functools import cache
from zoneinfo import available_timezones


@cache
def time_zones() -> frozenset[str]:
    """All there are; read from disk once."""
    return frozenset(available_timezones())


def is_time_zone(name: str) -> bool:
    """Whether there is a time zone of that name."""
    return name in time_zones()

"""Which names of time zones there are."""

import pytest

from models.rules.time_zones import is_time_zone, time_zones


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Calcutta"])
def test_zone_is_known_by_its_name_also_by_an_older_one(name: str) -> None:
    assert is_time_zone(name)
    assert name in time_zones()


@pytest.mark.parametrize("name", ["", "Europe", "Moon/Base", "../etc/passwd", "/etc/localtime", "x" * 5000, "\0"])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert not is_time_zone(name)

"""Slack's ids of conversations, told apart."""

import pytest

from models.rules.slack_places import is_channel, is_direct


@pytest.mark.parametrize(
    ("place", "channel", "direct"),
    [
        ("C024BE91L", True, False),
        ("G0PRIVATE", True, False),
        ("D0BEN", False, True),
        ("U0BEN", False, False),
        ("#general", False, False),
        ("c024be91l", False, False),
        ("C", False, False),
        ("C" * 22, False, False),
        ("C024BE91L\n", False, False),
        ("", False, False),
    ],
)
def test_channel_and_direct_messages_are_known_by_their_ids(place: str, channel: bool, direct: bool) -> None:
    assert (is_channel(place), is_direct(place)) == (channel, direct)

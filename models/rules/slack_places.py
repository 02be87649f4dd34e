"""Where in Slack something can be said, by the ids that Slack gives its conversations."""

import re

_CHANNEL = re.compile(r"[CG][A-Z0-9]{1,20}")
_DIRECT = re.compile(r"D[A-Z0-9]{1,20}")


def is_channel(place: str) -> bool:
    """Whether it is the id of a channel, public or private."""
    return bool(_CHANNEL.fullmatch(place))


def is_direct(place: str) -> bool:
    """Whether it is the id of somebody's direct messages."""
    return bool(_DIRECT.fullmatch(place))

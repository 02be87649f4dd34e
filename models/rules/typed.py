"""Pure: how people type. Keyboards and documents make signs of their own out of quotes, dashes and spaces."""

# What copying a text brings along unseen; our own texts in Slack have word joiners in them.
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u2060\ufeff"))
_PLAIN = _UNSEEN | str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "\u00a0": " "})


def plain(text: str) -> str:
    """`text` with curly quotes, long dashes and hard spaces made plain, so that both ways to type it are one.

    What can't be seen in it is dropped.
    """
    return text.translate(_PLAIN)


def is_same_name(typed: str, name: str) -> bool:
    """Whether somebody has typed, or copied, a name as it is shown; the letter case does not matter."""
    return typed.translate(_UNSEEN).strip().casefold() == name.translate(_UNSEEN).casefold()

"""Pure: how people type. Keyboards and documents make signs of their own out of quotes, dashes and spaces."""

_PLAIN = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "\u00a0": " "})


def plain(text: str) -> str:
    """`text` with curly quotes, long dashes and hard spaces made plain, so that both ways to type it are one."""
    return text.translate(_PLAIN)

"""Whole numbers as people write them, in an address, a form or a command."""

LARGEST_ID = 2**63 - 1  # what both databases can hold


def whole_number(given: str) -> int | None:
    """What the digits say; None for anything else, and for more than a database can hold."""
    if not (given.isascii() and given.isdigit()) or len(given) > len(str(LARGEST_ID)):
        return None
    number = int(given)
    return number if number <= LARGEST_ID else None

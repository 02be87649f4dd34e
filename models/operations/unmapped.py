"""Codes of providers that no table of ours knows, kept for the team to look at (SPEC 2)."""

from collections.abc import Iterable
from dataclasses import dataclass

from models.database import execute

SAMPLE_LENGTH = 200


@dataclass(frozen=True, slots=True, order=True)
class Unmapped:
    """One code as a provider said it, with its text."""

    provider: str
    code: str
    text: str


def note_unmapped(codes: Iterable[Unmapped], *, now: int) -> None:
    """Count each code, within the open transaction; the first text is kept as a sample."""
    for one in sorted(codes):  # one order for all, as for every lock
        execute(
            "INSERT INTO unmapped_codes (provider, code, sample, n, first_at, last_at) VALUES (?, ?, ?, 1, ?, ?) "
            "ON CONFLICT (provider, code) DO UPDATE SET n = unmapped_codes.n + 1, last_at = excluded.last_at",
            one.provider,
            one.code,
            one.text[:SAMPLE_LENGTH],
            now,
            now,
        )

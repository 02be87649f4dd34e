"""The columns of a contacts file: what each holds, and what a person wants of it, to begin with a guess."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.contacts.layout import looks_like_destination
from models.contacts.mapping import ColumnMapping
from models.contacts.reading import Examined
from models.template import is_field_name
from models.words import Channel

SAMPLES = 3  # of a column are shown


@dataclass(frozen=True)
class Column:
    """A column of the file with what a person wants of it."""

    number: int
    header: str
    samples: tuple[str, ...]
    use: str
    name: str
    searchable: bool


def first_columns(examined: Examined, channel: Channel, before: ColumnMapping | None) -> list[Column]:
    """As `before`: in the file before, or in the campaign that this is a duplicate of, if that fits; else a guess."""
    guessed = _guessed(examined, channel)
    if before is None or before.width != len(guessed) or guessed[before.destination].use != "destination":
        return guessed
    fields = {field.column: field for field in before.fields}
    return [
        replace(column, use="field", name=fields[column.number].name, searchable=fields[column.number].searchable)
        if column.number in fields
        else replace(column, use=column.use if column.use == "destination" else "none")
        for column in guessed
    ]


def _guessed(examined: Examined, channel: Channel) -> list[Column]:
    """A first mapping: the first column whose samples look like destinations, the others as fields."""
    destination = next(
        (at for at in range(len(examined.columns)) if _is_destination(samples(examined, at), channel)), 0
    )
    return [
        Column(
            at,
            header,
            samples(examined, at)[:SAMPLES],
            "destination" if at == destination else "field",
            _field_name(header),
            searchable=False,
        )
        for at, header in enumerate(examined.columns)
    ]


def _is_destination(cells: Sequence[str], channel: Channel) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    wanted = channel is Channel.EMAIL
    return bool(filled) and all(looks_like_destination(cell) and ("@" in cell) == wanted for cell in filled)


def samples(examined: Examined, at: int) -> tuple[str, ...]:
    """What the first rows have in a column."""
    return tuple(row[at] if at < len(row) else "" for row in examined.sample)


def _field_name(header: str) -> str:
    """The header as a field's name, without what no name may have."""
    kept = "".join(character if is_field_name(character) else " " for character in header)
    return " ".join(kept.split())[:40].strip()

"""The columns of a contacts file: what each holds, and what a person wants of it, to begin with a guess."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from models.contacts.layout import looks_like_destination
from models.contacts.mapping import ColumnMapping
from models.contacts.reading import Examined
from models.template import NAME_LENGTH, UNSUBSCRIBE_URL, is_field_name, normalise_name
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
    names = _named_apart([_field_name(header) for header in examined.columns], last=destination)
    return [
        Column(
            at,
            header,
            samples(examined, at)[:SAMPLES],
            "destination" if at == destination else "field",
            names[at],
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
    return " ".join(kept.split())[:NAME_LENGTH].strip()


def _named_apart(names: Sequence[str], *, last: int) -> list[str]:
    """The names, each once and none empty: what is filled in must not be refused. The column `last` chooses last."""
    apart, taken = list(names), {UNSUBSCRIBE_URL}
    for at in sorted(range(len(names)), key=lambda at: at == last):
        stem = name = names[at] or f"Column {at + 1}"
        number = 1
        while normalise_name(name) in taken:
            number += 1
            name = f"{stem[: NAME_LENGTH - 4]}_{number}"  # a file has 200 columns at most
        taken.add(normalise_name(name))
        apart[at] = name
    return apart

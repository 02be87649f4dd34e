"""Which column is the destination, and which become custom fields under which name."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from models.contacts.country import is_country
from models.errors import FieldNameError, InvalidInputError
from models.template import UNSUBSCRIBE_URL, is_field_name, normalise_name

MOST_SEARCHABLE = 3
MOST_LISTED = 20  # columns in a sentence


@dataclass(frozen=True)
class Field:
    """A custom field: its name in templates, its column (from 0), whether search covers it."""

    name: str
    column: int
    searchable: bool


@dataclass(frozen=True)
class ColumnMapping:
    """What a file's columns become; `width` is their number, `country` the offer of SPEC 3 if taken."""

    destination: int
    fields: tuple[Field, ...]
    width: int
    country: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings and numbers; `from_json` takes them back."""
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "ColumnMapping":
        """The mapping that `to_json` made, also after a way through JSON text."""
        return cls(**{**kept, "fields": tuple(Field(**field) for field in kept["fields"])})


def map_columns(
    columns: Sequence[str],
    *,
    destination: str,
    fields: Mapping[str, str] | None,
    searchable: Collection[str] = (),
    country: str | None = None,
) -> ColumnMapping:
    """Build the mapping from what a person typed.

    `fields` maps column headers to field names; None takes all other columns under their headers. Headers
    and names match regardless of case and surrounding spaces; `Column 3` is the third if no header says so.
    `searchable` are field names. Raises InvalidInputError with one sentence, its `field` naming the argument
    that is at fault.
    """
    place = _column(columns, destination, field="destination")
    if fields is None:
        named = [(header, at) for at, header in enumerate(columns) if at != place]
    else:
        named = [(name, _column(columns, header, field="fields")) for header, name in fields.items()]
    names = _checked_names(named, taken_from_headers=fields is None)
    if any(at == place for _, at in named):
        raise InvalidInputError(
            f"“{columns[place]}” is the destination and can't be a custom field as well.", field="fields"
        )
    sought = _sought(names, searchable)
    chosen = tuple(Field(name, at, normalise_name(name) in sought) for name, (_, at) in zip(names, named, strict=True))
    return ColumnMapping(place, chosen, len(columns), _checked_country(country))


def _column(columns: Sequence[str], header: str, *, field: str) -> int:
    """The place of the column so headed."""
    places = [at for at, column in enumerate(columns) if normalise_name(column) == normalise_name(header)]
    if len(places) > 1:
        listed = " or ".join(f"“Column {at + 1}”" for at in places)
        raise InvalidInputError(f"{len(places)} columns are headed “{header}”: say {listed}.", field=field)
    if places:
        return places[0]
    counted = re.fullmatch(r"column (\d{1,3})", normalise_name(header), re.ASCII)
    if counted and 1 <= int(counted[1]) <= len(columns):
        return int(counted[1]) - 1
    listed = ", ".join(f"“{column}”" for column in columns[:MOST_LISTED])
    others = f" and {len(columns) - MOST_LISTED} more" if len(columns) > MOST_LISTED else ""
    raise InvalidInputError(f"There is no column “{header}”; the file has {listed}{others}.", field=field)


def _checked_names(named: Sequence[tuple[str, int]], *, taken_from_headers: bool) -> list[str]:
    names: dict[str, str] = {}
    for given, at in named:
        name = " ".join(given.split())
        fault = _name_fault(name) or ("is used twice" if normalise_name(name) in names else None)
        if fault:
            remedy = f" Give column {at + 1} a name, or leave it out." if taken_from_headers or not name else ""
            raise FieldNameError(f"The field name “{_short(name)}” {fault}.{remedy}", column=at)
        names[normalise_name(name)] = name
    return list(names.values())


def _name_fault(name: str) -> str | None:
    """What is against calling a field so."""
    if normalise_name(name) == UNSUBSCRIBE_URL:
        return "is kept for the unsubscribe link"
    return None if is_field_name(name) else "must be 1 to 40 letters, digits, spaces, _ or -"


def _short(name: str) -> str:
    return name if len(name) <= 60 else name[:59] + "…"


def _sought(names: Sequence[str], searchable: Collection[str]) -> set[str]:
    known = {normalise_name(name) for name in names}
    for name in searchable:
        if normalise_name(name) not in known:
            raise InvalidInputError(f"“{name}” can't be searchable: it is not among the fields.", field="searchable")
    sought = {normalise_name(name) for name in searchable}
    if len(sought) > MOST_SEARCHABLE:
        raise InvalidInputError(f"At most {MOST_SEARCHABLE} fields can be searchable.", field="searchable")
    return sought


def _checked_country(country: str | None) -> str | None:
    if country is None:
        return None
    code = country.strip().upper()
    if not is_country(code):
        raise InvalidInputError(f"“{country}” is no country: give its two letters, such as AU or DE.", field="country")
    return code

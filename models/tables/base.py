"""What all tables share: the database they are bound to, and two column types."""

import json
from typing import Any

from peewee import BigAutoField, BigIntegerField, Model, TextField

from models.database import database


class Table(Model):
    """A table whose rows are numbered."""

    id: Any = BigAutoField()

    class Meta:
        database = database
        legacy_table_names = False

    @classmethod
    def columns_but(cls, *names: str) -> list[Any]:
        """All columns but these, for reads that have no use for what is large."""
        return [field for field in cls._meta.sorted_fields if field.name not in names]


class UnnumberedTable(Model):
    """A table with a key of its own."""

    class Meta:
        database = database
        legacy_table_names = False


class Moment(BigIntegerField):
    """A time: epoch milliseconds, UTC."""


class JsonText(TextField):
    """A JSON value kept as text: read whole, never searched, so the same on both engines."""

    def db_value(self, value: Any) -> str | None:
        """The text to store."""
        return None if value is None and self.null else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def python_value(self, value: str | None) -> Any:
        """The value stored."""
        return None if value is None else json.loads(value)


__all__ = ["JsonText", "Moment", "Table", "UnnumberedTable"]

"""What the installation keeps about itself: audit, settings, processes alive, leases."""

from peewee import BigIntegerField, CompositeKey, TextField

from models.tables.base import JsonText, Moment, Table, UnnumberedTable


class Audit(Table):
    """Who did what, from where; append-only by trigger. Never an address."""

    at = Moment()
    actor_id = BigIntegerField(null=True)
    actor_name = TextField()
    surface = TextField()
    act = TextField()
    object_kind = TextField()
    object_id = BigIntegerField(null=True)
    object_name = TextField(default="")
    numbers = JsonText(default=dict)

    class Meta:
        table_name = "audit"


class Setting(UnnumberedTable):
    """One setting that differs from its default."""

    name = TextField(primary_key=True)
    value = JsonText()
    updated_at = Moment()
    updated_by = TextField()

    class Meta:
        table_name = "settings"


class RunningProcess(UnnumberedTable):
    """A process of ours, and when it last showed that it lives."""

    name = TextField(primary_key=True)
    duty = TextField()
    host = TextField()
    pid = BigIntegerField()
    started_at = Moment()
    beat_at = Moment()

    class Meta:
        table_name = "running_processes"


class Tally(UnnumberedTable):
    """A sum over the installation's whole life, for `/metrics`; `labels` are words with spaces between."""

    name = TextField()
    labels = TextField()
    n = BigIntegerField()

    class Meta:
        table_name = "tallies"
        primary_key = CompositeKey("name", "labels")


class Lease(UnnumberedTable):
    """Something that one process at a time may do, until a moment.

    So are kept, under names that nothing leases: tries of sign-ins, sessions that ended, recipients sought (see
    `models.operations.signing_in` and `models.operations.seeking`).
    """

    name = TextField(primary_key=True)
    holder = TextField()
    until_at = Moment()

    class Meta:
        table_name = "leases"

"""Work that people asked for and that takes a while: bulk moves, imports, exports, later starts, tests."""

from peewee import BigIntegerField, TextField

from models.tables.base import JsonText, Moment, Table

# In the words of the partial indexes: in any other order of the states SQLite would not use them.
IS_OPEN = "state IN ('queued', 'running')"


class AskedFor(Table):
    """What all of it has: how it stands, what came of it, and by whom and when it was asked for."""

    campaign_id = BigIntegerField()
    state = TextField()
    result = TextField(default="")
    actor_id = BigIntegerField(null=True)
    actor_name = TextField()
    surface = TextField()
    created_at = Moment()
    ended_at = Moment(null=True)


class BulkMove(AskedFor):
    """A run, stop, resume, retry or delete as a thing: who, what, how many, done so far, result.

    `criteria` says which rows (see `models.operations.moving`); `after_id` is how far it has come.
    """

    campaign_name = TextField()
    kind = TextField()
    criteria = JsonText(default=dict)
    total = BigIntegerField(default=0)
    done = BigIntegerField(default=0)
    left_out = BigIntegerField(default=0)
    after_id = BigIntegerField(default=0)
    started_at = Moment(null=True)

    class Meta:
        table_name = "bulk_moves"


class RetryPlan(Table):
    """The set that a retry dialog showed, fixed by its cutoff; `move_id` is set once it was confirmed.

    `shown` is how many messages each of its ticks stood for.
    """

    campaign_id = BigIntegerField()
    criteria = JsonText()
    cutoff_at = Moment()
    actor_id = BigIntegerField(null=True)
    created_at = Moment()
    move_id = BigIntegerField(null=True)
    shown = JsonText(default=dict)

    class Meta:
        table_name = "retry_plans"


class ScheduledStart(AskedFor):
    """A run or retry that waits for a time, for the channel, or for both."""

    kind = TextField()
    criteria = JsonText(default=dict)
    starts_at = Moment(null=True)
    when_free = BigIntegerField(default=0)
    expires_at = Moment()
    time_zone = TextField(default="UTC")

    class Meta:
        table_name = "scheduled_starts"


class Import(AskedFor):
    """Contacts of one file on their way into a draft; `beat_at` shows that somebody is at it."""

    file_id = BigIntegerField()
    mapping = JsonText()
    header = BigIntegerField(null=True)
    rows_total = BigIntegerField(default=0)
    rows_done = BigIntegerField(default=0)
    report = JsonText(null=True)
    refused_file_id = BigIntegerField(null=True)
    started_at = Moment(null=True)
    beat_at = Moment(null=True)

    class Meta:
        table_name = "imports"


class Export(AskedFor):
    """A CSV of one moment; `totals` by status are the panel's at `moment_at`.

    With `since_id` it is what changed since that export, and its totals are of the rows in it.
    """

    campaign_name = TextField()
    criteria = JsonText(default=dict)
    rows_total = BigIntegerField(default=0)
    rows_done = BigIntegerField(default=0)
    moment_at = Moment(null=True)
    totals = JsonText(null=True)
    file_id = BigIntegerField(null=True)
    since_id = BigIntegerField(null=True)
    sha256 = TextField(null=True)
    started_at = Moment(null=True)
    beat_at = Moment(null=True)
    expires_at = Moment(null=True)

    class Meta:
        table_name = "exports"


class LookUp(AskedFor):
    """A provider asked by somebody about a campaign's Unconfirmed messages, or about one of them (else 0).

    `after_id` is how far it has come; the figures beside `total` count what came of those asked about so far:
    `found` at the provider, `unlisted` there, `unclear` which it is, `unasked` since it can't be asked.
    """

    message_id = BigIntegerField(default=0)
    total = BigIntegerField()
    after_id = BigIntegerField(default=0)
    found = BigIntegerField(default=0)
    unlisted = BigIntegerField(default=0)
    unclear = BigIntegerField(default=0)
    unasked = BigIntegerField(default=0)
    started_at = Moment(null=True)
    beat_at = Moment(null=True)

    class Meta:
        table_name = "look_ups"


class SentTest(AskedFor):
    """A campaign's template sent to a few addresses to look at it; in no count.

    `results` has one object for each recipient (see `models.operations.testing`), `result` why nothing was sent.
    """

    recipients = JsonText()
    field_values = JsonText()
    results = JsonText(default=list)
    started_at = Moment(null=True)

    class Meta:
        table_name = "sent_tests"

"""Campaigns, and the figures that pages and cards read instead of counting messages."""

from peewee import BigIntegerField, CompositeKey, TextField

from models.tables.base import JsonText, Moment, Table, UnnumberedTable

# In the words of the partial index: in any other order of the phases SQLite would not use it.
IS_HOLDING = "phase IN ('running', 'held', 'stopping')"
FLOW_BUCKET = 10_000  # ms; the stretch of `MessageFlow`, and the finest that a chart can show


class Campaign(Table):
    """One bulk send. `fields` lists {"name", "searchable"} in the order of a message's `field_values`.

    `account_refusals` counts the account's refusals since the last success. `guard_window` holds the last
    500 verdicts of first attempts, one character each: `f` for Failed, `.` for any other; of a Held campaign
    those for which it was held. `unheard_since` is the first acceptance that no receipt has followed, `silence` the
    kind of silence that people were told of. `retry_cutoff_at` is the latest moment at which a retry's set was fixed:
    what is settled later is dated after it. `proven_at` is when the counters were last held against the rows.
    """

    name = TextField()
    name_key = TextField()
    description = TextField(default="")
    channel = TextField()
    phase = TextField()
    owner_id = BigIntegerField(null=True)
    slack_channel_id = TextField(null=True)
    subject = TextField(default="")
    body = TextField(default="")
    from_address = TextField(default="")
    reply_to = TextField(default="")
    fields = JsonText(default=list)
    mapping = JsonText(null=True)
    consent_by = TextField(null=True)
    consent_at = Moment(null=True)
    disclaimer_by = TextField(null=True)
    disclaimer_at = Moment(null=True)
    failed_code = TextField(null=True)
    failed_text = TextField(null=True)
    account_refusals = BigIntegerField(default=0)
    guard_window = TextField(default="")
    accepted_at = Moment(null=True)
    receipt_at = Moment(null=True)
    unheard_since = Moment(null=True)
    silence = TextField(null=True)
    retry_cutoff_at = Moment(null=True)
    proven_at = Moment(null=True)
    created_at = Moment()
    run_at = Moment(null=True)
    started_at = Moment(null=True)
    ended_at = Moment(null=True)
    updated_at = Moment()

    class Meta:
        table_name = "campaigns"


class MessageCount(UnnumberedTable):
    """How many messages of a campaign stand where; '' where there is no reason or class."""

    campaign_id = BigIntegerField()
    status = TextField()
    failure_reason = TextField(default="")
    retry_class = TextField(default="")
    n = BigIntegerField()

    class Meta:
        table_name = "message_counts"
        primary_key = CompositeKey("campaign_id", "status", "failure_reason", "retry_class")


class MessageFlow(UnnumberedTable):
    """How many messages came to a status within a stretch of time: what charts are drawn from."""

    campaign_id = BigIntegerField()
    bucket_at = Moment()
    status = TextField()
    n = BigIntegerField()

    class Meta:
        table_name = "message_flow"
        primary_key = CompositeKey("campaign_id", "bucket_at", "status")


class Recovery(UnnumberedTable):
    """How many attempts followed a person's retry of such a failure, and how many of them recovered the message."""

    channel = TextField()
    failure_reason = TextField()
    retry_class = TextField()
    retried = BigIntegerField()
    recovered = BigIntegerField()

    class Meta:
        table_name = "recoveries"
        primary_key = CompositeKey("channel", "failure_reason", "retry_class")

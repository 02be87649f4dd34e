"""What is to be said in Slack, what was posted where, and what keeps us from saying anything."""

from peewee import BigIntegerField, TextField

from models.tables.base import JsonText, Moment, Table, UnnumberedTable


class SlackOutbox(Table):
    """Something to say: of one `topic` only the latest waits. `address` is a person's id, if it goes to one.

    `posting_at` is set while Slack is asked to post it: found set afterwards, it may have been posted.
    """

    kind = TextField()
    subject_id = BigIntegerField()
    address = TextField()
    topic = TextField()
    content = JsonText(default=dict)
    state = TextField()
    tries = BigIntegerField(default=0)
    due_at = Moment()
    posting_at = Moment(null=True)
    expires_at = Moment(null=True)
    problem = TextField(null=True)
    created_at = Moment()
    ended_at = Moment(null=True)

    class Meta:
        table_name = "slack_outbox"


class SlackPost(Table):
    """A message (or file, whose id stands as `ts`) of ours in Slack that may be updated or deleted later.

    It is `live` while it may change, `settled` when it says its last word, `replaced` by a newer one, or `gone`.
    `updated_at` is when its figures were last held against ours.
    """

    kind = TextField()
    subject_id = BigIntegerField()
    slack_channel_id = TextField()
    ts = TextField()
    thread_ts = TextField(null=True)
    rendered_hash = TextField(default="")
    state = TextField(default="live")
    created_at = Moment()
    updated_at = Moment()

    class Meta:
        table_name = "slack_posts"


class SlackFault(UnnumberedTable):
    """At most one for each way: what Slack refuses us with, or that it can't be reached, and since when."""

    way = TextField(primary_key=True)
    error = TextField()
    since = Moment()

    class Meta:
        table_name = "slack_faults"

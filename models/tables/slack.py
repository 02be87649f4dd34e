"""What is to be said in Slack, and what was posted where."""

from peewee import BigIntegerField, TextField

from models.tables.base import JsonText, Moment, Table


class SlackOutbox(Table):
    """Something to say: of one `topic` only the latest waits. `address` is a Slack channel or person."""

    kind = TextField()
    subject_id = BigIntegerField()
    address = TextField()
    topic = TextField()
    content = JsonText(default=dict)
    state = TextField()
    tries = BigIntegerField(default=0)
    due_at = Moment()
    expires_at = Moment(null=True)
    problem = TextField(null=True)
    created_at = Moment()
    ended_at = Moment(null=True)

    class Meta:
        table_name = "slack_outbox"


class SlackPost(Table):
    """A message of ours in Slack that may be updated or deleted later."""

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

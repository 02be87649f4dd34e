"""Messages, their attempts, and what comes back about them."""

from peewee import BigIntegerField, BlobField, CompositeKey, TextField

from models.tables.base import JsonText, Moment, Table, UnnumberedTable


class Message(Table):
    """One recipient of one campaign.

    `failure_reason` is why it is Failed, or why it was left out at Run if it is Cancelled. `attempt` is the number of
    the latest hand-over and fences what is recorded about it; `retries` counts a person's retries. `sent_at` is when
    it was last handed over, `updated_at` when the status was entered, `due_at` when a sweep must look at the row (a
    lease or a time-out is over). `move_ids` lists the bulk moves it was in, separated by spaces. `erase_at_verdict`
    is 1 while a person who is forgotten is with the provider, 2 once erased.
    """

    campaign_id = BigIntegerField()
    recipient = TextField()
    recipient_key = TextField()
    field_values = JsonText(default=list)
    search_1 = TextField(null=True)
    search_2 = TextField(null=True)
    search_3 = TextField(null=True)
    status = TextField()
    failure_reason = TextField(null=True)
    retry_class = TextField(null=True)
    provider_code = TextField(null=True)
    provider_text = TextField(null=True)
    attempt = BigIntegerField(default=0)
    retries = BigIntegerField(default=0)
    segments = BigIntegerField(null=True)
    move_ids = TextField(default="")
    erase_at_verdict = BigIntegerField(default=0)
    queued_at = Moment(null=True)
    sent_at = Moment(null=True)
    updated_at = Moment()
    due_at = Moment(null=True)

    class Meta:
        table_name = "messages"


class Attempt(UnnumberedTable):
    """One hand-over of one message: its answer, how far receipts say it came, and its verdict.

    `retries` is the message's count at the claim, so 0 means a first attempt. `timed_out` is 1 when the
    verdict is our own, for want of a word from the provider. `lost_as` is how its answer was lost, None when the
    process that handed it over ended first; `listed` is what the last look-up, at `looked_up_at`, found.
    """

    message_id = BigIntegerField()
    number = BigIntegerField()
    campaign_id = BigIntegerField()
    provider = TextField()
    status = TextField()
    answer = TextField(null=True)
    progress = TextField(null=True)
    timed_out = BigIntegerField(default=0)
    retries = BigIntegerField(default=0)
    lookups = BigIntegerField(default=0)
    lost_as = TextField(null=True)
    looked_up_at = Moment(null=True)
    listed = TextField(null=True)
    provider_id = TextField(null=True)
    failure_reason = TextField(null=True)
    retry_class = TextField(null=True)
    provider_code = TextField(null=True)
    provider_text = TextField(null=True)
    claimed_at = Moment()
    handed_over_at = Moment(null=True)
    progress_at = Moment(null=True)
    event_at = Moment(null=True)
    verdict_at = Moment(null=True)

    class Meta:
        table_name = "attempts"
        primary_key = CompositeKey("message_id", "number")


class OptOut(Table):
    """Somebody who refuses a channel, found by a keyed hash; the address itself is gone once forgotten."""

    channel = TextField()
    key_hash = TextField()
    recipient_key = TextField(null=True)
    source = TextField()
    campaign_id = BigIntegerField(null=True)
    actor_name = TextField()
    created_at = Moment()
    removed_at = Moment(null=True)
    removed_by = TextField(null=True)

    class Meta:
        table_name = "opt_outs"


class ReceiptPost(Table):
    """One POST of receipts as it came, kept before it was answered. `unmatched` events wait for their row."""

    provider = TextField()
    digest = TextField()
    headers = JsonText(default=dict)
    body = BlobField()
    received_at = Moment()
    due_at = Moment()
    applied_at = Moment(null=True)
    unmatched = BigIntegerField(default=0)
    problem = TextField(null=True)

    class Meta:
        table_name = "receipt_inbox"


class UnmappedCode(UnnumberedTable):
    """A provider's code that no table of ours knows, for the team to look at."""

    provider = TextField()
    code = TextField()
    sample = TextField(default="")
    n = BigIntegerField()
    first_at = Moment()
    last_at = Moment()

    class Meta:
        table_name = "unmapped_codes"
        primary_key = CompositeKey("provider", "code")

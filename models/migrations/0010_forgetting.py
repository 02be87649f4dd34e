"""What is to be erased of forgotten people is found at once; opt-outs and audit are paged by what narrows them."""


def up(_migrator, db):
    """The same on both engines."""
    for statement in (
        "CREATE INDEX messages_to_erase ON messages (id) WHERE erase_at_verdict = 1",
        "CREATE INDEX opt_outs_channel ON opt_outs (channel, id) WHERE removed_at IS NULL",
        "CREATE INDEX opt_outs_source ON opt_outs (source, id) WHERE removed_at IS NULL",
        "CREATE INDEX opt_outs_channel_source ON opt_outs (channel, source, id) WHERE removed_at IS NULL",
        "CREATE INDEX audit_act ON audit (act, id)",
        "CREATE INDEX opt_outs_removed ON opt_outs (id) WHERE removed_at IS NOT NULL",
    ):
        db.execute_sql(statement)

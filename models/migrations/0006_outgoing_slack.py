"""The outbox knows what may have been posted without a note of it; Slack's trouble outlives the process that met it."""


def up(_migrator, db):
    """Only the word for an integer, and SQLite's strictness, differ between the engines."""
    from playhouse.apsw_ext import APSWDatabase

    on_sqlite = isinstance(getattr(db, "obj", db), APSWDatabase)
    integer, strict = ("INTEGER", "STRICT") if on_sqlite else ("BIGINT", "")
    for statement in (
        f"ALTER TABLE slack_outbox ADD COLUMN posting_at {integer}",
        "CREATE INDEX slack_outbox_told ON slack_outbox (topic, id)",
        "CREATE INDEX slack_outbox_ended ON slack_outbox (ended_at) WHERE ended_at IS NOT NULL",
        f"CREATE TABLE slack_faults (error TEXT NOT NULL PRIMARY KEY, since {integer} NOT NULL) {strict}",
    ):
        db.execute_sql(statement)

"""A retry plan keeps what it showed, a campaign its latest cutoff; how often retries recovered is counted."""

RECOVERIES = """
CREATE TABLE recoveries (
    channel TEXT NOT NULL, failure_reason TEXT NOT NULL, retry_class TEXT NOT NULL,
    retried {integer} NOT NULL, recovered {integer} NOT NULL,
    PRIMARY KEY (channel, failure_reason, retry_class)) {kept}
"""


def up(_migrator, db):
    """Only the word for an integer and how a table is kept differ between the engines."""
    from playhouse.apsw_ext import APSWDatabase

    on_sqlite = isinstance(getattr(db, "obj", db), APSWDatabase)
    integer, kept = ("INTEGER", "STRICT, WITHOUT ROWID") if on_sqlite else ("BIGINT", "")
    for statement in (
        f"ALTER TABLE campaigns ADD COLUMN retry_cutoff_at {integer}",
        "ALTER TABLE retry_plans ADD COLUMN shown TEXT NOT NULL DEFAULT '{}'",
        RECOVERIES.format(integer=integer, kept=kept),
    ):
        db.execute_sql(statement)

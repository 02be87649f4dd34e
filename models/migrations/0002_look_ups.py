"""Look-ups find the hand-overs in doubt at once; a campaign knows since when receipts are owed, and what was told."""


def up(_migrator, db):
    """Only the word for an integer differs between the engines."""
    from playhouse.apsw_ext import APSWDatabase

    integer = "INTEGER" if isinstance(getattr(db, "obj", db), APSWDatabase) else "BIGINT"
    for statement in (
        "CREATE INDEX attempts_in_doubt ON attempts (claimed_at) WHERE status = 'sending' AND answer = 'unknown'",
        f"ALTER TABLE campaigns ADD COLUMN unheard_since {integer}",
        "ALTER TABLE campaigns ADD COLUMN silence TEXT",
    ):
        db.execute_sql(statement)

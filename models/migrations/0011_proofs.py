"""When a campaign's counters were last held against its rows."""


def up(_migrator, db):
    """Only the word for an integer differs between the engines."""
    from playhouse.apsw_ext import APSWDatabase

    integer = "INTEGER" if isinstance(getattr(db, "obj", db), APSWDatabase) else "BIGINT"
    db.execute_sql(f"ALTER TABLE campaigns ADD COLUMN proven_at {integer}")

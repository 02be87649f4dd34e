"""An export may be what changed since an earlier one."""


def up(_migrator, db):
    """Only the word for an integer differs between the engines."""
    from playhouse.apsw_ext import APSWDatabase

    integer = "INTEGER" if isinstance(getattr(db, "obj", db), APSWDatabase) else "BIGINT"
    db.execute_sql(f"ALTER TABLE exports ADD COLUMN since_id {integer}")

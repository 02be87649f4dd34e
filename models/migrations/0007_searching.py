"""What is sought is compared byte by byte on PostgreSQL too, and equal values are found in the order of ids.

In another order of words than that of bytes, what begins with a text is no range that an index can walk.
"""

FIELDS = ("search_1", "search_2", "search_3")


def up(_migrator, db):
    """SQLite compares bytes by itself."""
    from playhouse.apsw_ext import APSWDatabase

    for column in FIELDS:
        db.execute_sql(f"DROP INDEX messages_{column}")
    if not isinstance(getattr(db, "obj", db), APSWDatabase):
        changes = ", ".join(f'ALTER COLUMN {column} TYPE TEXT COLLATE "C"' for column in ("recipient_key", *FIELDS))
        db.execute_sql(f"ALTER TABLE messages {changes}")
    for column in FIELDS:
        db.execute_sql(
            f"CREATE INDEX messages_{column} ON messages (campaign_id, {column}, id) WHERE {column} IS NOT NULL"
        )

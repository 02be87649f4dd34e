"""A person's messages are found in all campaigns at once, the newest first."""


def up(_migrator, db):
    """The key is no longer found by way of a campaign only."""
    db.execute_sql("CREATE INDEX messages_person ON messages (recipient_key, id)")

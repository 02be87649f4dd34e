"""What is still to be erased of people who asked to be forgotten is found at once."""


def up(_migrator, db):
    """The same on both engines."""
    db.execute_sql("CREATE INDEX messages_to_erase ON messages (id) WHERE erase_at_verdict = 1")

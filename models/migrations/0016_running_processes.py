"""A process shows that it lives, not what it is at: nothing ever wrote or read that."""


def up(_migrator, db):
    """The same on both engines."""
    db.execute_sql("ALTER TABLE running_processes DROP COLUMN doing")

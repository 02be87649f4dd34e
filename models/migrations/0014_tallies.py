"""What is counted of an installation's whole life; and Slack may fail to reach us too, not only to take what we say."""


def up(_migrator, db):
    """Only the word for an integer, and SQLite's strictness, differ between the engines."""
    from playhouse.apsw_ext import APSWDatabase

    on_sqlite = isinstance(getattr(db, "obj", db), APSWDatabase)
    integer, strict = ("INTEGER", "STRICT") if on_sqlite else ("BIGINT", "")
    for statement in (
        f"""CREATE TABLE tallies (name TEXT NOT NULL, labels TEXT NOT NULL, n {integer} NOT NULL,
            PRIMARY KEY (name, labels)) {strict}""",
        "ALTER TABLE slack_faults RENAME TO slack_faults_before",
        f"""CREATE TABLE slack_faults (way TEXT NOT NULL PRIMARY KEY, error TEXT NOT NULL,
            since {integer} NOT NULL) {strict}""",
        "INSERT INTO slack_faults (way, error, since) SELECT 'says', error, since FROM slack_faults_before LIMIT 1",
        "DROP TABLE slack_faults_before",
    ):
        db.execute_sql(statement)

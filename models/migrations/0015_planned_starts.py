"""A campaign's page and card say why its last planned start did not take place."""


def up(_migrator, db):
    db.execute_sql("CREATE INDEX scheduled_starts_campaign ON scheduled_starts (campaign_id, id)")

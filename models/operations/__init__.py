"""Operations: the only way to change state. Each is a verb with keyword arguments and an actor.

Inside: transaction, compare-and-swap, rule, write with audit row and counter deltas, commit; then the
hint. They raise children of `models.errors.CampaignError` and return small frozen values.
"""

"""Reads of look-ups that people asked for."""

from models.tables import LookUp


def latest_look_up(campaign_id: int, message_id: int = 0) -> LookUp | None:
    """The last one about all of a campaign, or about one of its messages."""
    found: LookUp | None = (
        LookUp.select()
        .where(LookUp.campaign_id == campaign_id, LookUp.message_id == message_id)
        .order_by(LookUp.id.desc())
        .first()
    )
    return found

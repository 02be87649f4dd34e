"""Starting later, as a part of the dialogs that start something: at a time, or when the channel is free."""

from typing import Any

from flask import request

from admin import sessions
from admin.presenting import zones
from admin.views.given import typed
from models.clock import now_ms
from models.errors import InvalidInputError
from models.operations import scheduling
from models.rules.time_zones import is_time_zone
from models.tables import Campaign
from models.words import CHANNEL_LABELS, Channel, StartKind

SOON = 15 * 60_000  # ms ahead: what the field for a time begins with
_VERBS = {StartKind.RUN: "starts", StartKind.RETRY: "is retried"}


def fields() -> dict[str, Any]:
    """What `dialogs/when.html` shows."""
    zone, now = sessions.current_zone(), now_ms()
    return {
        "zone": zone,
        "zone_told": zones.zone_told(now, zone),
        "soon": zones.field_value(now + SOON, zone),
        "earliest": zones.field_value(now, zone),
    }


def is_asked() -> bool:
    """Whether the form asks for another moment than now."""
    return request.form.get("when", "now") != "now"


def schedule(campaign: Campaign, kind: StartKind, **asked: Any) -> str:
    """Keep the start that the form asks for; says when that is. Raises what `schedule_start` raises."""
    zone = typed("time_zone", longest=100)
    if not is_time_zone(zone):
        raise InvalidInputError("The time zone of this page is not known. Open the dialog again.", field="time_zone")
    at = zones.moment_in(typed("start_at", longest=40), zone) if request.form["when"] == "at" else None
    scheduling.schedule_start(campaign.id, kind=kind, start_at=at, when_free=at is None, time_zone=zone, **asked)
    channel = CHANNEL_LABELS[Channel(campaign.channel)]
    when = f"as soon as {channel} is free, within 24 hours" if at is None else zones.told(at, zone)
    return f"{campaign.name} {_VERBS[kind]} {when}."

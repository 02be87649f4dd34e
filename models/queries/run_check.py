"""What is to be known of a campaign before it is run, exact over all its contacts."""

import json
from decimal import Decimal
from itertools import islice

from models.config import current
from models.database import iterate, snapshot
from models.measuring import Measure
from models.operations.settings import setting
from models.queries.campaigns import counts_of, get_campaign
from models.queries.reached import LATELY, count_reached
from models.rules.run_warnings import EmptyField, RunCheck, offers_opt_out
from models.tables import Campaign
from models.words import Channel, MessageStatus

TOGETHER = 10_000  # contacts measured at once: many are alike, and their JSON is read in half the time


def run_check(campaign_id: int, *, now: int) -> RunCheck:
    """Look at a campaign that is to be run; `now` is epoch milliseconds. Raises NotFoundError.

    It reads each Waiting message if the template uses fields: for 300,000 that takes about half a second.
    """
    campaign = get_campaign(campaign_id)
    channel = Channel(campaign.channel)
    counts = counts_of(campaign_id)
    measure = _measured(campaign, counts.sendable)
    units = measure.segments if channel is Channel.SMS else counts.sendable
    price = setting(f"price.{channel}")
    return RunCheck(
        channel=channel,
        total=counts.total,
        sendable=counts.sendable,
        opted_out=counts[MessageStatus.OPTED_OUT],
        segments=measure.segments if channel is Channel.SMS else None,
        cost=None if price is None else Decimal(str(price)) * units,
        currency=setting("currency"),
        empty_fields=tuple(EmptyField(name, n) for name, n in measure.empty.most_common()),
        offers_opt_out=offers_opt_out(channel, campaign.body),
        reached_lately=count_reached(campaign_id, since=now - LATELY),
        webhook_lacks=current().webhook_lacks(channel),
    )


def _measured(campaign: Campaign, sendable: int) -> Measure:
    measure = Measure(campaign.subject + campaign.body, [field["name"] for field in campaign.fields])
    if not measure.varies:
        measure.add_alike(sendable)
        return measure
    with snapshot():
        rows = iterate("SELECT field_values FROM messages WHERE campaign_id = ? AND status = 'waiting'", campaign.id)
        while some := [values for (values,) in islice(rows, TOGETHER)]:
            measure.add(json.loads(f"[{','.join(some)}]"))
    return measure

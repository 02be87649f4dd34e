"""What is to be known of a campaign before it is run, exact over all its contacts."""

from models.config import current
from models.queries.campaigns import counts_of, get_campaign
from models.queries.reached import LATELY, count_reached
from models.queries.refusing import waiting_who_refuse
from models.queries.settings import setting
from models.queries.sizes import measure_over_contacts, price_on
from models.rules.run_warnings import EmptyField, RunCheck, offers_opt_out
from models.template import broken_placeholders
from models.words import Channel, MessageStatus


def run_check(campaign_id: int, *, now: int) -> RunCheck:
    """Look at a campaign that is to be run; `now` is epoch milliseconds. Raises NotFoundError.

    Who opted out since the import counts as Opted Out. It reads each Waiting message if the template uses fields: for
    300,000 that takes about half a second.
    """
    campaign = get_campaign(campaign_id)
    channel = Channel(campaign.channel)
    refusing = waiting_who_refuse(campaign_id, channel)
    counts = counts_of(campaign_id).without(len(refusing))
    measure = measure_over_contacts(campaign, campaign.subject + campaign.body, counts.sendable, without=refusing)
    units = measure.segments if channel is Channel.SMS else counts.sendable
    price = price_on(channel)
    return RunCheck(
        channel=channel,
        total=counts.total,
        sendable=counts.sendable,
        opted_out=counts[MessageStatus.OPTED_OUT],
        segments=measure.segments if channel is Channel.SMS else None,
        cost=None if price is None else price * units,
        currency=setting("currency"),
        too_long=measure.too_long if channel is Channel.SMS else 0,
        empty_fields=tuple(EmptyField(name, n) for name, n in measure.empty.most_common()),
        broken=broken_placeholders(
            campaign.subject, campaign.body, field_names=[field["name"] for field in campaign.fields]
        ),
        offers_opt_out=offers_opt_out(channel, campaign.body),
        reached_lately=count_reached(campaign_id, channel, since=now - LATELY),
        webhook_lacks=current().webhook_lacks(channel),
    )

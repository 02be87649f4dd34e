"""views.*"""

from functools import partial

from bot.local_slack import dialogs
from bot.local_slack.arguments import Arguments
from bot.local_slack.core import Core
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.limits import TIER_4
from bot.local_slack.methods.kinds import Method


def open_view(core: Core, call: Arguments, *, pushed: bool = False) -> Document:
    """Open the view above the one in which the trigger was made. A malformed view does not spend the trigger."""
    trigger_id, given = call.required("trigger_id"), call.structure("view")
    dialogs.checked(given, ("modal",))
    trigger = core.tickets.use_trigger(trigger_id)
    if pushed and trigger.view_id is None:
        raise SlackError("invalid_trigger_id", ["invalid `trigger_id` [json-pointer:/trigger_id]"])
    return {"view": core.dialogs.wire(core.dialogs.push(trigger.user, given, onto=trigger.view_id))}


def update_view(core: Core, call: Arguments) -> Document:
    if ("view_id" in call) == ("external_id" in call):
        raise SlackError("invalid_arguments", ["provide exactly one of view_id, external_id"])
    if "view_id" in call:
        view = core.dialogs.view(call.required("view_id"))
    else:
        view = core.dialogs.by_external_id(call.required("external_id"))
    return {"view": core.dialogs.wire(core.dialogs.update(view["id"], call.structure("view"), call.optional("hash")))}


def publish_view(core: Core, call: Arguments) -> Document:
    if not core.profile.home:
        raise SlackError("not_enabled")
    user, given = call.required("user_id"), call.structure("view")
    return {"view": core.dialogs.wire(core.dialogs.publish(user, given, call.optional("hash")))}


METHODS = {
    "views.open": Method(open_view, None, TIER_4, takes_json=True),
    "views.push": Method(partial(open_view, pushed=True), None, TIER_4, takes_json=True),
    "views.update": Method(update_view, None, TIER_4, takes_json=True),
    "views.publish": Method(publish_view, None, TIER_4, takes_json=True),
}

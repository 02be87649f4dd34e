"""users.*, auth.test and apps.connections.open."""

import secrets

from bot.local_slack import wire
from bot.local_slack.arguments import Arguments
from bot.local_slack.core import Core
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.limits import TIER_2, TIER_3, TIER_4
from bot.local_slack.methods.kinds import Method
from bot.local_slack.workspace import APP_ID, BOT_ID, BOT_USER, TEAM_ID, TEAM_NAME


def inform(core: Core, call: Arguments) -> Document:
    user = call.required("user")
    if user == BOT_USER:
        bot = {"id": BOT_USER, "name": core.profile.name, "email": None, "is_bot": True, "is_email_confirmed": False}
        return {"user": wire.person(core.profile, bot)}
    return {"user": wire.person(core.profile, core.workspace.person(user))}


def look_up(core: Core, call: Arguments) -> Document:
    email = call.required("email").lower()
    for person in core.workspace.people():
        if (person["email"] or "").lower() == email and not person.get("deleted"):
            return {"user": wire.person(core.profile, person)}
    raise SlackError("users_not_found")


def identify(core: Core, _: Arguments) -> Document:
    app = {"user": core.profile.name.lower(), "user_id": BOT_USER, "bot_id": BOT_ID, "is_enterprise_install": False}
    return {**app, "url": f"{core.workspace.base_url}/", "team": TEAM_NAME, "team_id": TEAM_ID}


def open_connection(core: Core, _: Arguments) -> Document:
    ticket = secrets.token_hex(12)
    core.store.put("link", ticket, {"made_at": core.clock.now()})
    host = core.workspace.base_url.removeprefix("http://")
    return {"url": f"ws://{host}/link/?ticket={ticket}&app_id={APP_ID}"}


METHODS = {
    "auth.test": Method(identify, takes_json=True),
    "users.info": Method(inform, "users:read", TIER_4),
    "users.lookupByEmail": Method(look_up, "users:read.email", TIER_3),
    "apps.connections.open": Method(open_connection, None, TIER_2, takes_json=True, app_level=True),
}

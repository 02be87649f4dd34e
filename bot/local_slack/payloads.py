"""What Slack tells the app about an act of a person, with all its fields."""

from bot.local_slack import wire
from bot.local_slack.core import Core
from bot.local_slack.errors import Document
from bot.local_slack.workspace import APP_ID, TEAM_DOMAIN, TEAM_ID

TOKEN = "local-verification"  # noqa: S105 - Slack's retired verification token; apps check the signature


def user(core: Core, user_id: str) -> Document:
    name = core.workspace.person(user_id)["name"].lower()
    return {"id": user_id, "username": name, "name": name, "team_id": TEAM_ID}


def channel(core: Core, channel_id: str) -> Document:
    return {"id": channel_id, "name": core.workspace.conversation(channel_id).get("name", "directmessage")}


def response_url(core: Core, kind: str, key: str) -> str:
    return f"{core.workspace.base_url}/{kind}/{TEAM_ID}/{key}"


def act(core: Core, kind: str, user_id: str, view_id: str | None = None) -> Document:
    """What every interaction carries."""
    about: Document = {"type": kind, "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN}, "user": user(core, user_id)}
    about |= {"api_app_id": APP_ID, "token": TOKEN, "trigger_id": core.tickets.make_trigger(user_id, view_id)}
    return {**about, "enterprise": None, "is_enterprise_install": False}


def slash_command(core: Core, user_id: str, channel_id: str, command: str, text: str) -> Document:
    """A slash command's form fields."""
    place = channel(core, channel_id)
    fields = {"token": TOKEN, "team_id": TEAM_ID, "team_domain": TEAM_DOMAIN, "api_app_id": APP_ID}
    fields |= {"channel_id": channel_id, "channel_name": place["name"], "user_id": user_id}
    fields |= {"user_name": user(core, user_id)["name"], "command": command, "text": text}
    url = response_url(core, "commands", core.tickets.make_response(user_id, channel_id))
    fields |= {"response_url": url, "trigger_id": core.tickets.make_trigger(user_id)}
    return {**fields, "is_enterprise_install": "false"}


def message_place(core: Core, user_id: str, message: Document) -> Document:
    """Where an act on a message happened. Slack leaves the message itself out when it is ephemeral."""
    channel_id, ts, thread_ts = message["channel"], message["ts"], message.get("thread_ts")
    ephemeral = "ephemeral_to" in message
    container = {"type": "message", "message_ts": ts, "channel_id": channel_id, "is_ephemeral": ephemeral}
    key = core.tickets.make_response(user_id, channel_id, ts, thread_ts)
    if thread_ts:
        container["thread_ts"] = thread_ts
    place: Document = {"container": container, "channel": channel(core, channel_id)}
    place["response_url"] = response_url(core, "actions", key)
    return place if ephemeral else {**place, "message": wire.message(core.workspace, message)}


def view_place(core: Core, view: Document) -> Document:
    """Where an act in a modal or in App Home happened."""
    return {"container": {"type": "view", "view_id": view["id"]}, "view": core.dialogs.wire(view)}

"""conversations.*"""

from typing import TypeVar

from bot.local_slack import wire
from bot.local_slack.arguments import Arguments
from bot.local_slack.core import Core
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.limits import TIER_3
from bot.local_slack.methods.kinds import Method
from bot.local_slack.workspace import BOT_USER

T = TypeVar("T")
HISTORY_SCOPES = {"public_channel": "channels:history", "private_channel": "groups:history", "im": "im:history"}
READ_SCOPES = {"public_channel": "channels:read", "private_channel": "groups:read", "im": "im:read"}
PAGE, PAGE_LIMIT = 100, 1000


def need_scope(core: Core, scope: str) -> None:
    """Raise SlackError(`missing_scope`) unless the app's token has it."""
    if scope not in core.profile.scopes:
        raise SlackError("missing_scope", needed=scope, provided=",".join(core.profile.scopes))


def open_conversation(core: Core, call: Arguments) -> Document:
    if "channel" in call:
        conversation = core.workspace.visible_to_bot(call.required("channel"))
    else:
        users = [user for user in (call.optional("users") or "").split(",") if user]
        if not users:
            raise SlackError("users_list_not_supplied")
        if len(users) > 1:
            need_scope(core, "mpim:write")
        conversation = core.workspace.direct_message(users[0])
    shown = wire.conversation(conversation) if call.flag("return_im") else {"id": conversation["id"]}
    return {"channel": shown}


def visible(core: Core, call: Arguments) -> Document:
    conversation = core.workspace.visible_to_bot(call.required("channel"))
    need_scope(core, READ_SCOPES[wire.kind(conversation)])
    return conversation


def inform(core: Core, call: Arguments) -> Document:
    return {"channel": wire.conversation(visible(core, call))}


def remembered(core: Core, call: Arguments) -> tuple[str, list[Document]]:
    """The channel that the call names, and the messages in it that everybody sees between its bounds, newest first."""
    channel = visible_history(core, call)
    oldest, latest = call.optional("oldest") or "0", call.optional("latest") or "9" * 10
    found = [
        message
        for message in reversed(core.workspace.messages(channel, BOT_USER, newest=PAGE_LIMIT))
        if "ephemeral_to" not in message and float(oldest) < float(message["ts"]) < float(latest)
    ]
    return channel, found


def visible_history(core: Core, call: Arguments) -> str:
    conversation = core.workspace.visible_to_bot(call.required("channel"))
    need_scope(core, HISTORY_SCOPES[wire.kind(conversation)])
    if BOT_USER not in conversation["members"]:
        raise SlackError("not_in_channel")
    return str(conversation["id"])


def shown(core: Core, call: Arguments, found: list[Document]) -> Document:
    """A page of messages; metadata only for who asks for it."""
    page, cursor = paged([wire.message(core.workspace, message) for message in found], call)
    if not call.flag("include_all_metadata"):
        page = [{name: value for name, value in message.items() if name != "metadata"} for message in page]
    return {"messages": page, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}


def history(core: Core, call: Arguments) -> Document:
    _, found = remembered(core, call)
    roots = [one for one in found if one.get("thread_ts", one["ts"]) == one["ts"] or one.get("broadcast")]
    return shown(core, call, roots)


def replies(core: Core, call: Arguments) -> Document:
    channel, found = remembered(core, call)
    try:
        root = core.workspace.message(channel, call.required("ts"))
    except SlackError:
        raise SlackError("thread_not_found") from None
    thread = [one for one in reversed(found) if one.get("thread_ts") == root["ts"] and one["ts"] != root["ts"]]
    return shown(core, call, [root, *thread])


def paged(found: list[T], call: Arguments) -> tuple[list[T], str]:
    """The page that the call asks for, and the next cursor, empty at the end."""
    limit = call.number("limit", PAGE)
    if not 1 <= limit <= PAGE_LIMIT:
        raise SlackError("invalid_limit")
    given = call.optional("cursor") or "0"
    if not given.isdigit():
        raise SlackError("invalid_cursor")
    start = int(given)
    return found[start : start + limit], str(start + limit) if start + limit < len(found) else ""


METHODS = {
    "conversations.open": Method(open_conversation, "im:write", TIER_3, takes_json=True),
    "conversations.history": Method(history, None, TIER_3),
    "conversations.info": Method(inform, None, TIER_3),
    "conversations.replies": Method(replies, None, TIER_3),
}

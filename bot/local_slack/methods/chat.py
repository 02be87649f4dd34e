"""chat.* and blocks.validate."""

from typing import Any

from bot.local_slack import blocks as block_kit
from bot.local_slack import wire
from bot.local_slack.arguments import Arguments
from bot.local_slack.core import Core
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.limits import TIER_3, TIER_4
from bot.local_slack.methods.kinds import Method
from bot.local_slack.workspace import BOT_USER

# https://docs.slack.dev/reference/methods/chat.update: "the text field cannot exceed 4,000 characters".
UPDATE_TEXT_CHARACTERS = 4_000


def given_blocks(call: Arguments) -> list[Document] | None:
    """The blocks of a message. Raises SlackError when they aren't JSON or Slack would not take them."""
    blocks = call.structure("blocks", "invalid_blocks_format")
    if blocks is None:
        return None
    problems = block_kit.message_problems(blocks)
    if problems:
        raise SlackError("invalid_blocks", problems, errors=problems)
    return list(blocks)


def given_metadata(call: Arguments) -> Document | None:
    """Message metadata. Raises SlackError unless it has an event type and an object as payload."""
    metadata: Any = call.structure("metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    if not isinstance(metadata.get("event_payload"), dict):
        raise SlackError("invalid_metadata_format")
    return metadata


def said(call: Arguments) -> tuple[str, list[Document] | None]:
    """Text and blocks of a message. Raises SlackError(`no_text`) without either."""
    text, blocks = call.optional("text") or "", given_blocks(call)
    if not text and not blocks:
        raise SlackError("no_text")
    return text, blocks


def post_message(core: Core, call: Arguments) -> Document:
    workspace = core.workspace
    channel = call.required("channel")
    if channel.startswith("U"):
        # A person's id means their direct message with the app.
        try:
            channel = workspace.direct_message(channel)["id"]
        except SlackError:
            raise SlackError("channel_not_found") from None
    workspace.writable_by_bot(channel)
    text, blocks = said(call)
    thread_ts = workspace.thread_root(channel, call.optional("thread_ts"))
    broadcast = call.flag("reply_broadcast") and thread_ts is not None
    details: Document = {"blocks": blocks, "thread_ts": thread_ts, "metadata": given_metadata(call)}
    details |= {"broadcast": True, "subtype": "thread_broadcast"} if broadcast else {}
    message = workspace.post(channel, text, **details)
    return {"channel": channel, "ts": message["ts"], "message": wire.message(workspace, message)}


def post_ephemeral(core: Core, call: Arguments) -> Document:
    workspace = core.workspace
    channel, user = call.required("channel"), call.required("user")
    conversation = workspace.writable_by_bot(channel)
    if user not in conversation["members"]:
        raise SlackError("user_not_in_channel")
    text, blocks = said(call)
    thread_ts = workspace.thread_root(channel, call.optional("thread_ts"))
    message = workspace.post(channel, text, blocks=blocks, thread_ts=thread_ts, ephemeral_to=user)
    return {"message_ts": message["ts"]}


def own_message(core: Core, call: Arguments, refusal: str) -> Document:
    """The app's message that the call names. Raises SlackError, `refusal` when it is somebody else's."""
    channel = call.required("channel")
    core.workspace.visible_to_bot(channel)
    message = core.workspace.message(channel, call.required("ts"))
    if message["user"] != BOT_USER:
        raise SlackError(refusal)
    return message


def rewritten(message: Document, text: str, blocks: list[Document] | None) -> Document:
    """The message with new content: text without blocks drops the blocks, blocks without text leave the old text."""
    changed = {**message, "text": text or message["text"]}
    changed.pop("blocks", None)
    if blocks:
        changed["blocks"] = block_kit.completed(blocks)
    return changed


def update(core: Core, call: Arguments) -> Document:
    message = own_message(core, call, "cant_update_message")
    if core.workspace.conversation(message["channel"])["is_archived"]:
        raise SlackError("is_inactive")
    text, blocks = said(call)
    if len(text) > UPDATE_TEXT_CHARACTERS:
        raise SlackError("msg_too_long")
    changed = rewritten(message, text, blocks)
    if "metadata" in call:
        changed["metadata"] = given_metadata(call)
    if not blocks:
        # With blocks Slack shows no "(edited)".
        changed["edited"] = {"user": BOT_USER, "ts": core.workspace.new_ts()}
    core.workspace.put_message(changed)
    shown = wire.message(core.workspace, changed)
    return {"channel": message["channel"], "ts": message["ts"], "text": changed["text"], "message": shown}


def delete(core: Core, call: Arguments) -> Document:
    message = own_message(core, call, "cant_delete_message")
    core.workspace.drop_message(message)
    return {"channel": message["channel"], "ts": message["ts"]}


def get_permalink(core: Core, call: Arguments) -> Document:
    channel = call.required("channel")
    core.workspace.visible_to_bot(channel)
    message = core.workspace.message(channel, call.required("message_ts"))
    return {"channel": channel, "permalink": core.workspace.permalink(channel, message["ts"])}


def validate(_core: Core, call: Arguments) -> Document:
    given = [name for name in ("blocks", "message", "view") if name in call]
    if len(given) != 1:
        raise SlackError("invalid_arguments", ["provide exactly one of blocks, message, view"])
    subject = call.structure(given[0])
    if given[0] == "message":
        subject = subject.get("blocks", []) if isinstance(subject, dict) else subject
    problems = (block_kit.view_problems if given[0] == "view" else block_kit.message_problems)(subject)
    if problems:
        raise SlackError("invalid_blocks", problems, errors=problems)
    return {}


METHODS = {
    # Its own limit is one a second in a channel.
    "chat.postMessage": Method(post_message, "chat:write", takes_json=True),
    "chat.postEphemeral": Method(post_ephemeral, "chat:write", TIER_4, takes_json=True),
    "chat.update": Method(update, "chat:write", TIER_3, takes_json=True),
    "chat.delete": Method(delete, "chat:write", TIER_3, takes_json=True),
    "chat.getPermalink": Method(get_permalink),
    "blocks.validate": Method(validate),
}

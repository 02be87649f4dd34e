"""Answers of the app to a command or an action: in the acknowledgement, or by the response URL."""

from typing import Any

from bot.local_slack.arguments import Arguments
from bot.local_slack.core import Core
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.methods.chat import given_metadata, rewritten, said
from bot.local_slack.workspace import BOT_USER


def post_answer(core: Core, ticket: Document, body: Any) -> None:
    """Do what the answer says. Raises SlackError as Slack would refuse it.

    It is ephemeral unless it says `in_channel`; `replace_original` and `delete_original` change the message that was
    acted on. A command has no original, so its answers are always new messages.
    """
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    call = Arguments(body)
    original = _original(core, ticket)
    if original is not None and call.flag("delete_original"):
        core.workspace.drop_message(original)
        return
    text, blocks = said(call)
    if original is not None and call.flag("replace_original"):
        core.workspace.put_message(rewritten(original, text, blocks))
        return
    seen_by = None if call.optional("response_type") == "in_channel" else ticket["user"]
    thread_ts = core.workspace.thread_root(ticket["channel"], call.optional("thread_ts"))
    details: Document = {"blocks": blocks, "thread_ts": thread_ts, "metadata": given_metadata(call)}
    core.workspace.post(ticket["channel"], text, ephemeral_to=seen_by, **details)


def _original(core: Core, ticket: Document) -> Document | None:
    """The app's own message that was acted on, if it is still there."""
    if ticket["ts"] is None:
        return None
    try:
        message = core.workspace.message(ticket["channel"], ticket["ts"], ticket["user"])
    except SlackError:
        return None
    return message if message["user"] == BOT_USER else None

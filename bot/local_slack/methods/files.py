"""files.* by the external upload flow: an upload URL, the bytes, then the share."""

import secrets
from typing import Any

from bot.local_slack import wire
from bot.local_slack.arguments import Arguments
from bot.local_slack.core import Core
from bot.local_slack.errors import Document, SlackError
from bot.local_slack.limits import TIER_3, TIER_4
from bot.local_slack.methods.chat import given_blocks
from bot.local_slack.methods.kinds import Method


def get_upload_url(core: Core, call: Arguments) -> Document:
    name, length = call.required("filename"), call.number("length")
    if length <= 0:
        raise SlackError("invalid_arguments", ["must be greater than 0 [json-pointer:/length]"])
    file_id = "F0" + secrets.token_hex(5).upper()
    key = secrets.token_urlsafe(18)
    document = {"id": file_id, "name": name, "size": length, "created": int(core.clock.now()), "shares": {}}
    core.store.put("file", file_id, {**document, "upload_key": key, "state": "awaited"})
    return {"upload_url": f"{core.workspace.base_url}/upload/v1/{file_id}/{key}", "file_id": file_id}


def receive(core: Core, file_id: str, key: str, content: bytes) -> None:
    """Take the bytes that were announced. Raises SlackError when URL or length are not those."""
    document = core.store.get("file", file_id)
    if document is None or not secrets.compare_digest(document["upload_key"], key) or document["state"] != "awaited":
        raise SlackError("invalid_upload_url")
    if len(content) != document["size"]:
        raise SlackError("length_mismatch")
    core.store.put_content(file_id, content)
    core.store.put("file", file_id, {**document, "state": "uploaded"})


def uploaded(core: Core, listed: Any) -> list[Document]:
    """The uploaded files that the call lists, with their titles."""
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise SlackError("invalid_arguments", ["missing required field: files"])
    found = []
    for one in listed:
        document = core.store.get("file", str(one.get("id")))
        if document is None or document["state"] != "uploaded":
            raise SlackError("file_not_found")
        found.append({**document, "title": one.get("title") or document["name"]})
    return found


def complete_upload(core: Core, call: Arguments) -> Document:
    files = uploaded(core, call.structure("files"))
    channel = call.optional("channel_id")
    comment = call.optional("initial_comment")
    blocks = None if comment else shared_blocks(call)
    if channel is not None:
        core.workspace.writable_by_bot(channel)
        thread_ts = core.workspace.thread_root(channel, call.optional("thread_ts"))
        ids = [document["id"] for document in files]
        details: Document = {"blocks": blocks, "thread_ts": thread_ts, "files": ids, "subtype": "file_share"}
        message = core.workspace.post(channel, comment or "", upload=True, **details)
        for document in files:
            document["shares"] = {channel: [{"ts": message["ts"], "thread_ts": thread_ts}]}
    for document in files:
        core.store.put("file", document["id"], {**document, "state": "shared"})
    core.changed()
    return {"files": [{"id": document["id"], "title": document["title"]} for document in files]}


def shared_blocks(call: Arguments) -> list[Document] | None:
    blocks = given_blocks(call)
    if blocks and any(block["type"] == "markdown" for block in blocks):
        # As Slack does: https://github.com/slackapi/python-slack-sdk/issues/1756
        raise SlackError("internal_error")
    return blocks


def kept_file(core: Core, file_id: str) -> Document:
    """The file. Raises SlackError, `file_deleted` when it was there once."""
    document = core.store.get("file", file_id)
    if document is None or document["state"] in {"awaited", "uploaded"}:
        raise SlackError("file_not_found")
    if document["state"] == "deleted":
        raise SlackError("file_deleted")
    return document


def inform(core: Core, call: Arguments) -> Document:
    return {"file": wire.file(core.workspace, kept_file(core, call.required("file")))}


def delete(core: Core, call: Arguments) -> Document:
    document = kept_file(core, call.required("file"))
    core.store.put("file", document["id"], {**document, "state": "deleted"})
    core.store.drop_content(document["id"])
    core.changed()
    return {}


METHODS = {
    "files.getUploadURLExternal": Method(get_upload_url, "files:write", TIER_4),
    "files.completeUploadExternal": Method(complete_upload, "files:write", TIER_4, takes_json=True),
    "files.info": Method(inform, "files:read", TIER_4),
    "files.delete": Method(delete, "files:write", TIER_3, takes_json=True),
}

"""How conversations, people, files and messages are told to the app."""

import mimetypes

from bot.local_slack.errors import Document
from bot.local_slack.profile import AppProfile
from bot.local_slack.workspace import BOT_USER, TEAM_ID, Workspace

# What a message keeps for this workspace alone and never shows to the app.
PRIVATE = ("channel", "ephemeral_to", "broadcast")
FLAGS = ("is_admin", "is_owner", "is_bot", "is_app_user", "is_restricted", "is_ultra_restricted", "is_stranger")


def kind(place: Document) -> str:
    if "user" in place:
        return "im"
    return "private_channel" if place["is_private"] else "public_channel"


def conversation(place: Document) -> Document:
    """The conversation as Slack describes it to the app."""
    shown: Document = {"id": place["id"], "created": place["created"], "is_archived": place["is_archived"]}
    if "user" in place:
        return {**shown, "is_im": True, "user": place["user"], "is_org_shared": False, "is_open": True}
    name, private = place["name"], place["is_private"]
    shown |= {"name": name, "name_normalized": name, "is_im": False, "is_mpim": False, "is_private": private}
    shown |= {"is_channel": not private, "is_group": private, "is_general": place["id"] == "C0GENERAL"}
    return shown | {"is_member": BOT_USER in place["members"], "num_members": len(place["members"])}


def person(profile: AppProfile, details: Document) -> Document:
    """The person as Slack describes them; the address only with its scope."""
    name = details["name"]
    shown = {"real_name": name, "real_name_normalized": name, "display_name": name, "team": TEAM_ID}
    if "users:read.email" in profile.scopes and details["email"]:
        shown["email"] = details["email"]
    found = {"id": details["id"], "team_id": details.get("team_id", TEAM_ID), "name": name.lower(), "real_name": name}
    found |= {"deleted": details.get("deleted", False), "is_email_confirmed": details["is_email_confirmed"]}
    flags = {flag: details.get(flag, False) for flag in FLAGS}
    return {**found, **flags, "tz": "Etc/UTC", "tz_offset": 0, "profile": shown}


def file(workspace: Workspace, document: Document) -> Document:
    """The file as Slack describes it; a deleted one is a tombstone."""
    if document["state"] == "deleted":
        return {"id": document["id"], "mode": "tombstone"}
    shares: dict[str, Document] = {"public": {}, "private": {}}
    for channel, places in document["shares"].items():
        shares["private" if channel.startswith("D") else "public"][channel] = places
    name = document["name"]
    extension = name.rsplit(".", 1)[-1].lower() if "." in name else "text"
    url = f"{workspace.base_url}/files-pri/{document['id']}/{name}"
    shown = {"id": document["id"], "created": document["created"], "name": name, "title": document.get("title", name)}
    shown |= {"mimetype": mimetypes.guess_type(name)[0] or "application/octet-stream", "filetype": extension}
    shown |= {"pretty_type": extension.upper(), "user": BOT_USER, "size": document["size"], "mode": "hosted"}
    shown |= {"url_private": url, "url_private_download": url, "permalink": url}
    places = {"shares": {place: found for place, found in shares.items() if found}}
    return {**shown, **places, "channels": list(shares["public"]), "ims": list(shares["private"])}


def message(workspace: Workspace, kept: Document) -> Document:
    """The message without what is private to the workspace, with its files described."""
    shown = {name: value for name, value in kept.items() if name not in PRIVATE}
    if "files" in kept:
        documents = [workspace.store.get("file", file_id) for file_id in kept["files"]]
        shown["files"] = [file(workspace, document) for document in documents if document is not None]
    return shown

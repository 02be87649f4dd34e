"""Files that go with every message of an email campaign (SPEC 4)."""

import io
import mimetypes
import zipfile
from collections.abc import Iterable

from models.actors import Actor
from models.database import execute, select, transaction
from models.errors import InvalidInputError, NotFoundError, WrongStateError
from models.operations import audit, running
from models.operations.files import remove_file, store_file
from models.operations.unscheduling import drop_start
from models.queries.campaigns import get_campaign
from models.rules.attachments import MOST_BYTES, is_executable, is_fit_name, packs_executable
from models.rules.timeouts import HOUR
from models.tables import Attachment
from models.words import NOT_RUN, Action, Channel

UNKNOWN_TYPE = "application/octet-stream"


def attach_file(campaign_id: int, name: str, content: bytes, *, actor: Actor, now: int) -> int:
    """Let a file go with every message of a Draft or Ready email campaign; returns the file's id.

    Its type is told from its name. Raises NotFoundError, NotAllowedError, WrongStateError, and InvalidInputError
    for a name that is unfit or taken, an empty file, one that could be run, or more than 20 MB in all.
    """
    _require_open(campaign_id, actor, now=now)
    _check(name, content)
    media_type = mimetypes.guess_type(name, strict=True)[0] or UNKNOWN_TYPE
    # Until it is attached it goes by itself: this may end here.
    file_id = store_file(name, media_type, [content], now=now, expires_at=now + HOUR)
    try:
        _attach(campaign_id, file_id, name, len(content), actor=actor, now=now)
    except (InvalidInputError, WrongStateError):
        remove_file(file_id)
        raise
    return file_id


def detach_file(campaign_id: int, file_id: int, *, actor: Actor, now: int) -> None:
    """Take a file away again. Raises NotFoundError, NotAllowedError, WrongStateError."""
    with transaction():
        _require_open(campaign_id, actor, now=now)
        if not execute("DELETE FROM attachments WHERE campaign_id = ? AND file_id = ?", campaign_id, file_id):
            raise NotFoundError("This file is not attached, or no longer.", campaign_id=campaign_id)
        if not select("SELECT 1 FROM attachments WHERE file_id = ? LIMIT 1", file_id):  # a duplicate may share it
            remove_file(file_id)
        _note(campaign_id, "detach_file", actor=actor, now=now)


def _attach(campaign_id: int, file_id: int, name: str, size: int, *, actor: Actor, now: int) -> None:
    with transaction():
        _require_open(campaign_id, actor, now=now)
        attached = select(
            "SELECT f.name, f.size FROM attachments a JOIN files f ON f.id = a.file_id WHERE a.campaign_id = ?",
            campaign_id,
        )
        if name.casefold() in {other.casefold() for other, _ in attached}:
            raise InvalidInputError(f"{name} is attached already: remove it first to replace it.", field="attachment")
        taken = sum(other for _, other in attached)
        if taken + size > MOST_BYTES:
            raise InvalidInputError(
                f"{name} has {_megabytes(size)}; of the 20 MB that attachments may have in all, "
                f"{_megabytes(MOST_BYTES - taken)} are left.",
                field="attachment",
            )
        Attachment.insert(campaign_id=campaign_id, file_id=file_id).execute()
        execute("UPDATE files SET expires_at = NULL WHERE id = ?", file_id)
        _note(campaign_id, "attach_file", actor=actor, now=now, size=size)


def _require_open(campaign_id: int, actor: Actor, *, now: int) -> None:
    """Raise unless this is a Draft or Ready email campaign that the actor may edit."""
    standing = running.permitted(Action.EDIT, campaign_id, actor, now=now)
    if standing.channel is not Channel.EMAIL:
        raise WrongStateError("An SMS takes no attachments.", campaign_id=campaign_id)
    if standing.phase not in NOT_RUN:
        raise WrongStateError(f"The attachments of {standing.name} can't be changed any more.", campaign_id=campaign_id)


def _check(name: str, content: bytes) -> None:
    if not is_fit_name(name):
        raise InvalidInputError("Give the file a name of up to 150 visible characters.", field="attachment")
    if not content:
        raise InvalidInputError(f"{name} is empty.", field="attachment")
    if is_executable(name, content) or packs_executable(_names_in_archive(content)):
        raise InvalidInputError(
            f"{name} is, or holds, a program or something else that can be run: mail servers refuse such files.",
            field="attachment",
        )


def _names_in_archive(content: bytes) -> Iterable[str]:
    """The names in a ZIP; none for any other file, and for one that can't be read."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        return ()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return ()


def _note(campaign_id: int, act: str, *, actor: Actor, now: int, **numbers: object) -> None:
    """What every edit does besides, within the open transaction."""
    drop_start(campaign_id, by=act, actor=actor, now=now)
    execute("UPDATE campaigns SET updated_at = ? WHERE id = ?", now, campaign_id)
    name = get_campaign(campaign_id).name
    audit.record(actor, act, now=now, kind="campaign", object_id=campaign_id, name=name, **numbers)


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.1f} MB"

"""An export in the direct messages of who asked for it: progress, the receipt in its place, then the file alone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog

from bot.drawing import blocks, lines
from bot.drawing.blocks import Message, escaped
from bot.outgoing.places import Places
from bot.outgoing.posting import Posting, fingerprint
from bot.outgoing.resting import Resting
from bot.outgoing.uploads import Uploads
from bot.outgoing.web_api import NotNowError, RefusedError, WebApi
from bot.site import site
from models.config import current
from models.operations import posts
from models.queries.posts import files_from_before, latest_post, living_exports, waits
from models.queries.work import file_of
from models.rules.criteria import Criteria
from models.tables import Export, SlackOutbox, SlackPost
from models.words import MESSAGE_STATUS_LABELS, OPEN_WORK, MessageStatus, WorkState

log = structlog.stdlib.get_logger("signalbox.poster")

PACE = 3_000  # ms between two looks at an export that is being made
FILE_LIFE = 7 * 24 * 3600 * 1000  # ms a file stays in Slack
GONE_FILES = frozenset({"file_not_found", "file_deleted"})


class ExportMessages:
    """Posts exports' messages and files, brings them up to date, and deletes the files after seven days."""

    def __init__(self, web_api: WebApi, posting: Posting, places: Places, clock: Callable[[], int]) -> None:
        self._web_api = web_api
        self._posting = posting
        self._places = places
        self._clock = clock
        self._uploads = Uploads(web_api)
        self._resting = Resting(clock)

    def say(self, saying: SlackOutbox) -> None:
        """Post the message of an export, wherever it has come to by now."""
        if latest_post("export", saying.subject_id) is None:
            shown = _message(Export.get_by_id(saying.subject_id))
            posted = self._posting.post(saying, self._places.direct(int(saying.address)), shown)
            place = {"channel_id": posted.channel_id, "ts": posted.ts}
            posts.keep("export", saying.subject_id, **place, rendered_hash=posted.shows, now=self._clock())

    def say_file(self, saying: SlackOutbox) -> None:
        """Upload the file, after its receipt."""
        if waits(f"export:{saying.subject_id}"):
            raise NotNowError("the receipt comes first")
        self._refresh(latest_post("export", saying.subject_id))
        export = Export.get_by_id(saying.subject_id)
        channel = self._places.direct(int(saying.address))
        name = _file_name(export)
        there = self._posting.look_for(saying, channel, lambda message: bool(_files(message, name)))
        if there is None:
            file_id = self._uploads.file_id(file_of(export, now=self._clock()), name)
            shared = {"files": [{"id": file_id, "title": name}], "initial_comment": _comment(export)}
            with self._posting.noted(saying):
                self._web_api.call("files_completeUploadExternal", channel_id=channel, **shared)
        else:
            file_id = _files(there, name)[0]
        post = posts.keep("file", export.id, channel_id=channel, ts=file_id, now=self._clock())
        if Export.get_by_id(export.id).file_id is None:
            posts.take_back(post)  # somebody in it was forgotten while it was on its way

    def refresh(self) -> None:
        """Bring the messages up to date; one whose export has ended says its last word."""
        now = self._clock()
        for post, is_open in living_exports():
            if not self._resting.rests(post) and (not is_open or now - post.updated_at >= PACE):
                try:
                    with self._resting.tried(post):
                        self._refresh(post)
                except NotNowError:
                    return

    def delete_old_files(self) -> None:
        """Take files out of Slack that have been there for seven days."""
        for post in files_from_before(self._clock() - FILE_LIFE):
            try:
                with self._resting.tried(post):
                    self._delete_file(post)
            except NotNowError:
                return

    def _delete_file(self, post: SlackPost) -> None:
        try:
            self._web_api.call("files_delete", file=post.ts)
        except RefusedError as refused:
            if refused.error not in GONE_FILES:
                log.warning("Slack keeps a file", export_id=post.subject_id, error=refused.error)
        posts.lose_post(post)

    def _refresh(self, post: SlackPost | None) -> None:
        if post is None or post.state != "live":
            return
        export, now = Export.get_by_id(post.subject_id), self._clock()
        shown = _message(export)
        if (rendered := fingerprint(shown)) != post.rendered_hash:
            place = {"channel": post.slack_channel_id, "ts": post.ts}
            try:
                self._web_api.call("chat_update", **place, text=shown.text, blocks=shown.blocks)
            except RefusedError:
                posts.lose_post(post)
                return
        posts.note_look(post, rendered_hash=rendered, now=now)
        if export.state not in OPEN_WORK:
            posts.settle_post(post)


def _message(export: Export) -> Message:
    """Progress, the receipt, or why there is none."""
    name = escaped(export.campaign_name)
    if export.state == WorkState.DONE:
        return Message(f"Your export of {name} is ready.", _receipt(export, name))
    if export.state not in OPEN_WORK:
        text = f"Your export of {name} did not come about: {escaped(export.result)}"
        return Message(text, [blocks.section(f"{text.rstrip('.')}.")])
    share = min(1.0, export.rows_done / max(1, export.rows_total))
    text = (
        f"Exporting *{name}*, {lines.filter_of(export)}.\n{blocks.bar(share)} *{int(100 * share)} %* · "
        f"{export.rows_done:,} of {lines.counted(export.rows_total, noun='row')}"
    )
    cancel = blocks.button("Cancel export", "cancel_export", value=str(export.id))
    return Message(f"Exporting {name}.", [blocks.section(text), blocks.actions([cancel], block_id="export")])


def _receipt(export: Export, name: str) -> list[blocks.Block]:
    totals = " · ".join(
        f"{MESSAGE_STATUS_LABELS[MessageStatus(status)]} {n:,}" for status, n in (export.totals or {}).items()
    )
    until = _utc(export.expires_at, "%-d %b %Y")
    note = (
        f"Kept in the panel until {until}; the file below is deleted from Slack on that day. "
        "Cells that a spreadsheet would run as a formula start with an apostrophe."
    )
    if current().simulated:
        note += f" {lines.SIMULATED}"
    return [
        blocks.section(
            f"*Your export of {name} is ready.*\nFilter: {lines.filter_of(export)} · {export.rows_done:,} rows · "
            f"as of {_utc(export.moment_at, '%-d %b %Y, %H:%M:%S UTC')}\n"
            f"Totals: {totals or 'none'}\nSHA-256: `{export.sha256}`"
        ),
        blocks.actions(
            [blocks.button("Open in panel", "open_panel", url=f"{site().panel_url}/exports")], block_id="export"
        ),
        blocks.context(note),
    ]


def _comment(export: Export) -> str:
    moment = _utc(export.moment_at, "%H:%M:%S UTC")
    rows = lines.counted(export.rows_done, noun="row")
    return f"{escaped(export.campaign_name)}, {lines.filter_of(export)}: {rows} as of {moment}."


def _file_name(export: Export) -> str:
    """As `storm-season-contact-check_failed_20261123T101604Z.csv`: never what was searched for."""
    criteria = Criteria.from_json(export.criteria)
    filtered = bool(criteria.search or criteria.message_ids or criteria.retry_classes)
    parts = [export.campaign_name, *criteria.statuses, *criteria.reasons, *(["filtered"] if filtered else [])]
    slugs = [re.sub(r"[^\w]+", "-", part.lower()).strip("-") or "campaign" for part in parts]
    return "_".join([*slugs, _utc(export.moment_at, "%Y%m%dT%H%M%SZ")]) + ".csv"


def _files(message: Any, name: str) -> list[str]:
    return [file["id"] for file in message.get("files", []) if file.get("name") == name]


def _utc(at: int, form: str) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime(form)

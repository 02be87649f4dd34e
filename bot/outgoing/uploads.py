"""A file's bytes on their way to Slack: piece by piece, in a thread, so that no card waits for a large one.

Slack's way is in three steps (https://docs.slack.dev/messaging/working-with-files): ask for a place, send the bytes
there, share the file. Only the last one posts anything, so the first two may be done again at any time.
"""

from http import HTTPStatus
from http.client import HTTPException
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import structlog
from peewee import PeeweeException

from bot.outgoing.web_api import LostError, NotNowError, RefusedError, WebApi
from models import database
from models.errors import NotFoundError
from models.queries.files import read_file
from models.tables import File

log = structlog.stdlib.get_logger("signalbox.poster")

BLINK_SECONDS = 0.3  # a small file is there by then
PIECE_SECONDS = 10  # for one piece of the file, however many there are
PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)  # refusals of the moment, not of the file


class Uploads:
    """One file at a time."""

    def __init__(self, web_api: WebApi) -> None:
        self._web_api = web_api
        self._under_way: _Upload | None = None

    def file_id(self, file: File, name: str) -> str:
        """What Slack calls the file once its bytes are there.

        Raises NotNowError while they, or another file's, are on their way, LostError when they did not get there,
        and what a call of the Web API raises.
        """
        upload = self._under_way
        # One that has arrived and that nobody asks for any more, as its export is gone, makes room.
        if upload is None or (upload.file.id != file.id and not upload.is_alive()):
            upload = self._begin(file, name)
        if upload.file.id != file.id or upload.is_alive():
            raise NotNowError("files.upload")
        self._under_way = None
        if upload.refused:
            raise RefusedError(f"upload refused with {upload.refused}")
        if not upload.arrived:
            raise LostError
        return upload.file_id

    def _begin(self, file: File, name: str) -> "_Upload":
        place = self._web_api.call("files_getUploadURLExternal", filename=name, length=file.size)
        self._under_way = _Upload(file, file_id=place["file_id"], url=place["upload_url"])
        self._under_way.start()
        self._under_way.join(BLINK_SECONDS)
        return self._under_way


class _Upload(Thread):
    """Sends a file; a stop of the process does not wait for it."""

    def __init__(self, file: File, *, file_id: str, url: str) -> None:
        super().__init__(name="upload", daemon=True)
        self.file, self.file_id, self._url = file, file_id, url
        self.arrived = False
        self.refused = 0  # the HTTP status for a file that will never be taken

    def run(self) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(self.file.size)}
        request = Request(self._url, read_file(self.file.id), headers)  # noqa: S310  # Slack's own answer
        try:
            with urlopen(request, timeout=PIECE_SECONDS):  # noqa: S310
                self.arrived = True
        except HTTPError as refused:
            refused.close()
            is_passing = refused.code in PASSING or refused.code >= HTTPStatus.INTERNAL_SERVER_ERROR
            self.refused = 0 if is_passing else refused.code
            log.warning("Slack takes no file", status=refused.code)
        except (OSError, HTTPException, PeeweeException, NotFoundError) as trouble:
            log.warning("a file did not get to Slack", trouble=str(trouble))
        finally:
            database.close()

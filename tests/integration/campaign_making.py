"""Making a campaign in the panel as a browser does it: forms, uploads, and what a page says."""

import io
import json
import re
import secrets
from html import unescape
from pathlib import Path

from werkzeug.test import TestResponse

from models.clock import now_ms
from models.operations import importing
from models.tables import Import
from tests.integration.panel import Visitor

NAUGHTY: list[str] = json.loads(
    (Path(__file__).parents[1] / "fixtures" / "naughty_strings.json").read_text(encoding="utf-8")
)
CONTACTS = "mobile,first name,suburb\n+14155550100,Zoë,Northbank\n+14155550101,,Hill\n+14155550102,Łukasz,Hill\n"


def begin(panel: Visitor, name: str = "Storm check", channel: str = "sms", **more: str) -> int:
    answer = panel.post("/campaigns/new", name=name, description="", channel=channel, **more)
    assert answer.status_code == 303, told(answer)
    return int(answer.headers["Location"].split("/")[2])


def upload(panel: Visitor, draft: int, content: str | bytes, name: str = "contacts.csv", **more: str) -> TestResponse:
    """Send a file. Large ones are written here: the test client would leave a temporary file open."""
    body = content.encode() if isinstance(content, str) else content
    form = {"consent": "yes", **more}
    if len(body) < 100_000:
        return panel.post(f"/campaigns/{draft}/contacts", file=(io.BytesIO(body), name), **form)
    return post_large(panel, f"/campaigns/{draft}/contacts", "file", name, body, **form)


def post_large(panel: Visitor, path: str, field: str, name: str, content: bytes, **form: str) -> TestResponse:
    """A form with a large file in it."""
    boundary = secrets.token_hex(8)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    plain = "".join(f'{head}{key}"\r\n\r\n{value}\r\n' for key, value in {"csrf_token": panel.token(), **form}.items())
    start = f'{plain}{head}{field}"; filename="{name}"\r\n\r\n'.encode()
    body = b"".join((start, content, f"\r\n--{boundary}--\r\n".encode()))
    answer = panel.client.post(path, data=body, content_type=f"multipart/form-data; boundary={boundary}")
    answer.close()
    return answer


def mapping(panel: Visitor, draft: int, content: str | bytes = CONTACTS, **more: str) -> str:
    """The address of the mapping step of an uploaded file."""
    answer = upload(panel, draft, content, **more)
    assert answer.status_code == 303, told(answer)
    return answer.headers["Location"]


def uses(*columns: str, **more: str) -> dict[str, str]:
    """A mapping's form: `destination`, `none`, or the name of a field for each column."""
    form = dict(more)
    for at, use in enumerate(columns):
        form |= {f"use-{at}": use} if use in ("destination", "none") else {f"use-{at}": "field", f"name-{at}": use}
    return form


def import_contacts(panel: Visitor, draft: int, content: str = CONTACTS, **form: str) -> None:
    chosen = form or uses("destination", "first name", "suburb")
    answer = panel.post(mapping(panel, draft, content), **chosen)
    assert answer.status_code == 303, told(answer)
    importing.do_import(Import.select().order_by(Import.id.desc()).get().id, clock=now_ms)


def told(answer: TestResponse) -> str:
    """What an alert of the page says."""
    found = re.search(r'role="alert">.*?<span>(.*?)</span>', answer.text, re.DOTALL)
    return unescape(re.sub("<[^>]+>", "", found[1])) if found else ""


def words_of(page: str) -> str:
    return " ".join(unescape(re.sub("<[^>]+>", " ", page)).split())

"""The panel without a server: people who sign in and ask."""

import re
from html import unescape
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from models.actors import COMMAND_LINE, Actor
from models.clock import now_ms
from models.operations import people
from models.tables import Person

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def read(html: str) -> str:
    """The words of a page, without its markup."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


class Visitor:
    """Somebody's browser."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()
        self._token = ""

    def sign_in(self, actor: Actor) -> "Visitor":
        """By a one-time link."""
        address = Person.get_by_id(actor.person_id).email
        token = people.make_sign_in_link(address, actor=COMMAND_LINE, now=now_ms())
        answer = self.post(f"/login/{token}")
        assert answer.status_code == 303, answer.text
        self._token = ""  # the session is a new one
        return self

    def get(self, path: str, **headers: str) -> TestResponse:
        """Look at an address."""
        return _read(self.client.get(path, headers=headers))

    def post(self, path: str, *, part: bool = False, **form: Any) -> TestResponse:
        """Send a form with the session's token; with `part`, as a dialog's script does."""
        headers = {"HX-Request": "true", "HX-Target": "dialogs"} if part else {}
        return _read(self.client.post(path, data={"csrf_token": self.token(), **form}, headers=headers))

    def token(self) -> str:
        """The token that every form of this session carries."""
        if not self._token:
            found = TOKEN.search(self.client.get("/login", follow_redirects=True).text)
            assert found
            self._token = found[1]
        return self._token


def _read(answer: TestResponse) -> TestResponse:
    """The answer read to its end, so that no file stays open behind it."""
    answer.get_data()
    answer.close()
    return answer

"""Every address that changes something, asked by another site, and every one that only shows, which changes nothing."""

from flask import Flask

from models.actors import Actor
from tests.factories import dump, make_ended
from tests.integration.panel import Visitor
from tests.integration.test_panel_access import DOORS, EVERYBODY, address


def test_no_form_without_the_sessions_token_is_heard(app: Flask, alice: Actor) -> None:
    make_ended()
    visitor = Visitor(app).sign_in(alice)
    before, heard = dump(), []
    for (rule, method), weakest in DOORS.items():
        if method == "POST" and weakest is not EVERYBODY:
            path = address(rule).replace("999", "1")
            for form in ({}, {"csrf_token": "forged"}):
                answer = visitor.client.post(path, data=form)
                if answer.status_code != 400:
                    heard.append((path, answer.status_code))
    assert heard == []
    assert dump() == before


def test_looking_changes_nothing(app: Flask, alice: Actor) -> None:
    make_ended()
    visitor = Visitor(app).sign_in(alice)
    before, changed = dump(), []
    for rule, method in DOORS:
        path = address(rule).replace("999", "1")
        if method == "GET":
            visitor.get(path)
            if dump() != before:
                changed.append(path)
                before = dump()
    assert changed == []

"""Slack over HTTP: the Flask side of `/slack/events`, mounted by `admin.wsgi`."""

from threading import Lock

from flask import Flask, Response, request
from slack_bolt import App
from slack_bolt.adapter.flask import SlackRequestHandler

from bot.app import create_bolt_app
from bot.connection import Connection, connection
from models.config import Config

PATH = "/slack/events"


def mount(app: Flask, config: Config) -> None:
    """Answer Slack's requests at `/slack/events`; 404 in Socket Mode and while Slack is off."""
    made: dict[Connection, App] = {}
    turn = Lock()

    @app.post(PATH)
    def slack_events() -> Response:
        found = connection(config)
        if found is None or found.by_socket:
            return Response("Slack is not reached over HTTP here.", status=404, mimetype="text/plain")
        with turn:
            if found not in made:  # the local Slack's secrets may change between its starts
                made.clear()
                made[found] = create_bolt_app(found)
            bolt_app = made[found]
        answer: Response = SlackRequestHandler(bolt_app).handle(request)
        return answer

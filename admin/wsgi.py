"""The web application: the panel, webhooks, Slack's requests, and what operations ask."""

from flask import Flask

from admin import access, metrics, panel, readiness, unsubscribing, webhooks
from bot import http
from models import database
from models.config import Config


def create_app(config: Config) -> Flask:
    """The WSGI application of one work process; opens no connection yet."""
    database.connect(config)
    app = Flask(__name__)
    readiness.install(app, config)
    metrics.install(app, config)
    panel.install(app, config)
    webhooks.install(app, config)
    app.register_blueprint(unsubscribing.blueprint)
    http.mount(app, config)
    access.refuse_unnamed(app)
    return app

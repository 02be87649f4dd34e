"""The bolt app, from one factory for HTTP and Socket Mode."""

from slack_bolt import App

from bot.connection import Connection
from bot.listeners import register


def create_bolt_app(connection: Connection) -> App:
    """The app with every listener; opens no connection and calls nothing yet."""
    app = App(
        client=connection.client(),
        signing_secret=connection.signing_secret or None,
        token_verification_enabled=False,
        request_verification_enabled=not connection.by_socket,
        raise_error_for_unhandled_request=False,
    )
    register(app)
    return app

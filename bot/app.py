"""The bolt app, from one factory for HTTP and Socket Mode."""

from concurrent.futures import ThreadPoolExecutor

from slack_bolt import App

from bot.connection import Connection
from bot.listeners import register

# Each answer under way keeps a thread, and to acknowledge takes one too. With bolt's own five, five people whose
# answers Slack is slow to take would make the sixth wait for longer than the 3 s that Slack does.
THREADS = 32


def create_bolt_app(connection: Connection) -> App:
    """The app with every listener; opens no connection and calls nothing yet."""
    app = App(
        client=connection.client(),
        signing_secret=connection.signing_secret or None,
        token_verification_enabled=False,
        request_verification_enabled=not connection.by_socket,
        raise_error_for_unhandled_request=False,
        listener_executor=ThreadPoolExecutor(THREADS, "slack"),
    )
    register(app)
    return app

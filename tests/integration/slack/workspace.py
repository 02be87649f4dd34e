"""The bot behind the web application as it is deployed, with the local Slack in place of a workspace."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from admin.wsgi import create_app
from bot.connection import connection
from bot.local_slack import AppProfile, LocalSlack
from bot.outgoing.budget import Budget
from bot.outgoing.poster import Poster
from bot.socket_mode import Ears
from jobs import slack_app
from models import hints
from models.config import Config
from models.installation import open_installation
from tests.bolt_hosts import served
from tests.slack_person import Person, eventually

PERSONAL = ("+1415555", "@example.com")  # how the recipients of tests begin or end
IDS = {"alice": "U0ALICE", "ben": "U0BEN", "vera": "U0VERA", "mallory": "U0MALLORY"}


class Workspace:
    """Who is in it, and the poster of the outbox, at work whenever it is told."""

    def __init__(self, slack: LocalSlack, config: Config) -> None:
        found = connection(config)
        assert found is not None
        self.slack, self.config, self.connection = slack, config, found
        self.client = found.client()
        self._poster = Poster(self.client, budget=Budget(1000))  # nobody waits for Slack's limits here

    def person(self, name: str) -> Person:
        """One of the cast."""
        return Person(self.slack, IDS[name])

    def at_once(self, act: Callable[[], object], times: int) -> None:
        """Do it so many times in parallel."""
        with ThreadPoolExecutor(times) as pool:
            for done in [pool.submit(act) for _ in range(times)]:
                done.result()

    def said_in_channels(self) -> list[dict[str, Any]]:
        """All that everybody can read in a channel."""
        core = self.slack.core

        def look() -> list[dict[str, Any]]:
            return [
                message
                for channel in core.workspace.store.children("conversation")
                if channel["id"].startswith("C")
                for message in core.workspace.messages(channel["id"], "")
            ]

        found: list[dict[str, Any]] = self.slack.do(look)
        return found

    def say_what_is_due(self) -> None:
        """One round of the poster."""
        self._poster.work()


def slack_variables(slack: LocalSlack, *, by_socket: bool = False) -> dict[str, str]:
    """The environment of an installation whose workspace this is, and which sends nothing."""
    secret = {"SLACK_APP_TOKEN": slack.app_token} if by_socket else {"SLACK_SIGNING_SECRET": slack.signing_secret}
    return {
        "SMS_PROVIDER": "simulated",
        "EMAIL_PROVIDER": "simulated",
        "SLACK_BOT_TOKEN": slack.bot_token,
        **secret,
        "SLACK_API_URL": slack.api_url,
        "SLACK_CHANNEL": "C0CAMPAIGNS",
    }


@contextmanager
def workspace(variables: Mapping[str, str], folder: Path, *, by_socket: bool = False) -> Iterator[Workspace]:
    """A Slack by token and signing secret, whose requests the web application answers; or one over Socket Mode."""
    profile = AppProfile.from_manifest(slack_app.manifest(by_socket=by_socket))
    with LocalSlack(folder, profile=profile, limits=False) as slack:
        config = Config.from_env({**variables, **slack_variables(slack, by_socket=by_socket)})
        open_installation(config)
        running = Workspace(slack, config)
        with listening(running) if by_socket else served(slack, create_app(config)):
            yield running
        said = str(running.said_in_channels())
        assert not [mark for mark in PERSONAL if mark in said], "a channel carries what is somebody's"
    hints.send_to(lambda _work, _subject_id: None)


@contextmanager
def listening(running: Workspace) -> Iterator[None]:
    """As the bot's process that leads listens."""
    ears = Ears(running.connection)
    ears.follow(True)
    try:
        eventually(lambda: running.slack.delivery.connections)
        yield
    finally:
        ears.close()

"""The bot behind the web application as it is deployed, with the local Slack in place of a workspace."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from admin.wsgi import create_app
from bot.connection import connection
from bot.local_slack import LocalSlack
from bot.poster import Poster
from models import hints
from models.config import Config
from models.installation import open_installation
from tests.bolt_hosts import served
from tests.slack_person import Person

IDS = {"alice": "U0ALICE", "ben": "U0BEN", "vera": "U0VERA", "mallory": "U0MALLORY"}


class Workspace:
    """Who is in it, and the poster of the outbox, at work whenever it is told."""

    def __init__(self, slack: LocalSlack, config: Config) -> None:
        found = connection(config)
        assert found is not None
        self.slack = slack
        self._poster = Poster(found.client())

    def person(self, name: str) -> Person:
        """One of the cast."""
        return Person(self.slack, IDS[name])

    def say_what_is_due(self) -> None:
        """One round of the poster."""
        self._poster.work()


@contextmanager
def workspace(variables: Mapping[str, str], folder: Path) -> Iterator[Workspace]:
    """A Slack by token and signing secret, whose requests the web application answers."""
    with LocalSlack(folder, limits=False) as slack:
        config = Config.from_env(
            {
                "SMS_PROVIDER": "simulated",
                "EMAIL_PROVIDER": "simulated",
                **variables,
                "SLACK_BOT_TOKEN": slack.bot_token,
                "SLACK_SIGNING_SECRET": slack.signing_secret,
                "SLACK_API_URL": slack.api_url,
                "SLACK_CHANNEL": "C0CAMPAIGNS",
            }
        )
        open_installation(config)
        with served(slack, create_app(config)):
            yield Workspace(slack, config)
    hints.send_to(lambda _work, _subject_id: None)

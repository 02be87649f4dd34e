"""The outgoing Slack against the local Slack, at a time that the test moves for both."""

from collections.abc import Callable
from typing import Any

from slack_sdk import WebClient

from bot.connection import connection
from bot.local_slack import Fault, LocalSlack
from bot.local_slack.errors import Document
from bot.outgoing.poster import Poster
from models.clock import now_ms
from models.config import Config
from models.tables import Person as PersonRow
from models.tables import SlackOutbox
from tests.integration.slack.workspace import IDS
from tests.slack_person import Person

CHANNEL = "C0CAMPAIGNS"
ROUND = 0.3  # s, as the bot does them


class Outgoing:
    """A poster within Slack's real limits, and what people see of what it says."""

    def __init__(self, slack: LocalSlack, config: Config) -> None:
        found = connection(config)
        assert found is not None
        self.slack = slack
        self.client = found.client()
        self._ahead = 0
        self._poster = self.poster()

    def poster(self, client: WebClient | None = None) -> Poster:
        """A poster as a process makes it at its start."""
        return Poster(client or self.client, clock=self.now)

    def restart(self) -> None:
        """Go on with a poster that knows only what the database does."""
        self._poster = self.poster()

    def now(self) -> int:
        """Epoch ms."""
        return now_ms() + self._ahead

    def passes(self, seconds: float) -> None:
        """Move the time of both sides, without a round."""
        self._ahead += round(seconds * 1000)
        self.slack.do(lambda: self.slack.clock.advance(seconds))

    def works(self, seconds: float = 0) -> None:
        """One round, and as many as fit into so many seconds."""
        self._poster.work()
        for _ in range(round(seconds / ROUND)):
            self.passes(ROUND)
            self._poster.work()

    def meets(self, method: str, **fault: Any) -> None:
        """Order trouble for the next calls of a method."""
        self.slack.do(lambda: self.slack.core.faults.order(Fault(method, **fault)))

    def is_well_again(self) -> None:
        """No more trouble."""
        self.slack.do(self.slack.core.faults.clear)
        self.slack.core.revoked = False

    def calls(self, method: str) -> list[Document]:
        """The calls of a method that Slack remembers."""
        traffic = self.slack.do(lambda: list(self.slack.core.traffic))
        return [call for call in traffic if call["name"] == method and call["direction"] == "in"]

    def refused(self) -> list[Document]:
        """Calls that came too often."""
        traffic = self.slack.do(lambda: list(self.slack.core.traffic))
        return [call for call in traffic if "ratelimited" in str(call["answer"])]

    def person(self, name: str) -> Person:
        """One of the cast."""
        return Person(self.slack, IDS[name])

    def in_channel(self, channel: str = CHANNEL) -> list[Document]:
        """The messages of a channel outside of threads."""
        return [one for one in self.person("vera").messages(channel) if not one.get("thread_ts")]

    def thread(self, channel: str = CHANNEL) -> list[str]:
        """The lines of all threads of a channel."""
        return [one["text"] for one in self.person("vera").messages(channel) if one.get("thread_ts")]

    def direct(self, name: str) -> list[Document]:
        """What the app wrote to a person."""
        return self.person(name).direct_messages()

    def do(self, work: Callable[[], Any]) -> Any:
        """Act on the local Slack's state."""
        return self.slack.do(work)


def knows(*names: str) -> None:
    """Link these people to their Slack users."""
    for name in names:
        PersonRow.update(slack_id=IDS[name.lower()]).where(PersonRow.name == name.title()).execute()


def waiting() -> list[str]:
    """The topics of what is still to be said."""
    return [row.topic for row in SlackOutbox.select().where(SlackOutbox.state == "queued").order_by(SlackOutbox.id)]

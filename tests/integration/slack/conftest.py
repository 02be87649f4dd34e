"""A workspace in which the cast is known already, and one of them to begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.local_slack import LocalSlack
from models.actors import Actor
from models.clock import now_ms
from models.config import Config
from models.installation import open_installation
from models.tables import Person as PersonRow
from tests import engines
from tests.integration.slack.outgoing import Outgoing, knows
from tests.integration.slack.workspace import IDS, Workspace, slack_variables, workspace
from tests.slack_person import Person


@pytest.fixture
def slack(installation: Config, tmp_path: Path, alice: Actor, ben: Actor, vera: Actor) -> Iterator[Workspace]:
    """A workspace in which Alice, Ben and Vera are known."""
    for actor in (alice, ben, vera):
        PersonRow.update(slack_id=IDS[actor.name.lower()]).where(PersonRow.id == actor.person_id).execute()
    with workspace(installation.variables, tmp_path) as running:
        yield running


@pytest.fixture
def as_ben(slack: Workspace) -> Person:
    """Ben, a Campaigner."""
    return slack.person("ben")


@pytest.fixture
def as_vera(slack: Workspace) -> Person:
    """Vera, a Viewer."""
    return slack.person("vera")


@pytest.fixture
def now_is() -> int:
    """The moment in which the bot acts, epoch ms."""
    return now_ms()


@pytest.fixture
def outgoing(installation: Config, tmp_path: Path, alice: Actor, ben: Actor, vera: Actor) -> Iterator[Outgoing]:
    """A workspace that keeps to Slack's limits and knows the three; a poster at its start."""
    knows("alice", "ben", "vera")
    with LocalSlack(tmp_path) as slack:
        config = Config.from_env({**installation.variables, **slack_variables(slack)})
        engines.let_go()
        open_installation(config)
        yield Outgoing(slack, config)

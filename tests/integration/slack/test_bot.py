"""The bot's process outlives a database that takes no writes, and stops cleanly while it is away."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest
import structlog

from bot import __main__ as bot
from jobs.runtime import leading
from jobs.runtime.stopping import Stop
from models import database
from models.clock import now_ms
from models.config import current
from tests import engines, factories
from tests.factories import make_campaign, rows_of
from tests.integration.slack.outgoing import Outgoing
from tests.processes import until
from tests.servers import away

pytestmark = pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)


@contextmanager
def posting() -> Iterator[None]:
    """The bot at work; fails the test if it ends by a fault."""
    stop, faults = Stop(), []

    def run() -> None:
        try:
            bot._post(current(), stop, None)
        except BaseException as fault:  # noqa: BLE001  # handed to the test
            faults.append(fault)
        finally:
            database.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        until(lambda: faults or rows_of("leases"), what="the bot's lease")
        yield
    finally:
        stop.ask()
        thread.join(10)
    assert not thread.is_alive()
    assert faults == []
    stop.close()


def test_a_stop_while_the_database_is_away_is_no_fault(outgoing: Outgoing, postgres: engines.Postgres) -> None:
    with ExitStack() as outage, posting():
        database.close()
        outage.enter_context(away(postgres, current().database_url))


def test_it_posts_again_when_the_database_takes_writes_again(
    outgoing: Outgoing, no_writes: Callable[[], AbstractContextManager[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leading, "ASKED_EVERY_SECONDS", 0)
    with structlog.testing.capture_logs() as logs, posting():
        with no_writes():
            until(lambda: any("refuses" in line["event"] for line in logs), what="a refusal")
        factories.run(make_campaign(name="Spring"), now=now_ms())
        until(outgoing.in_channel, what="a card")
    assert [line for line in logs if line["log_level"] == "error"] == []

"""A work process shows that it lives, also after a database that was away."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jobs import work
from jobs.runtime.stopping import Stop
from models import database
from models.clock import now_ms
from models.config import Config
from tests import engines
from tests.factories import rows_of
from tests.processes import until
from tests.servers import away


@contextmanager
def beating(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The pulse of a work process, ten times a second."""
    monkeypatch.setattr(work, "BEAT_SECONDS", 0.1)
    stop = Stop()
    pulse = threading.Thread(target=work._beat, args=("here-sms-1", "sms", stop))
    pulse.start()
    yield
    stop.ask()
    pulse.join(5)
    assert not pulse.is_alive()
    stop.close()


def beat_at() -> int:
    """When it last showed that it lives; 0 while it hasn't."""
    return next((row["beat_at"] for row in rows_of("running_processes")), 0)


def test_it_beats_until_the_stop_and_then_is_gone(installation: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with beating(monkeypatch):
        first = until(beat_at, what="a beat")
        until(lambda: beat_at() > first, what="another beat")
        assert rows_of("running_processes")[0]["duty"] == "sms"
    assert rows_of("running_processes") == []


@pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
def test_a_stop_while_the_database_is_away_is_no_fault(
    installation: Config, monkeypatch: pytest.MonkeyPatch, postgres: engines.Postgres
) -> None:
    with away(postgres, installation.database_url), beating(monkeypatch):
        pass


@pytest.mark.parametrize("engine", [engines.POSTGRESQL], indirect=True)
def test_it_beats_again_when_the_database_is_back(
    installation: Config, monkeypatch: pytest.MonkeyPatch, postgres: engines.Postgres
) -> None:
    with beating(monkeypatch):
        until(beat_at, what="a beat")
        database.close()  # the pool's, for the pulse to use while it can
        with away(postgres, installation.database_url):
            first = now_ms()
        until(lambda: beat_at() > first, what="another beat")

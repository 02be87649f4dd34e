"""What integration tests share: a terminal, the panel, and a Valkey."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
import structlog
from flask import Flask
from jinja2 import BytecodeCache, FileSystemBytecodeCache
from werkzeug.routing import Rule

from admin.wsgi import create_app
from jobs.runtime import waiting
from models import database, hints
from models.actors import Actor
from models.config import Config
from tests import engines
from tests.integration.panel import Visitor
from tests.integration.steps import World, going_on
from tests.servers import query_only, read_only, valkey_at
from tests.terminal import Terminal


@pytest.fixture
def terminal(
    installation: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Terminal]:
    """A terminal at the installation. What a command sets up for its process is undone afterwards."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield Terminal(tmp_path, installation.variables, capsys, monkeypatch)
    hints.send_to(lambda _work, _subject_id: None)
    structlog.reset_defaults()
    logging.captureWarnings(False)
    logging.basicConfig(handlers=handlers, level=level, force=True)


@pytest.fixture
def no_writes(
    installation: Config, engine: str, request: pytest.FixtureRequest
) -> Callable[[], AbstractContextManager[None]]:
    """Has the database take no writes for a while; on SQLite from this thread, and from who connects meanwhile."""
    if engine == engines.SQLITE:
        return query_only
    return partial(_read_only, request.getfixturevalue("postgres"), installation.database_url)


@contextmanager
def _read_only(postgres: engines.Postgres, url: str) -> Iterator[None]:
    database.close()
    database.database.obj.close_idle()  # those of the pool would be cut off unnoticed
    with read_only(postgres, url):
        yield
    database.close()


class CompiledRule(Rule):
    """An address whose builders are compiled once for all applications: half of what making one takes."""

    _compiled: ClassVar[dict[tuple[object, ...], Callable[..., tuple[str, str]]]] = {}

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        what = (*self._trace, append_unknown, str(self.defaults))
        if what not in self._compiled:
            self._compiled[what] = super()._compile_builder(append_unknown)
        return self._compiled[what]


Flask.url_rule_class = CompiledRule


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """What a template is compiled to, once for all applications: it takes longer than to answer with it."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(installation: Config, compiled_templates: BytecodeCache) -> Iterator[Flask]:
    """The web application."""
    engines.let_go()  # web opens the installation anew
    made = create_app(installation)
    made.jinja_env.bytecode_cache = compiled_templates
    yield made
    hints.send_to(lambda _work, _subject_id: None)


@pytest.fixture
def panel(app: Flask, alice: Actor) -> Visitor:
    """The panel as Alice has it."""
    return Visitor(app).sign_in(alice)


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Valkey that all tests share."""
    with valkey_at(tmp_path_factory.mktemp("valkey")) as (url, _):
        yield url


@pytest.fixture
def valkey(valkey_server: str) -> str:
    """The URL of an empty Valkey."""
    with waiting.client(valkey_server) as client:
        client.flushall()
    return valkey_server


@pytest.fixture
def world(installation: Config, alice: Actor, ben: Actor, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """An installation in which things go on when a test says so."""
    with going_on(installation, alice, ben, monkeypatch) as going:
        yield going

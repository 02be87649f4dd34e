"""What all tests share: a clean environment, an installation on either engine, and the cast."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from models import hints
from models.actors import COMMAND_LINE, Actor
from models.config import Config
from models.hints import Work
from models.installation import open_installation
from models.operations import people
from models.words import Role, Surface
from tests import engines
from tests.factories import NOW
from tests.processes import ALSO_OURS, OURS, TESTS_OWN

for name in [name for name in os.environ if name.startswith(OURS) or name in ALSO_OURS]:
    if not name.startswith(TESTS_OWN):
        del os.environ[name]

# As the product has them: Rich, which linters bring along, would draw tracebacks for a twentieth of the tests' time.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback

# Hypothesis' limits are of wall time, which a busy machine passes. Its stories are the same at every run; new ones
# are told by `--hypothesis-profile=new`.
settings.register_profile("new", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("new"), derandomize=True)
settings.load_profile("same")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Four processes for the default run; what is named on its own runs in one, as do tests that kill or look.

    Also on two cores: they wait for a good part of their time.
    """
    return 4 if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test marked `both_engines` on each."""
    if metafunc.definition.get_closest_marker("both_engines") and "engine" in metafunc.fixturenames:
        metafunc.parametrize("engine", [engines.SQLITE, engines.POSTGRESQL], indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[engines.Postgres]:
    """PostgreSQL, started when the first test asks for it."""
    with engines.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    """An SQLite file with our tables."""
    with engines.sqlite_template() as file:
        yield file


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> str:
    """The engine's name; SQLite unless the test is marked `both_engines`."""
    return str(getattr(request, "param", engines.SQLITE))


@pytest.fixture
def database_variables(engine: str, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The environment that names an empty database of ours on the engine."""
    if engine == engines.SQLITE:
        yield {}
        return
    server: engines.Postgres = request.getfixturevalue("postgres")
    url = server.make_database()
    yield {"DATABASE_URL": url, "SECRET_KEY": engines.SECRET}
    engines.let_go()
    server.drop_database(url)


@pytest.fixture
def environment() -> Mapping[str, str]:
    """Variables that a test module sets for its installation by a fixture of this name."""
    return {}


@pytest.fixture
def var() -> Iterator[Path]:
    """The installation's own folder."""
    with engines.folder_in_memory() as folder:
        yield folder


@pytest.fixture
def installation(
    var: Path, sqlite_template: Path, database_variables: Mapping[str, str], environment: Mapping[str, str]
) -> Iterator[Config]:
    """An installation in local mode whose time runs at its usual speed; both channels are simulated."""
    config = Config.from_env({"SIGNALBOX_VAR": str(var), "TIME_SCALE": "1", **database_variables, **environment})
    if config.on_sqlite:
        shutil.copy(sqlite_template, var)
    open_installation(config)
    yield config
    engines.let_go()


@pytest.fixture
def hinted(installation: Config) -> Iterator[list[tuple[Work, int]]]:
    """The hints that were said since the test began."""
    said: list[tuple[Work, int]] = []
    hints.send_to(lambda work, subject_id: said.append((work, subject_id)))
    yield said
    hints.send_to(lambda _work, _subject_id: None)


@pytest.fixture
def cast(installation: Config) -> Callable[[str, Role], Actor]:
    """Makes a person, who then acts from the panel."""

    def make(name: str, role: Role) -> Actor:
        email = f"{name.lower()}@example.com"
        person_id = people.create_person(email=email, name=name, role=role, actor=COMMAND_LINE, now=NOW)
        return Actor(person_id, name, role, Surface.PANEL)

    return make


@pytest.fixture
def alice(cast: Callable[[str, Role], Actor]) -> Actor:
    """Alice, Org Admin."""
    return cast("Alice", Role.ORG_ADMIN)


@pytest.fixture
def ben(cast: Callable[[str, Role], Actor]) -> Actor:
    """Ben, Campaigner."""
    return cast("Ben", Role.CAMPAIGNER)


@pytest.fixture
def vera(cast: Callable[[str, Role], Actor]) -> Actor:
    """Vera, Viewer."""
    return cast("Vera", Role.VIEWER)


@pytest.fixture
def mallory(cast: Callable[[str, Role], Actor]) -> str:
    """The address of Mallory, who is nobody here."""
    return "mallory@example.com"

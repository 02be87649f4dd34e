"""The schema: made by the migrations, once, the same on both engines, and the one that the tables describe."""

import re
from collections.abc import Iterator, Mapping
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from peewee import DatabaseError
from playhouse.schema_diff import diff_models

from models import database, schema
from models import tables as models_tables
from models.config import Config
from models.database import execute, on_sqlite, select, transaction
from models.errors import NotConfiguredError
from models.installation import open_installation
from models.tables import Campaign
from models.words import Phase
from tests import engines
from tests.crews import Member, work_at_once
from tests.factories import NOW, make_campaign, put_into_phase, rows_of, tables

both_engines = pytest.mark.both_engines
MODELS = [getattr(models_tables, name) for name in models_tables.__all__]
MIGRATIONS = sorted(path.stem for path in schema.DIRECTORY.glob("[0-9]*.py"))
PROCESSES = 4


@pytest.fixture
def database_variables(engine: str, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """An empty database without any tables, in place of the one that others get."""
    if engine == engines.SQLITE:
        yield {}
        return
    server: engines.Postgres = request.getfixturevalue("postgres")
    url = server.make_database(template="template0")
    yield {"DATABASE_URL": url, "SECRET_KEY": engines.SECRET}
    engines.let_go()
    server.drop_database(url)


@pytest.fixture
def unopened(var: Path, database_variables: Mapping[str, str]) -> Iterator[Config]:
    """An installation whose database nobody has opened yet."""
    config = Config.from_env({"SIGNALBOX_VAR": str(var), **database_variables})
    database.connect(config)
    yield config
    engines.let_go()


def migrate(barrier: Barrier) -> list[str]:
    barrier.wait()
    return schema.migrate()


@both_engines
def test_four_processes_at_once_apply_each_migration_once(unopened: Config) -> None:
    applied = work_at_once(unopened, [Member(migrate, opens=database.connect)] * PROCESSES)
    assert sorted(applied, key=len) == [[], [], [], MIGRATIONS]
    assert [row[0] for row in select("SELECT name FROM schema_migration ORDER BY name")] == MIGRATIONS


@both_engines
def test_schema_is_behind_until_it_is_migrated(unopened: Config) -> None:
    with pytest.raises(NotConfiguredError, match="python -m admin migrate"):
        schema.check()
    assert schema.migrate() == MIGRATIONS
    schema.check()
    assert schema.migrate() == []


@both_engines
def test_tables_describe_the_schema_column_by_column(installation: Config) -> None:
    diff = diff_models(database.database.obj, MODELS)  # type: ignore[no-untyped-call]  # the library is untyped
    assert (diff.create_tables, diff.add_columns, diff.drop_columns) == ([], [], [])
    assert sorted(model._meta.table_name for model in MODELS) == tables()


@both_engines
def test_columns_may_be_null_where_the_tables_say_so(installation: Config) -> None:
    for model in MODELS:
        keys = set(model._meta.get_primary_keys())
        described = {field.column_name: field.null for field in model._meta.sorted_fields if field not in keys}
        columns = database.database.get_columns(model._meta.table_name)
        found = {column.name: column.null for column in columns if column.name in described}
        assert found == described, model


def test_indexes_are_the_same_on_both_engines(installation: Config, var: Path, request: pytest.FixtureRequest) -> None:
    here = indexes()
    engines.let_go()
    server: engines.Postgres = request.getfixturevalue("postgres")
    url = server.make_database(template="template0")
    try:
        open_installation(
            Config.from_env({"SIGNALBOX_VAR": str(var), "DATABASE_URL": url, "SECRET_KEY": engines.SECRET})
        )
        assert indexes() == here
        assert "campaigns_channel_slot" in here
    finally:
        engines.let_go()
        server.drop_database(url)


def indexes() -> dict[str, tuple[str, bool, list[str]]]:
    """Our indexes by name: table, whether unique, columns; keys of tables have names of the engine's own."""
    return {
        index.name: (table, index.unique, index.columns)
        for table in tables()
        for index in database.database.get_indexes(table)
        if re.match(rf"{table}_(?!pkey)", index.name)
    }


@both_engines
def test_ids_are_never_given_twice(installation: Config) -> None:
    first = make_campaign(messages=1)
    with transaction():
        execute("DELETE FROM messages")
    make_campaign(messages=1, name="Second")
    assert first == 1
    assert rows_of("messages")[0]["id"] == 2


@both_engines
def test_one_campaign_holds_a_channel_whatever_writes(installation: Config) -> None:
    ids = [make_campaign() for _ in range(2)]
    put_into_phase(ids[0], Phase.HELD)
    for phase in (Phase.RUNNING, Phase.HELD, Phase.STOPPING):
        with pytest.raises(DatabaseError):
            put_into_phase(ids[1], phase)


CHECKED = [
    ("campaigns", "phase"),
    ("campaigns", "channel"),
    ("messages", "status"),
]


@both_engines
@pytest.mark.parametrize(("table", "column"), CHECKED)
def test_unknown_word_is_refused_by_the_table(installation: Config, table: str, column: str) -> None:
    make_campaign(messages=1)
    with pytest.raises(DatabaseError), transaction():
        execute(f"UPDATE {table} SET {column} = 'pigeon'")


@both_engines
def test_moment_of_any_size_is_kept(installation: Config) -> None:
    make_campaign(messages=1)
    with transaction():
        Campaign.update(updated_at=NOW * 1000).execute()
    assert Campaign.get().updated_at == NOW * 1000


def test_sqlite_is_durable_and_lets_readers_read(installation: Config) -> None:
    assert on_sqlite()
    found = {name: select(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous")}
    assert found == {"journal_mode": "wal", "synchronous": 2}


@both_engines
def test_engine_names_itself_with_its_version(installation: Config, engine: str) -> None:
    assert database.engine_version().casefold().startswith(engine)

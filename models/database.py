"""The database handle, its two engines, and the only ways to open a transaction.

SQLite (through apsw, whose library has the fix of the WAL-reset bug that the standard library's and
pysqlite3's may lack) is for one machine; PostgreSQL for more. The tables are bound to `database`;
`connect` decides what is behind it.
"""

import datetime as dt
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import apsw
from peewee import (  # type: ignore[attr-defined]  # the types lack the last
    DatabaseProxy,
    InterfaceError,
    InternalError,
    Model,
    OperationalError,
    PeeweeException,
    PostgresqlDatabase,
    TextField,
    __exception_wrapper__,
)
from playhouse.apsw_ext import APSWDatabase
from playhouse.pool import PooledPostgresqlDatabase

from models.config import Config
from models.errors import NotConfiguredError
from models.gate import WriteGate

database = DatabaseProxy()


class _Open(threading.local):
    """What this thread is to say once the transaction, or savepoint, that it has open is over."""

    def __init__(self) -> None:
        self.hints: list[Callable[[], object]] = []


_open = _Open()

BUSY_SECONDS = 30
ITERATE_ROWS = 2000
# A checkpoint inside a commit stalls that commit, so the clock makes them (`checkpoint`); this is the
# size, in pages of 4 kB, at which a commit does it all the same if the clock is gone.
CHECKPOINT_PAGES = 25_000
JOURNAL_BYTES = 64 << 20
# What may be the database's own fault, so that the same may go well in a moment; `refusal_in` tells.
DATABASES_OWN = (OperationalError, InterfaceError, InternalError)
# By SQLSTATE, what PostgreSQL can't do at present; the rest, as beyond its limits (54), it would never do.
AT_PRESENT = (
    "08",  # the connection
    "25006",  # it takes no writes, as for a while after a failover
    "25P03",  # it has ended a session that did nothing for too long, or (25P04) took too long
    "25P04",
    "28",  # who may connect
    "40",  # rolled back: a deadlock, or too much at once
    "53",  # no room, no memory, too many connections
    "55",  # locked
    "57",  # stops, starts, or was told to end this
    "58",  # the system below it
    "F0",  # its configuration
)
# By themselves, both ends of a cut network wait for hours: the machine that was cut off for an answer, and the
# others for the rows that it has locked. Every setting is libpq's, or the server's for this connection.
WATCHFUL_CLIENT = {
    "connect_timeout": 10,  # s
    "keepalives_idle": 10,  # s
    "keepalives_interval": 5,  # s
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # ms
}
WATCHFUL_SERVER = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
    "SET tcp_user_timeout = 25000"
)
# A plan made once for any values is made while the tables are small, or for a LIMIT that nobody knows, and then reads
# all attempts for 25 of them. To plan each time costs less than a tenth of a ms.
PLANNED_ANEW = "SET plan_cache_mode = force_custom_plan"


class SqliteDatabase(APSWDatabase):
    """SQLite in WAL mode whose write transactions pass the gate one by one."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.gate = WriteGate(path)
        self.waits: Callable[[], AbstractContextManager[object]] = nullcontext
        super().__init__(
            str(path),
            timeout=BUSY_SECONDS,
            lock_type="IMMEDIATE",
            pragmas={
                "journal_mode": "wal",
                "synchronous": "full",  # a claim is on the disk before its hand-over
                "cache_size": -32_000,
                "temp_store": "memory",
                "recursive_triggers": 1,  # else REPLACE slips past the audit's trigger
                "wal_autocheckpoint": CHECKPOINT_PAGES,
                "journal_size_limit": JOURNAL_BYTES,
            },
        )

    def _add_conn_hooks(self, conn: apsw.Connection) -> None:
        super()._add_conn_hooks(conn)
        # The migration runner binds datetimes, which apsw refuses to guess at.
        conn.convert_binding = _iso_binding


def _iso_binding(_connection: object, _number: int, value: object) -> object:
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    raise TypeError(f"can't bind {type(value).__name__}")


class WatchfulPostgres(PostgresqlDatabase):
    """PostgreSQL that notices within half a minute when the other side is gone without a word."""

    def _connect(self) -> Any:
        connection = super()._connect()  # type: ignore[misc]  # the types lack it
        connection.execute(f"{WATCHFUL_SERVER}; {PLANNED_ANEW}")
        return connection


class PostgresDatabase(PooledPostgresqlDatabase, WatchfulPostgres):  # type: ignore[misc]  # as peewee's own does
    """PostgreSQL through psycopg 3, one connection per thread at work; a broken one is replaced at its next use."""

    def cursor(self, named_cursor: bool | None = None) -> Any:
        """Called by peewee for every statement, the one that begins a transaction included."""
        if not self.in_transaction() and self.connection().closed:
            self.close()
        return super().cursor(named_cursor)

    def _can_reuse(self, connection: Any) -> bool:
        """Called by the pool: not one that began while the server took no writes, for it will never take any."""
        return bool(super()._can_reuse(connection)) and not _is_read_only(connection)


def _is_read_only(connection: Any) -> bool:
    return bool(connection.pgconn.parameter_status(b"default_transaction_read_only") == b"on")


def connect(config: Config) -> None:
    """Bind the tables to the database that the environment names; opens nothing yet."""
    if database.obj is not None:
        database.close()
    if config.on_sqlite:
        database.initialize(SqliteDatabase(Path(config.database_url.removeprefix("sqlite:///"))))
        return
    url = config.database_url.replace("postgres://", "postgresql://", 1)
    if not urlsplit(url).path.strip("/"):
        raise NotConfiguredError("DATABASE_URL names no database: postgresql://user:password@host/NAME.")
    database.initialize(
        PostgresDatabase(url, prefer_psycopg3=True, max_connections=32, stale_timeout=300, **WATCHFUL_CLIENT)
    )


def on_sqlite() -> bool:
    """Whether the bound engine is SQLite."""
    return isinstance(database.obj, SqliteDatabase)


def release() -> None:
    """Let go of this thread's connection after a request.

    PostgreSQL's goes back to the pool. SQLite's stays with its thread: nobody waits for it, and to open and
    close one takes longer than most requests do.
    """
    if not on_sqlite():
        close()


def close() -> None:
    """Close this thread's connection, or give it back to the pool."""
    if not database.is_closed():
        database.close()


@contextmanager
def transaction() -> Iterator[None]:
    """A write transaction, durable when it returns; inside another one, a savepoint.

    Keep it short (50 ms in sending and receipts, 300 ms in a bulk move) and free of network calls.
    Where several rows are locked, the order is: messages by id, counters, campaign.
    """
    is_inner, before, asked = database.in_transaction(), _open.hints, list[Callable[[], object]]()
    _open.hints = asked
    try:
        with database.atomic() if is_inner or not on_sqlite() else _turn():
            yield
    finally:
        _open.hints = before
    if is_inner:
        before += asked
    else:
        _say(asked)


@contextmanager
def _turn() -> Iterator[None]:
    """A transaction of SQLite's, once one's turn has come."""
    with ExitStack() as inside:
        with database.obj.waits():
            inside.enter_context(database.obj.gate.held())
            inside.enter_context(database.atomic())
        yield


def watch_waits(watch: Callable[[], AbstractContextManager[object]]) -> None:
    """Have `watch()` around each wait for one's turn to write; PostgreSQL's writers have none."""
    if on_sqlite():
        database.obj.waits = watch


def _say(hints: Sequence[Callable[[], object]]) -> None:
    """All of them in their order, also when one fails; the fault is raised at the end."""
    with ExitStack() as stack:
        for hint in reversed(hints):
            stack.push(partial(_say_one, hint))


def _say_one(hint: Callable[[], object], _kind: object, fault: BaseException | None, _trace: object) -> None:
    if fault is None or isinstance(fault, Exception):  # else the process is to end
        hint()


@contextmanager
def snapshot() -> Iterator[None]:
    """A read transaction that sees one moment however long it lasts, and blocks no writer."""
    if on_sqlite():
        with database.transaction("DEFERRED"):
            yield
        return
    with database.transaction():
        database.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def after_commit(hint: Callable[[], object]) -> None:
    """Run `hint` once the outermost open transaction is committed (at once if none is open); never if what it was
    asked for in is rolled back, be it a savepoint.

    On SQLite that is when the gate is open again: a hint may wait for Redis, and nobody should wait with it.
    """
    if database.in_transaction():
        _open.hints.append(hint)
    else:
        hint()


def select(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a query whose values stand as `?`."""
    cursor = database.execute_sql(_marked(sql), values)
    return list(cursor.fetchall())


def iterate(sql: str, *values: Any) -> Iterator[tuple[Any, ...]]:
    """Rows of a query one by one, in little memory; only inside `snapshot` or `transaction`."""
    if on_sqlite():
        cursor = database.execute_sql(_marked(sql), values)
        with __exception_wrapper__:
            yield from cursor
        return
    with __exception_wrapper__, database.connection().cursor(name="iterate") as cursor:
        cursor.execute(_marked(sql), values)
        while rows := cursor.fetchmany(ITERATE_ROWS):
            yield from rows


def execute(sql: str, *values: Any) -> int:
    """Run one statement; returns how many rows it changed."""
    cursor = database.execute_sql(_marked(sql), values)
    return int(database.rows_affected(cursor))


def execute_many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement for each of `rows`."""
    if rows:
        with __exception_wrapper__:
            database.cursor().executemany(_marked(sql), rows)


def update_many(
    table: type[Model],
    rows: Sequence[Sequence[Any]],
    *,
    columns: Sequence[str],
    key: Sequence[str],
    kept_if_none: Collection[str] = (),
) -> None:
    """Write `columns` of many rows, found by `key`; each of `rows` is the values of these and then of those.

    None in a column of `kept_if_none` leaves the value that is there. One statement for each row on SQLite, one for
    all on PostgreSQL, where each would cost a way to the server.
    """
    if not rows:
        return
    name = table._meta.table_name
    if on_sqlite():
        changes = ", ".join(f"{one} = COALESCE(?, {one})" if one in kept_if_none else f"{one} = ?" for one in columns)
        execute_many(f"UPDATE {name} SET {changes} WHERE {' AND '.join(f'{one} = ?' for one in key)}", rows)
        return
    changes = ", ".join(
        f"{one} = COALESCE(v.{one}, t.{one})" if one in kept_if_none else f"{one} = v.{one}" for one in columns
    )
    given = [*columns, *key]
    types = {one: "text" if isinstance(table._meta.fields[one], TextField) else "bigint" for one in given}
    arrays = ", ".join(f"?::{kind}[]" for kind in types.values())
    found = " AND ".join(f"t.{one} = v.{one}" for one in key)
    values = [list(column) for column in zip(*rows, strict=True)]
    execute(f"UPDATE {name} t SET {changes} FROM unnest({arrays}) AS v({', '.join(given)}) WHERE {found}", *values)


def insert_many(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write many rows by the engine's quickest way: executemany on SQLite, COPY on PostgreSQL."""
    names = ", ".join(columns)
    with __exception_wrapper__:
        if on_sqlite():
            marks = ", ".join("?" * len(columns))
            database.cursor().executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # names of ours
            return
        with database.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def for_update(*, skip_locked: bool = False) -> str:
    """The clause that locks the rows read, empty on SQLite (whose writer is alone)."""
    if on_sqlite():
        return ""
    return " FOR UPDATE SKIP LOCKED" if skip_locked else " FOR UPDATE"


def indexed_by(index: str) -> str:
    """The clause that names the index to read by, for SQLite, which keeps no statistics; PostgreSQL has its own."""
    return f" INDEXED BY {index}" if index and on_sqlite() else ""


def pinned(column: str) -> str:
    """The condition that a number has one value, for a walk along an index that begins with it, in its order.

    To PostgreSQL an equal sign makes the column no part of the order, so that it may walk all the table by its
    key and hope that the rows wanted come early; an array of one does not.
    """
    return f"{column} = ?" if on_sqlite() else f"{column} = ANY(ARRAY[?]::bigint[])"


def marks(values: Sequence[Any]) -> str:
    """As many `?` as there are values, for an IN list."""
    return ", ".join("?" * len(values))


def checkpoint() -> None:
    """Copy SQLite's write-ahead log into the file; nothing on PostgreSQL.

    Most of it is copied beside the writers, the rest in a moment in which the gate keeps them out: only a
    log that was copied to its end is begun anew, so under steady load it would grow for ever.
    """
    if on_sqlite():
        database.execute_sql("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        with database.obj.gate.held():
            database.execute_sql("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def refusal_in(fault: BaseException) -> str:
    """What the database can't do at present (its disk is full, it is read-only, locked or away), if a fault or a group
    of them tells of nothing else; '' for any other, wrong SQL among them.
    """
    if isinstance(fault, BaseExceptionGroup):
        said = [refusal_in(one) for one in fault.exceptions]
        return said[0] if all(said) else ""
    if not isinstance(fault, PeeweeException):
        return ""
    cause = fault.__context__
    if state := getattr(cause, "sqlstate", None):
        is_refusal = state.startswith(AT_PRESENT)
    else:
        is_refusal = isinstance(fault, (OperationalError, InterfaceError)) and not isinstance(cause, apsw.SQLError)
    return str(fault) if is_refusal else ""


def engine_version() -> str:
    """The engine and its version, for doctor and the health page."""
    if on_sqlite():
        return f"SQLite {apsw.sqlitelibversion()} (apsw {apsw.apswversion()})"
    return f"PostgreSQL {select('SHOW server_version')[0][0]}"


def _marked(sql: str) -> str:
    return sql if on_sqlite() else sql.replace("?", "%s")

"""One database: SQLite in a file by default, PostgreSQL by URL."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, closing, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, cast

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Table, Update, bindparam, event, inspect, make_url, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from voicehive.storage.errors import DatabaseUnavailable, DatabaseUrlInvalid
from voicehive.storage.tables import Tenanted

CONNECT_TIMEOUT_SECONDS = 10
BUSY_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT_SECONDS = 30
_MIGRATION_LOCK = 0x566F696365486976  # "VoiceHiv": the advisory lock that lets one process migrate at a time


class Database:
    """A pool of connections, and transactions on them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        # One writer at a time is SQLite's rule anyway; queueing here is fair and costs no polling on its lock.
        self._write_turn = asyncio.Lock() if engine.dialect.name == "sqlite" else nullcontext()

    @classmethod
    async def open(cls, url: str) -> "Database":
        """Connect; `migrate` must have run before the tables can be used.

        Raises:
            DatabaseUrlInvalid: the URL is of no database supported here.
            DatabaseUnavailable: nothing answers there, or it refuses.
        """
        parsed = normalize_url(url)
        database = cls(_create_engine(parsed))
        try:
            async with database.reading() as session:
                await session.execute(text("SELECT 1"))
        except (DBAPIError, OSError) as error:
            await database.close()
            raise _unavailable(parsed, error) from error
        return database

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """A session in a write transaction: committed at the end, rolled back on any exception."""
        async with self._write_turn, AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """A session that only reads; it waits for no writer, and on SQLite each statement sees the newest state."""
        engine = self._engine.execution_options(read_only=True, postgresql_readonly=True)
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            yield session

    async def is_current(self) -> bool:
        """Whether every migration this version knows has been applied, and no other."""
        async with self.reading() as session:
            connection = await session.connection()
            found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
        return set(found) == set(ScriptDirectory.from_config(_migrations()).get_heads())

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()


async def migrate(url: str) -> None:
    """Bring the database to this version's tables, creating an SQLite file and its folder where there is none.

    All migrations run in one transaction under a lock: processes that do this at once wait for each other, and a
    failure leaves the database as it was.

    Raises:
        DatabaseUrlInvalid: the URL is of no database supported here.
        DatabaseUnavailable: nothing answers there, or it refuses.
    """
    parsed = normalize_url(url)
    engine = _create_engine(parsed, statement_timeout_seconds=0)
    try:
        if engine.dialect.name == "sqlite":
            await asyncio.to_thread(_prepare_file, Path(str(parsed.database)))
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
            await connection.run_sync(_upgrade)
    except (DBAPIError, sqlite3.Error, OSError) as error:
        raise _unavailable(parsed, error) from error
    finally:
        await engine.dispose()


def normalize_url(url: str) -> URL:
    """The URL with the asynchronous driver used here.

    Raises:
        DatabaseUrlInvalid: it cannot be read, or is of another kind of database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUrlInvalid(f"the database URL cannot be read; {_URLS}") from None
    kind = parsed.get_backend_name()
    if kind in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise DatabaseUrlInvalid(f"the database URL starts with {kind!r}, which is not supported; {_URLS}")
    if parsed.database in (None, "", ":memory:") or str(parsed.database).startswith("file:"):
        raise DatabaseUrlInvalid(f"SQLite needs a plain file path, because several processes share it; {_URLS}")
    return parsed.set(drivername="sqlite+aiosqlite")


async def insert_if_absent(session: AsyncSession, table: type[Tenanted], values: Mapping[str, Any]) -> bool:
    """Insert a row unless one with its primary key exists; waits for a transaction that is inserting it just now.

    Returns whether it was inserted.
    """
    statement = _insert(session, table, values).on_conflict_do_nothing().returning(table.tenant)
    return (await session.execute(statement)).first() is not None


async def get_or_insert(session: AsyncSession, table: type[Tenanted], values: Mapping[str, Any]) -> dict[str, Any]:
    """The row with this primary key, inserted if absent, and locked until the transaction ends either way.

    A plain row: this and `update_row` are under every step of every plan, and mapping objects would double their cost.
    """
    statement = _get_or_insert(session.get_bind().dialect.name, table)
    return dict(cast(Mapping[str, Any], (await session.execute(statement, dict(values))).mappings().one()))


async def update_row(session: AsyncSession, table: type[Tenanted], row: Mapping[str, Any], **values: Any) -> None:
    """Give columns of the row with this row's primary key other values."""
    key = {f"key_{column.name}": row[column.name] for column in inspect(table).primary_key}
    await session.execute(_update(table, tuple(values)), key | values)


@cache
def _get_or_insert(dialect: str, table: type[Tenanted]) -> postgresql.Insert | sqlite.Insert:
    plain, key = cast(Table, table.__table__), inspect(table).primary_key
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(plain)
    # An update that changes nothing: unlike "do nothing" it locks the row that is there, and returns it.
    unchanged = {"tenant": statement.excluded.tenant}
    return statement.on_conflict_do_update(index_elements=key, set_=unchanged).returning(*plain.columns)


@cache
def _update(table: type[Tenanted], names: tuple[str, ...]) -> Update:
    statement = update(cast(Table, table.__table__))
    for column in inspect(table).primary_key:
        statement = statement.where(column == bindparam(f"key_{column.name}"))
    return statement.values({name: bindparam(name) for name in names})


def _insert(
    session: AsyncSession, table: type[Tenanted], values: Mapping[str, Any]
) -> postgresql.Insert | sqlite.Insert:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return insert(table).values(values)


_URLS = "use sqlite:///path/to/file.db or postgresql://user:password@host/database"


def _create_engine(url: URL, statement_timeout_seconds: int = STATEMENT_TIMEOUT_SECONDS) -> AsyncEngine:
    if url.get_backend_name() == "postgresql":
        arguments: dict[str, Any] = {}
        if "connect_timeout" not in url.query:
            arguments["connect_timeout"] = CONNECT_TIMEOUT_SECONDS
        if "options" not in url.query:
            arguments["options"] = f"-c statement_timeout={statement_timeout_seconds}s -c timezone=UTC"
        return create_async_engine(url, pool_pre_ping=True, connect_args=arguments)
    # isolation_level None: the driver must not open transactions of its own, because _begin does.
    arguments = {"isolation_level": None, "timeout": BUSY_TIMEOUT_SECONDS}
    engine = create_async_engine(url, connect_args=arguments)
    event.listen(engine.sync_engine, "connect", _configure_connection)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _configure_connection(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later fails at once with SQLITE_BUSY if another wrote in between,
    # whatever the busy timeout; one that takes the write lock at its start only waits.
    # A reader needs none: each statement sees one state of the file.
    if not connection.get_execution_options().get("read_only", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare_file(path: Path) -> None:
    """Create the file, in write-ahead-log mode (which it keeps): readers and the writer do not wait for each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS)) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError:  # the switch needs the file alone, and does not always wait for that
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _upgrade(connection: Connection) -> None:
    config = _migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", "voicehive.storage:migrations")
    return config


def _unavailable(url: URL, error: Exception) -> DatabaseUnavailable:
    cause = getattr(error, "orig", None) or error
    return DatabaseUnavailable(
        f"the database {url.render_as_string()} cannot be used: {str(cause).strip()}. "
        "Check that it is running and reachable and that VOICEHIVE_DATABASE_URL is right"
    )

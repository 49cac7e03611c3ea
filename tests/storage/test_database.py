import asyncio
import sqlite3
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from tests.storage.postgresql import HOW_TO_GET_IT, cluster, find_binaries
from voicehive.storage.database import Database, migrate, normalize_url
from voicehive.storage.errors import DatabaseUnavailable, DatabaseUrlInvalid
from voicehive.storage.notifications import Notification, Notifications
from voicehive.storage.tables import Base


async def test_migrations_build_exactly_the_tables_the_code_uses(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), Base.metadata))

    async with database.reading() as session:
        assert await (await session.connection()).run_sync(differences) == []
    assert await database.is_current()


def test_the_tenant_leads_every_primary_key() -> None:
    assert Base.metadata.tables
    for table in Base.metadata.tables.values():
        assert table.columns.keys()[0] == "tenant"
        assert table.primary_key.columns.keys()[0] == "tenant", table.name


MIGRATE = "import asyncio, sys; from voicehive.storage.database import migrate; asyncio.run(migrate(sys.argv[1]))"


async def migrate_in_processes(url: str, count: int) -> list[int | None]:
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, url) for _ in range(count)]
    await asyncio.gather(*(process.wait() for process in processes))
    return [process.returncode for process in processes]


async def test_processes_may_migrate_a_new_sqlite_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "voicehive.db"
    assert await migrate_in_processes(f"sqlite:///{path}", 4) == [0] * 4
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


async def test_processes_may_migrate_a_new_postgresql_database_at_once() -> None:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip(HOW_TO_GET_IT)
    with cluster(binaries) as url:
        assert await migrate_in_processes(url, 4) == [0] * 4


async def test_an_unmigrated_database_is_not_current(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite:///{tmp_path / 'empty.db'}")
    assert not await database.is_current()
    await database.close()


async def test_connections_are_set_up(database: Database, database_url: str) -> None:
    settings = (
        {"journal_mode": "wal", "synchronous": 1, "busy_timeout": 10_000, "foreign_keys": 1}
        if database_url.startswith("sqlite")
        else {"statement_timeout": "30s", "timezone": "UTC"}
    )
    keyword = "PRAGMA" if database_url.startswith("sqlite") else "SHOW"
    async with database.reading() as session:
        assert {name: await session.scalar(text(f"{keyword} {name}")) for name in settings} == settings


async def test_times_come_back_in_utc_and_naive_ones_are_refused(database: Database, tenant: str) -> None:
    local = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    sent = Notification(key="k", decision_id="d", recipient="r", kind="reminder", message="m", sent_at=local)
    async with database.transaction() as session:
        await Notifications(session, tenant).record(sent)
    async with database.reading() as session:
        (found,) = await Notifications(session, tenant).list("d")
    assert found.sent_at == local
    assert found.sent_at.tzinfo is UTC
    naive = sent.model_copy(update={"key": "naive", "sent_at": datetime(2026, 3, 1)})
    with pytest.raises(Exception, match="no time zone"):
        async with database.transaction() as session:
            await Notifications(session, tenant).record(naive)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://host/database", "'mysql', which is not supported; use sqlite:///path"),
        ("not a url", "cannot be read; use sqlite:///path"),
        ("sqlite://", "needs a plain file path"),
        ("sqlite:///:memory:", "needs a plain file path"),
        ("sqlite:///file:name?mode=memory&uri=true", "needs a plain file path"),
    ],
)
def test_unusable_urls_say_what_to_use(url: str, message: str) -> None:
    with pytest.raises(DatabaseUrlInvalid, match=message):
        normalize_url(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+asyncpg"])
def test_every_spelling_of_postgresql_uses_psycopg(scheme: str) -> None:
    assert normalize_url(f"{scheme}://u:p@h/d").render_as_string(False) == "postgresql+psycopg://u:p@h/d"


@pytest.mark.parametrize("call", [Database.open, migrate])
async def test_an_unreachable_database_is_named_without_its_password(call: object, tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="VOICEHIVE_DATABASE_URL") as caught:
        await call(f"postgresql://user:s3cret@/none?host={tmp_path}")  # type: ignore[operator]
    assert "s3cret" not in str(caught.value)

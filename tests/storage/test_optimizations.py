"""The cache of finished optimisations and the checkpoints of running ones, on both databases."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.config import Config
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import create_async_engine

from voicehive.storage import database as database_module
from voicehive.storage.checkpoints import LEFT_BEHIND, Checkpoints
from voicehive.storage.database import Database, migrate
from voicehive.storage.optimizations import RESULT_KIND, CachedOptimization, Optimizations
from voicehive.storage.results import Results
from voicehive.storage.tables import CheckpointRow

LIMIT = 3


def entry(result: str, key: str | None = None, structure: str = "s") -> CachedOptimization:
    return CachedOptimization(result=result, key=key or result, structure=structure, outcome=f"outcome of {result}")


async def put(database: Database, tenant: str, one: CachedOptimization, *, pinned: bool = False) -> None:
    async with database.transaction() as session:
        await Optimizations(session, tenant, LIMIT).put(one, one.result.encode(), pinned=pinned)


async def find(database: Database, tenant: str, key: str, *, pin: bool = False) -> CachedOptimization | None:
    async with database.transaction() as session:
        return await Optimizations(session, tenant, LIMIT).find(key, pin=pin)


async def documents(database: Database, tenant: str, *digests: str) -> list[bytes | None]:
    async with database.reading() as session:
        return [await Results(session, tenant).get(digest, RESULT_KIND) for digest in digests]


async def test_an_entry_is_found_by_its_key_and_by_nobody_else(database: Database, tenant: str) -> None:
    await put(database, tenant, entry("a"))
    assert await find(database, tenant, "a") == entry("a")
    assert await find(database, tenant, "b") is None
    assert await find(database, f"{tenant}-other", "a") is None


async def test_the_entry_not_used_for_the_longest_goes_and_takes_its_result_along(
    database: Database, tenant: str
) -> None:
    for name in ("a", "b", "c"):
        await put(database, tenant, entry(name))
    await find(database, tenant, "a")
    await put(database, tenant, entry("d"))
    assert await find(database, tenant, "b") is None
    assert await documents(database, tenant, "a", "b", "c", "d") == [b"a", None, b"c", b"d"]


async def test_a_result_that_a_decision_refers_to_outlives_its_entry(database: Database, tenant: str) -> None:
    await put(database, tenant, entry("by decision"), pinned=True)
    await put(database, tenant, entry("found by decision"))
    await find(database, tenant, "found by decision", pin=True)
    for name in ("a", "b", "c"):
        await put(database, tenant, entry(name))
    assert await find(database, tenant, "by decision") is None
    assert await find(database, tenant, "found by decision") is None
    kept = await documents(database, tenant, "by decision", "found by decision")
    assert kept == [b"by decision", b"found by decision"]


async def test_the_nearest_is_the_last_used_of_the_same_structure(database: Database, tenant: str) -> None:
    for one in (entry("a"), entry("b"), entry("c", structure="other")):
        await put(database, tenant, one)
    await find(database, tenant, "a")
    async with database.transaction() as session:
        stored = Optimizations(session, tenant, LIMIT)
        assert await stored.nearest("s") == b"a"
        assert await stored.nearest("unheard of") is None


async def test_what_need_not_be_the_same_again_is_only_near(database: Database, tenant: str) -> None:
    outside = CachedOptimization(result="a", key=None, structure="s", outcome="")
    await put(database, tenant, outside)
    async with database.transaction() as session:
        stored = Optimizations(session, tenant, LIMIT)
        assert await stored.find("", pin=False) is None
        assert await stored.nearest("s") == b"a"


async def test_workers_fill_use_and_empty_the_cache_at_once(database: Database, tenant: str) -> None:
    """None waits for another in a circle, every entry found has its result, and the limit holds in the end."""

    async def work(number: int) -> None:
        name = f"result-{number % 12}"
        if number % 3 == 0 and (found := await find(database, tenant, name, pin=number % 2 == 0)):
            assert found == entry(name)
        await put(database, tenant, entry(name))

    await asyncio.wait_for(asyncio.gather(*(work(number) for number in range(60))), 30)
    await put(database, tenant, entry("last"))
    names = [*(f"result-{number}" for number in range(12)), "last"]
    there = [name for name in names if await find(database, tenant, name)]
    assert len(there) == LIMIT
    assert None not in await documents(database, tenant, *there)


async def test_checkpoints_belong_to_their_run_and_go_when_superseded(database: Database, tenant: str) -> None:
    async with database.transaction() as session:
        mine, other = (Checkpoints(session, tenant, owner) for owner in ("mine", "other"))
        first, second = [await mine.put(document) for document in (b"first", b"second")]
        assert await mine.put(b"first") == first
        assert await other.put(b"first") == first
        await mine.keep([second])
    async with database.reading() as session:
        mine, other = (Checkpoints(session, tenant, owner) for owner in ("mine", "other"))
        assert [await mine.get(digest) for digest in (first, second)] == [None, b"second"]
        assert await other.get(first) == b"first"
    async with database.transaction() as session:
        await Checkpoints(session, tenant, "mine").keep([])
        assert await Checkpoints(session, tenant, "mine").get(second) is None


async def test_what_ended_runs_left_behind_goes_after_a_while(database: Database, tenant: str) -> None:
    async with database.transaction() as session:
        old = await Checkpoints(session, tenant, "terminated").put(b"old")
        long_ago = datetime.now(UTC) - LEFT_BEHIND
        await session.execute(update(CheckpointRow).where(CheckpointRow.tenant == tenant).values(created_at=long_ago))
        young = await Checkpoints(session, tenant, "running").put(b"young")
        await Checkpoints(session, tenant, "mine").keep([])
        assert await Checkpoints(session, tenant, "terminated").get(old) is None
        assert await Checkpoints(session, tenant, "running").get(young) == b"young"


async def test_results_stored_by_the_first_release_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    upgrade = database_module.command.upgrade

    def only_the_first(config: Config, _: str) -> None:
        upgrade(config, "0001")

    monkeypatch.setattr(database_module.command, "upgrade", only_the_first)
    await migrate(url)
    engine = create_async_engine(database_module.normalize_url(url))
    async with engine.begin() as connection:
        await connection.execute(
            text("INSERT INTO results VALUES ('t', 'd', :kind, 'x', '2026-01-01')"), {"kind": RESULT_KIND}
        )
    await engine.dispose()
    monkeypatch.undo()
    await migrate(url)
    database = await Database.open(url)
    async with database.transaction() as session:
        await Results(session, "t").discard(["d"], RESULT_KIND)
        assert await Results(session, "t").get("d", RESULT_KIND) is not None
    await database.close()

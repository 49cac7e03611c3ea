"""Claims: the audit log takes 50,000 entries a second in batches, and a proof at a million entries is made in 1 ms.

Peers, in the same run: the same rows inserted without a tree, by the same driver on the same kind of file, in turn with
ours; SHA-256 alone of the same leaves; and pymerkle's SQLite tree where it is installed (it is GPL, and so no
dependency of this project's).
"""

import asyncio
import hashlib
import importlib
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import text

from voicehive.audit.entries import Draft, Kind, render_leaves
from voicehive.audit.merkle import Frontier, hash_leaf
from voicehive.audit.proofs import verify_consistency, verify_inclusion
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database, migrate

ENTRIES, BATCH, PROOFS = 1_000_000, 5_000, 1_000
PEER_EVERY = 5
"""Every so many batches of ours one of the peer's, so that both see the same load of the machine."""
PYMERKLE_ENTRIES = 50_000
TENANT = "benchmark"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAIN = (
    "CREATE TABLE plain (tenant TEXT NOT NULL, sequence BIGINT NOT NULL, leaf TEXT NOT NULL, decision_id TEXT, "
    "key TEXT, PRIMARY KEY (tenant, sequence))",
    "CREATE INDEX plain_by_decision ON plain (decision_id) WHERE decision_id IS NOT NULL",
    "CREATE UNIQUE INDEX plain_by_key ON plain (tenant, key) WHERE key IS NOT NULL",
)


class Took(NamedTuple):
    """The times of one piece of work."""

    wall: float
    cpu: float


def drafts(number: int) -> list[Draft]:
    """A batch as a decision's steps leave it: about 270 bytes an entry, twenty entries a decision."""
    return [
        Draft(
            kind=Kind.STEP,
            decision_id=f"capacity-acme-{number}-{index // 20}",
            run_id="6b0c6c1e-run",
            body={"step": f"set agents.peak {index}", "state": "applied", "attempt": 1, "value": 54.5},
        )
        for index in range(BATCH)
    ]


async def timed(work: Callable[[], Awaitable[Any]]) -> Took:
    """How long it takes."""
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


async def append(database: Database, batch: Sequence[Draft]) -> None:
    """Ours, from drafts to the commit."""
    async with database.transaction() as session:
        await AuditLog(session, TENANT).append(batch)


async def insert_plainly(database: Database, rows: Sequence[tuple[Any, ...]]) -> None:
    """The rows and no tree, from finished rows to the commit."""
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("INSERT INTO plain VALUES (?, ?, ?, ?, ?)", list(rows))


async def fill(ours: Database, peer: Database) -> tuple[list[Took], list[Took]]:
    """Append every entry; the times of each batch, ours and the peer's."""
    mine: list[Took] = []
    theirs: list[Took] = []
    for number in track(range(ENTRIES // BATCH), description="appending"):
        batch = drafts(number)
        mine.append(await timed(lambda batch=batch: append(ours, batch)))
        if number % PEER_EVERY == 0:
            leaves = render_leaves(TENANT, number * BATCH, NOW, batch, {})
            rows = [
                (TENANT, number * BATCH + index, leaf, draft.decision_id, None)
                for index, (leaf, draft) in enumerate(zip(leaves, batch, strict=True))
            ]
            theirs.append(await timed(lambda rows=rows: insert_plainly(peer, rows)))
    return mine, theirs


async def prove(database: Database) -> dict[str, list[Took]]:
    """The times of proofs at random places, each verified; and of reading one row by its key."""
    chance = random.Random(1)
    times: dict[str, list[Took]] = {"inclusion": [], "consistency": [], "one row": []}
    async with database.reading() as session:
        log = AuditLog(session, TENANT)
        root = (await log.frontier()).root()
        connection = await session.connection()
        for _ in track(range(PROOFS), description="proving"):
            at = chance.randrange(1, ENTRIES)
            got: dict[str, Any] = {}

            async def keep(name: str, made: Awaitable[Any], got: dict[str, Any] = got) -> None:
                got[name] = await made

            works = {
                "inclusion": log.inclusion_proof(at, ENTRIES),
                "consistency": log.consistency_proof(at, ENTRIES),
                "one row": connection.exec_driver_sql(
                    "SELECT leaf FROM audit_entries WHERE tenant = ? AND sequence = ?", (TENANT, at)
                ),
            }
            for name, made in works.items():
                times[name].append(await timed(lambda name=name, made=made: keep(name, made)))
            leaf = got["one row"].scalar_one()
            verify_inclusion(at, ENTRIES, hash_leaf(leaf.encode()), got["inclusion"], root)
            verify_consistency(at, ENTRIES, await log.root(at), root, got["consistency"])
    return times


def in_memory(batch: Sequence[Draft]) -> float:
    """Seconds of CPU for what is ours alone: rendering, hashing and growing the tree, with no database."""
    began = time.process_time()
    leaves = render_leaves(TENANT, 0, NOW, batch, {})
    Frontier().extend([hash_leaf(leaf.encode()) for leaf in leaves])
    return time.process_time() - began


def hashed_barely(batch: Sequence[Draft]) -> float:
    """Seconds of CPU for two SHA-256 an entry, of its leaf and of 65 bytes: the least that any such tree can do."""
    leaves = [leaf.encode() for leaf in render_leaves(TENANT, 0, NOW, batch, {})]
    node, sha256 = bytes(65), hashlib.sha256
    began = time.process_time()
    for leaf in leaves:
        sha256(leaf).digest()
        sha256(node).digest()
    return time.process_time() - began


def pymerkle(folder: Path) -> str:
    """What pymerkle's SQLite tree takes, or that it is not here."""
    try:
        library: Any = importlib.import_module("pymerkle")
    except ModuleNotFoundError:
        return "pymerkle is not installed: not compared"
    leaves = [leaf.encode() for leaf in render_leaves(TENANT, 0, NOW, drafts(0), {})]
    with library.SqliteTree(str(folder / "pymerkle.db")) as tree:
        began = time.perf_counter()
        for _ in range(PYMERKLE_ENTRIES // BATCH):
            tree.append_entries(leaves)
        rate = PYMERKLE_ENTRIES / (time.perf_counter() - began)
        seconds: list[float] = []
        for at in range(1, PYMERKLE_ENTRIES, PYMERKLE_ENTRIES // 20):
            began = time.perf_counter()
            tree.prove_inclusion(at)
            seconds.append(time.perf_counter() - began)
    proof = 1_000 * statistics.median(seconds)
    return f"pymerkle: {rate:,.0f} appends/s, an inclusion proof at {PYMERKLE_ENTRIES:,} entries {proof:.2f} ms"


def report(console: Console, mine: list[Took], theirs: list[Took], proofs: dict[str, list[Took]]) -> None:
    """Print the rates and the latencies."""
    shown = Table(
        "batches", "appends/s", "best", "CPU us an entry", title=f"{ENTRIES:,} entries, {BATCH:,} a transaction"
    )
    for name, times in (("audit log", mine), ("rows without a tree", theirs)):
        median = statistics.median(one.wall for one in times)
        best = min(one.wall for one in times)
        cpu = statistics.median(one.cpu for one in times)
        shown.add_row(name, f"{BATCH / median:,.0f}", f"{BATCH / best:,.0f}", f"{1e6 * cpu / BATCH:.1f}")
    console.print(shown)
    rate = BATCH / statistics.median(one.wall for one in mine)
    ratio = statistics.median(one.wall for one in mine) / statistics.median(one.wall for one in theirs)
    console.print(
        f"an entry takes {ratio:.1f} times as long as its bare row; target 50,000 appends/s: {_said(rate >= 50_000)}"
    )
    latencies = Table(f"at {ENTRIES:,} entries", "p50 ms", "p95 ms", "CPU ms", title=f"{PROOFS:,} random places")
    for name, times in proofs.items():
        wall = sorted(one.wall for one in times)
        cpu = statistics.median(one.cpu for one in times)
        figures = (wall[len(wall) // 2], wall[len(wall) * 95 // 100], cpu)
        latencies.add_row(name, *(f"{1_000 * seconds:.2f}" for seconds in figures))
    console.print(latencies)
    slowest = max(statistics.median(one.wall for one in proofs[name]) for name in ("inclusion", "consistency"))
    row = statistics.median(one.wall for one in proofs["one row"])
    console.print(
        f"a proof takes {slowest / row:.1f} times as long as reading one row; target 1 ms: {_said(slowest < 0.001)}"
    )


def _said(reached: bool) -> str:
    return "reached" if reached else "missed"


async def main() -> None:
    """Measure and print."""
    console = Console()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        databases: list[Database] = []
        for name in ("ours.db", "peer.db"):
            await migrate(f"sqlite:///{folder / name}")
            databases.append(await Database.open(f"sqlite:///{folder / name}"))
        ours, peer = databases
        async with peer.transaction() as session:
            for statement in PLAIN:
                await session.execute(text(statement))
        mine, theirs = await fill(ours, peer)
        proofs = await prove(ours)
        report(console, mine, theirs, proofs)
        each = 1e6 * statistics.median(in_memory(drafts(0)) for _ in range(5)) / BATCH
        bare = 1e6 * statistics.median(hashed_barely(drafts(0)) for _ in range(5)) / BATCH
        console.print(
            f"of that, rendering, hashing and growing the tree: {each:.1f} us of CPU an entry, {each / bare:.1f} times "
            "as long as its two SHA-256"
        )
        console.print(pymerkle(folder))
        for database in databases:
            await database.close()


if __name__ == "__main__":
    asyncio.run(main())

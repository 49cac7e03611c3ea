import asyncio
import json
import multiprocessing
import sqlite3
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from voicehive.audit.checkpoints import cosign, cosigned_at
from voicehive.audit.entries import Draft, Entry, Kind, Personal
from voicehive.audit.errors import ExportInvalid, NoteInvalid, OutOfRange, PurgeBlocked
from voicehive.audit.keys import SigningKey
from voicehive.audit.merkle import EMPTY_ROOT, Frontier, hash_leaf
from voicehive.audit.proofs import verify_consistency, verify_inclusion
from voicehive.audit.verification import Trust, Verified, verify_export
from voicehive.storage import database as storage_database
from voicehive.storage.audit_export import export_lines
from voicehive.storage.audit_log import AuditLog, StoredEntry
from voicehive.storage.audit_subject_keys import AuditSubjectKeys, purge_destroyed_keys
from voicehive.storage.database import Database, migrate
from voicehive.storage.parameters import Parameters

KEY = SigningKey.generate("example.com/voicehive")
WITNESS = SigningKey.generate("witness.example")
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def drafts(*numbers: int, **fields: Any) -> list[Draft]:
    return [Draft(kind=Kind.STEP, body={"n": number}, **fields) for number in numbers]


async def append(database: Database, tenant: str, given: list[Draft]) -> list[int]:
    async with database.transaction() as session:
        return await AuditLog(session, tenant).append(given, NOW)


async def stored(database: Database, tenant: str) -> list[StoredEntry]:
    async with database.reading() as session:
        return [entry async for entry in AuditLog(session, tenant).entries()]


async def sign(database: Database, tenant: str) -> None:
    async with database.transaction() as session:
        await AuditLog(session, tenant).sign_head(KEY, NOW)


async def export(database: Database, tenant: str, *, withhold: bool = False) -> list[bytes]:
    async with database.reading() as session:
        return [line async for line in export_lines(session, tenant, withhold=withhold)]


async def check(database: Database, tenant: str) -> Verified:
    await sign(database, tenant)
    return verify_export(await export(database, tenant), Trust([KEY.verifying]))


def numbers_of(entries: list[StoredEntry]) -> list[Any]:
    return [Entry.parse(entry.leaf).body["n"] for entry in entries]


async def test_entries_are_numbered_in_order_and_kept_word_for_word(database: Database, tenant: str) -> None:
    given = [
        Draft(kind=Kind.VERDICT, body={"text": "ü\x00\ud800", "big": 10**30}, decision_id="d", run_id="r"),
        Draft(kind=Kind.MODEL_CALL, body={"float": 1e300}),
    ]
    assert await append(database, tenant, given) == [0, 1]
    assert await append(database, tenant, drafts(7)) == [2]
    assert await append(database, tenant, []) == []
    entries = await stored(database, tenant)
    assert [entry.index for entry in entries] == [0, 1, 2]
    first = json.loads(entries[0].leaf)
    assert first["body"] == given[0].body
    assert (first["kind"], first["decision_id"], first["run_id"]) == ("verdict", "d", "r")
    assert first["time"] == "2026-11-01T12:00:00.000000Z"
    assert [hash_leaf(entry.leaf.encode()) for entry in entries] == [entry.nodes[:32] for entry in entries]


async def test_an_entry_commits_with_its_change_or_not_at_all(database: Database, tenant: str) -> None:
    async def change(*, fail: bool) -> None:
        async with database.transaction() as session:
            await Parameters(session, tenant).set("d", "p", 1)
            await AuditLog(session, tenant).append(drafts(1))
            if fail:
                raise RuntimeError("the process dies")

    with pytest.raises(RuntimeError):
        await change(fail=True)
    assert await stored(database, tenant) == []
    await change(fail=False)
    async with database.reading() as session:
        assert (await Parameters(session, tenant).get("d", "p")).version == 1
    assert numbers_of(await stored(database, tenant)) == [1]


async def test_every_proof_between_any_two_sizes_verifies(database: Database, tenant: str) -> None:
    size = 35
    for start in range(0, size, 7):
        await append(database, tenant, drafts(*range(start, start + 7)))
    hashes = [entry.nodes[:32] for entry in await stored(database, tenant)]
    roots = [Frontier().extend(hashes[:upto])[0].root() for upto in range(size + 1)]
    async with database.reading() as session:
        log = AuditLog(session, tenant)
        assert (await log.frontier()).root() == roots[size]
        for upto in range(size + 1):
            assert await log.root(upto) == roots[upto]
            for index in range(upto):
                verify_inclusion(index, upto, hashes[index], await log.inclusion_proof(index, upto), roots[upto])
            proof = await log.consistency_proof(upto, size)
            verify_consistency(upto, size, roots[upto], roots[size], proof)


async def test_what_the_log_does_not_have_is_refused(database: Database, tenant: str) -> None:
    await append(database, tenant, drafts(*range(5)))
    async with database.reading() as session:
        log = AuditLog(session, tenant)
        for index, size in ((5, 5), (-1, 5), (0, 6)):
            with pytest.raises(OutOfRange):
                await log.inclusion_proof(index, size)
        for old, size in ((3, 6), (4, 3), (0, 6), (6, 6)):
            with pytest.raises(OutOfRange):
                await log.consistency_proof(old, size)
        with pytest.raises(OutOfRange):
            await log.root(6)
        other = AuditLog(session, f"{tenant}-other")
        assert (await other.frontier()).root() == await other.root(0) == EMPTY_ROOT


async def test_a_key_is_recorded_once_even_within_one_batch(database: Database, tenant: str) -> None:
    def keyed(number: int, key: str) -> Draft:
        return Draft(kind=Kind.STAGE, body={"n": number}, key=key)

    assert await append(database, tenant, [keyed(1, "a"), *drafts(2), keyed(3, "b"), keyed(4, "a")]) == [0, 1, 2, 0]
    assert await append(database, tenant, [keyed(5, "b"), keyed(6, "c")]) == [2, 3]
    assert await append(database, tenant, [keyed(7, "a")]) == [0]
    assert numbers_of(await stored(database, tenant)) == [1, 2, 3, 6]
    assert await append(database, f"{tenant}-other", [keyed(8, "a")]) == [0]
    assert (await check(database, tenant)).size == 4


async def test_a_batch_larger_than_any_chunk_is_one_log(database: Database, tenant: str) -> None:
    given = [Draft(kind=Kind.STEP, body={"n": number}, key=f"k{number}") for number in range(2_501)]
    assert await append(database, tenant, given) == list(range(2_501))
    assert await append(database, tenant, [*given, *drafts(9)]) == [*range(2_501), 2_501]
    assert (await check(database, tenant)).size == 2_502


async def test_concurrent_writers_of_a_tenant_leave_no_gap_and_lose_nothing(database: Database, tenant: str) -> None:
    async def write(number: int) -> list[int]:
        return await append(database, tenant, drafts(*range(10 * number, 10 * number + number % 4 + 1)))

    got = await asyncio.gather(*(write(number) for number in range(40)))
    indices = sorted(index for one in got for index in one)
    assert indices == list(range(100))
    entries = await stored(database, tenant)
    for number, one in enumerate(got):
        assert numbers_of([entries[index] for index in one]) == [10 * number + step for step in range(number % 4 + 1)]
    assert (await check(database, tenant)).size == 100


def write_from_a_process(url: str, tenant: str, first: int) -> None:
    async def write() -> None:
        database = await Database.open(url)
        for number in range(first, first + 25):
            await append(database, tenant, drafts(number))
        await database.close()

    asyncio.run(write())


async def test_processes_write_one_log(database: Database, database_url: str, tenant: str) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=write_from_a_process, args=(database_url, tenant, first)) for first in (0, 100, 200)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        await asyncio.to_thread(writer.join, 50)
        assert writer.exitcode == 0
    numbers = numbers_of(await stored(database, tenant))
    assert sorted(numbers) == [*range(25), *range(100, 125), *range(200, 225)]
    assert (await check(database, tenant)).size == 75


async def test_everything_about_a_decision_is_found_in_order(database: Database, tenant: str) -> None:
    await append(database, tenant, [*drafts(1, decision_id="a"), *drafts(2, decision_id="b"), *drafts(3)])
    await append(database, tenant, drafts(4, decision_id="a"))
    async with database.reading() as session:
        assert numbers_of(await AuditLog(session, tenant).of_decision("a")) == [1, 4]
        assert await AuditLog(session, f"{tenant}-other").of_decision("a") == []


def review(*people: str) -> list[Draft]:
    return [Draft(kind=Kind.REVIEW, personal={"reviewer": Personal(subject=one, value=f"Dr {one}")}) for one in people]


async def test_an_erased_subject_is_gone_and_the_log_still_verifies(database: Database, tenant: str) -> None:
    await append(database, tenant, review("alice", "bob", "alice"))
    before = await check(database, tenant)
    assert (before.shown, before.erased) == (3, 0)
    async with database.transaction() as session:
        erasure = await AuditLog(session, tenant).erase("alice", "article 17", NOW)
    assert erasure is not None
    assert erasure.index == 3
    after = await check(database, tenant)
    assert (after.size, after.shown, after.erased, after.heads) == (4, 1, 2, 2)
    content = b"".join(await export(database, tenant))
    assert b"Dr bob" in content
    assert b"alice" not in content
    async with database.reading() as session:
        assert await AuditSubjectKeys(session, tenant).find([erasure.subject_key]) == {erasure.subject_key: 3}
    await purge_destroyed_keys(database)


def content(path: Path, suffix: str = "") -> bytes:
    # In another process: POSIX drops all of a process's locks on a file when it closes any handle of it, SQLite's too.
    return subprocess.run(["cat", f"{path}{suffix}"], capture_output=True, check=False).stdout


async def test_a_destroyed_key_leaves_nothing_in_the_files(database: Database, database_url: str, tenant: str) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("reads SQLite's files")
    await append(database, tenant, review("carol"))
    async with database.reading() as session:
        key_id = await AuditSubjectKeys(session, tenant).id_of("carol")
        assert key_id is not None
        key = (await AuditSubjectKeys(session, tenant).find([key_id]))[key_id]
        await session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    assert not isinstance(key, int)
    assert key is not None
    path = Path(database_url.removeprefix("sqlite:///"))
    assert key.secret in content(path)
    async with database.transaction() as session:
        await AuditLog(session, tenant).erase("carol")
    await purge_destroyed_keys(database)
    assert not [name for name in ("", "-wal", "-shm") if key.secret in content(path, name)]


async def test_a_reader_that_keeps_a_destroyed_key_in_the_files_is_told(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader of an older state, in another process as it were, blocks the emptying of SQLite's write-ahead log."""
    if not database_url.startswith("sqlite"):
        pytest.skip("SQLite has such a log")
    monkeypatch.setattr(storage_database, "BUSY_TIMEOUT_SECONDS", 0.1)
    path = tmp_path / "own.db"
    await migrate(f"sqlite:///{path}")
    own = await Database.open(f"sqlite:///{path}")
    await append(own, "t", review("carol"))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    (secret,) = reader.execute("SELECT secret FROM audit_subject_keys").fetchone()
    async with own.transaction() as session:
        await AuditLog(session, "t").erase("carol")
    with pytest.raises(PurgeBlocked, match="-wal"):
        await purge_destroyed_keys(own, attempts=2)
    assert secret in content(path, "-wal") + content(path)
    reader.close()
    await purge_destroyed_keys(own)
    assert not [name for name in ("", "-wal", "-shm") if secret in content(path, name)]
    await own.close()


async def test_who_comes_back_after_an_erasure_gets_another_key(database: Database, tenant: str) -> None:
    await append(database, tenant, review("alice"))
    async with database.transaction() as session:
        log = AuditLog(session, tenant)
        assert await log.erase("nobody") is None
        assert await log.erase("alice") is not None
        assert await log.erase("alice") is None
    await append(database, tenant, review("alice"))
    verified = await check(database, tenant)
    assert (verified.size, verified.shown, verified.erased) == (3, 1, 1)


async def test_an_erasure_under_no_head_yet_is_shown_as_withheld(database: Database, tenant: str) -> None:
    await append(database, tenant, review("alice"))
    await sign(database, tenant)
    async with database.transaction() as session:
        await AuditLog(session, tenant).erase("alice")
    verified = verify_export(await export(database, tenant), Trust([KEY.verifying]))
    assert (verified.size, verified.withheld) == (1, 1)


async def test_personal_fields_can_be_withheld(database: Database, tenant: str) -> None:
    await append(database, tenant, review("alice", "bob"))
    await check(database, tenant)
    lines = await export(database, tenant, withhold=True)
    assert verify_export(lines, Trust([KEY.verifying])).withheld == 2
    assert b"Dr " not in b"".join(lines)


async def test_the_same_subject_of_two_tenants_has_two_keys(database: Database, tenant: str) -> None:
    other = f"{tenant}-other"
    for one in (tenant, other):
        await append(database, one, review("alice"))
    async with database.transaction() as session:
        assert await AuditLog(session, tenant).erase("alice") is not None
    assert (await check(database, other)).shown == 1


async def test_concurrent_writers_agree_on_a_subjects_key(database: Database, tenant: str) -> None:
    await asyncio.gather(*(append(database, tenant, review("alice", "bob")) for _ in range(10)))
    keys = {Entry.parse(entry.leaf).personal["reviewer"].subject_key for entry in await stored(database, tenant)}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("statement", "first"),
    [
        ("UPDATE audit_entries SET leaf = replace(leaf, 'step', 'stop') WHERE tenant = :t AND sequence = 4", 4),
        ("DELETE FROM audit_entries WHERE tenant = :t AND sequence = 6", 6),
        ("UPDATE audit_entries SET nodes = (SELECT nodes FROM audit_entries WHERE tenant = :t AND sequence = 0) "
         "WHERE tenant = :t AND sequence = 2", 2),
    ],
)  # fmt: skip
async def test_a_change_behind_the_logs_back_is_named(
    database: Database, tenant: str, statement: str, first: int
) -> None:
    await append(database, tenant, drafts(*range(9)))
    await sign(database, tenant)
    async with database.transaction() as session:
        await session.execute(text(statement), {"t": tenant})
    with pytest.raises(ExportInvalid) as caught:
        verify_export(await export(database, tenant), Trust([KEY.verifying]))
    assert caught.value.first == first


async def test_a_size_is_signed_once_and_cosignatures_are_kept_with_it(database: Database, tenant: str) -> None:
    await append(database, tenant, drafts(1, 2))
    async with database.transaction() as session:
        log = AuditLog(session, tenant)
        note = await log.sign_head(KEY, NOW)
        assert await log.sign_head(KEY, NOW + timedelta(days=1)) == note
        line = cosign(note.text, WITNESS, NOW)
        assert await log.add_cosignatures(2, [line]) == await log.add_cosignatures(2, [line])
        with pytest.raises(OutOfRange, match="no head of 3"):
            await log.add_cosignatures(3, [line])
    async with database.reading() as session:
        ((size, kept),) = await AuditLog(session, tenant).heads()
    assert size == 2
    assert cosigned_at(kept, WITNESS.verifying) == NOW
    verified = verify_export(await export(database, tenant), Trust([KEY.verifying], witnesses=[WITNESS.verifying]))
    assert verified.cosigned == {WITNESS.name: 2}


async def test_a_new_key_of_the_same_name_signs_beside_the_old_one(database: Database, tenant: str) -> None:
    new = SigningKey.generate(KEY.name)
    await append(database, tenant, drafts(1))
    await sign(database, tenant)
    async with database.transaction() as session:
        await AuditLog(session, tenant).sign_head(new, NOW)
    lines = await export(database, tenant)
    for key in (KEY, new):
        assert verify_export(lines, Trust([key.verifying])).size == 1


async def test_concurrent_signers_keep_one_head_a_size(database: Database, tenant: str) -> None:
    async def work(number: int) -> None:
        await append(database, tenant, drafts(number))
        await sign(database, tenant)

    await asyncio.gather(*(work(number) for number in range(12)))
    verified = verify_export(await export(database, tenant), Trust([KEY.verifying]))
    assert verified.size == 12


async def test_without_a_signed_head_nothing_is_exported(database: Database, tenant: str) -> None:
    await append(database, tenant, drafts(1))
    with pytest.raises(OutOfRange, match="voicehive audit head"):
        await export(database, tenant)
    async with database.transaction() as session:
        with pytest.raises(NoteInvalid, match="tenant"):
            await AuditLog(session, f"{tenant}/x").sign_head(KEY)


async def test_a_log_grows_while_it_is_exported(database: Database, tenant: str) -> None:
    await append(database, tenant, drafts(*range(1_500)))
    await sign(database, tenant)
    async with database.reading() as session:
        lines = export_lines(session, tenant)
        got = [await anext(lines) for _ in range(10)]
        await append(database, tenant, drafts(1))
        await sign(database, tenant)
        got += [line async for line in lines]
    assert verify_export(got, Trust([KEY.verifying])).size == 1_500

"""Kill switches: the newest turn of a tenant's and of everyone's counts, and every turn is kept."""

import asyncio

import pytest

from voicehive.audit.entries import Entry
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database
from voicehive.storage.kill_switches import EVERYWHERE, KillSwitches, SwitchTurn


async def turn(database: Database, tenant: str, stopped: bool, author: str = "alice") -> SwitchTurn:
    async with database.transaction() as session:
        return await KillSwitches(session).turn(tenant, stopped=stopped, author=author, reason="because")


async def stopped_by(database: Database, tenant: str) -> list[tuple[bool, str]]:
    async with database.reading() as session:
        return [(stop.everywhere, stop.author) for stop in await KillSwitches(session).stops(tenant)]


async def test_a_tenants_switch_stops_that_tenant_only(database: Database, tenant: str) -> None:
    assert await stopped_by(database, tenant) == []
    await turn(database, tenant, stopped=True)
    assert await stopped_by(database, tenant) == [(False, "alice")]
    assert await stopped_by(database, f"{tenant}-other") == []
    await turn(database, tenant, stopped=False)
    assert await stopped_by(database, tenant) == []


async def test_everyones_switch_stops_all_beside_their_own(database: Database, tenant: str) -> None:
    try:
        await turn(database, EVERYWHERE, stopped=True, author="carol")
        assert await stopped_by(database, tenant) == [(True, "carol")]
        await turn(database, tenant, stopped=True)
        assert await stopped_by(database, tenant) == [(True, "carol"), (False, "alice")]
    finally:
        await turn(database, EVERYWHERE, stopped=False, author="carol")
    assert await stopped_by(database, tenant) == [(False, "alice")]


async def test_every_turn_is_kept_with_who_and_why(database: Database, tenant: str) -> None:
    turns = await asyncio.gather(*(turn(database, tenant, number % 2 == 0, f"p{number}") for number in range(12)))
    assert sorted(each.number for each in turns) == list(range(1, 13))
    async with database.reading() as session:
        history = await KillSwitches(session).history(tenant)
    assert list(history) == sorted(turns, key=lambda each: -each.number)
    newest = history[0]
    assert await stopped_by(database, tenant) == ([(False, newest.author)] if newest.stopped else [])


async def test_each_turn_stands_in_the_audit_log_or_did_not_happen(database: Database, tenant: str) -> None:
    await turn(database, tenant, stopped=True)
    with pytest.raises(RuntimeError, match="the process dies"):
        await _turn_and_die(database, tenant)
    await turn(database, tenant, stopped=False, author="bob")
    async with database.reading() as session:
        leaves = [stored.leaf async for stored in AuditLog(session, tenant).entries()]
        numbers = [each.number for each in await KillSwitches(session).history(tenant)]
    entries = [Entry.parse(leaf) for leaf in leaves]
    assert [entry.kind for entry in entries] == ["kill_switch"] * 2
    assert [entry.body for entry in entries] == [{"number": 1, "stopped": True}, {"number": 2, "stopped": False}]
    assert [entry.personal.keys() for entry in entries] == [{"author", "reason"}] * 2
    assert not any(word in "".join(leaves) for word in ("alice", "bob", "because"))
    assert numbers == [2, 1]


async def _turn_and_die(database: Database, tenant: str) -> None:
    async with database.transaction() as session:
        await KillSwitches(session).turn(tenant, stopped=False, author="alice", reason="because")
        raise RuntimeError("the process dies")

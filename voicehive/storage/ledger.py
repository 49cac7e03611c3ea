"""The action ledger: what is done under an idempotency key is done once, and undone once.

A change inside this database (`apply`, `undo`) commits together with its entry: there is no moment at which one exists
without the other. A change outside (`apply_outside`, `undo_outside`) cannot, so the attempt is written down before
anything is sent, and its outcome after. The states of a key:

    (absent) -> started -> applied -> compensating -> compensated
         \\______________________________________-> void

`started`: attempts were made or are under way, and it is not known that one succeeded. `compensating`: its undoing has
begun and must be finished; nothing may be applied any more. `void`: withdrawn before anything happened; a tombstone
that keeps a late attempt of a worker believed dead from ever applying. Transactional changes skip the middle states.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import uuid4

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.storage.database import Database, get_or_insert, update_row
from voicehive.storage.errors import KeyReused, KeyWithdrawn
from voicehive.storage.tables import LedgerRow

JsonObject: TypeAlias = dict[str, Any]

CLOCK_SKEW = timedelta(seconds=5)
"""How far the clocks of two workers may differ: an attempt counts as under way for so much longer than it may take."""

_POLL_SECONDS = 0.1
_NEW = "new"


@dataclass(frozen=True)
class LedgerKey:
    """An idempotency key, and what it stands for: it may not be used again for anything else."""

    tenant: str
    key: str
    action: str
    arguments_digest: str


class ActionLedger:
    """The ledger of one database; every method is safe against any number of concurrent callers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def apply(self, key: LedgerKey, change: Callable[[AsyncSession], Awaitable[JsonObject]]) -> JsonObject:
        """Make the change and record its result in one transaction, or return the result recorded before.

        Raises:
            KeyWithdrawn: it was undone, or withdrawn before it happened.
            KeyReused: the key stands for something else.
        """
        async with self._database.transaction() as session:
            row = await _lock(session, key)
            if row.state == "applied":
                return row.result or {}
            if row.state != _NEW:
                raise _withdrawn(key)
            result = await change(session)
            await _enter(session, row, "applied", result=result)
            return result

    async def undo(
        self, key: LedgerKey, undo: Callable[[AsyncSession, JsonObject], Awaitable[JsonObject]]
    ) -> JsonObject | None:
        """Undo the change and record it in one transaction; `undo` is given the change's recorded result.

        Returns what `undo` returned, the first time it did; None where there was nothing to undo.

        Raises:
            KeyReused: the key stands for something else.
        """
        async with self._database.transaction() as session:
            row = await _lock(session, key)
            if row.state == "applied":
                await _enter(session, row, "compensated", compensation=await undo(session, row.result or {}))
            elif row.state == _NEW:
                await _enter(session, row, "void")
            return row.compensation

    async def apply_outside(
        self,
        key: LedgerKey,
        send: Callable[[], Awaitable[JsonObject]],
        *,
        within: timedelta,
        changed_nothing: Callable[[Exception], bool],
    ) -> JsonObject:
        """Make a change outside this database, unless its success is already recorded; then return that result.

        `send` is stopped after `within`, and must itself be idempotent: while no success is recorded it is called on
        every attempt. `changed_nothing` says of an error whether it proves that this attempt had no effect;
        after any other it may have had.

        Raises:
            TimeoutError: `send` took too long.
            KeyWithdrawn: it was undone, or withdrawn before it happened.
            KeyReused: the key stands for something else.
        """
        attempt = uuid4().hex
        async with self._database.transaction() as session:
            row = await _lock(session, key)
            if row.state == "applied":
                return row.result or {}
            if row.state not in (_NEW, "started"):
                raise _withdrawn(key)
            under_way_until = datetime.now(UTC) + within + CLOCK_SKEW
            await _enter(
                session, row, "started", attempts=(row.attempts or {}) | {attempt: under_way_until.isoformat()}
            )
        try:
            async with asyncio.timeout(within.total_seconds()):
                result = await send()
        except BaseException as error:
            forget = isinstance(error, Exception) and changed_nothing(error)
            await asyncio.shield(asyncio.create_task(self._end_attempt(key, attempt, forget=forget)))
            raise
        return await self._record_applied(key, result)

    async def undo_outside(
        self, key: LedgerKey, send: Callable[[JsonObject | None], Awaitable[JsonObject]]
    ) -> JsonObject | None:
        """Undo a change outside this database, once no attempt to make it can still be under way.

        `send` is given the change's result, or None where it is not known whether the change happened. It must itself
        be idempotent: until its success is recorded it is called on every attempt.

        Returns what `send` returned, the first time it did; None, without calling it, where nothing can have happened.

        Raises:
            KeyReused: the key stands for something else.
        """
        while True:
            async with self._database.transaction() as session:
                row = await _lock(session, key)
                if row.state == _NEW:
                    await _enter(session, row, "void")
                if row.state in ("void", "compensated"):
                    return row.compensation
                if not _is_under_way(row):
                    await _enter(session, row, "compensating")
                    result = row.result
                    break
            await asyncio.sleep(_POLL_SECONDS)
        compensation = await send(result)
        async with self._database.transaction() as session:
            row = await _lock(session, key)
            if row.state == "compensating":
                await _enter(session, row, "compensated", compensation=compensation)
            return row.compensation

    async def _record_applied(self, key: LedgerKey, result: JsonObject) -> JsonObject:
        async with self._database.transaction() as session:
            row = await _lock(session, key)
            if row.state == "started":
                await _enter(session, row, "applied", result=result)
            elif row.state != "applied":
                raise _withdrawn(key)
            return row.result or {}

    async def _end_attempt(self, key: LedgerKey, attempt: str, *, forget: bool) -> None:
        async with self._database.transaction() as session:
            row = await _lock(session, key)
            if row.state != "started":
                return
            attempts = dict(row.attempts or {})
            if forget:
                attempts.pop(attempt, None)
            else:
                attempts[attempt] = datetime.now(UTC).isoformat()
            if attempts:
                await _enter(session, row, "started", attempts=attempts)
            else:
                await session.execute(delete(LedgerRow).where(LedgerRow.tenant == key.tenant, LedgerRow.key == key.key))


@dataclass
class _Entry:
    """A key's entry in the ledger, locked until the transaction ends."""

    tenant: str
    key: str
    action: str
    arguments_digest: str
    state: str
    attempts: dict[str, str] | None
    result: JsonObject | None
    compensation: JsonObject | None
    recorded_at: datetime


async def _lock(session: AsyncSession, key: LedgerKey) -> _Entry:
    """The key's entry; a key without one gets one in state `new`."""
    values: JsonObject = asdict(key) | {"state": _NEW, "recorded_at": datetime.now(UTC)}
    entry = _Entry(**await get_or_insert(session, LedgerRow, values))
    if (entry.action, entry.arguments_digest) != (key.action, key.arguments_digest):
        other = "with other arguments" if entry.action == key.action else f"for the action {entry.action!r}"
        raise KeyReused(f"the idempotency key {key.key!r} was used before {other}; give this step a key of its own")
    return entry


async def _enter(session: AsyncSession, entry: _Entry, state: str, **columns: JsonObject) -> None:
    changed = {"state": state, "recorded_at": datetime.now(UTC)} | columns
    await update_row(session, LedgerRow, asdict(entry), **changed)
    for name, value in changed.items():
        setattr(entry, name, value)


def _is_under_way(entry: _Entry) -> bool:
    now = datetime.now(UTC)
    ends = (entry.attempts or {}).values()
    return entry.state == "started" and any(datetime.fromisoformat(end) > now for end in ends)


def _withdrawn(key: LedgerKey) -> KeyWithdrawn:
    return KeyWithdrawn(f"{key.action} under the key {key.key!r} was already compensated, so it may no longer run")

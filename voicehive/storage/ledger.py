"""The action ledger: what is done under an idempotency key is done once, and undone once.

A change inside this database (`apply`, `undo`) commits together with its entry: there is no moment at which one exists
without the other. A change outside (`apply_outside`, `undo_outside`) cannot, so the attempt is written down before
anything is sent, and its outcome after. The states of a key:

    (absent) -> started -> applied -> compensating -> compensated
         \\______________________________________-> void

`started`: attempts were made or are under way, and it is not known that one succeeded. `compensating`: its undoing has
begun and must be finished; nothing may be applied any more. `void`: nothing has happened and somebody has withdrawn.
Transactional changes skip the middle states.

Several runs may share a key. The one that starts the change owns it: only the owner sends, the others wait for its
outcome and take the result for theirs; only the owner undoes, and the key is then spent for all, because a system
outside that remembers the key would not do it again. To undo what one does not own changes nothing, but leaves a
tombstone (`withdrawn`) that keeps a late attempt of a worker believed dead from ever applying. It binds that run alone:
as long as nothing has happened, another run may still apply, and even use the key for something else.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import uuid4

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.audit.entries import Draft, Kind
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.authorizations import Authorizations
from voicehive.storage.database import Database, get_or_insert, update_row
from voicehive.storage.errors import KeyReused, KeyWithdrawn
from voicehive.storage.tables import LedgerRow

JsonObject: TypeAlias = dict[str, Any]

CLOCK_SKEW = timedelta(seconds=5)
"""How far the clocks of two workers may differ: an attempt counts as under way for so much longer than it may take."""

EXECUTION = "-execution"
"""What the id of a decision's execution has after the decision's own."""

_AUDITED = {
    "started": Kind.STEP,
    "applied": Kind.STEP,
    "compensating": Kind.COMPENSATION,
    "compensated": Kind.COMPENSATION,
}
_POLL_SECONDS = 0.1
_NEW = "new"


@dataclass(frozen=True)
class LedgerKey:
    """An idempotency key, the run that uses it, and what it stands for: once used, it stands for nothing else."""

    tenant: str
    key: str
    owner: str
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
            row = await _claim(session, key)
            if row.state == "applied":
                return row.result or {}
            result = await change(session)
            await _enter(session, row, "applied", result=result)
            return result

    async def undo(
        self, key: LedgerKey, undo: Callable[[AsyncSession, JsonObject], Awaitable[JsonObject]]
    ) -> JsonObject | None:
        """Undo the change and record it in one transaction; `undo` is given the change's recorded result.

        Returns what `undo` returned, the first time it did; None where this owner changed nothing.

        Raises:
            KeyReused: this owner used the key for something else, so nobody knows what to undo.
        """
        async with self._database.transaction() as session:
            row = await _lock(session, key)
            if not _owns(key, row):
                await _withdraw(session, row, key)
                return None
            if row.state == "applied":
                await _enter(session, row, "compensated", compensation=await undo(session, row.result or {}))
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

        While another owner is at it, this waits for the outcome.

        `send` is stopped after `within`, and must itself be idempotent: while no success is recorded it is called on
        every attempt. `changed_nothing` says of an error whether it proves that this attempt had no effect;
        after any other it may have had.

        Raises:
            TimeoutError: `send` took too long.
            KeyWithdrawn: it was undone, or withdrawn before it happened.
            KeyReused: the key stands for something else.
        """
        attempt = uuid4().hex
        while True:
            async with self._database.transaction() as session:
                row = await _claim(session, key)
                if row.state == "applied":
                    return row.result or {}
                if row.owner == key.owner:
                    under_way_until = datetime.now(UTC) + within + CLOCK_SKEW
                    attempts = (row.attempts or {}) | {attempt: under_way_until.isoformat()}
                    await _enter(session, row, "started", attempts=attempts)
                    break
            await asyncio.sleep(_POLL_SECONDS)
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

        Returns what `send` returned, the first time it did; None, without calling it, where this owner can have
        changed nothing.

        Raises:
            KeyReused: this owner used the key for something else, so nobody knows what to undo.
        """
        while True:
            async with self._database.transaction() as session:
                row = await _lock(session, key)
                if not _owns(key, row):
                    await _withdraw(session, row, key)
                    return None
                if row.state == "compensated":
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
            elif row.withdrawn:
                await _enter(session, row, "void", attempts=None)
            else:
                await session.execute(delete(LedgerRow).where(LedgerRow.tenant == key.tenant, LedgerRow.key == key.key))


@dataclass
class _Entry:
    """A key's entry in the ledger, locked until the transaction ends."""

    tenant: str
    key: str
    owner: str
    action: str
    arguments_digest: str
    state: str
    attempts: dict[str, str] | None
    withdrawn: list[str] | None
    result: JsonObject | None
    compensation: JsonObject | None
    recorded_at: datetime


async def _lock(session: AsyncSession, key: LedgerKey) -> _Entry:
    """The key's entry; a key without one gets one in state `new`."""
    values: JsonObject = asdict(key) | {"state": _NEW, "recorded_at": datetime.now(UTC)}
    return _Entry(**await get_or_insert(session, LedgerRow, values))


async def _claim(session: AsyncSession, key: LedgerKey) -> _Entry:
    """The key's entry for one who means to apply: in state `new`, `started` or `applied`."""
    entry = await _lock(session, key)
    if key.owner in (entry.withdrawn or []):
        raise _withdrawn(key)
    if entry.state == "void":
        await _enter(session, entry, _NEW, owner=key.owner, action=key.action, arguments_digest=key.arguments_digest)
    _refuse_reuse(key, entry)
    if entry.state in ("compensating", "compensated"):
        raise _withdrawn(key)
    return entry


def _owns(key: LedgerKey, entry: _Entry) -> bool:
    """Whether the change, or an attempt at it, is this owner's."""
    if entry.state in (_NEW, "void") or entry.owner != key.owner:
        return False
    _refuse_reuse(key, entry)
    return True


async def _withdraw(session: AsyncSession, entry: _Entry, key: LedgerKey) -> None:
    """Keep an owner that changed nothing from ever doing so; where the outcome is final it cannot anyway."""
    if entry.state in (_NEW, "void", "started"):
        state = "void" if entry.state == _NEW else entry.state
        await _enter(session, entry, state, withdrawn=sorted({*(entry.withdrawn or []), key.owner}))


def _refuse_reuse(key: LedgerKey, entry: _Entry) -> None:
    if (entry.action, entry.arguments_digest) != (key.action, key.arguments_digest):
        other = "with other arguments" if entry.action == key.action else f"for the action {entry.action!r}"
        raise KeyReused(f"the idempotency key {key.key!r} was used before {other}; give this step a key of its own")


async def _enter(session: AsyncSession, entry: _Entry, state: str, **columns: Any) -> None:
    changed = {"state": state, "recorded_at": datetime.now(UTC)} | columns
    await update_row(session, LedgerRow, asdict(entry), **changed)
    for name, value in changed.items():
        setattr(entry, name, value)
    if state in _AUDITED:
        decision_id = await decision_of(session, entry.tenant, entry.owner)
        await AuditLog(session, entry.tenant).append([_audited(entry, decision_id)])


async def decision_of(session: AsyncSession, tenant: str, run: str) -> str:
    """The decision that a run (its workflow's id and run id) belongs to in the audit log; else its workflow's own id.

    A name can be chosen by anybody, also one that looks like a decision's execution; a permission, once used, cannot.
    """
    workflow_id, _, _ = run.partition("/")
    if not workflow_id.endswith(EXECUTION):
        return workflow_id
    return await Authorizations(session, tenant).decision_of(run) or workflow_id


def _audited(entry: _Entry, decision_id: str) -> Draft:
    """A change of state for the audit log: written with it, or, before something is sent, ahead of it."""
    return Draft(
        kind=_AUDITED[entry.state],
        body={
            "action": entry.action,
            "arguments": entry.arguments_digest,
            "key": entry.key,
            "state": entry.state,
        },
        decision_id=decision_id,
        run_id=entry.owner,
        key=f"{entry.owner}/{entry.key}/{entry.state}",
    )


def _is_under_way(entry: _Entry) -> bool:
    now = datetime.now(UTC)
    ends = (entry.attempts or {}).values()
    return entry.state == "started" and any(datetime.fromisoformat(end) > now for end in ends)


def _withdrawn(key: LedgerKey) -> KeyWithdrawn:
    return KeyWithdrawn(f"{key.action} under the key {key.key!r} was already compensated, so it may no longer run")

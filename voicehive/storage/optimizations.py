"""The cache of finished optimisations, shared by every worker on the store.

An entry belongs to one result and goes with it: an entry that is dropped takes its result along, unless that is pinned
because a decision refers to it. Several entries may answer the same key, where it was searched more than once.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.model import Model
from voicehive.storage.database import insert_if_absent
from voicehive.storage.results import Results
from voicehive.storage.tables import OptimizationRow

RESULT_KIND = "optimization"
LIMIT = 200
"""How many optimisations are kept for each tenant; the one not used for the longest goes first."""


class CachedOptimization(Model):
    """An entry: `result` is the digest of the stored result, `outcome` what was answered, as JSON.

    `key` names all that the result depends on; None where an equal question need not have an equal answer.
    """

    result: str
    key: str | None
    structure: str
    outcome: str


class Optimizations:
    """A tenant's finished optimisations, within the caller's write transaction."""

    def __init__(self, session: AsyncSession, tenant: str, limit: int = LIMIT) -> None:
        self._session = session
        self._tenant = tenant
        self._limit = limit

    async def put(self, entry: CachedOptimization, document: bytes, *, pinned: bool) -> None:
        """Keep a result and its entry, and drop the entries not used for the longest beyond the limit."""
        results = Results(self._session, self._tenant)
        values = {"tenant": self._tenant, "used_at": datetime.now(UTC)} | entry.model_dump()
        if not await insert_if_absent(self._session, OptimizationRow, values):
            await self._use(entry.result)
        await results.put(entry.result, RESULT_KIND, document, pinned=pinned)
        dropped = await self._drop_least_recently_used()
        await results.discard(dropped, RESULT_KIND)

    async def find(self, key: str, *, pin: bool) -> CachedOptimization | None:
        """The entry last used that answers this key; `pin` keeps its result for good."""
        return await self._find(OptimizationRow.key == key, pin=pin)

    async def nearest(self, structure: str) -> bytes | None:
        """The stored result of the entry last used of a problem of this structure."""
        entry = await self._find(OptimizationRow.structure == structure, pin=False)
        return await Results(self._session, self._tenant).get(entry.result, RESULT_KIND) if entry else None

    async def _find(self, condition: Any, *, pin: bool) -> CachedOptimization | None:
        # Entries are locked before results, here as in `put`: two workers never wait for each other.
        newest = select(OptimizationRow).where(OptimizationRow.tenant == self._tenant, condition)
        newest = newest.order_by(OptimizationRow.used_at.desc(), OptimizationRow.result).limit(1)
        row = await self._session.scalar(newest.with_for_update())
        if row is None or (pin and not await Results(self._session, self._tenant).pin(row.result, RESULT_KIND)):
            return None
        await self._use(row.result)
        return CachedOptimization(result=row.result, key=row.key, structure=row.structure, outcome=row.outcome)

    async def _use(self, result: str) -> None:
        this = (OptimizationRow.tenant == self._tenant, OptimizationRow.result == result)
        await self._session.execute(update(OptimizationRow).where(*this).values(used_at=datetime.now(UTC)))

    async def _drop_least_recently_used(self) -> list[str]:
        beyond = select(OptimizationRow.result).where(OptimizationRow.tenant == self._tenant)
        beyond = beyond.order_by(OptimizationRow.used_at.desc(), OptimizationRow.result).offset(self._limit)
        # What another transaction has locked is in use, or being dropped.
        dropped = list(await self._session.scalars(beyond.with_for_update(skip_locked=True)))
        these = (OptimizationRow.tenant == self._tenant, OptimizationRow.result.in_(dropped))
        await self._session.execute(delete(OptimizationRow).where(*these))
        return dropped

"""Decisions, each as its workflow last described it."""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.model import Model
from voicehive.storage.database import insert_if_absent
from voicehive.storage.tables import DecisionRow


class StoredDecision(Model):
    """A decision: its document is whatever the decision's workflow wants shown."""

    decision_id: str
    document: dict[str, JsonValue]
    verdict: str | None = None
    outcome: str | None = None
    started_at: datetime
    closed_at: datetime | None = None


class Decisions:
    """A tenant's decisions, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def upsert(self, decision: StoredDecision) -> None:
        """Record a decision, in place of what was recorded under its id."""
        values = decision.model_dump()
        if not await insert_if_absent(self._session, DecisionRow, {"tenant": self._tenant} | values):
            row = await self._session.get_one(DecisionRow, (self._tenant, decision.decision_id), with_for_update=True)
            for name, value in values.items():
                setattr(row, name, value)
            await self._session.flush()

    async def get(self, decision_id: str) -> StoredDecision | None:
        """The decision, or None."""
        row = await self._session.get(DecisionRow, (self._tenant, decision_id))
        if row is None:
            return None
        return StoredDecision(
            decision_id=row.decision_id,
            document=row.document,
            verdict=row.verdict,
            outcome=row.outcome,
            started_at=row.started_at,
            closed_at=row.closed_at,
        )

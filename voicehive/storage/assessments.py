"""The facts that verdicts were given on, kept so that another policy can be asked about the same."""

from datetime import datetime

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.model import Model
from voicehive.storage.database import insert_if_absent
from voicehive.storage.tables import AssessmentRow


class StoredAssessment(Model):
    """One verdict: on which facts (a `voicehive.autonomy.context.Facts` as JSON), in which mode, by which policy."""

    id: str
    decision_id: str
    facts: dict[str, JsonValue]
    verdict: str
    mode: str
    policy_digest: str
    assessed_at: datetime


class Assessments:
    """A tenant's assessments, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def record(self, assessment: StoredAssessment) -> bool:
        """Keep it, once for each id; returns whether it is new."""
        return await insert_if_absent(self._session, AssessmentRow, {"tenant": self._tenant} | assessment.model_dump())

    async def list(self, limit: int) -> list[StoredAssessment]:
        """The newest, the newest first."""
        rows = await self._session.scalars(
            select(AssessmentRow)
            .where(AssessmentRow.tenant == self._tenant)
            .order_by(AssessmentRow.assessed_at.desc(), AssessmentRow.id)
            .limit(limit)
        )
        return [
            StoredAssessment(
                id=row.id,
                decision_id=row.decision_id,
                facts=row.facts,
                verdict=row.verdict,
                mode=row.mode,
                policy_digest=row.policy_digest,
                assessed_at=row.assessed_at,
            )
            for row in rows
        ]

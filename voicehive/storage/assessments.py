"""The facts that verdicts were given on, kept so that another policy can be asked about the same."""

from datetime import UTC, datetime

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.model import Model
from voicehive.storage.database import insert_if_absent
from voicehive.storage.tables import AssessmentRow

_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


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
        """Keep it, once for each id and content, whenever it was given; returns whether it is new.

        An activity that is tried again under the same id may judge otherwise; what it then acts on is kept beside it.
        """
        content = assessment.model_copy(update={"assessed_at": _ANY_TIME}).content_digest()
        values = assessment.model_dump() | {"tenant": self._tenant, "id": f"{assessment.id}/{content}"}
        return await insert_if_absent(self._session, AssessmentRow, values)

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

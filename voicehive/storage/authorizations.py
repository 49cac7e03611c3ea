"""Permissions to run exactly what a digest names, each used once."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.model import Model
from voicehive.storage.database import insert_if_absent
from voicehive.storage.tables import AuthorizationRow


class Authorization(Model):
    """Who allowed what, under which policy, and which run used it."""

    id: str
    digest: str
    policy_digest: str
    decision_id: str
    reviews: list[JsonValue]
    granted_at: datetime
    consumed_by: str | None


class Authorizations:
    """A tenant's authorizations, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def grant(
        self, authorization_id: str, *, digest: str, policy_digest: str, decision_id: str, reviews: list[JsonValue]
    ) -> Authorization:
        """Record a permission; the same id again changes nothing and returns what was recorded first."""
        values: dict[str, Any] = {
            "tenant": self._tenant,
            "id": authorization_id,
            "digest": digest,
            "policy_digest": policy_digest,
            "decision_id": decision_id,
            "reviews": reviews,
            "granted_at": datetime.now(UTC),
        }
        await insert_if_absent(self._session, AuthorizationRow, values)
        return _record(await self._session.get_one(AuthorizationRow, (self._tenant, authorization_id)))

    async def consume(self, authorization_ids: Iterable[str], consumer: str) -> Authorization | None:
        """Use up one of these permissions; the same consumer gets the same one again.

        None where there is none, or others have used every one.
        """
        granted = (
            select(AuthorizationRow)
            .where(AuthorizationRow.tenant == self._tenant, AuthorizationRow.id.in_(list(authorization_ids)))
            .order_by(AuthorizationRow.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        rows = list(await self._session.scalars(granted))
        for holder in (consumer, None):
            for row in rows:
                if row.consumed_by == holder:
                    row.consumed_by = consumer
                    await self._session.flush()
                    return _record(row)
        return None

    async def decision_of(self, consumer: str) -> str | None:
        """The decision whose permission this run used; None where it used none."""
        used = select(AuthorizationRow.decision_id).where(AuthorizationRow.tenant == self._tenant)
        return await self._session.scalar(used.where(AuthorizationRow.consumed_by == consumer).limit(1))


def _record(row: AuthorizationRow) -> Authorization:
    return Authorization(
        id=row.id,
        digest=row.digest,
        policy_digest=row.policy_digest,
        decision_id=row.decision_id,
        reviews=row.reviews,
        granted_at=row.granted_at,
        consumed_by=row.consumed_by,
    )

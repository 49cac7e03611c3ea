"""Notifications sent to people, each recorded once."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.model import Model
from voicehive.storage.database import insert_if_absent
from voicehive.storage.tables import NotificationRow


class Notification(Model):
    """Who was told what about which decision; `key` is the same for every attempt to tell it."""

    key: str
    decision_id: str
    recipient: str
    kind: str
    message: str
    sent_at: datetime


class Notifications:
    """A tenant's notifications, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def record(self, notification: Notification) -> bool:
        """Record it unless its key is recorded already; returns whether it is new."""
        return await insert_if_absent(
            self._session, NotificationRow, {"tenant": self._tenant} | notification.model_dump()
        )

    async def list(self, decision_id: str) -> list[Notification]:
        """A decision's notifications, oldest first."""
        rows = await self._session.scalars(
            select(NotificationRow)
            .where(NotificationRow.tenant == self._tenant, NotificationRow.decision_id == decision_id)
            .order_by(NotificationRow.sent_at, NotificationRow.key)
        )
        return [
            Notification(
                key=row.key,
                decision_id=row.decision_id,
                recipient=row.recipient,
                kind=row.kind,
                message=row.message,
                sent_at=row.sent_at,
            )
            for row in rows
        ]

"""Kill switches: one for each tenant, and one for all. Every turn is kept, with who turned it, when and why."""

from datetime import UTC, datetime

from sqlalchemy import Select, bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from voicehive.audit.entries import Draft, Kind, Personal
from voicehive.model import Model
from voicehive.storage.allowances import Stop
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import insert_if_absent
from voicehive.storage.tables import KillSwitchRow

EVERYWHERE = "*"
"""Stands for all tenants, and can be no tenant's name."""


class SwitchTurn(Model):
    """One turn of a switch, of a tenant or of all (`*`), numbered from 1."""

    tenant: str
    number: int
    stopped: bool
    author: str
    reason: str
    at: datetime


class KillSwitches:
    """The switches, within the caller's transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def stops(self, tenant: str) -> tuple[Stop, ...]:
        """The switches that are on for a tenant, its own and everyone's: one indexed query, for before every step."""
        rows = await self._session.scalars(_STOPS, {"asked": tenant})
        return tuple(
            Stop(everywhere=row.tenant == EVERYWHERE, author=row.author, reason=row.reason, at=row.at) for row in rows
        )

    async def turn(self, tenant: str, *, stopped: bool, author: str, reason: str) -> SwitchTurn:
        """Turn a tenant's switch, or everyone's (`EVERYWHERE`); also where it stands so already, for the record.

        The turn is appended to the audit log of that tenant, or to the log of `EVERYWHERE`, which is one of its own.
        """
        while True:
            found = await self.history(tenant, limit=1)
            turned = SwitchTurn(
                tenant=tenant,
                number=found[0].number + 1 if found else 1,
                stopped=stopped,
                author=author,
                reason=reason,
                at=datetime.now(UTC),
            )
            if await insert_if_absent(self._session, KillSwitchRow, turned.model_dump()):
                await AuditLog(self._session, tenant).append([_audited(turned)])
                return turned

    async def history(self, tenant: str, limit: int = 100) -> tuple[SwitchTurn, ...]:
        """The turns of one switch, the newest first."""
        of_switch = select(KillSwitchRow).where(KillSwitchRow.tenant == tenant)
        rows = await self._session.scalars(of_switch.order_by(KillSwitchRow.number.desc()).limit(limit))
        return tuple(
            SwitchTurn(
                tenant=row.tenant,
                number=row.number,
                stopped=row.stopped,
                author=row.author,
                reason=row.reason,
                at=row.at,
            )
            for row in rows
        )


def _stops() -> Select[KillSwitchRow]:
    later = aliased(KillSwitchRow)
    newest = select(func.max(later.number)).where(later.tenant == KillSwitchRow.tenant).scalar_subquery()
    return (
        select(KillSwitchRow)
        .where(or_(KillSwitchRow.tenant == bindparam("asked"), KillSwitchRow.tenant == EVERYWHERE))
        .where(KillSwitchRow.number == newest, KillSwitchRow.stopped)
        .order_by(KillSwitchRow.tenant)
    )


_STOPS = _stops()
"""Made once: making it takes longer than the query, which is asked before every step."""


def _audited(turned: SwitchTurn) -> Draft:
    """Who turned it and why can be erased."""
    return Draft(
        kind=Kind.KILL_SWITCH,
        body={"number": turned.number, "stopped": turned.stopped},
        personal={
            "author": Personal(subject=turned.author, value=turned.author),
            "reason": Personal(subject=turned.author, value=turned.reason),
        },
        key=f"kill-switch/{turned.number}",
    )

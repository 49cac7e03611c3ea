"""What is given back when a run has ended, and what is kept of it for ever."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.audit.entries import Draft
from voicehive.audit.keys import SigningKey
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.autonomous_actions import AutonomousActions


async def close_action(session: AsyncSession, tenant: str, run: str, *, acted: bool) -> None:
    """Give back all that a run held of budgets if it did nothing; if it acted, its slots, but not what it spent."""
    actions, now = AutonomousActions(session, tenant), datetime.now(UTC)
    await (actions.settle(run, now) if acted else actions.release(run, now))


async def record_end(session: AsyncSession, tenant: str, drafts: Sequence[Draft], key: SigningKey | None) -> None:
    """Append how a run ended to the tenant's audit log, and sign the log's head over it where there is a key."""
    log = AuditLog(session, tenant)
    await log.append(drafts)
    if key is not None:
        await log.sign_head(key)

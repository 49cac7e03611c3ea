"""What is given back when a run that acted, or might have, has ended."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.storage.autonomous_actions import AutonomousActions


async def close_action(session: AsyncSession, tenant: str, run: str, *, acted: bool) -> None:
    """Give back all that a run held of budgets if it did nothing; if it acted, its slots, but not what it spent."""
    actions, now = AutonomousActions(session, tenant), datetime.now(UTC)
    await (actions.settle(run, now) if acted else actions.release(run, now))

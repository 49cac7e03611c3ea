"""How a tenant stands at the moment of a verdict, as the store knows it."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.autonomy.standing import Standing
from voicehive.storage.allowances import Demand
from voicehive.storage.autonomous_actions import AutonomousActions
from voicehive.storage.kill_switches import KillSwitches


async def standing_of(session: AsyncSession, tenant: str, demand: Demand, run: str) -> Standing:
    """What is stopped, and what of its budgets the demand does not fit into; `run` itself is not in its own way."""
    now = datetime.now(UTC)
    short = await AutonomousActions(session, tenant).shortages(demand, now, run=run)
    return Standing(at=now, stops=await KillSwitches(session).stops(tenant), shortages=short)

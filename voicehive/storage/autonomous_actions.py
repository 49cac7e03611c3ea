"""What autonomous actions take from budgets: reserved before a run may act, settled or released when it has ended.

Counted exactly: reservations of one tenant are made one after another (by SQLite's write lock, by an advisory lock on
PostgreSQL), each after what the earlier ones committed, and amounts are whole millionths, rounded up.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from voicehive.model import Model
from voicehive.storage.allowances import Charge, Demand, Shortage, Slot, Strictness
from voicehive.storage.tables import AutonomousActionRow, BudgetChargeRow, ConcurrencySlotRow

_LOCK = 0x566F6963  # "Voic": sets this lock apart from other advisory locks in the same database
_WHOLE = Decimal(1_000_000)


class AutonomousAction(Model):
    """A run that was admitted: `state` is `open`, `settled` or `released`."""

    run: str
    approved: bool
    state: str
    reserved_at: datetime
    closed_at: datetime | None


class AutonomousActions:
    """A tenant's autonomous actions, within the caller's transaction."""

    def __init__(self, session: AsyncSession, tenant: str) -> None:
        self._session = session
        self._tenant = tenant

    async def shortages(
        self, demand: Demand, at: datetime, *, approved: bool = False, run: str = ""
    ) -> tuple[Shortage, ...]:
        """What the demand does not fit into at this moment, leaving out what `run` holds itself.

        What people approved is held up only by what counts approved runs and blocks.
        """
        found = [
            await self._charge_shortage(charge, at, run)
            for charge in demand.charges
            if _holds_up(charge.severity, charge.counts_approved, approved)
        ]
        found += [
            await self._slot_shortage(slot, run)
            for slot in demand.slots
            if _holds_up(slot.severity, slot.counts_approved, approved)
        ]
        return tuple(shortage for shortage in found if shortage is not None)

    async def reserve(self, run: str, demand: Demand, at: datetime, *, approved: bool = False) -> tuple[Shortage, ...]:
        """Take what a run asks for, all of it or, where there are shortages, nothing.

        The same demand of the same run again changes nothing; another one takes the place of what it held. Needs a
        write transaction, in which no rows that others may wait for should be locked before.
        """
        await self._one_at_a_time()
        digest = demand.content_digest()
        row = await self._session.get(AutonomousActionRow, (self._tenant, run), populate_existing=True)
        if row is not None and row.state != "released" and (row.demand, row.approved) == (digest, approved):
            return ()
        if short := await self.shortages(demand, at, approved=approved, run=run):
            return short
        reserved_at = row.reserved_at if row is not None and row.state == "open" else at
        await self._give_back(run)
        await self._session.merge(
            AutonomousActionRow(
                tenant=self._tenant,
                run=run,
                demand=digest,
                approved=approved,
                state="open",
                reserved_at=reserved_at,
                closed_at=None,
            )
        )
        self._take(run, demand, reserved_at, approved)
        await self._session.flush()
        return ()

    async def settle(self, run: str, at: datetime, amounts: Mapping[str, float] | None = None) -> bool:
        """Close a run that acted: it gives its slots back, and its charges stay; `amounts` are what was really taken.

        Returns whether this closed it: the first of `settle` and `release` counts, and an unknown run changes nothing.
        """
        if not await self._close(run, "settled", at):
            return False
        await self._session.execute(delete(ConcurrencySlotRow).where(*self._of(ConcurrencySlotRow, run)))
        for budget, amount in (amounts or {}).items():
            charged = update(BudgetChargeRow).where(*self._of(BudgetChargeRow, run))
            await self._session.execute(
                charged.where(BudgetChargeRow.budget == budget).values(millionths=_millionths(amount))
            )
        return True

    async def release(self, run: str, at: datetime) -> bool:
        """Close a run that did nothing, or that is gone: it gives everything back. Returns whether this closed it."""
        if not await self._close(run, "released", at):
            return False
        await self._give_back(run)
        return True

    async def get(self, run: str) -> AutonomousAction | None:
        """The run as it stands, or None."""
        row = await self._session.get(AutonomousActionRow, (self._tenant, run))
        if row is None:
            return None
        return AutonomousAction(
            run=row.run,
            approved=row.approved,
            state=row.state,
            reserved_at=row.reserved_at,
            closed_at=row.closed_at,
        )

    async def _one_at_a_time(self) -> None:
        # On SQLite the transaction holds the only write lock since it began.
        if self._session.get_bind().dialect.name == "postgresql":
            await self._session.execute(
                text("SELECT pg_advisory_xact_lock(:lock, hashtext(:tenant))"), {"lock": _LOCK, "tenant": self._tenant}
            )

    async def _charge_shortage(self, charge: Charge, at: datetime, run: str) -> Shortage | None:
        if charge.amount is None:
            return _short(charge.budget, charge.severity, f"what it takes cannot be told: {charge.cause}")
        wanted, limit = _millionths(charge.amount), _millionths(charge.at_most, ROUND_FLOOR)
        counted = (
            BudgetChargeRow.tenant == self._tenant,
            BudgetChargeRow.budget == charge.budget,
            BudgetChargeRow.place == (charge.deployment or ""),
            BudgetChargeRow.charged_at > at - charge.period,
            BudgetChargeRow.run != run,
        )
        used = int(await self._session.scalar(select(func.sum(BudgetChargeRow.millionths)).where(*counted)) or 0)
        if used + wanted <= limit:
            return None
        reason = f"{_amount(used)} of {_amount(limit, charge.unit)} in {_span(charge.period)} used up"
        if charge.unit != "actions":
            reason += f", and this takes {_amount(wanted, charge.unit)}"
        if wanted > limit:
            return _short(charge.budget, charge.severity, f"{reason}: more than there ever is")
        taken = select(BudgetChargeRow.charged_at, BudgetChargeRow.millionths).where(*counted)
        for charged_at, millionths in await self._session.execute(taken.order_by(BudgetChargeRow.charged_at)):
            used -= millionths
            if used + wanted <= limit:
                return _short(charge.budget, charge.severity, reason, charged_at + charge.period)
        return _short(charge.budget, charge.severity, reason)

    async def _slot_shortage(self, slot: Slot, run: str) -> Shortage | None:
        held = select(ConcurrencySlotRow.run).where(
            ConcurrencySlotRow.tenant == self._tenant,
            ConcurrencySlotRow.limit_id == slot.limit,
            ConcurrencySlotRow.place == (slot.deployment or ""),
            ConcurrencySlotRow.run != run,
        )
        runs = list(await self._session.scalars(held.order_by(ConcurrencySlotRow.since).limit(slot.at_most)))
        if len(runs) < slot.at_most:
            return None
        where = f"on {slot.deployment}" if slot.deployment else "in this tenant"
        reason = f"{len(runs)} of {slot.at_most} at once under way {where}: {', '.join(runs[:3])}"
        return _short(slot.limit, slot.severity, reason)

    def _take(self, run: str, demand: Demand, at: datetime, approved: bool) -> None:
        self._session.add_all(
            BudgetChargeRow(
                tenant=self._tenant,
                run=run,
                budget=charge.budget,
                place=charge.deployment or "",
                # What could not be told, and was approved all the same, uses the budget up.
                millionths=_millionths(charge.at_most if charge.amount is None else charge.amount),
                charged_at=at,
            )
            for charge in demand.charges
            if charge.counts_approved or not approved
        )
        self._session.add_all(
            ConcurrencySlotRow(tenant=self._tenant, run=run, limit_id=slot.limit, place=slot.deployment or "", since=at)
            for slot in demand.slots
            if slot.counts_approved or not approved
        )

    async def _give_back(self, run: str) -> None:
        for table in (BudgetChargeRow, ConcurrencySlotRow):
            await self._session.execute(delete(table).where(*self._of(table, run)))

    async def _close(self, run: str, state: str, at: datetime) -> bool:
        closed = (
            update(AutonomousActionRow)
            .where(*self._of(AutonomousActionRow, run), AutonomousActionRow.state == "open")
            .values(state=state, closed_at=at)
            .returning(AutonomousActionRow.run)
        )
        return (await self._session.execute(closed)).first() is not None

    def _of(
        self, table: type[AutonomousActionRow] | type[BudgetChargeRow] | type[ConcurrencySlotRow], run: str
    ) -> tuple[ColumnElement[bool], ...]:
        return table.tenant == self._tenant, table.run == run


def _holds_up(severity: Strictness, counts_approved: bool, approved: bool) -> bool:
    return not approved or (counts_approved and severity == "block")


def _short(name: str, severity: Strictness, reason: str, free_at: datetime | None = None) -> Shortage:
    return Shortage(id=name, severity=severity, reason=reason, free_at=free_at)


def _millionths(amount: float, rounding: str = ROUND_CEILING) -> int:
    """The amount as it is written in decimals, so that ten times 0.1 is 1."""
    return int((Decimal(repr(float(amount))) * _WHOLE).to_integral_value(rounding))


def _amount(millionths: int, unit: str = "") -> str:
    return f"{Decimal(millionths) / _WHOLE:,.6f}".rstrip("0").rstrip(".") + (f" {unit}" if unit else "")


def _span(period: timedelta) -> str:
    seconds = period.total_seconds()
    for length, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds % length == 0:
            count = int(seconds // length)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"

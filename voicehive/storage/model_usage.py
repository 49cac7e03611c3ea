"""What each tenant's language models have used, against its budget, and the answers kept from them.

Both work in transactions of their own: a reservation must be there for others to see before the call is made. A usage
row is locked from the look at it to the change of it, so budgets are exact under any number of concurrent callers. A
worker that dies in between leaves its reservation, which counts as spent.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select

from voicehive.model import Model
from voicehive.reasoning.budget import ModelBudget
from voicehive.storage.database import Database, get_or_insert, insert_if_absent, update_row
from voicehive.storage.tables import ModelAnswerRow, ModelReservationRow, ModelUsageRow

KEPT = timedelta(days=7)
"""How long an answer may be used again."""


class ModelSpending(Model):
    """What was used in a period, with what is set aside for calls under way."""

    period: str
    tokens: int
    cost_micros: int


class ModelUsage:
    """The meter of one database: `budgets` by tenant, and `default` for every other."""

    def __init__(
        self,
        database: Database,
        budgets: Mapping[str, ModelBudget] | None = None,
        default: ModelBudget = ModelBudget(),  # noqa: B008
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._budgets = budgets or {}
        self._default = default
        self._now = now

    async def reserve(self, tenant: str, call: str, tokens: int, cost_micros: int) -> bool:
        """Set aside what the call may cost at most; False, with nothing set aside, where the budget has no room.

        A repeat for the same call changes nothing.
        """
        budget = self._budgets.get(tenant, self._default)
        now = self._now()
        key = {"tenant": tenant, "period": budget.name(now)}
        reserved = {"tokens": tokens, "cost_micros": cost_micros}
        async with self._database.transaction() as session:
            usage = await get_or_insert(session, ModelUsageRow, key | {"tokens": 0, "cost_micros": 0})
            total = {name: usage[name] + amount for name, amount in reserved.items()}
            values = key | reserved | {"call": call, "reserved_at": now}
            if not await insert_if_absent(session, ModelReservationRow, values):
                return True
            if not budget.allows(**total):
                await session.rollback()
                return False
            await update_row(session, ModelUsageRow, usage, **total)
            return True

    async def settle(self, tenant: str, call: str, tokens: int, cost_micros: int) -> None:
        """Put what the call did cost in the place of what was set aside, in the period of the reservation, once."""
        this = (ModelReservationRow.tenant == tenant, ModelReservationRow.call == call)
        columns = (ModelReservationRow.period, ModelReservationRow.tokens, ModelReservationRow.cost_micros)
        async with self._database.transaction() as session:
            reserved = (await session.execute(delete(ModelReservationRow).where(*this).returning(*columns))).first()
            if reserved is None:
                return
            key = {"tenant": tenant, "period": reserved.period}
            usage = await get_or_insert(session, ModelUsageRow, key | {"tokens": 0, "cost_micros": 0})
            await update_row(
                session,
                ModelUsageRow,
                usage,
                tokens=usage["tokens"] - reserved.tokens + tokens,
                cost_micros=usage["cost_micros"] - reserved.cost_micros + cost_micros,
            )

    async def spent(self, tenant: str) -> ModelSpending:
        """What the tenant has used in the period that is running."""
        period = self._budgets.get(tenant, self._default).name(self._now())
        wanted = select(ModelUsageRow.tokens, ModelUsageRow.cost_micros)
        wanted = wanted.where(ModelUsageRow.tenant == tenant, ModelUsageRow.period == period)
        async with self._database.reading() as session:
            row = (await session.execute(wanted)).first()
        tokens, cost_micros = (row.tokens, row.cost_micros) if row else (0, 0)
        return ModelSpending(period=period, tokens=tokens, cost_micros=cost_micros)

    async def prune(self, tenant: str, before: datetime) -> int:
        """Remove a tenant's totals of the months that ended before a time, and what dead workers set aside before it.

        Returns how many rows that were: one for each period, and one for each such call.
        """
        month = before.astimezone(UTC).strftime("%Y-%m")
        totals = delete(ModelUsageRow).where(ModelUsageRow.tenant == tenant, ModelUsageRow.period < month)
        theirs = (ModelReservationRow.tenant == tenant, ModelReservationRow.reserved_at < before)
        calls = delete(ModelReservationRow).where(*theirs)
        async with self._database.transaction() as session:
            periods = list(await session.scalars(totals.returning(ModelUsageRow.period)))
            return len(periods) + len(list(await session.scalars(calls.returning(ModelReservationRow.call))))


class ModelAnswers:
    """Answers by the digest of all that they depend on, for `kept` from when they were given."""

    def __init__(
        self, database: Database, kept: timedelta = KEPT, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._kept = kept
        self._now = now

    async def get(self, tenant: str, digest: str) -> str | None:
        """The answer, as JSON; None where there is none that is young enough."""
        this = (ModelAnswerRow.tenant == tenant, ModelAnswerRow.digest == digest)
        young = ModelAnswerRow.created_at > self._now() - self._kept
        async with self._database.reading() as session:
            return await session.scalar(select(ModelAnswerRow.answer).where(*this, young))

    async def put(self, tenant: str, digest: str, answer: str) -> None:
        """Keep an answer, and drop the tenant's that are too old; one that is there and young enough stays."""
        now = self._now()
        old = (ModelAnswerRow.tenant == tenant, ModelAnswerRow.created_at <= now - self._kept)
        values = {"tenant": tenant, "digest": digest, "answer": answer, "created_at": now}
        async with self._database.transaction() as session:
            await session.execute(delete(ModelAnswerRow).where(*old))
            await insert_if_absent(session, ModelAnswerRow, values)

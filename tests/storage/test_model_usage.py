"""Budgets of tokens and money: exact whoever spends at the same time, and answers kept no longer than they may be."""

import asyncio
import multiprocessing
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select

from voicehive.storage.database import Database
from voicehive.storage.model_usage import KEPT, ModelAnswers, ModelBudget, ModelSpending, ModelUsage
from voicehive.storage.tables import ModelAnswerRow, ModelReservationRow

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DIGEST = "ab" * 32


def usage(database: Database, now: datetime = NOON, **budget: object) -> ModelUsage:
    return ModelUsage(database, default=ModelBudget.model_validate(budget), now=lambda: now)


async def test_what_is_set_aside_counts_until_the_cost_is_known(database: Database, tenant: str) -> None:
    meter = usage(database, tokens=1_000)
    assert await meter.reserve(tenant, "a", 600, 30)
    assert await meter.spent(tenant) == ModelSpending(period="2026-11-24", tokens=600, cost_micros=30)
    assert not await meter.reserve(tenant, "b", 401, 0)
    await meter.settle(tenant, "a", 150, 7)
    assert await meter.spent(tenant) == ModelSpending(period="2026-11-24", tokens=150, cost_micros=7)
    assert await meter.reserve(tenant, "b", 850, 0)
    assert not await meter.reserve(tenant, "c", 1, 0)


async def test_money_is_counted_to_the_millionth(database: Database, tenant: str) -> None:
    meter = usage(database, money=0.1)
    for number in range(10):
        assert await meter.reserve(tenant, f"call-{number}", 10**6, 10_000)
    assert not await meter.reserve(tenant, "one-more", 0, 1)
    assert await meter.reserve(tenant, "free", 0, 0)


async def test_what_was_refused_leaves_nothing_behind(database: Database, tenant: str) -> None:
    meter = usage(database, tokens=10)
    assert not await meter.reserve(tenant, "a", 11, 0)
    await meter.settle(tenant, "a", 5, 5)
    assert (await meter.spent(tenant)).tokens == 0
    assert await meter.reserve(tenant, "a", 10, 0)


async def test_repeats_change_nothing(database: Database, tenant: str) -> None:
    meter = usage(database, tokens=1_000)
    assert await meter.reserve(tenant, "a", 600, 0)
    assert await meter.reserve(tenant, "a", 600, 0)
    assert (await meter.spent(tenant)).tokens == 600
    await meter.settle(tenant, "a", 100, 0)
    await meter.settle(tenant, "a", 900, 0)
    assert (await meter.spent(tenant)).tokens == 100


async def test_a_call_may_turn_out_dearer_than_was_set_aside(database: Database, tenant: str) -> None:
    meter = usage(database, tokens=100)
    assert await meter.reserve(tenant, "a", 50, 0)
    await meter.settle(tenant, "a", 5_000_000_000, 0)
    assert (await meter.spent(tenant)).tokens == 5_000_000_000
    assert not await meter.reserve(tenant, "b", 1, 0)


@pytest.mark.parametrize(("period", "later"), [("day", timedelta(hours=12)), ("month", timedelta(days=6, hours=12))])
async def test_a_period_ends_and_the_call_stays_in_the_one_it_began_in(
    database: Database, tenant: str, period: str, later: timedelta
) -> None:
    today, afterwards = usage(database, period=period, tokens=10), usage(database, NOON + later, period=period)
    assert await today.reserve(tenant, "a", 10, 0)
    assert not await usage(database, NOON + later - timedelta(seconds=1), period=period, tokens=10).reserve(
        tenant, "b", 1, 0
    )
    await afterwards.settle(tenant, "a", 4, 0)
    assert (await afterwards.spent(tenant)).tokens == 0
    assert (await today.spent(tenant)).tokens == 4


async def test_a_day_is_one_of_utc_wherever_the_clock_is(database: Database, tenant: str) -> None:
    elsewhere = datetime.fromisoformat("2026-11-25T01:30:00+02:00")
    assert (await usage(database, elsewhere).spent(tenant)).period == "2026-11-24"


async def test_tenants_have_budgets_of_their_own(database: Database, tenant: str) -> None:
    meter = ModelUsage(database, {tenant: ModelBudget(tokens=5)}, ModelBudget(tokens=0))
    assert await meter.reserve(tenant, "a", 5, 0)
    assert not await meter.reserve(f"{tenant}-other", "a", 1, 0)
    assert (await meter.spent(f"{tenant}-other")).tokens == 0


async def test_concurrent_callers_never_get_more_than_there_is(database: Database, tenant: str) -> None:
    meter = usage(database, tokens=1_000)

    async def call(number: int) -> bool:
        if not await meter.reserve(tenant, str(number), 150, 0):
            return False
        await asyncio.sleep(0)
        await meter.settle(tenant, str(number), 70, 3)
        return True

    made = sum(await asyncio.gather(*(call(number) for number in range(60))))
    spent = await meter.spent(tenant)
    assert spent == ModelSpending(period="2026-11-24", tokens=70 * made, cost_micros=3 * made)
    # The last one that was made found room for 150 after those before it, and no further one would.
    assert 70 * (made - 1) + 150 <= 1_000
    async with database.reading() as session:
        left = select(func.count()).select_from(ModelReservationRow).where(ModelReservationRow.tenant == tenant)
        assert await session.scalar(left) == 0


def _reserve_many(url: str, tenant: str, name: str) -> int:
    async def work() -> int:
        database = await Database.open(url)
        try:
            meter = usage(database, tokens=1_000)
            return sum([await meter.reserve(tenant, f"{name}-{number}", 30, 1) for number in range(20)])
        finally:
            await database.close()

    return asyncio.run(work())


async def test_concurrent_processes_never_get_more_than_there_is(
    database: Database, database_url: str, tenant: str
) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        tasks = [(database_url, tenant, name) for name in "abc"]
        made = await asyncio.to_thread(pool.starmap, _reserve_many, tasks)
    assert sum(made) == 1_000 // 30
    assert (await usage(database).spent(tenant)).tokens == 30 * (1_000 // 30)


async def test_answers_are_kept_by_digest_and_tenant_for_a_while(database: Database, tenant: str) -> None:
    await ModelAnswers(database, now=lambda: NOON).put(tenant, DIGEST, '{"x": "é"}')
    just_before = ModelAnswers(database, now=lambda: NOON + KEPT - timedelta(seconds=1))
    assert await just_before.get(tenant, DIGEST) == '{"x": "é"}'
    assert await just_before.get(f"{tenant}-other", DIGEST) is None
    assert await just_before.get(tenant, "cd" * 32) is None
    assert await ModelAnswers(database, now=lambda: NOON + KEPT).get(tenant, DIGEST) is None


async def test_the_first_answer_stays_and_old_ones_go(database: Database, tenant: str) -> None:
    answers = ModelAnswers(database, now=lambda: NOON)
    await answers.put(tenant, DIGEST, "1")
    await answers.put(tenant, DIGEST, "2")
    assert await answers.get(tenant, DIGEST) == "1"
    later = ModelAnswers(database, now=lambda: NOON + KEPT)
    await later.put(tenant, "cd" * 32, "3")
    async with database.reading() as session:
        kept = select(ModelAnswerRow.answer).where(ModelAnswerRow.tenant == tenant)
        assert list(await session.scalars(kept)) == ["3"]
    await later.put(tenant, DIGEST, "4")
    assert await later.get(tenant, DIGEST) == "4"


@pytest.mark.parametrize("budget", [{"tokens": -1}, {"money": float("inf")}, {"period": "week"}, {"token": 5}])
def test_a_budget_that_makes_no_sense_is_refused(budget: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ModelBudget.model_validate(budget)


async def test_charges_of_months_long_past_are_removed_and_what_was_set_aside_then(
    database: Database, tenant: str
) -> None:
    long_ago, last_month = NOON - timedelta(days=62), NOON.replace(month=10, day=31)
    for at in (long_ago, last_month, NOON):
        for whose in (tenant, f"{tenant}-other"):
            assert await usage(database, at).reserve(whose, f"dead-{at:%m}", 10, 1)
    monthly = ModelUsage(database, default=ModelBudget(period="month"), now=lambda: long_ago)
    assert await monthly.reserve(tenant, "by-month", 10, 1)
    assert await usage(database).prune(tenant, NOON.replace(month=10, day=30)) == 4
    assert await usage(database).prune(tenant, NOON.replace(month=10, day=30)) == 0
    assert (await usage(database, long_ago).spent(tenant)).tokens == 0
    assert (await usage(database, last_month).spent(tenant)).tokens == 10
    assert (await usage(database).spent(tenant)).tokens == 10
    assert (await usage(database, long_ago).spent(f"{tenant}-other")).tokens == 10
    await usage(database).settle(tenant, "dead-09", 5, 5)
    assert (await usage(database, long_ago).spent(tenant)).tokens == 0

"""Budgets, rates and slots: exact under concurrency, sliding, idempotent by run, and clear about when there is room."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voicehive.storage.allowances import Charge, Demand, Shortage, Slot
from voicehive.storage.autonomous_actions import AutonomousActions
from voicehive.storage.database import Database

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def action(at_most: float = 3, **fields: Any) -> Charge:
    return Charge(budget="rate", amount=1, at_most=at_most, period=HOUR, unit="actions", **fields)


def spend(amount: float | None, at_most: float = 400, **fields: Any) -> Charge:
    return Charge(budget="spend", amount=amount, at_most=at_most, period=24 * HOUR, unit="EUR", **fields)


def charging(*charges: Charge) -> Demand:
    return Demand(charges=charges)


async def reserve(
    database: Database, tenant: str, run: str, demand: Demand, after: timedelta = timedelta(), *, approved: bool = False
) -> tuple[Shortage, ...]:
    async with database.transaction() as session:
        return await AutonomousActions(session, tenant).reserve(run, demand, NOW + after, approved=approved)


async def release(database: Database, tenant: str, run: str) -> bool:
    async with database.transaction() as session:
        return await AutonomousActions(session, tenant).release(run, NOW)


async def settle(database: Database, tenant: str, run: str, amounts: dict[str, float] | None = None) -> bool:
    async with database.transaction() as session:
        return await AutonomousActions(session, tenant).settle(run, NOW, amounts)


async def test_exactly_as_many_are_admitted_as_the_budget_has(database: Database, tenant: str) -> None:
    demand = charging(action(at_most=7), spend(0.1, at_most=1.2))
    outcomes = await asyncio.gather(*(reserve(database, tenant, f"run-{number}", demand) for number in range(40)))
    assert outcomes.count(()) == 7
    assert all(short[0].id == "rate" for short in outcomes if short)


_RESERVING = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from voicehive.storage.allowances import Charge, Demand
from voicehive.storage.autonomous_actions import AutonomousActions
from voicehive.storage.database import Database

async def main(url, tenant, name):
    database = await Database.open(url)
    charge = Charge(budget="spend", amount=0.1, at_most=2.5, period=timedelta(hours=1))
    taken = 0
    for number in range(20):
        async with database.transaction() as session:
            actions = AutonomousActions(session, tenant)
            taken += await actions.reserve(f"{name}-{number}", Demand(charges=(charge,)), datetime.now(UTC)) == ()
    await database.close()
    print(taken)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_race_take_exactly_the_whole_budget(
    database: Database, database_url: str, tenant: str
) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _RESERVING, database_url, tenant, f"process-{number}", stdout=asyncio.subprocess.PIPE
        )
        for number in range(3)
    ]
    printed = [(await process.communicate())[0] for process in processes]
    assert sum(map(int, printed)) == 25  # 25 times 0.1 is 2.5: not one fewer for want of decimals, not one more


async def test_a_budget_slides_and_says_when_it_is_free_again(database: Database, tenant: str) -> None:
    for minutes in (0, 20, 40):
        assert await reserve(database, tenant, f"at-{minutes}", charging(action()), timedelta(minutes=minutes)) == ()
    (short,) = await reserve(database, tenant, "late", charging(action()), timedelta(minutes=59))
    assert short.reason == "3 of 3 actions in 1 hour used up"
    assert short.free_at == NOW + HOUR
    assert await reserve(database, tenant, "late", charging(action()), HOUR) == ()
    (again,) = await reserve(database, tenant, "later", charging(action()), HOUR)
    assert again.free_at == NOW + timedelta(minutes=80)


async def test_a_larger_charge_waits_until_enough_has_expired(database: Database, tenant: str) -> None:
    for hours, amount in ((0, 100.0), (1, 150.0), (2, 140.0)):
        assert await reserve(database, tenant, f"at-{hours}", charging(spend(amount)), hours * HOUR) == ()
    (short,) = await reserve(database, tenant, "big", charging(spend(200)), 3 * HOUR)
    assert short.reason == "390 of 400 EUR in 1 day used up, and this takes 200 EUR"
    assert short.free_at == NOW + 25 * HOUR
    (never,) = await reserve(database, tenant, "too big", charging(spend(400.000001)), 3 * HOUR)
    assert "more than there ever is" in never.reason
    assert never.free_at is None
    assert await reserve(database, tenant, "fits", charging(spend(10)), 3 * HOUR) == ()


async def test_nothing_is_taken_where_one_budget_of_several_is_short(database: Database, tenant: str) -> None:
    assert await reserve(database, tenant, "one", charging(spend(390))) == ()
    both = charging(action(at_most=1), spend(20))
    assert [short.id for short in await reserve(database, tenant, "two", both)] == ["spend"]
    assert await reserve(database, tenant, "three", charging(action(at_most=1))) == ()


async def test_the_same_run_reserves_once(database: Database, tenant: str) -> None:
    demand = charging(action(at_most=1))
    outcomes = await asyncio.gather(*(reserve(database, tenant, "run", demand) for _ in range(10)))
    assert outcomes == [()] * 10
    assert await reserve(database, tenant, "other", demand) != ()
    assert await settle(database, tenant, "run")
    assert await reserve(database, tenant, "run", demand) == ()
    assert await reserve(database, tenant, "other", demand) != ()


async def test_another_demand_of_the_same_run_takes_the_place_of_the_first(database: Database, tenant: str) -> None:
    assert await reserve(database, tenant, "run", charging(spend(300))) == ()
    assert await reserve(database, tenant, "run", charging(spend(350))) == ()
    (short,) = await reserve(database, tenant, "other", charging(spend(60)))
    assert short.reason.startswith("350 of 400 EUR")


async def test_what_did_nothing_gives_everything_back_and_what_acted_keeps_it(database: Database, tenant: str) -> None:
    demand = Demand(charges=(spend(400),), slots=(Slot(limit="one", at_most=1, deployment="d"),))
    assert await reserve(database, tenant, "run", demand) == ()
    assert [short.id for short in await reserve(database, tenant, "other", demand)] == ["spend", "one"]
    assert await release(database, tenant, "run")
    assert not await settle(database, tenant, "run")
    assert await reserve(database, tenant, "other", demand) == ()
    assert await settle(database, tenant, "other", {"spend": 250})
    assert not await release(database, tenant, "other")
    assert await reserve(database, tenant, "third", Demand(charges=(spend(150),), slots=demand.slots)) == ()
    assert not await settle(database, tenant, "unknown")


async def test_one_change_for_each_deployment_at_a_time(database: Database, tenant: str) -> None:
    def change(deployment: str) -> Demand:
        return Demand(slots=(Slot(limit="one-change", at_most=1, deployment=deployment, severity="block"),))

    outcomes = await asyncio.gather(*(reserve(database, tenant, f"run-{n}", change("a")) for n in range(8)))
    assert outcomes.count(()) == 1
    holder = f"run-{outcomes.index(())}"
    (short,) = await reserve(database, tenant, "late", change("a"), approved=True)
    assert short.reason == f"1 of 1 at once under way on a: {holder}"
    assert await reserve(database, tenant, "elsewhere", change("b")) == ()
    assert await settle(database, tenant, holder)
    assert await reserve(database, tenant, "late", change("a"), approved=True) == ()


async def test_what_people_approved_counts_only_where_the_budget_says_so(database: Database, tenant: str) -> None:
    plain = charging(action(at_most=1))
    assert await reserve(database, tenant, "approved", plain, approved=True) == ()
    assert await reserve(database, tenant, "alone", plain) == ()
    assert await reserve(database, tenant, "approved too", plain, approved=True) == ()
    counting = charging(spend(300, counts_approved=True))
    assert await reserve(database, tenant, "a", counting, approved=True) == ()
    assert await reserve(database, tenant, "b", counting, approved=True) == ()
    assert await reserve(database, tenant, "c", counting) != ()
    blocking = charging(spend(300, counts_approved=True, severity="block"))
    assert [short.severity for short in await reserve(database, tenant, "d", blocking, approved=True)] == ["block"]


async def test_a_charge_that_cannot_be_told_is_too_much(database: Database, tenant: str) -> None:
    (short,) = await reserve(database, tenant, "run", charging(spend(None, cause="no such key")))
    assert short.reason == "what it takes cannot be told: no such key"
    assert short.free_at is None


async def test_tenants_and_deployments_are_counted_apart(database: Database, tenant: str) -> None:
    for name in (tenant, f"{tenant}-other"):
        for deployment in ("a", "b"):
            demand = charging(action(at_most=1, deployment=deployment))
            assert await reserve(database, name, f"run-{deployment}", demand) == ()
            assert await reserve(database, name, f"late-{deployment}", demand) != ()


@given(
    amounts=st.lists(st.decimals("0.000001", 50, places=6), min_size=1, max_size=12),
    minutes=st.lists(st.integers(0, 90), min_size=12, max_size=12),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_window_ever_holds_more_than_the_budget_and_free_at_is_true(
    database: Database, tenant: str, amounts: list[Any], minutes: list[int]
) -> None:
    """Against sums of decimals: admitted exactly when it fits, and free again exactly when it says."""
    tenant, admitted, at = f"{tenant}-{uuid4().hex}", [], NOW
    for number, (amount, wait) in enumerate(zip(amounts, minutes, strict=False)):
        at += timedelta(minutes=wait)
        charge = Charge(budget="b", amount=float(amount), at_most=60, period=HOUR)
        used = sum(one for when, one in admitted if when > at - HOUR)
        async with database.transaction() as session:
            short = await AutonomousActions(session, tenant).reserve(f"run-{number}", charging(charge), at)
        assert (short == ()) == (used + amount <= 60)
        if not short:
            admitted.append((at, amount))
            continue
        free = short[0].free_at
        assert free is not None
        async with database.reading() as session:
            actions = AutonomousActions(session, tenant)
            assert await actions.shortages(charging(charge), free) == ()
            assert await actions.shortages(charging(charge), free - timedelta(microseconds=1)) != ()


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), -1.0, 2e12])
def test_an_amount_is_a_number_that_can_be_counted(amount: float) -> None:
    with pytest.raises(ValueError, match="amount"):
        spend(amount)

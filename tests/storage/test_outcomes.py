"""Outcomes and trust in the store: once each, folded at once, never lost to a measurement under way."""

import asyncio
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from activities.trust import Histories
from tests.autonomy.policies import policy
from voicehive.autonomy.policy import Policy
from voicehive.autonomy.trust.errors import OutcomeRefused
from voicehive.autonomy.trust.in_force import Trust
from voicehive.autonomy.trust.promise import RiskPromise
from voicehive.autonomy.trust.report import TrustReport, measure_trust
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database
from voicehive.storage.outcomes import AssessedCase, TrustOutcomes

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PROMISE = RiskPromise(alpha=0.05, delta=0.05)


def case(name: str, kind: str = "capacity", sure: float = 0.9, alone: bool = True) -> AssessedCase:
    return AssessedCase(
        decision_id=name,
        kind=kind,
        parts={"preference": sure},
        confidence=sure,
        situation={"current.cost": 100.0 + len(name)},
        alone=alone,
        assessed_at=NOW,
    )


async def assessed(database: Database, tenant: str, *cases: AssessedCase) -> None:
    async with database.transaction() as session:
        for one in cases:
            await TrustOutcomes(session, tenant).assessed(one)


async def record(database: Database, tenant: str, name: str, loss: float, at: datetime = NOW) -> None:
    async with database.transaction() as session:
        await TrustOutcomes(session, tenant).record(name, loss, at)


async def put(database: Database, tenant: str, report: TrustReport, begin_anew: bool = False) -> TrustReport:
    async with database.transaction() as session:
        return await TrustOutcomes(session, tenant).put_report(report, begin_anew=begin_anew)


async def report(database: Database, tenant: str) -> TrustReport:
    async with database.reading() as session:
        found = await TrustOutcomes(session, tenant).report("capacity")
    assert found is not None
    return found


def measured(promise: RiskPromise = PROMISE) -> TrustReport:
    return measure_trust("capacity", [], promise, np.random.default_rng(0), at=NOW)


async def audited(database: Database, tenant: str) -> int:
    async with database.reading() as session:
        return (await AuditLog(session, tenant).frontier()).size


async def test_an_outcome_is_recorded_once_and_no_other_after_it(database: Database, tenant: str) -> None:
    await assessed(database, tenant, case("one"), case("other", kind="routing"))
    await asyncio.gather(*(record(database, tenant, "one", 1.0) for _ in range(5)))
    with pytest.raises(OutcomeRefused, match="recorded before, with loss 1"):
        await record(database, tenant, "one", 0.0)
    with pytest.raises(OutcomeRefused, match="no verdict on it is known"):
        await record(database, tenant, "unheard-of", 0.0)
    async with database.reading() as session:
        outcomes = TrustOutcomes(session, tenant)
        [outcome] = await outcomes.of_kind("capacity")
        assert (outcome.decision_id, outcome.loss, outcome.parts, outcome.at) == ("one", 1.0, {"preference": 0.9}, NOW)
        assert await outcomes.of_kind("routing") == ()
        assert await outcomes.kinds() == ("capacity", "routing")
        assert await TrustOutcomes(session, f"{tenant}-other").kinds() == ()
        known = (await outcomes.trust("capacity")).known
        assert (known.right, known.wrong, known.situations) == (0.0, 1.0, ({"current.cost": 103.0},))


async def test_of_two_words_on_a_decision_the_worse_counts(database: Database, tenant: str) -> None:
    await assessed(database, tenant, case("one"))
    await put(database, tenant, measured())
    await record(database, tenant, "one", 0.0)
    await record(database, tenant, "one", 1.0)
    with pytest.raises(OutcomeRefused, match="recorded before, with loss 1"):
        await record(database, tenant, "one", 0.0)
    async with database.reading() as session:
        outcomes = TrustOutcomes(session, tenant)
        assert [outcome.loss for outcome in await outcomes.of_kind("capacity")] == [1.0]
        assert (await outcomes.extent("capacity")).loss == 1.0
    assert (await report(database, tenant)).monitor.loss == 1.0


async def test_what_nobody_knows_is_counted(database: Database, tenant: str) -> None:
    await assessed(database, tenant, case("one"), case("two"), case("other", kind="routing"))
    await record(database, tenant, "one", 0.0)
    async with database.reading() as session:
        assert await TrustOutcomes(session, tenant).unknown("capacity") == 1


async def test_the_last_assessment_counts_until_the_outcome_is_known(database: Database, tenant: str) -> None:
    await assessed(database, tenant, case("one", sure=0.2), case("one", sure=0.7))
    await record(database, tenant, "one", 0.0)
    await assessed(database, tenant, case("one", sure=0.1))
    async with database.reading() as session:
        [outcome] = await TrustOutcomes(session, tenant).of_kind("capacity")
    assert (outcome.confidence, outcome.parts) == (0.7, {"preference": 0.7})


async def test_only_what_ran_alone_reaches_the_monitor_and_each_at_once(database: Database, tenant: str) -> None:
    names = [f"d{number}" for number in range(12)]
    await assessed(database, tenant, *(case(name) for name in names), case("asked", alone=False))
    await put(database, tenant, measured())
    await record(database, tenant, "asked", 1.0)
    assert (await report(database, tenant)).monitor.outcomes == 0
    await asyncio.gather(*(record(database, tenant, name, 0.0) for name in names))
    assert (await report(database, tenant)).monitor.outcomes == 12


async def test_harm_withdraws_and_only_a_person_begins_anew(database: Database, tenant: str) -> None:
    names = [f"d{number}" for number in range(6)]
    await assessed(database, tenant, *map(case, names))
    await put(database, tenant, measured())
    before = await audited(database, tenant)
    for name in names:
        await record(database, tenant, name, 1.0)
    assert (await report(database, tenant)).monitor.withdrawn
    assert await audited(database, tenant) == before + len(names) + 1
    assert (await put(database, tenant, measured())).monitor.withdrawn
    assert (await put(database, tenant, measured(RiskPromise(alpha=0.2)))).monitor.withdrawn
    anew = await put(database, tenant, measured(), begin_anew=True)
    assert not anew.monitor.withdrawn
    assert await report(database, tenant) == anew


async def test_a_measurement_keeps_what_the_monitor_saw_meanwhile(database: Database, tenant: str) -> None:
    await assessed(database, tenant, case("one"), case("two"))
    await put(database, tenant, measured())
    fitted = measured()
    await record(database, tenant, "one", 0.0)
    assert (await put(database, tenant, fitted)).monitor.outcomes == 1
    assert (await put(database, tenant, measured(RiskPromise(alpha=0.2)))).monitor.outcomes == 0


async def test_history_is_read_oldest_first(database: Database, tenant: str) -> None:
    for number, name in enumerate(("ccc", "a", "bb")):
        await assessed(database, tenant, case(name))
        await record(database, tenant, name, 0.0, NOW + timedelta(minutes=number))
    async with database.reading() as session:
        known = (await TrustOutcomes(session, tenant).trust("capacity")).known
    assert [one["current.cost"] for one in known.situations] == [103.0, 101.0, 102.0]


async def test_a_history_is_read_again_only_when_it_has_grown_and_is_each_tenants_own(
    database: Database, tenant: str
) -> None:
    promising = policy(autonomy={"promise": {}})
    histories = Histories()

    async def trust(whose: str = tenant, kind: str = "capacity", given: Policy = promising) -> Trust | None:
        async with database.reading() as session:
            return await histories.trust_of(session, whose, kind, given)

    async def right(whose: str = tenant, kind: str = "capacity") -> float:
        found = await trust(whose, kind)
        assert found is not None
        return found.known.right

    await assessed(database, tenant, case("a"), case("b"), case("other", kind="routing"))
    assert await right() == 0.0
    await record(database, tenant, "a", 0.0)
    first = await trust()
    assert first is not None
    assert (first.known.right, first.known.situations) == (1.0, ({"current.cost": 101.0},))
    again = await trust()
    assert again is not None
    assert again.known is first.known
    await record(database, tenant, "b", 0.25)
    assert await right() == 1.75
    assert await right(kind="routing") == 0.0
    assert await right(whose=f"{tenant}-other") == 0.0
    await put(database, tenant, measured())
    found = await trust()
    assert found is not None
    assert found.measured == measured().measured
    assert await trust(given=policy()) is None

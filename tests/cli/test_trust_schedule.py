"""`voicehive trust schedule` on the real server: put once however often it is said, run by the worker, and removed."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import yaml
from temporalio.client import Client, ScheduleHandle, ScheduleOverlapPolicy

from tests.autonomy.outcomes.watches import watch
from tests.autonomy.policies import document
from tests.cli.command import Command
from voicehive.autonomy.outcomes.beginning import begin
from voicehive.autonomy.policy_document import parse_policy
from voicehive.autonomy.trust_measurement import TrustMeasured
from voicehive.storage.database import Database
from voicehive.storage.model_usage import ModelUsage
from voicehive.storage.observations import Observations, StoredObservation
from voicehive.storage.outcomes import AssessedCase, TrustOutcomes
from voicehive.storage.policies import Policies

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=500)


@pytest.fixture
async def tenant(store: Database) -> str:
    """A tenant whose decisions have all been right, with an observation and a charge of long ago."""
    tenant = f"scheduled-{uuid4()}"
    text = yaml.safe_dump(document(autonomy={"promise": {"alpha": 0.05, "delta": 0.05}}))
    async with store.transaction() as session:
        await Policies(session, tenant).add(text, parse_policy(text).content_digest(), "alice")
        outcomes = TrustOutcomes(session, tenant)
        for number in range(200):
            case = AssessedCase(
                decision_id=f"d{number}", kind="capacity", parts={"preference": 0.9}, confidence=0.9,
                situation={"cost": 1.0}, alone=False, assessed_at=NOW,
            )  # fmt: skip
            await outcomes.assessed(case)
            await outcomes.record(case.decision_id, 0.0, NOW + timedelta(seconds=number))
        for run, at in (("old", LONG_AGO), ("new", NOW)):
            begun = StoredObservation(watch=watch(), state=begin(watch(), at))
            await Observations(session, tenant).begin(run, begun)
    await ModelUsage(store, now=lambda: LONG_AGO).reserve(tenant, "dead", 1, 1)
    return tenant


def handle(client: Client, tenant: str) -> ScheduleHandle:
    return client.get_schedule_handle(f"trust-measurement-{tenant}")


async def measured(client: Client, tenant: str) -> TrustMeasured:
    """What the newest run that the schedule started came to."""
    schedule = handle(client, tenant)
    for _ in range(100):
        if recent := (await schedule.describe()).info.recent_actions:
            run = client.get_workflow_handle(recent[-1].action.workflow_id, result_type=TrustMeasured)  # pyright: ignore
            return await run.result()
        await asyncio.sleep(0.1)
    raise AssertionError("the schedule started nothing")


async def test_trust_is_measured_on_a_schedule_that_is_put_once_and_removed(
    voicehive: Command, store: Database, temporal_client: Client, tenant: str
) -> None:
    first = await voicehive("trust", "schedule", "--tenant", tenant, "--json")
    assert (first.code, first.document["new"]) == (0, True), first
    await handle(temporal_client, tenant).pause(note="quiet, please")
    again = await voicehive("trust", "schedule", "--tenant", tenant, "--every", "12h")
    assert (again.code, "was there before" in again.stdout) == (0, True), again
    assert f"/schedules/trust-measurement-{tenant}" in again.stdout

    schedule = (await handle(temporal_client, tenant).describe()).schedule
    assert [interval.every for interval in schedule.spec.intervals] == [timedelta(hours=12)]
    assert schedule.spec.jitter == timedelta(minutes=30)
    assert schedule.policy.overlap == ScheduleOverlapPolicy.SKIP
    assert schedule.policy.catchup_window == timedelta(hours=12)
    assert (schedule.state.paused, schedule.state.note) == (True, "quiet, please")

    await handle(temporal_client, tenant).trigger()
    result = await measured(temporal_client, tenant)
    [kind] = result.kinds
    assert (result.promised, kind.kind, kind.outcomes, kind.threshold is None) == (True, "capacity", 200, False)
    assert (result.observations_removed, result.charges_removed) == (1, 2)
    async with store.reading() as session:
        report = await TrustOutcomes(session, tenant).report("capacity")
        assert report is not None
        assert report.threshold == kind.threshold
        assert await Observations(session, tenant).get("old") is None
        assert await Observations(session, tenant).get("new") is not None

    for removed in (True, False):
        gone = await voicehive("trust", "schedule", "--tenant", tenant, "--remove", "--json")
        assert (gone.code, gone.document["removed"]) == (0, removed)


@pytest.mark.parametrize(
    ("period", "told"), [("daily", "write a whole number"), ("1m", "at least 10m"), ("32d", "31d")]
)
async def test_a_period_that_makes_no_sense_is_refused(voicehive: Command, period: str, told: str) -> None:
    refused = await voicehive("trust", "schedule", "--every", period)
    assert (refused.code, told in refused.stderr) == (2, True), refused


async def test_a_measurement_without_a_promise_says_so(
    voicehive: Command, store: Database, temporal_client: Client, tenant: str
) -> None:
    text = yaml.safe_dump(document())
    async with store.transaction() as session:
        await Policies(session, tenant).add(text, parse_policy(text).content_digest(), "alice")
    await voicehive("trust", "schedule", "--tenant", tenant)
    await handle(temporal_client, tenant).trigger()
    result = await measured(temporal_client, tenant)
    assert (result.promised, result.kinds, result.observations_removed) == (False, (), 1)
    async with store.reading() as session:
        assert await TrustOutcomes(session, tenant).report("capacity") is None
    await voicehive("trust", "schedule", "--tenant", tenant, "--remove")

"""Applied plans are watched over HTTP and from the store, on a server that skips time; bad outcomes are undone."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from pydantic import ValidationError
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from tests.execution.http_server import HttpServer
from tests.workflows import requests
from tests.workflows.world import (
    DEPLOYMENT,
    PERMISSIVE,
    TENANT,
    Journal,
    World,
    faulty_plan,
    faulty_step,
    running_world,
    until,
)
from voicehive.audit.entries import Entry, Kind
from voicehive.autonomy.outcomes.watch import OutcomeWatch
from voicehive.autonomy.request import DecisionRecord
from voicehive.execution.plan import Step
from voicehive.execution.record import ExecutionRequest, ExecutionResult, ExecutionStatus
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database
from voicehive.storage.notifications import Notifications
from voicehive.storage.series import Series
from workers.plugin import VoiceHivePlugin
from workers.settings import Settings
from workers.worker import WORKFLOWS, running_worker

Execution: TypeAlias = WorkflowHandle[Any, ExecutionResult]
Number: TypeAlias = float | None

BEFORE, WORSE, PLANNED = 20.0, 25.0, 3.0
"""Seconds to answer: as it was, after a bad change, and the worsening that the watch is planned to find."""


@pytest.fixture
async def world(
    time_skipping: WorkflowEnvironment, settings: Settings, tmp_path: Path, metrics: HttpServer
) -> AsyncGenerator[World]:
    """A world whose clock jumps, where the metrics' host may be asked and `a` is 10."""
    own = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'store.db'}"})
    async with running_world(time_skipping.client, own) as world:
        await world.policy(f"{PERMISSIVE}allowed_hosts: ['{metrics.host}']\n")
        await world.set({"a": 10})
        yield world


def noise(seed: int, mean: float = BEFORE) -> Iterator[float]:
    random = np.random.default_rng(seed)
    while True:
        yield float(random.normal(mean, 2.0))


def watch(
    source: dict[str, Any],
    *,
    minutes: int = 120,
    seconds: int = 60,
    baseline_period: str | None = None,
    least_window: str = "PT0S",
    **metric: Any,
) -> OutcomeWatch:
    before = noise(1)
    terms = {
        "name": "answer_time",
        "source": source,
        "direction": "minimize",
        "unit": "s",
        "planned_degradation": PLANNED,
        "baseline": [next(before) for _ in range(60)],
        **metric,
    }
    return OutcomeWatch.model_validate_json(
        json.dumps(
            {
                "metrics": [terms],
                "window": f"PT{minutes}M",
                "interval": f"PT{seconds}S",
                "baseline_period": baseline_period,
                "least_window": least_window,
            }
        )
    )


def over_http(server: HttpServer) -> dict[str, Any]:
    return {"kind": "http", "url": f"{server.url}/metrics", "pointer": "/seconds", "attempts": 1}


def answer(server: HttpServer, value: Callable[[int], Number]) -> None:
    """Answer each request by its number; the first, 0, is asked before anything is changed."""

    def respond(_: Any) -> tuple[int, bytes]:
        return 200, json.dumps({"seconds": value(len(server.received) - 1)}).encode()

    server.answer = respond


PLAN = faulty_plan(faulty_step("a", 1), faulty_step("b", 2, "a"))


async def status(execution: Execution) -> ExecutionStatus:
    return await execution.query("status", result_type=ExecutionStatus)


async def observing(execution: Execution) -> ExecutionStatus:
    """How it stands once a reading was made."""

    async def read() -> ExecutionStatus | None:
        found = await status(execution)
        return found if found.observation is not None and found.observation.readings else None

    return await until(read)


async def test_a_run_makes_no_more_readings_than_its_history_holds() -> None:
    requested = watch({"kind": "store", "series": "answer_time"}, minutes=20, seconds=1)
    with pytest.raises(ValidationError, match="lengthen interval or shorten window"):
        ExecutionRequest(deployment=DEPLOYMENT, requester="olivia", plan=PLAN, watch=requested)


async def replays(execution: WorkflowHandle[Any, Any]) -> None:
    await Replayer(workflows=WORKFLOWS, plugins=[VoiceHivePlugin()]).replay_workflow(await execution.fetch_history())


async def test_a_worse_metric_is_found_and_the_plan_undone(world: World, metrics: HttpServer) -> None:
    before, after = noise(2), noise(3, WORSE)
    answer(metrics, lambda number: next(after) if number else next(before))
    execution = await world.start(PLAN, watch=watch(over_http(metrics)))
    result = await execution.result()
    assert result.outcome == "rolled_back"
    assert result.reason.startswith("its outcome was bad: answer_time: worse")
    assert await world.parameters() == {"a": 10}, "as it was before"
    assert result.observation is not None
    assert result.observation.verdict is not None
    (verdict,) = result.observation.verdict.metrics
    assert verdict.degradation is not None
    assert verdict.degradation > PLANNED
    assert result.observation.readings < 60, "found long before the window was over"
    assert len(metrics.received) == 1 + result.observation.readings
    await replays(execution)


async def test_people_are_told_and_the_log_knows_before(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda number: 99.0 if number else BEFORE)
    execution = await world.start(PLAN, watch=watch(over_http(metrics), guard_rail={"limit": 60.0}))
    assert (await execution.result()).outcome == "rolled_back"
    async with world.database.reading() as session:
        told = await Notifications(session, TENANT).list(execution.id)
        entries = [entry async for entry in AuditLog(session, TENANT).entries()]
    assert {(each.kind, each.recipient) for each in told} == {
        ("rolled_back", name) for name in ("olivia", "alice", "bob")
    }
    assert "beyond the guard-rail of 60 s" in told[0].message
    kept = [Entry.parse(entry.leaf) for entry in entries]
    (observed,) = (entry.index for entry in kept if "observation" in entry.body)
    assert observed < min(entry.index for entry in kept if entry.kind == Kind.COMPENSATION)


async def test_a_metric_that_stays_is_good_before_the_window_is_over(world: World, metrics: HttpServer) -> None:
    values = noise(4)
    answer(metrics, lambda _: next(values))
    execution = await world.start(PLAN, watch=watch(over_http(metrics)))
    result = await execution.result()
    assert result.outcome == "applied"
    assert result.reason.startswith("every step was applied; observed good: answer_time: worse by less than 3 s")
    assert result.observation is not None
    assert 0 < result.observation.readings < 120
    assert await world.parameters() == {"a": 1, "b": 2}
    await replays(execution)


async def test_without_data_the_outcome_is_unclear_and_says_so(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda _: None)
    result = await (await world.start(PLAN, watch=watch(over_http(metrics), minutes=10))).result()
    assert result.outcome == "applied"
    assert result.reason == (
        "every step was applied; observed unclear: answer_time: no usable reading has come; the window is over"
    )
    assert result.observation is not None
    assert result.observation.verdict is not None
    assert result.observation.verdict.metrics[0].counts.missing == 10


async def test_a_source_that_fails_meanwhile_is_named(world: World, metrics: HttpServer) -> None:
    metrics.answer = lambda _: (200, b'{"seconds": 20}') if len(metrics.received) == 1 else (503, b"down")
    result = await (await world.start(PLAN, watch=watch(over_http(metrics), minutes=5))).result()
    assert result.outcome == "applied"
    assert "observed unclear" in result.reason
    assert "answer_time could not be read" in result.reason
    assert "503" in result.reason


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"url": "http://elsewhere.invalid/metrics"}, "elsewhere.invalid"),
        ({"pointer": "/minutes"}, "pointer '/minutes'"),
        ({}, "503"),
    ],
    ids=["forbidden", "misread", "down"],
)
async def test_nothing_starts_that_could_not_be_watched(
    world: World, metrics: HttpServer, fault: dict[str, str], reason: str
) -> None:
    answer(metrics, lambda _: BEFORE)
    source = over_http(metrics) | fault
    if reason == "503":
        metrics.answer = lambda _: (503, b"down")
    result = await (await world.start(PLAN, watch=watch(source))).result()
    assert result.outcome == "rejected"
    assert result.reason.startswith("its outcome could not be watched: ")
    assert reason in result.reason
    assert world.journal.events == []


async def test_what_was_before_is_read_from_the_store(time_skipping: WorkflowEnvironment, world: World) -> None:
    before, after, now = noise(5), noise(6, WORSE), await time_skipping.get_current_time()
    minutes = [(number, now + timedelta(minutes=number)) for number in range(-90, 240)]
    readings = [(at, next(before) if number <= 0 else next(after)) for number, at in minutes]
    async with world.database.transaction() as session:
        await Series(session, TENANT).put("answer_time", readings)
    watched = watch({"kind": "store", "series": "answer_time"}, baseline=(), baseline_period="PT60M")
    result = await (await world.start(PLAN, watch=watched)).result()
    assert result.outcome == "rolled_back"
    assert result.observation is not None
    assert result.observation.verdict is not None
    mean_before = result.observation.verdict.metrics[0].mean_before
    assert mean_before == pytest.approx(BEFORE, abs=1.0)
    assert await world.parameters() == {"a": 10}


async def test_people_may_undo_it_while_it_is_observed(
    time_skipping: WorkflowEnvironment, world: World, metrics: HttpServer
) -> None:
    answer(metrics, lambda _: BEFORE)
    execution = await world.start(PLAN, watch=watch(over_http(metrics)))
    await stage(time_skipping, execution, "observing")
    await execution.signal("rollback", {"reviewer": "alice", "reason": "customers call"})
    result = await execution.result()
    assert (result.outcome, result.reason) == ("rolled_back", "rollback asked for by alice: customers call")
    assert await world.parameters() == {"a": 10}
    await replays(execution)


async def test_a_pause_keeps_it_open_until_it_is_resumed(
    time_skipping: WorkflowEnvironment, world: World, metrics: HttpServer
) -> None:
    values = noise(4)
    answer(metrics, lambda _: next(values))
    execution = await world.start(PLAN, watch=watch(over_http(metrics), minutes=60))
    await stage(time_skipping, execution, "observing")
    await execution.signal("pause", {"reviewer": "alice"})

    async def read_to_the_end() -> ExecutionStatus | None:
        await time_skipping.sleep(timedelta(minutes=2))
        found = await status(execution)
        return found if found.observation is not None and found.observation.is_final else None

    stands = await until(read_to_the_end)
    assert stands.stage == "observing"
    assert stands.outcome is None
    await execution.signal("resume", {"reviewer": "alice"})
    assert (await execution.result()).outcome == "applied"


async def test_a_cancellation_while_it_is_observed_undoes_it(
    time_skipping: WorkflowEnvironment, world: World, metrics: HttpServer
) -> None:
    answer(metrics, lambda _: BEFORE)
    execution = await world.start(PLAN, watch=watch(over_http(metrics)))
    await stage(time_skipping, execution, "observing")
    await execution.cancel()
    with pytest.raises(WorkflowFailureError):
        await execution.result()
    assert await world.parameters() == {"a": 10}
    await replays(execution)


async def test_a_decision_is_observed_and_undone(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda number: 99.0 if number else BEFORE)
    await world.policy(json.dumps(json.loads(requests.policy()) | {"allowed_hosts": [metrics.host]}))
    await world.set(requests.TODAY)
    watched = watch(over_http(metrics)).model_dump(mode="json")
    decision = await requests.start(world, requests.request(watch=watched))
    outcome = await decision.result()
    assert outcome.outcome == "rolled_back"
    assert outcome.reason.startswith("its outcome was bad: answer_time: worse")
    assert await world.parameters() == {"a": 10, **requests.TODAY}
    kept = DecisionRecord.model_validate_json(json.dumps((await requests.stored(world, decision)).document))
    assert kept.outcome.observation == outcome.observation
    assert outcome.observation is not None
    assert outcome.observation.is_final
    await replays(decision)


async def test_a_worker_that_restarts_reads_on(
    temporal_client: Client, settings: Settings, tmp_path: Path, metrics: HttpServer
) -> None:
    steady = noise(4)
    answer(metrics, lambda number: 99.0 if number > 3 else next(steady))
    own = settings.model_copy(
        update={"database_url": f"sqlite:///{tmp_path / 'store.db'}", "task_queue": f"restart-{tmp_path.name}"}
    )
    step = Step.model_validate_json(
        json.dumps({"name": "a", "action": "parameter.set", "arguments": {"name": "a", "value": 1}, "compensation": {}})
    )
    rail = {"limit": 60.0}
    watched = watch(over_http(metrics), minutes=2, seconds=1, least_window="PT1M", guard_rail=rail)
    async with running_worker(temporal_client, own):
        database = await Database.open(own.database_url)
        world = World(temporal_client, database, own, journal=Journal())
        await world.policy(f"{PERMISSIVE}allowed_hosts: ['{metrics.host}']\n")
        await world.set({"a": 10}, DEPLOYMENT)
        execution = await world.start(faulty_plan(step), watch=watched)
        await observing(execution)
    await asyncio.sleep(3)
    async with running_worker(temporal_client, own):
        result = await execution.result()
    assert result.outcome == "rolled_back"
    assert "beyond the guard-rail" in result.reason
    assert result.observation is not None
    assert result.observation.readings > len(metrics.received) - 1, "those that nobody could make are left out"
    assert await world.parameters() == {"a": 10}
    await database.close()
    await replays(execution)


async def stage(environment: WorkflowEnvironment, execution: Execution, wanted: str) -> None:
    """Wait, without skipping time, until it has come to a stage."""

    async def there() -> bool:
        return (await status(execution)).stage == wanted

    with environment.auto_time_skipping_disabled():
        await until(there)

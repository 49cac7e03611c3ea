"""Canaries on the real server: watched share by share over HTTP, undone where one is bad, and put to people."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from tests.execution.http_server import HttpServer, Received
from tests.workflows import requests
from tests.workflows.conftest import replay_all
from tests.workflows.world import DEPLOYMENT, PERMISSIVE, TENANT, Journal, World, faulty_step, until
from voicehive.audit.entries import Entry, Kind
from voicehive.execution.plan import ExecutionPlan, Step
from voicehive.execution.record import ExecutionResult, ExecutionStatus, StepRecord
from voicehive.storage.audit_log import AuditLog
from voicehive.storage.database import Database
from voicehive.storage.kill_switches import KillSwitches
from voicehive.storage.notifications import Notifications
from voicehive.storage.series import Series
from workers.settings import Settings
from workers.worker import running_worker

Execution: TypeAlias = WorkflowHandle[Any, ExecutionResult]
Value: TypeAlias = float | None

SHARE = "new.share"
FIRST, SECOND, ALL = "release.5-percent", "release.25-percent", "release.100-percent"
AS_BEFORE, BAD = 20.0, 99.0
"""Seconds to answer: as it was, and beyond the guard-rail."""


@pytest.fixture
async def world(cached_world: World, metrics: HttpServer) -> World:
    """A world where the metrics' host may be asked and no call takes the new way; what ran in it replays."""
    await cached_world.policy(policy(metrics))
    await cached_world.set({SHARE: 0.0})
    return cached_world


def policy(metrics: HttpServer, more: str = "") -> str:
    return f"{PERMISSIVE}allowed_hosts: ['{metrics.host}']\n{more}"


def stage(metrics: HttpServer, share: float, *, seconds: int = 30, least: int = 0, **metric: Any) -> dict[str, Any]:
    """A stage whose metric is read at a path of its own, so that each can be told what to answer."""
    noise = np.random.default_rng(1).normal(AS_BEFORE, 2.0, 60)
    terms = {
        "name": "answer_time",
        "source": {"kind": "http", "url": f"{metrics.url}/{round(share * 100)}", "pointer": "/seconds", "attempts": 1},
        "direction": "minimize",
        "unit": "s",
        "planned_degradation": 12.0,
        "guard_rail": {"limit": 60.0},
        "baseline": noise.tolist(),
        **metric,
    }
    watch = {"metrics": [terms], "window": f"PT{seconds}S", "interval": "PT1S", "least_window": f"PT{least}S"}
    return {"share": share, "watch": watch}


def release(*stages: dict[str, Any], on_unclear: str = "ask", **fields: Any) -> Step:
    document = {
        "name": "release",
        "action": "parameter.set",
        "arguments": {"name": SHARE, "value": "{share}"},
        "compensation": {},
        "verification": {"action": "parameter.check", "arguments": {"name": SHARE, "equals": "{share}"}},
        "canary": {"stages": stages, "on_unclear": on_unclear},
        "summary": "the new release",
        **fields,
    }
    return Step.model_validate_json(json.dumps(document))


def plan(*steps: Step) -> ExecutionPlan:
    return ExecutionPlan(name="a release", steps=steps)


def three(metrics: HttpServer, *, least: int = 0, **more: Any) -> ExecutionPlan:
    return plan(release(*(stage(metrics, share, least=least) for share in (0.05, 0.25, 1.0)), **more))


def answer(metrics: HttpServer, value: Callable[[str], Value]) -> None:
    """Answer by the percentage that is asked about, with a little noise."""
    random = np.random.default_rng(2)

    def respond(received: Received) -> tuple[int, bytes]:
        about = value(received.path.strip("/"))
        return 200, json.dumps({"seconds": None if about is None else about + random.normal(0.0, 1.0)}).encode()

    metrics.answer = respond


def asked_about(metrics: HttpServer, percent: int) -> int:
    """How often a stage was read; once of that was before anything was changed."""
    return sum(received.path == f"/{percent}" for received in metrics.received)


async def status(execution: Execution) -> ExecutionStatus:
    return await execution.query("status", result_type=ExecutionStatus)


async def step(execution: Execution, name: str) -> StepRecord:
    """A step's record, as soon as the plan is admitted."""

    async def there() -> StepRecord | None:
        return next((record for record in (await status(execution)).steps if record.name == name), None)

    return await until(there)


async def being_watched(execution: Execution, name: str) -> StepRecord:
    """A stage's record once a reading of it was made."""

    async def read() -> StepRecord | None:
        record = await step(execution, name)
        return record if record.observation is not None and record.observation.readings else None

    return await until(read)


async def question(execution: Execution) -> str:
    """What people are asked about, once they are."""

    async def waiting() -> str | None:
        found = (await status(execution)).waiting
        return found[0].subject if found else None

    return await until(waiting)


def states(result: ExecutionResult | ExecutionStatus) -> dict[str, str]:
    return {record.name: record.state for record in result.steps}


async def test_a_good_canary_goes_on_share_by_share(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda _: AS_BEFORE)
    after = faulty_step("after", 1, "release")
    execution = await world.start(plan(*three(metrics, least=2).steps, after))
    await being_watched(execution, FIRST)
    assert (await world.parameters())[SHARE] == 0.05
    assert (asked_about(metrics, 25), asked_about(metrics, 100)) == (1, 1), "only whether they answer"
    await being_watched(execution, SECOND)
    assert (await world.parameters())[SHARE] == 0.25
    assert world.journal.events == [], "what depends on the canary waits for its last stage"
    result = await execution.result()
    assert result.outcome == "applied"
    assert await world.parameters() == {SHARE: 1.0, "after": 1}
    stages = [record for record in result.steps if record.name in (FIRST, SECOND, ALL)]
    assert [record.detail.partition(":")[0] for record in stages] == ["good"] * 3
    assert all(record.observation is not None and record.observation.readings >= 2 for record in stages)


async def test_a_bad_stage_undoes_what_was_before_it_too(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda percent: BAD if percent == "25" else AS_BEFORE)
    execution = await world.start(three(metrics))
    result = await execution.result()
    assert result.outcome == "rolled_back"
    assert result.reason.startswith("the outcome of the new release at 25 % was bad: answer_time: a reading was beyond")
    assert states(result) == {FIRST: "compensated", SECOND: "compensated", ALL: "not_started"}
    assert await world.parameters() == {SHARE: 0.0}
    assert (await world.versions())[SHARE] == 1 + 2 + 2, "set twice and undone twice, never to all"
    assert result.observation is not None
    assert result.observation.is_bad
    async with world.database.reading() as session:
        told = await Notifications(session, TENANT).list(execution.id)
        kept = [Entry.parse(entry.leaf) async for entry in AuditLog(session, TENANT).entries()]
    assert {(each.kind, each.recipient) for each in told} == {
        ("rolled_back", name) for name in ("olivia", "alice", "bob")
    }
    observed = [entry.index for entry in kept if "observation" in entry.body]
    assert len(observed) == 2, "of each stage that was watched"
    assert max(observed) < min(entry.index for entry in kept if entry.kind == Kind.COMPENSATION)


async def test_what_was_before_is_read_before_the_first_stage(world: World) -> None:
    """Also for the later ones: what the first did is not taken for what is usual."""

    async def put(value: float, seconds: range) -> None:
        now = datetime.now(UTC)
        async with world.database.transaction() as session:
            moments = [(now + timedelta(seconds=number), value + number % 2) for number in seconds]
            await Series(session, TENANT).put("answer_time", moments)

    await put(AS_BEFORE, range(-90, 1))

    def of_store(share: float, seconds: int) -> dict[str, Any]:
        source = {"kind": "store", "series": "answer_time"}
        declared = stage(HttpServer(), share, seconds=seconds, source=source, baseline=(), guard_rail=None)
        declared["watch"]["baseline_period"] = "PT30S"
        return declared

    execution = await world.start(plan(release(of_store(0.05, 1), of_store(1.0, 20))))

    async def begun() -> bool:
        return (await world.parameters())[SHARE] == 0.05

    await until(begun)
    await put(BAD, range(4, 60))
    await question(execution)
    await asyncio.sleep(5)
    await execution.signal("approve", {"reviewer": "alice"})
    result = await execution.result()
    assert result.reason.startswith("the outcome of the new release at 100 % was bad: answer_time: worse")
    assert result.observation is not None
    assert result.observation.verdict is not None
    assert result.observation.verdict.metrics[0].mean_before == pytest.approx(AS_BEFORE, abs=1.0)


async def test_nothing_starts_that_could_not_be_watched(world: World, metrics: HttpServer) -> None:
    metrics.answer = lambda received: (503, b"down") if received.path == "/100" else (200, b'{"seconds": 20}')
    after_b = [step.model_copy(update={"depends_on": ("b",)}) for step in three(metrics).steps]
    result = await world.execute(plan(faulty_step("b", 1), *after_b))
    assert result.outcome == "rolled_back"
    assert "the outcome of the new release at 100 % could not be watched" in result.reason
    assert "503" in result.reason
    assert states(result) == {"b": "compensated", FIRST: "not_started", SECOND: "not_started", ALL: "not_started"}
    assert (await world.versions())[SHARE] == 1


def short(metrics: HttpServer, on_unclear: str, **fields: Any) -> ExecutionPlan:
    """Too short to tell."""
    return plan(release(stage(metrics, 0.05, seconds=2), stage(metrics, 1.0), on_unclear=on_unclear, **fields))


def nothing_at_first(percent: str) -> Value:
    return None if percent == "5" else AS_BEFORE


async def test_an_unclear_outcome_goes_on_if_people_agree(world: World, metrics: HttpServer) -> None:
    answer(metrics, nothing_at_first)
    execution = await world.start(short(metrics, "ask"))
    assert await question(execution) == f"{FIRST}.outcome"
    assert (await world.parameters())[SHARE] == 0.05, "it stays as it is while people think"
    assert "no usable reading has come" in (await step(execution, FIRST)).detail
    await execution.signal("approve", {"reviewer": "alice"})
    result = await execution.result()
    assert result.outcome == "applied"
    assert (await world.parameters())[SHARE] == 1.0


async def test_an_unclear_outcome_is_undone_if_people_refuse(world: World, metrics: HttpServer) -> None:
    """Whom the step's gate names are asked again, and told again."""
    answer(metrics, nothing_at_first)
    gate = {"reason": "callers hear it", "roles": ["director"]}
    execution = await world.start(short(metrics, "ask", gate=gate))
    assert await question(execution) == FIRST
    await execution.signal("approve", {"reviewer": "carol"})

    async def asked_again() -> bool:
        return any(each.subject == f"{FIRST}.outcome" for each in (await status(execution)).waiting)

    await until(asked_again)
    await execution.signal("reject", {"reviewer": "carol", "reason": "too risky"})
    result = await execution.result()
    assert result.outcome == "rolled_back"
    assert "was unclear" in result.reason
    assert result.reason.endswith("not permitted to go on: rejected by carol: too risky")
    assert await world.parameters() == {SHARE: 0.0}
    async with world.database.reading() as session:
        told = await Notifications(session, TENANT).list(execution.id)
    assert [(each.kind, each.recipient) for each in told] == [("requested", "carol")] * 2


@pytest.mark.parametrize(
    ("on_unclear", "outcome", "left"), [("go_on", "applied", 1.0), ("roll_back", "rolled_back", 0.0)]
)
async def test_what_an_unclear_outcome_means_is_declared(
    world: World, metrics: HttpServer, on_unclear: str, outcome: str, left: float
) -> None:
    answer(metrics, nothing_at_first)
    result = await world.execute(short(metrics, on_unclear))
    assert result.outcome == outcome
    assert await world.parameters() == {SHARE: left}


async def test_a_cancellation_during_a_watch_undoes_it(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda _: AS_BEFORE)
    execution = await world.start(three(metrics, least=25))
    await being_watched(execution, FIRST)
    await execution.cancel()
    with pytest.raises(WorkflowFailureError):
        await execution.result()
    assert states(await status(execution)) == {FIRST: "compensated", SECOND: "not_started", ALL: "not_started"}
    assert await world.parameters() == {SHARE: 0.0}


async def test_people_may_undo_it_during_a_watch(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda _: AS_BEFORE)
    execution = await world.start(three(metrics, least=25))
    await being_watched(execution, FIRST)
    await execution.signal("rollback", {"reviewer": "alice", "reason": "customers call"})
    result = await execution.result()
    assert (result.outcome, result.reason) == ("rolled_back", "rollback asked for by alice: customers call")
    assert await world.parameters() == {SHARE: 0.0}


async def test_a_pause_during_a_watch_keeps_the_next_share_back(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda _: AS_BEFORE)
    execution = await world.start(three(metrics, least=3))
    await being_watched(execution, FIRST)
    await execution.signal("pause", {"reviewer": "alice"})
    await found_good(execution, FIRST)
    await asyncio.sleep(1)
    assert (await step(execution, SECOND)).state == "pending"
    assert (await world.parameters())[SHARE] == 0.05
    await execution.signal("resume", {"reviewer": "alice"})
    assert (await execution.result()).outcome == "applied"


async def test_a_kill_switch_during_a_watch_keeps_the_next_share_back(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda _: AS_BEFORE)
    execution = await world.start(three(metrics, least=3))
    await being_watched(execution, FIRST)
    await turn(world, stopped=True)
    await found_good(execution, FIRST)

    async def held() -> bool:
        return (await status(execution)).paused

    await until(held)
    assert "stopped autonomous work" in (await step(execution, SECOND)).detail
    assert (await world.parameters())[SHARE] == 0.05
    await turn(world, stopped=False)
    await execution.signal("resume", {"reviewer": "alice"})
    assert (await execution.result()).outcome == "applied"


async def test_a_kill_switch_does_not_keep_a_bad_stage(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda _: BAD if asked_about(metrics, 5) > 3 else AS_BEFORE)
    execution = await world.start(three(metrics, least=25))
    await being_watched(execution, FIRST)
    await turn(world, stopped=True)
    assert (await execution.result()).outcome == "rolled_back"
    assert await world.parameters() == {SHARE: 0.0}


async def found_good(execution: Execution, name: str) -> None:
    async def good() -> bool:
        observation = (await step(execution, name)).observation
        return observation is not None and observation.is_final

    await until(good)


async def turn(world: World, *, stopped: bool) -> None:
    async with world.database.transaction() as session:
        await KillSwitches(session).turn(TENANT, stopped=stopped, author="alice", reason="an incident")


CEILING = """
constraints:
  - {id: ceiling, expression: "action != 'parameter.set' || double(value) <= 0.5", severity: block, message: too many,
     when: step}
"""


async def test_a_rule_speaks_of_every_share_before_anything_runs(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda _: AS_BEFORE)
    await world.policy(policy(metrics, CEILING))
    result = await world.execute(three(metrics))
    assert result.outcome == "rejected"
    assert "too many (ceiling" in result.reason
    assert metrics.received == []


async def test_a_rule_is_asked_again_before_each_share(world: World, metrics: HttpServer) -> None:
    answer(metrics, lambda _: AS_BEFORE)
    execution = await world.start(three(metrics, least=2))
    await being_watched(execution, FIRST)
    await world.policy(policy(metrics, CEILING))
    result = await execution.result()
    assert result.outcome == "rolled_back"
    assert f"step {ALL!r} was not run" in result.reason
    assert states(result) == dict.fromkeys((FIRST, SECOND, ALL), "compensated")
    assert await world.parameters() == {SHARE: 0.0}


async def test_a_decision_shows_its_canary_and_hands_answers_on(world: World, metrics: HttpServer) -> None:
    answer(metrics, nothing_at_first)
    document = json.loads(requests.policy()) | {"allowed_hosts": [metrics.host]}
    await world.policy(json.dumps(document))
    await world.set(requests.TODAY)
    decision = await requests.start(world, requests.request(*short(metrics, "ask").steps))
    stands = await requests.waiting(decision)
    assert [each.subject for each in stands.waiting] == [f"{FIRST}.outcome"]
    assert any(record.name == FIRST and record.observation is not None for record in stands.steps)
    await requests.say(decision, "approve", "bob")
    outcome = await decision.result()
    assert outcome.outcome == "executed"
    assert await world.parameters() == {SHARE: 1.0, **requests.RECOMMENDED}


async def test_a_worker_that_restarts_watches_on(
    temporal_client: Client, settings: Settings, tmp_path: Path, metrics: HttpServer
) -> None:
    answer(metrics, lambda percent: BAD if percent == "25" else AS_BEFORE)
    own = settings.model_copy(
        update={"database_url": f"sqlite:///{tmp_path / 'store.db'}", "task_queue": f"canary-{tmp_path.name}"}
    )
    async with running_worker(temporal_client, own):
        database = await Database.open(own.database_url)
        world = World(temporal_client, database, own, journal=Journal())
        await world.policy(policy(metrics))
        await world.set({SHARE: 0.0}, DEPLOYMENT)
        execution = await world.start(three(metrics, least=5))
        await being_watched(execution, FIRST)
    await asyncio.sleep(2)
    async with running_worker(temporal_client, own):
        result = await execution.result()
    assert result.outcome == "rolled_back"
    assert "at 25 % was bad" in result.reason
    assert await world.parameters() == {SHARE: 0.0}
    await database.close()
    await replay_all(world)

"""Optimisations on the real server: islands, their result, and what stops, continues or refuses a run."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError

from tests.execution.http_server import Received, http_server
from tests.workflows.optimizations import (
    checkpoints,
    deadlines,
    distance_to_zdt1,
    in_this_process,
    lived,
    long,
    request,
    rows,
    run,
    start,
    status,
    stored,
    zdt1,
)
from tests.workflows.world import PERMISSIVE, TENANT, World, until
from workers.temporal_cli import temporal_cli

_CAPACITY = json.loads((Path(__file__).resolve().parents[2] / "examples/decisions/capacity.json").read_text())[
    "problem"
]
_FILE: dict[str, Any] = {"arrivals": [], "arrivals_file": "day.csv"}
DAY: dict[str, Any] = {**_CAPACITY, "evaluator": {**_CAPACITY["evaluator"], **_FILE}}
"""A day of the contact centre whose calls stand in a file."""


def why(error: WorkflowFailureError) -> ApplicationError:
    """What an activity failed for."""
    assert isinstance(error.cause, ActivityError)
    assert isinstance(error.cause.cause, ApplicationError)
    return error.cause.cause


async def test_islands_find_the_front_and_nothing_else_stays(world: World) -> None:
    optimization = await start(world, request())
    outcome = await optimization.result()
    result = await stored(world, outcome)
    assert distance_to_zdt1(result) < 0.05
    assert outcome.stopped_by == result.stopped_by == "generations"
    assert outcome.evaluations == result.evaluations
    assert outcome.evaluations >= 3 * 20 * 24 * 0.9
    assert outcome.recommendation == result.recommendation
    assert {s.index for s in outcome.candidates} >= set(outcome.alternatives.values())
    assert (outcome.from_cache, outcome.warm_started) == (False, False)
    assert await checkpoints(world) == 0
    ended = await status(optimization)
    assert (ended.stage, ended.epoch, ended.outcome) == ("closed", 4, outcome)
    assert [(island.island, island.epoch, island.generations) for island in ended.islands] == [
        (island, 3, 20) for island in range(3)
    ]
    history = await optimization.fetch_history()
    assert len(history.to_json()) < 200_000


async def test_the_front_does_not_depend_on_where_and_when_islands_run(world: World) -> None:
    assert rows(await stored(world, await run(world, request()))) == rows(in_this_process(request()))


async def test_what_islands_exchange_counts(world: World) -> None:
    alone = request(islands=1)
    assert rows(in_this_process(alone)) != rows(in_this_process(request()))
    assert rows(await stored(world, await run(world, alone))) == rows(in_this_process(alone))


async def test_equal_problems_are_answered_from_the_cache(world: World) -> None:
    first = await run(world, request())
    second = await run(world, request())
    assert second == first.model_copy(update={"from_cache": True})
    assert await checkpoints(world) == 0


@pytest.mark.parametrize(
    "other",
    [request(problem=zdt1(seed=2)), request(problem=zdt1(shift=1.0)), request(islands=2), request(epochs=2)],
    ids=["seed", "data", "islands", "epochs"],
)
async def test_whatever_the_result_depends_on_is_searched_again(world: World, other: dict[str, Any]) -> None:
    await run(world, request())
    assert not (await run(world, other)).from_cache


async def test_a_near_problem_begins_from_the_old_front_and_is_the_better_for_it(world: World) -> None:
    short = {"generations": 2}
    await run(world, request())
    cold = await stored(world, await run(world, request(problem=zdt1(shift=0.5, budget=short), reuse=False)))
    warm = await run(world, request(problem=zdt1(shift=0.25, budget=short)))
    assert warm.warm_started
    result = await stored(world, warm)
    assert result.warm_started

    def above(shift: float, found: Any) -> float:
        return sum(sum(s.outcomes[name] - shift for name in ("cost", "delay")) for s in found.front) / len(found.front)

    assert above(0.25, result) < above(0.5, cold)


async def test_without_reuse_the_result_depends_on_the_request_alone(world: World) -> None:
    await run(world, request(problem=zdt1(seed=5)))
    first, second = [await run(world, request(reuse=False)) for _ in range(2)]
    assert not any(outcome.from_cache or outcome.warm_started for outcome in (first, second))
    assert rows(await stored(world, first)) == rows(await stored(world, second))


async def test_an_old_front_joins_what_was_asked_to_begin_from_as_far_as_there_is_room(world: World) -> None:
    await run(world, request())
    begun = [dict.fromkeys(["x0", "x1", "x2", "x3"], number / 990) for number in range(990)]
    warm = await run(world, request(problem=zdt1(shift=0.25, budget={"generations": 1}), start=begun))
    assert warm.warm_started


async def test_a_tenants_cache_is_its_own(world: World) -> None:
    await run(world, request())
    other = await run(world, request(tenant="other"))
    assert (other.from_cache, other.warm_started) == (False, False)


async def test_a_stop_makes_the_best_so_far_the_result(world: World) -> None:
    optimization = await start(world, long())
    await lived(optimization)
    await optimization.signal("stop", {"reason": "good enough"})
    outcome = await asyncio.wait_for(optimization.result(), 15)
    assert outcome.stopped_by == "asked"
    assert distance_to_zdt1(await stored(world, outcome)) < 0.05
    assert (await status(optimization)).reason == "good enough"
    assert await checkpoints(world) == 0
    again = await start(world, long())
    await again.signal("stop")
    assert not (await again.result()).from_cache


async def test_a_stop_before_anything_was_searched_answers_with_today(world: World) -> None:
    optimization = await world.client.start_workflow(
        "OptimizationWorkflow",
        long(),
        id=f"optimization-{uuid4()}",
        task_queue=world.settings.task_queue,
        start_signal="stop",
        start_signal_args=["never mind"],
    )
    outcome = await optimization.result()
    assert outcome["stopped_by"] == "asked"
    assert outcome["recommended"] == 0
    assert outcome["candidates"][0]["settings"] == dict.fromkeys(["x0", "x1", "x2", "x3"], 0.5)


async def test_a_cancelled_search_ends_and_leaves_nothing(world: World) -> None:
    optimization = await start(world, long())
    await lived(optimization)
    await optimization.cancel()
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(optimization.result(), 15)
    assert isinstance(error.value.cause, CancelledError)
    described = await optimization.describe()
    assert described.status == WorkflowExecutionStatus.CANCELED
    assert not described.raw_description.pending_activities
    assert await checkpoints(world) == 0
    # The one place for islands is free again, or this would never end.
    await asyncio.wait_for(run(world, request()), 30)


async def test_the_time_is_that_of_the_whole(world: World) -> None:
    problem = zdt1(budget={"generations": 100_000, "time": "PT2S"})
    optimization = await start(world, request(problem=problem, islands=4, epochs=1_000, generations=50))
    outcome = await optimization.result()
    assert outcome.stopped_by == "time"
    assert 2 <= outcome.duration_seconds < 30, "100,000 generations take minutes"
    assert len(await deadlines(optimization)) == 1


async def test_islands_share_the_evaluations(world: World) -> None:
    outcome = await run(world, request(problem=zdt1(budget={"evaluations": 500, "generations": 100})))
    assert outcome.stopped_by == "evaluations"
    assert 480 <= outcome.evaluations <= 520


async def test_an_island_that_no_longer_gains_anything_ends(world: World) -> None:
    problem = zdt1(budget={"generations": 2_000, "convergence": 0.2})
    optimization = await start(world, request(problem=problem, epochs=10))
    outcome = await optimization.result()
    assert outcome.stopped_by == "convergence"
    assert max(island.generations for island in (await status(optimization)).islands) < 2_000


async def test_the_history_stays_small_however_long_the_search(world: World) -> None:
    problem = zdt1(budget={"population": 8, "generations": 3})
    document = request(problem=problem, islands=64, epochs=3)
    optimization = await start(world, document)
    outcome = await optimization.result()
    runs = [one async for one in world.client.list_workflows(f"WorkflowId = '{optimization.id}'")]
    assert len(runs) == 3
    assert rows(await stored(world, outcome)) == rows(in_this_process(document))
    assert await checkpoints(world) == 0


async def test_what_cannot_be_searched_fails_once_and_leaves_nothing(world: World) -> None:
    problem = zdt1()
    problem["evaluator"] = {"kind": "python", "entry_point": "not.installed", "outcomes": ["cost", "delay"]}
    optimization = await start(world, request(problem=problem))
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(optimization.result(), 20)
    cause = why(error.value)
    assert cause.type == "EvaluatorRefused"
    assert "not.installed" in str(cause)
    assert await checkpoints(world) == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"islands": 65}, "islands"),
        ({"problem": {**zdt1(), "objectives": []}}, "problem.objectives"),
        ({"problem": {**zdt1(), "evaluator": {"kind": "table", "file": "/etc/passwd"}}}, "which no worker can read"),
        ({"problem": DAY}, "which no worker can read"),
        ({"epochs": 1_000, "generations": 200}, "200,000 generations; at most 100,000"),
    ],
    ids=["islands", "objectives", "file", "arrivals file", "generations"],
)
async def test_a_request_that_does_not_fit_fails_at_once(world: World, change: dict[str, Any], field: str) -> None:
    with pytest.raises(WorkflowFailureError) as error:
        await asyncio.wait_for(run(world, request(**change)), 10)
    assert field in str(error.value.cause)


async def test_a_simulator_is_asked_only_where_the_tenant_allows(world: World) -> None:
    def answer(received: Received) -> tuple[int, bytes]:
        columns = received.json["parameters"]
        g = [1 + 3 * (a + b + c) for a, b, c in zip(columns["x1"], columns["x2"], columns["x3"], strict=True)]
        delay = [g * (1 - (x / g) ** 0.5) for x, g in zip(columns["x0"], g, strict=True)]
        return 200, json.dumps({"outcomes": {"cost": columns["x0"], "delay": delay}}).encode()

    with http_server() as server:
        server.answer = answer
        problem = zdt1(budget={"generations": 8})
        problem["evaluator"] = {"kind": "http", "url": f"{server.url}/simulate", "outcomes": ["cost", "delay"]}
        document = request(problem=problem, islands=2, epochs=2)
        with pytest.raises(WorkflowFailureError) as error:
            await run(world, document)
        assert "not among the hosts" in str(why(error.value))
        assert not server.received
        await world.policy(f"{PERMISSIVE}allowed_hosts: ['{server.host}']\n")
        first, second = await run(world, document), await run(world, document | {"reuse": False})
        assert server.received
        assert not second.from_cache
        assert rows(await stored(world, first)) == rows(await stored(world, second))


async def test_todays_settings_are_those_of_the_store(world: World) -> None:
    await world.set({"x0": 0.25, "x1": 0.75}, deployment="voice-test")
    outcome = await run(world, request(deployment="voice-test"))
    assert outcome.current is not None
    assert outcome.current.settings == {"x0": 0.25, "x1": 0.75, "x2": 0.5, "x3": 0.5}


async def test_a_table_is_ranked_and_few_candidates_are_all_tried(world: World) -> None:
    columns = {"cost": [1.0, 2.0, 3.0, 3.0], "delay": [3.0, 2.0, 1.0, 3.0]}
    table = {key: value for key, value in zdt1().items() if key != "parameters"}
    table["evaluator"] = {"kind": "table", "columns": columns}
    ranked = await run(world, request(problem=table))
    assert ranked.front_size == 3
    assert ranked.stopped_by == "ranked"
    few = zdt1()
    for parameter in few["parameters"]:
        parameter |= {"kind": "integer", "low": 0, "high": 2, "current": 1}
    tried = await run(world, request(problem=few))
    assert tried.evaluations in (81, 82)
    assert {s.outcomes["delay"] for s in (await stored(world, tried)).front} == {0.0, 1.0} | {1 - 2**0.5}
    assert await checkpoints(world) == 0


async def test_the_temporal_cli_starts_one_and_people_see_how_it_stands(world: World, tmp_path: Path) -> None:
    path = tmp_path / "optimization.json"
    path.write_text(json.dumps(long()))
    workflow_id = f"optimization-{uuid4()}"
    address = world.client.service_client.config.target_host
    command = ["workflow", "start", "--type", "OptimizationWorkflow", "--task-queue", world.settings.task_queue]
    cli = str(await asyncio.to_thread(temporal_cli, world.settings))
    process = await asyncio.create_subprocess_exec(
        cli, *command, "--workflow-id", workflow_id, "--address", address, "--input-file", str(path)
    )
    assert await process.wait() == 0
    optimization: Any = world.client.get_workflow_handle(workflow_id)
    standing = await lived(optimization)
    assert standing.stage == "searching"
    assert standing.evaluations == sum(island.evaluations for island in standing.islands)
    metadata = await optimization.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert "of 1000" in metadata.current_details
    assert "| 3 |" in metadata.current_details
    await optimization.signal("stop")
    await optimization.result()
    metadata = await optimization.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    assert "ended by asked" in metadata.current_details
    found = f"WorkflowId = '{workflow_id}' AND VoiceHiveTenant = '{TENANT}' AND VoiceHiveStage = 'closed'"

    async def listed() -> bool:
        return bool([one async for one in world.client.list_workflows(found)])

    await until(listed)

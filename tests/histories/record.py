"""Record the histories that `tests/test_replay.py` replays: `python -m tests.histories.record`.

Run it when a workflow's story is meant to change for new runs; histories of runs that may still be open in the field
stay beside the new ones until they have drained.
"""

import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from tests.execution.http_server import Received, http_server
from tests.workflows import optimizations
from tests.workflows.test_saga_properties import LONG_WAY, help_along
from tests.workflows.world import PERMISSIVE, World, faulty_plan, faulty_step, running_world, until
from voicehive.autonomy.outcomes.watch import OutcomeWatch
from voicehive.autonomy.request import DecisionRequest, DecisionStatus
from voicehive.execution.plan import Step
from voicehive.execution.record import ExecutionStatus
from workers.client import connect
from workers.settings import Settings
from workers.temporal_server import EmbeddedServer

FOLDER = Path(__file__).parent
EXAMPLE = Path(__file__).parents[2] / "examples" / "decisions" / "capacity.json"


async def keep(name: str, handle: WorkflowHandle[Any, Any]) -> None:
    """Wait for the run's end, however it ends, and write its history down."""
    try:
        await handle.result()
    except WorkflowFailureError as error:
        print(f"{name}: {error.cause}")
    history = await handle.fetch_history()
    (FOLDER / f"{name}.json").write_text(history.to_json() + "\n", encoding="utf-8")
    print(f"{name}: {len(history.events)} events")


async def record_executions(world: World) -> None:
    """Applied, undone after every kind of wait, and cancelled."""
    await keep("execution-applied", await world.start(faulty_plan(faulty_step("a", 1), faulty_step("b", 2, "a"))))
    undone = await world.start(LONG_WAY)
    helper = asyncio.create_task(help_along(undone))
    await keep("execution-rolled-back", undone)
    helper.cancel()
    wait = Step(name="w", depends_on=("a",), action="wait", arguments={"duration": "PT1H"})
    cancelled = await world.start(faulty_plan(faulty_step("a", 1), wait))
    await asyncio.sleep(1)
    await cancelled.cancel()
    await keep("execution-cancelled", cancelled)


async def record_observed(world: World) -> None:
    """Undone because of what was observed, which people were told."""
    with http_server() as metrics:
        metrics.answer = lambda _: (200, b"20" if len(metrics.received) < 3 else b"99")
        await world.policy(f"{PERMISSIVE}allowed_hosts: ['{metrics.host}']\n")
        watch = {
            "metrics": [
                {
                    "name": "answer_time",
                    "source": {"kind": "http", "url": metrics.url},
                    "direction": "minimize",
                    "planned_degradation": 3.0,
                    "baseline": [18.0, 22.0] * 15,
                    "guard_rail": {"limit": 60.0},
                }
            ],
            "window": "PT1M",
            "interval": "PT1S",
            "least_window": "PT30S",
        }
        declared = OutcomeWatch.model_validate_json(json.dumps(watch))
        await keep("execution-observed", await world.start(faulty_plan(faulty_step("a", 1)), watch=declared))
        await world.policy(PERMISSIVE)


async def record_canary(world: World) -> None:
    """Good at a first share, unclear at the next and put to people, bad at the last and undone."""
    with http_server() as metrics:

        def respond(received: Received) -> tuple[int, bytes]:
            return 200, {"/5": b"20", "/25": b"null", "/100": b"99"}[received.path]

        metrics.answer = respond
        await world.policy(f"{PERMISSIVE}allowed_hosts: ['{metrics.host}']\n")
        stages: list[dict[str, Any]] = []
        for share in (0.05, 0.25, 1.0):
            metric = {
                "name": "answer_time",
                "source": {"kind": "http", "url": f"{metrics.url}/{round(share * 100)}"},
                "direction": "minimize",
                "planned_degradation": 12.0,
                "baseline": [18.0, 22.0] * 15,
                "guard_rail": {"limit": 60.0},
            }
            watch = {"metrics": [metric], "window": "PT30S" if share != 0.25 else "PT2S", "interval": "PT1S"}
            stages.append({"share": share, "watch": watch})
        release = {
            "name": "release",
            "action": "parameter.set",
            "arguments": {"name": "new.share", "value": "{share}"},
            "compensation": {},
            "canary": {"stages": stages},
        }
        execution = await world.start(faulty_plan(Step.model_validate_json(json.dumps(release))))

        async def waiting() -> bool:
            return bool((await execution.query("status", result_type=ExecutionStatus)).waiting)

        await until(waiting, 90)
        await execution.signal("approve", {"reviewer": "alice"})
        await keep("execution-canary", execution)
        await world.policy(PERMISSIVE)


async def record_decisions(world: World) -> None:
    """Executed alone; and asked, delegated, edited, asked again and approved."""
    request = DecisionRequest.model_validate_json(EXAMPLE.read_text(encoding="utf-8"))
    await world.policy(PERMISSIVE, request.tenant)
    await keep("decision-executed", await start(world.client, world, request, "decision-executed"))
    await world.policy(PERMISSIVE.replace("threshold: 0.0", "mode: manual"), request.tenant)
    asked = await start(world.client, world, request, "decision-edited-and-approved")

    async def waiting() -> bool:
        return bool((await asked.query("status", result_type=DecisionStatus)).waiting)

    await until(waiting)
    await asked.signal("delegate", {"reviewer": "alice", "to": "carol"})
    await asked.signal("approve", "nonsense")
    await asked.execute_update("review", {"kind": "edit", "reviewer": "carol", "solution": 1})
    await until(waiting)
    await asked.signal("approve", {"reviewer": "bob", "reason": "better"})
    await keep("decision-edited-and-approved", asked)
    rejected = await start(world.client, world, request, "decision-rejected")
    await asyncio.sleep(4)
    await rejected.signal("reject", {"reviewer": "bob", "reason": "not now"})
    await keep("decision-rejected", rejected)


async def record_optimizations(world: World) -> None:
    """Searched to the end, known already, searched as a whole, stopped, and cancelled."""
    short = optimizations.zdt1(budget={"generations": 6})
    asked = optimizations.request(problem=short, epochs=2)
    await keep("optimization-merged", await optimizations.start(world, asked))
    await keep("optimization-from-cache", await optimizations.start(world, asked))
    table = {"kind": "table", "columns": {"cost": [1.0, 2.0, 3.0], "delay": [3.0, 1.0, 2.0]}}
    ranked = optimizations.request(problem=optimizations.zdt1(parameters=[], evaluator=table))
    await keep("optimization-undivided", await optimizations.start(world, ranked))
    for name in ("optimization-stopped", "optimization-cancelled"):
        running = await optimizations.start(world, optimizations.long(islands=2))
        await optimizations.lived(running)
        await (running.cancel() if name.endswith("cancelled") else running.signal("stop", {"reason": "good enough"}))
        await keep(name, running)


async def start(client: Client, world: World, request: DecisionRequest, name: str) -> WorkflowHandle[Any, Any]:
    """Start a decision on the world's task queue."""
    return await client.start_workflow("DecisionWorkflow", request, id=name, task_queue=world.settings.task_queue)


async def main() -> None:
    """Record everything on a server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_directory=Path(folder), temporal_port=27333, ui_port=28333)
        async with EmbeddedServer(settings):
            client = await connect(settings)
            async with running_world(client, settings) as world:
                await record_executions(world)
                await record_observed(world)
                await record_canary(world)
                await record_decisions(world)
                await record_optimizations(world)


if __name__ == "__main__":
    asyncio.run(main())

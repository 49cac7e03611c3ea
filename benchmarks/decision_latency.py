"""How long from a request to its verdict, and how long a five-step execution, beside bare workflows doing nothing.

The peers run on the same server, in the same worker process, interleaved with ours: an empty workflow for the verdict,
a workflow of five empty activities for the execution. Candidates are given, so the search is left out.
"""

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.progress import track
from rich.table import Table
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

from benchmarks.fixtures.bare_workflows import EmptyWorkflow, FiveActivitiesWorkflow, nothing
from benchmarks.fixtures.policy import put_in_force
from voicehive.autonomy.request import DecisionRequest
from voicehive.execution.plan import Compensation, ExecutionPlan, Step
from voicehive.execution.record import ExecutionRequest
from workers.client import connect
from workers.settings import Settings
from workers.temporal_server import EmbeddedServer
from workers.worker import running_worker

RUNS = 60
WARM_UP = 5
EXAMPLE = Path(__file__).parents[1] / "examples" / "decisions" / "capacity.json"
POLICY = """
name: benchmark
autonomy: {threshold: 0.0}
constraints:
  - {id: ceiling, expression: proposed.abandonment <= 0.08, severity: block, message: too many leave, kinds: [capacity]}
  - {id: by-hand, expression: "true", severity: warn, message: is known, kinds: [plan]}
  - {id: step, expression: change <= 1.0, severity: block, message: too large a step, when: step}
reviewers: {alice: [supervisor]}
review: {ladder: [{name: supervisors, roles: [supervisor], deadline: PT4H}]}
"""


def decision() -> DecisionRequest:
    """The example with five candidates given, on a deployment of its own."""
    document = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    current = {parameter["name"]: parameter["current"] for parameter in document["problem"]["parameters"]}
    document |= {"tenant": "benchmark", "deployment": f"voice-{uuid4()}"}
    document["candidates"] = [{**current, "agents.peak": current["agents.peak"] + extra} for extra in range(1, 6)]
    return DecisionRequest.model_validate_json(json.dumps(document))


def execution() -> ExecutionRequest:
    """Five settings, one after another."""
    names = [f"p{number}" for number in range(5)]
    steps = tuple(
        Step(
            name=name,
            depends_on=tuple(names[index - 1 : index]),
            action="parameter.set",
            arguments={"name": name, "value": 1},
            compensation=Compensation(),
        )
        for index, name in enumerate(names)
    )
    plan = ExecutionPlan(name="five steps", steps=steps)
    return ExecutionRequest(tenant="benchmark", deployment=f"voice-{uuid4()}", requester="benchmark", plan=plan)


async def verdict(client: Client, queue: str) -> Awaitable[object]:
    """Start a decision and wait for its verdict, in one call; what follows the verdict is not part of it."""
    start = WithStartWorkflowOperation(
        "DecisionWorkflow",
        decision(),
        id=str(uuid4()),
        task_queue=queue,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    await client.execute_update_with_start_workflow("verdict", start_workflow_operation=start)
    return (await start.workflow_handle()).result()


async def run(client: Client, queue: str, workflow: str, argument: object) -> None:
    """Run a workflow to its end."""
    arguments = [] if argument is None else [argument]
    await client.execute_workflow(workflow, args=arguments, id=str(uuid4()), task_queue=queue)


async def measure(jobs: dict[str, Callable[[], Awaitable[Awaitable[object] | None]]]) -> dict[str, list[float]]:
    """Milliseconds of each job, the jobs taken in turn so that noise hits them alike."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in track(range(WARM_UP + RUNS), description="measuring"):
        for name, job in jobs.items():
            started = time.perf_counter()
            rest = await job()
            if turn >= WARM_UP:
                times[name].append((time.perf_counter() - started) * 1_000)
            if rest is not None:
                await rest
    return times


def report(times: dict[str, list[float]]) -> None:
    """Print medians, 95th percentiles, the ratios to the bare peers of the same run, and what is to be reached."""
    table = Table("work", "p50 ms", "p95 ms", "p50 / peer's", "p95 / peer's", "to reach")
    peers = {"verdict": "empty workflow", "five-step execution": "five bare activities"}
    goals = {"verdict": "p95 under 100 ms", "five-step execution": "1.5 times its peer"}
    for name, values in times.items():
        figures = (statistics.median(values), statistics.quantiles(values, n=20)[-1])
        bare = times.get(peers.get(name, ""), values)
        of_bare = (statistics.median(bare), statistics.quantiles(bare, n=20)[-1])
        ratios = [
            f"{own / other:.2f}" if bare is not values else "" for own, other in zip(figures, of_bare, strict=True)
        ]
        table.add_row(name, *(f"{figure:.1f}" for figure in figures), *ratios, goals.get(name, ""))
    console = Console()
    console.print(table)
    console.print(f"{RUNS} runs of each, one at a time and in turn; the peer of a row is the one above it")


async def main() -> None:
    """Measure on an embedded server of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_directory=Path(folder), temporal_port=29233, ui_port=29433)
        async with EmbeddedServer(settings):
            client = await connect(settings)
            async with running_worker(client, settings):
                await put_in_force(settings, "benchmark", POLICY)
                bare = Worker(
                    client,
                    task_queue="bare",
                    workflows=[EmptyWorkflow, FiveActivitiesWorkflow],
                    activities=[nothing],
                    graceful_shutdown_timeout=timedelta(seconds=1),
                )
                async with bare:
                    queue = settings.task_queue
                    report(
                        await measure(
                            {
                                "empty workflow": lambda: run(client, "bare", "EmptyWorkflow", None),
                                "verdict": lambda: verdict(client, queue),
                                "five bare activities": lambda: run(client, "bare", "FiveActivitiesWorkflow", None),
                                "five-step execution": lambda: run(client, queue, "ExecutionWorkflow", execution()),
                            }
                        )
                    )


if __name__ == "__main__":
    asyncio.run(main())

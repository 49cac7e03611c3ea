"""How long from a request to its verdict where much is to be weighed, beside an empty update of an empty workflow.

A thousand rules, all of which are asked; a promise, so that confidence is calibrated and has all its parts, and the
threshold is certified; candidates given, so that nothing is searched. Reasoning comes from the fallback, from the
cache, or from a model that is asked (the mock service); what the model itself took is shown apart. All in turn, on an
embedded server, by one worker process that also does everything else a decision takes.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from uuid import uuid4

from rich.console import Console
from rich.progress import track
from rich.table import Table
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.worker import Worker

from benchmarks.fixtures.bare_workflows import EmptyUpdateWorkflow
from benchmarks.fixtures.policy import put_in_force
from benchmarks.fixtures.thousand_rules import RULES, earn, policy
from voicehive.autonomy.confidence import assess_confidence, situation
from voicehive.autonomy.context import Facts
from voicehive.autonomy.request import DecisionRequest, DecisionStatus
from voicehive.autonomy.verdict import DecisionResult
from voicehive.reasoning.mock_service.server import MockOpenAI
from voicehive.reasoning.models import Judgement
from voicehive.storage.assessments import Assessments
from voicehive.storage.database import Database
from voicehive.storage.outcomes import AssessedCase
from workers.client import connect
from workers.settings import Settings
from workers.temporal_server import EmbeddedServer
from workers.worker import running_worker

RUNS = 60
WARM_UP = 5
GOAL = 100.0
"""Milliseconds, for the 95th percentile; from the issue."""
TENANT = "benchmark"
EMPTY = "empty update of an empty workflow"
MODEL = "model asked"
EXAMPLE = Path(__file__).parents[1] / "examples" / "decisions" / "capacity.json"


class Verdict(NamedTuple):
    """A verdict, the milliseconds it took, those of this process's CPU, and of the model; None where none was asked.

    The CPU's are of client, worker and the mock model together, not of the server, and hold on a busy machine too.
    """

    result: DecisionResult | None
    milliseconds: float
    cpu: float
    model: float | None = None
    source: str = ""


def decision(shift: int = 0) -> DecisionRequest:
    """The example with five candidates given, on a deployment of its own; another `shift` is another question."""
    document = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    current = {parameter["name"]: parameter["current"] for parameter in document["problem"]["parameters"]}
    document |= {"tenant": TENANT, "deployment": f"voice-{uuid4()}", "note": ""}
    document["candidates"] = [{**current, "agents.peak": current["agents.peak"] + extra} for extra in range(1, 6)]
    for objective in document["problem"]["objectives"]:
        objective["maximum_worsening"] = None  # so that the candidates are a front to choose from
    weights = {objective["name"]: objective for objective in document["problem"]["objectives"]}
    weights["abandonment"]["weight"] += shift / 50
    return DecisionRequest.model_validate_json(json.dumps(document))


async def ask(client: Client, workflow: str, queue: str, *arguments: Any) -> tuple[Verdict, WorkflowHandle[Any, Any]]:
    """Start a workflow and wait for its update, in one call."""
    start: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        workflow,
        args=arguments,
        id=str(uuid4()),
        task_queue=queue,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    result_type = DecisionResult if arguments else None
    started, cpu = time.perf_counter(), time.process_time()
    result = await client.execute_update_with_start_workflow(  # pyright: ignore[reportUnknownMemberType]
        "verdict", start_workflow_operation=start, result_type=result_type
    )
    took, cpu = (time.perf_counter() - started) * 1_000, (time.process_time() - cpu) * 1_000
    return Verdict(result, took, cpu), await start.workflow_handle()


Job: TypeAlias = Callable[[int], Awaitable[Verdict]]
"""Takes the number of the turn."""


async def measured(client: Client, workflow: str, queue: str, *arguments: Any) -> Verdict:
    """Ask, let what follows the verdict run to its end, and see that the decision was of the kind that is measured."""
    verdict, handle = await ask(client, workflow, queue, *arguments)
    await handle.result()
    if verdict.result is None:
        return verdict
    confidence = verdict.result.confidence
    if verdict.result.verdict != "execute" or not confidence.calibrated or len(confidence.parts) < 5:
        raise RuntimeError(f"not what is to be measured: {verdict.result.reasons}, {confidence}")
    status = await handle.query("status", result_type=DecisionStatus)
    assert status.judgement is not None
    asked = [call.seconds * 1_000 for call in status.judgement.calls if not call.cached]
    return verdict._replace(model=max(asked, default=None), source=_source(status.judgement))


def of(source: str, job: Job) -> Job:
    """The job, which must be answered from where it says, once it has warmed up."""

    async def checked(turn: int) -> Verdict:
        verdict = await job(turn)
        if turn >= WARM_UP and verdict.source != source:
            raise RuntimeError(f"judged by {verdict.source}, but {source} is to be measured")
        return verdict

    return checked


def _source(judgement: Judgement) -> str:
    if not judgement.calls:
        return judgement.source
    return "cache" if all(call.cached for call in judgement.calls) else "model"


async def earned(client: Client, queue: str, database: Database) -> None:
    """Take one decision, as a model of those whose outcomes then earn the trust."""
    _, handle = await ask(client, "DecisionWorkflow", queue, decision())
    async with database.reading() as session:
        [kept] = await Assessments(session, TENANT).list(1)
    await handle.signal("reject", {"reviewer": "alice"})
    await handle.result()
    facts = Facts.model_validate_json(json.dumps(kept.facts))
    case = AssessedCase(
        decision_id=kept.decision_id,
        kind=facts.context.kind,
        parts=assess_confidence(facts.context).parts,
        confidence=1.0,
        situation=situation(facts.context),
        alone=False,
        assessed_at=kept.assessed_at,
    )
    await earn(database, TENANT, case)


async def measure(jobs: dict[str, Job]) -> dict[str, list[Verdict]]:
    """Every job's verdicts, the jobs taken in turn so that noise hits them alike."""
    found: dict[str, list[Verdict]] = {name: [] for name in jobs}
    for turn in track(range(WARM_UP + RUNS), description="measuring"):
        for name, job in jobs.items():
            verdict = await job(turn)
            if turn >= WARM_UP:
                found[name].append(verdict)
    return found


def report(found: dict[str, list[Verdict]]) -> None:
    """Print medians, 95th percentiles and the ratios to the empty update of the same run."""
    table = Table("reasoning", "p50 ms", "p95 ms", "p50 / empty", "p95 / empty", "CPU p50 ms", "model p50 ms", "goal")
    bare = _figures([verdict.milliseconds for verdict in found[EMPTY]])
    for name, verdicts in found.items():
        own = _figures([verdict.milliseconds for verdict in verdicts])
        ratios = [f"{mine / other:.2f}" for mine, other in zip(own, bare, strict=True)]
        cpu = statistics.median(verdict.cpu for verdict in verdicts)
        models = [verdict.model for verdict in verdicts if verdict.model is not None]
        model = f"{statistics.median(models):.1f}" if models else ""
        goal = "" if name in (EMPTY, MODEL) else "reached" if own[1] < GOAL else "missed"
        table.add_row(name, *(f"{figure:.1f}" for figure in own), *ratios, f"{cpu:.1f}", model, goal)
    console = Console(width=120)
    console.print(table)
    console.print(f"{RULES} rules; {RUNS} verdicts of each, one at a time and in turn, each in a run of its own")
    console.print(f"goal: p95 under {GOAL:g} ms; the machine: {_waiting()}")


def _waiting() -> str:
    """What else the machine was doing: the load of the last minute beside the number of its cores."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _figures(milliseconds: list[float]) -> tuple[float, float]:
    return statistics.median(milliseconds), statistics.quantiles(milliseconds, n=20)[-1]


@asynccontextmanager
async def installed(folder: str) -> AsyncGenerator[dict[str, Job]]:
    """A server, a mock model, and two workers with one store: with the model and without it."""
    settings = Settings(data_directory=Path(folder), temporal_port=29333, ui_port=29533, language_model=None)
    os.environ["OPENAI_API_KEY"] = "mock"
    async with AsyncExitStack() as stack:
        mock = stack.enter_context(MockOpenAI())
        await stack.enter_async_context(EmbeddedServer(settings))
        client = await connect(settings)
        await stack.enter_async_context(running_worker(client, settings))
        asking = {"task_queue": "with-model", "language_model": "mock", "language_model_url": mock.base_url}
        await stack.enter_async_context(running_worker(client, settings.model_copy(update=asking)))
        grace = timedelta(seconds=1)
        bare = Worker(client, task_queue="bare", workflows=[EmptyUpdateWorkflow], graceful_shutdown_timeout=grace)
        await stack.enter_async_context(bare)
        await put_in_force(settings, TENANT, policy())
        database = await Database.open(settings.database_url)
        stack.push_async_callback(database.close)
        await earned(client, settings.task_queue, database)
        plain, model = settings.task_queue, "with-model"
        yield {
            EMPTY: lambda _: measured(client, "EmptyUpdateWorkflow", "bare"),
            "fallback": of("fallback", lambda _: measured(client, "DecisionWorkflow", plain, decision())),
            "cache": of("cache", lambda _: measured(client, "DecisionWorkflow", model, decision())),
            MODEL: of("model", lambda turn: measured(client, "DecisionWorkflow", model, decision(turn + 1))),
        }


async def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with installed(folder) as jobs:
            report(await measure(jobs))


if __name__ == "__main__":
    asyncio.run(main())
